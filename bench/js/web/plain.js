// The work of `cargo xtask bench web` in plain JavaScript on Direct Sockets, as an app's author would write it: one read at a time, one
// write at a time, nothing of guestnet. What it does is what bench/c does.

/** Bytes of one write: 64 KiB exactly would be lost where the pipe is full (docs/chromium-defects.md), and the program under test is not. */
const SIZE = 59_999;

/** Bytes of one message. */
const MESSAGE = 64;

async function connect(port) {
  const socket = new TCPSocket('127.0.0.1', port, { noDelay: true });
  const { readable, writable } = await socket.opened;
  return { socket, reader: readable.getReader(), writer: writable.getWriter() };
}

async function close({ socket, reader, writer }) {
  await writer.close();
  await reader.cancel();
  await socket.closed;
}

const work = {
  async send(connection, bytes) {
    const chunk = new Uint8Array(SIZE);
    for (let left = bytes; left > 0; left -= SIZE) {
      await connection.writer.ready;
      await connection.writer.write(left < SIZE ? chunk.subarray(0, left) : chunk);
    }
  },

  async recv(connection, bytes) {
    for (let left = bytes; left > 0; ) {
      const { value, done } = await connection.reader.read();
      if (done) throw new Error('the peer closed early');
      left -= value.length;
    }
  },

  async echo(connection, count) {
    const message = new Uint8Array(MESSAGE);
    for (let index = 0; index < count; index++) {
      await connection.writer.write(message);
      for (let have = 0; have < MESSAGE; ) {
        const { value, done } = await connection.reader.read();
        if (done) throw new Error('the peer closed early');
        have += value.length;
      }
    }
  },
};

/** Does the work, and closes the connection. */
export async function run(what, port, count) {
  const connection = await connect(port);
  await work[what](connection, count);
  await close(connection);
}
