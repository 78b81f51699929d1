// tcp_echo blocking PORT COUNT: 64 bytes there and back, one after the other.
import { connect } from 'node:net';

const [port, count] = process.argv.slice(3).map(Number);
const message = Buffer.alloc(64);
let left = count;
let have = 0;

const socket = connect({
  host: '127.0.0.1',
  port,
  noDelay: true,
  onread: {
    buffer: Buffer.alloc(64),
    callback(length) {
      have += length;
      if (have < message.length) return true;
      have = 0;
      left--;
      if (left > 0) socket.write(message);
      else socket.destroy();
      return true;
    },
  },
}, () => socket.write(message));
socket.on('close', () => {
  if (left > 0) throw new Error('the peer closed early');
});
