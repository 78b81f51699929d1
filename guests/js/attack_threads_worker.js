// One thread of attack_threads.js: does what its first message says, and answers.
import * as os from "os";

const parent = os.Worker.parent;

async function act({ mode, port, bytes, one, other, place, over }) {
    if (mode === "swap") {
        while (Atomics.load(over, 0) === 0) {
            os.dup2(one, place);
            os.dup2(other, place);
        }
        return {};
    }
    let count = 0;
    try {
        const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
        await os.connect(fd, { family: os.AF_INET, addr: "127.0.0.1", port });
        if (mode === "pour") {
            const block = new Uint8Array(65536);
            while (count < bytes) count += await os.send(fd, block, Math.min(block.length, bytes - count));
        } else {
            const block = new Uint8Array(16384);
            for (let more; (more = await os.recv(fd, block)) > 0;) count += more;
        }
        os.close(fd);
        return { count, error: 0 };
    } catch (error) {
        return { count, error };
    }
}

parent.onmessage = async ({ data }) => {
    parent.onmessage = null;
    parent.postMessage(await act(data));
};
