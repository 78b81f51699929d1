// tcp_echo blocking PORT COUNT: 64 bytes there and back, one after the other.
const [port, count] = Deno.args.slice(1).map(Number);
const socket = await Deno.connect({ hostname: '127.0.0.1', port });
socket.setNoDelay(true);
const message = new Uint8Array(64);
const buffer = new Uint8Array(64);
for (let i = 0; i < count; i++) {
  socket.write(message);
  for (let have = 0; have < message.length;) {
    const length = await socket.read(buffer);
    if (length === null) throw new Error('the peer closed early');
    have += length;
  }
}
socket.close();
