// udp_pair COUNT: 64 bytes from one socket to another of the same program, one datagram after the other.
import { createSocket } from 'node:dgram';

let left = Number(process.argv[2]);
const message = Buffer.alloc(64);
const one = createSocket('udp4');
const other = createSocket('udp4');
other.bind(0, '127.0.0.1', () => {
  const { port } = other.address();
  const send = () => one.send(message, port, '127.0.0.1');
  other.on('message', () => {
    left--;
    if (left > 0) {
      send();
    } else {
      one.close();
      other.close();
    }
  });
  one.bind(0, '127.0.0.1', send);
});
