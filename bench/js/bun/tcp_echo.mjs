// tcp_echo blocking PORT COUNT: 64 bytes there and back, one after the other.
const [port, count] = process.argv.slice(3).map(Number);
const message = new Uint8Array(64);
let left = count;
let have = 0;
await Bun.connect({
  hostname: '127.0.0.1',
  port,
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      socket.write(message);
    },
    data(socket, data) {
      have += data.length;
      if (have < message.length) return;
      have = 0;
      left--;
      if (left > 0) socket.write(message);
      else socket.end();
    },
    close() {
      if (left > 0) throw new Error('the peer closed early');
    },
  },
});
