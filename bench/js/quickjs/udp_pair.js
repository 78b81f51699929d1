// udp_pair COUNT: 64 bytes from one socket to another of the same program, one datagram after the other.
import * as os from "os";

const count = Number(scriptArgs[1]);
const [one, other] = [0, 0].map(() => {
    const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
    os.bind(fd, { addr: "127.0.0.1", port: 0 });
    return fd;
});
const to = os.getsockname(other);
const message = new Uint8Array(64);
const buffer = new Uint8Array(64);
for (let i = 0; i < count; i++) {
    os.sendto(one, to, message);
    await os.recvfrom(other, buffer);
}
os.close(one);
os.close(other);
