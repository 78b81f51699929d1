// What the scripts of tests/socket*.rs begin with.
import * as os from 'os';
const must = result => { if (typeof result === 'number' && result < 0) throw new Error('errno ' + result); return result; };
const bytes = text => Uint8Array.from(text, c => c.charCodeAt(0));
const text = (array, count) => String.fromCharCode(...new Uint8Array(array.buffer ?? array).subarray(0, count));
const fails = async promise => { try { return 'resolved ' + await promise; } catch (e) { return e; } };
const any = {family: os.AF_INET, addr: '127.0.0.1', port: 0};
const listener = () => {
    const fd = must(os.socket(os.AF_INET, os.SOCK_STREAM));
    must(os.bind(fd, any));
    must(os.listen(fd));
    return [fd, must(os.getsockname(fd))];
};
const pair = async () => {
    const [l, addr] = listener();
    const a = must(os.socket(os.AF_INET, os.SOCK_STREAM));
    const accepted = os.accept(l);
    await os.connect(a, addr);
    const [b] = await accepted;
    os.close(l);
    return [a, b];
};
const udp = () => {
    const fd = must(os.socket(os.AF_INET, os.SOCK_DGRAM));
    must(os.bind(fd, any));
    return [fd, must(os.getsockname(fd))];
};
