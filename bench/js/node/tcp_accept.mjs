// tcp_accept blocking COUNT: accepts connections and closes them.
import { createServer } from 'node:net';

let left = Number(process.argv[3]);
const server = createServer((socket) => {
  // The peer answers a close with a reset.
  socket.on('error', () => {});
  socket.destroy();
  left--;
  if (left === 0) server.close();
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 512 }, () => console.log(server.address().port));
