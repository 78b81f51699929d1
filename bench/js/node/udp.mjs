// udp send PORT COUNT | udp recv COUNT: datagrams of 1200 bytes, a call each, with their addresses.
import { createSocket } from 'node:dgram';

const WINDOW = 25; // also in bench/src/peer.rs
const args = process.argv.slice(2);
const socket = createSocket('udp4');

if (args[0] === 'send') {
  const [port, count] = args.slice(1).map(Number);
  const datagram = Buffer.alloc(1200);
  let left = count;
  const send = () => {
    if (left-- > 0) socket.send(datagram, port, '127.0.0.1', send);
    else socket.close();
  };
  socket.bind(0, '127.0.0.1', send);
} else {
  const count = Number(args[1]);
  const byte = Buffer.alloc(1);
  let have = 0;
  socket.on('message', (message, from) => {
    if (message.length !== 1200) throw new Error('wrong size');
    have++;
    if (have % WINDOW === 0) {
      socket.send(byte, from.port, from.address, () => {
        if (have === count) socket.close();
      });
    }
  });
  socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
}
