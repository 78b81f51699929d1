// tcp_bulk recv PORT BYTES: as the engine hands it out.
const [, port, bytes] = process.argv.slice(2);
let left = Number(bytes);
await Bun.connect({
  hostname: '127.0.0.1',
  port: Number(port),
  socket: {
    data(socket, data) {
      left -= data.length;
      if (left <= 0) socket.end();
    },
    close() {
      if (left > 0) throw new Error('the peer closed early');
    },
  },
});
