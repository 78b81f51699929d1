// tcp_bulk send PORT BYTES | tcp_bulk recv PORT BYTES: 64 KiB a call.
import { connect } from 'node:net';

const [how, port, bytes] = process.argv.slice(2);
const buffer = Buffer.alloc(65536);
let left = Number(bytes);

if (how === 'send') {
  const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true }, send);
  socket.on('drain', send);
  function send() {
    while (left > 0) {
      const size = Math.min(left, buffer.length);
      left -= size;
      if (!socket.write(size === buffer.length ? buffer : buffer.subarray(0, size))) return;
    }
    socket.end();
  }
} else {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    noDelay: true,
    // What node:net has for receiving into memory of one's own.
    onread: {
      buffer,
      callback(count) {
        left -= count;
        if (left <= 0) socket.destroy();
        return true;
      },
    },
  });
  socket.on('close', () => {
    if (left > 0) throw new Error('the peer closed early');
  });
}
