// tcp_bulk recv PORT BYTES: 64 KiB a call.
const [, port, bytes] = Deno.args;
const socket = await Deno.connect({ hostname: '127.0.0.1', port: Number(port) });
const buffer = new Uint8Array(65536);
for (let left = Number(bytes); left > 0;) {
  const count = await socket.read(buffer);
  if (count === null) throw new Error('the peer closed early');
  left -= count;
}
socket.close();
