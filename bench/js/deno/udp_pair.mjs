// udp_pair COUNT: 64 bytes from one socket to another of the same program, one datagram after the other.
const count = Number(Deno.args[0]);
const one = Deno.listenDatagram({ transport: 'udp', hostname: '127.0.0.1', port: 0 });
const other = Deno.listenDatagram({ transport: 'udp', hostname: '127.0.0.1', port: 0 });
const message = new Uint8Array(64);
const buffer = new Uint8Array(64);
for (let i = 0; i < count; i++) {
  one.send(message, other.addr);
  await other.receive(buffer);
}
one.close();
other.close();
