// udp_pair COUNT: 64 bytes from one socket to another of the same program, one datagram after the other.
let left = Number(process.argv[2]);
const message = new Uint8Array(64);
const one = await Bun.udpSocket({ hostname: '127.0.0.1', port: 0 });
const other = await Bun.udpSocket({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    data() {
      left--;
      if (left > 0) {
        one.send(message, other.port, '127.0.0.1');
      } else {
        one.close();
        other.close();
      }
    },
  },
});
one.send(message, other.port, '127.0.0.1');
