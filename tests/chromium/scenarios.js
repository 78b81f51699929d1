// What the tests in tests/tests/chromium.rs do in the browser, one function each. The peers are threads of the test.
import { Alarm } from '/web/alarm.js';
import { Pool, SendQueue } from '/web/buffers.js';
import { STATE } from '/web/direct.js';
import { Received } from '/web/reader.js';
import { Connection } from '/web/streams.js';
import { Writer } from '/web/writer.js';
import { Sockets, turn } from '/sockets.js';

const scenarios = {
  /** Connects, receives until it is over. */
  async receive({ port, host, piece, receive }) {
    const sockets = new Sockets({ receive });
    const id = sockets.connect(port, host);
    await sockets.open(id);
    return await sockets.receivePattern(id, { piece });
  },

  /** Takes nothing until the queue is full and the connection broken; then all. */
  async receivePaused({ port, receive }, report) {
    const sockets = new Sockets({ receive });
    const id = await sockets.open(sockets.connect(port));
    await until(() => sockets.calls.available(id) >= receive);
    report('full');
    await sockets.until(id, 0);
    return await sockets.receivePattern(id);
  },

  /** The same without an end meanwhile: reading goes on where it paused. */
  async receiveResumed({ port, receive }) {
    const sockets = new Sockets({ receive });
    const id = await sockets.open(sockets.connect(port));
    await until(() => sockets.calls.available(id) >= receive);
    return await sockets.receivePattern(id);
  },

  /**
   * Sends, then gives what the peer answers until its end. Reports each time when there is no room, and when all is sent. `single` has
   * each piece go to the browser by itself.
   */
  async send({ port, host, length, piece, single, options }, report) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.connect(port, host, options));
    sockets.onFull = () => report('full');
    await sockets.sendPattern(id, length, { piece, between: single ? turn : null });
    await sockets.until(id, STATE.SENT);
    report('sent');
    const answer = await sockets.receiveText(id);
    const words = sockets.words(id);
    sockets.calls.close(id);
    return { answer, words };
  },

  /**
   * Fills a queue to its capacity again and again, and drops all but a few bytes of it, as the writer of a connection does after a short
   * write: the least that ever lay together when it was full, and whether the bytes are those that were put in.
   */
  queue({ capacity, piece, short, rest, times }) {
    const queue = new SendQueue(new Pool());
    let least = Infinity;
    let [pushed, taken] = [0, 0];
    let isRight = true;
    const fill = () => {
      while (queue.length < capacity) {
        const count = Math.min(piece, capacity - queue.length);
        queue.push(Uint8Array.from({ length: count }, () => pushed++ % 251));
      }
    };
    const write = (count) => {
      for (const byte of queue.first().subarray(0, count)) isRight &&= byte === taken++ % 251;
      // The program goes on while the browser reads.
      fill();
      queue.drop(count);
    };
    queue.push(Uint8Array.from({ length: short }, () => pushed++ % 251));
    write(short);
    for (let time = 0; time < times; time++) {
      write(queue.together - rest);
      write(queue.together - rest);
      fill();
      least = Math.min(least, queue.together);
    }
    return { least, isRight };
  },

  /** Sends and closes at once. */
  async sendAndClose({ port, length, options }) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.connect(port, '127.0.0.1', options));
    await sockets.sendPattern(id, length);
    sockets.calls.close(id);
    return sockets.calls.state(id);
  },

  /** A connection for each time: what became of it. */
  async each({ port, times, request }) {
    const sockets = new Sockets();
    const seen = {};
    for (let time = 0; time < times; time++) {
      const id = sockets.connect(port);
      await sockets.until(id, STATE.OPEN);
      if (request && sockets.calls.state(id) & STATE.OPEN) await sockets.send(id, new TextEncoder().encode(request));
      const text = await sockets.receiveText(id);
      const key = `${text}|${sockets.words(id)}`;
      seen[key] = (seen[key] ?? 0) + 1;
      sockets.calls.close(id);
    }
    return seen;
  },

  /** Connects and says how that went. */
  async connect({ port, host }) {
    const sockets = new Sockets();
    const id = sockets.connect(port, host);
    await sockets.until(id, STATE.OPEN);
    const peer = sockets.address(id, 1);
    return { words: sockets.words(id), local: sockets.address(id, 0), peer };
  },

  /** Waits until the connection is broken. */
  async broken({ port }, report) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.connect(port));
    report('open');
    await sockets.until(id, 0);
    const text = new TextDecoder().decode(sockets.take(id) ?? new Uint8Array(0));
    return { text, words: sockets.words(id), sent: sockets.calls.send(id, 0, 1), end: sockets.calls.end(id) };
  },

  /** Ends after the peer has: what is sent in between arrives, and then our end. */
  async end({ port, length }) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.connect(port));
    const early = sockets.calls.end(id);
    await sockets.send(id, new TextEncoder().encode('get\n'));
    const text = await sockets.receiveText(id);
    const words = sockets.words(id);
    await sockets.sendPattern(id, length);
    const late = sockets.calls.end(id);
    return { early, text, words, late, room: sockets.calls.send(id, 0, 1) };
  },

  /** Closes a listener, or a datagram socket, and opens another one on its port, again and again: how many of these could not be opened. */
  async rebind({ times, protocol }) {
    const sockets = new Sockets();
    const open = (port) => (protocol === 'udp' ? sockets.bound('127.0.0.1', port) : sockets.listen('127.0.0.1', port));
    let socket = await sockets.open(open(0));
    const { port } = sockets.address(socket, 0);
    let failed = 0;
    for (let time = 0; time < times; time++) {
      sockets.calls.close(socket);
      socket = open(port);
      await sockets.until(socket, STATE.OPEN);
      if (!(sockets.calls.state(socket) & STATE.OPEN)) failed++;
    }
    sockets.calls.close(socket);
    return failed;
  },

  /** A server: each of so many connections is answered with what it said, once it has ended a line. */
  async serve({ host, connections }, report) {
    const sockets = new Sockets();
    const listener = await sockets.open(sockets.listen(host));
    report(sockets.address(listener, 0));
    const seen = [];
    for (let each = 0; each < connections; each++) {
      await sockets.until(listener, STATE.READABLE);
      seen.push(answer(sockets, sockets.calls.accept(listener)));
    }
    const all = await Promise.all(seen);
    sockets.calls.close(listener);
    return { all, local: sockets.address(listener, 0) };
  },

  /** UDP: bound, echoes so many datagrams to their senders. */
  async echoDatagrams({ host, times }, report) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.bound(host));
    report(sockets.address(id, 0));
    for (let each = 0; each < times; each++) {
      const peeked = await sockets.datagram(id, { most: 2, peek: true });
      const { text, length, sender } = await sockets.datagram(id);
      if (peeked.length !== length || peeked.text !== text.slice(0, 2)) throw new Error(`peeked ${JSON.stringify(peeked)}`);
      sockets.sendDatagram(id, text, sender);
    }
    await sockets.until(id, STATE.SENT);
    return { words: sockets.words(id), empty: sockets.sendDatagram(id, '', { text: '127.0.0.1', port: 9 }) };
  },

  /** UDP: connected, sends texts and gives what is answered. */
  async askDatagrams({ port, host, texts }) {
    const sockets = new Sockets();
    const id = await sockets.open(sockets.connected(port, host));
    const answers = [];
    for (const text of texts) {
      sockets.sendDatagram(id, text);
      answers.push(await sockets.datagram(id));
    }
    return { answers, peer: sockets.address(id, 1) };
  },

  /** What a writer has given to the browser when a call returns that gave it bytes: before an answer, after one, and once more; and at last. */
  async atOnce() {
    const written = [];
    const stream = new WritableStream({ write: (chunk) => void written.push(chunk.length) });
    const failed = (error) => reportError(error);
    const writer = new Writer(stream, { pool: new Pool(), capacity: 262_144, changed() {}, failed });
    await turn();
    const seen = [];
    const push = (length) => {
      writer.push(new Uint8Array(length));
      seen.push([...written]);
    };
    push(1);
    await writer.flushed();
    writer.answered();
    push(2);
    push(3);
    await writer.flushed();
    return [...seen, written];
  },

  /**
   * A connection over streams that are written here: what it has given to the browser when a few bytes wait for more, when the peer then
   * says something, and when a call returns that sends after the peer has. No timer runs in between.
   */
  async answered() {
    const written = [];
    let peer;
    const readable = new ReadableStream({ start: (controller) => void (peer = controller) });
    const writable = new WritableStream({ write: (chunk) => void written.push(chunk.length) });
    const socket = { opened: Promise.resolve({ readable, writable }), closed: new Promise(() => {}) };
    const context = { pool: new Pool(), received: new Received() };
    const connection = new Connection(context, () => {}, () => socket);
    const seen = [];
    await until(() => connection.state & STATE.OPEN);
    // So much goes out at once anyway.
    connection.send(new Uint8Array(16384));
    await until(() => connection.state & STATE.SENT);
    connection.send(new Uint8Array(100));
    await settled();
    seen.push([...written]);
    peer.enqueue(new Uint8Array(1));
    await settled();
    seen.push([...written]);
    await until(() => connection.state & STATE.SENT);
    peer.enqueue(new Uint8Array(1));
    await settled();
    connection.send(new Uint8Array(7));
    seen.push([...written]);
    connection.close();
    return seen;
  },

  /** An alarm that is set again and again, each time in so many ms: when it rang, after which time of them all. */
  async alarm({ rounds }) {
    const now = () => performance.now();
    const rung = [];
    let resolve;
    const alarm = new Alarm(now, () => {
      rung.push(now());
      resolve();
    });
    const began = now();
    for (const times of rounds) {
      const rings = new Promise((done) => (resolve = done));
      alarm.set(began + 1);
      alarm.clear();
      for (const ms of times) alarm.set(began + ms);
      await rings;
    }
    return rung.map((time) => time - began);
  },
};

/** One connection of `serve`. */
async function answer(sockets, id) {
  let text = '';
  while (!text.endsWith('\n')) {
    await sockets.until(id, STATE.READABLE | STATE.END);
    const chunk = sockets.take(id);
    if (!chunk) return `${text}|${sockets.words(id)}`;
    text += new TextDecoder().decode(chunk);
  }
  await sockets.send(id, new TextEncoder().encode(text));
  sockets.calls.close(id);
  return text;
}

/** Has all that was begun settle that needs no other turn of the loop. */
async function settled() {
  for (let turn = 0; turn < 100; turn++) await null;
}

/** Waits for a condition that nothing announces. */
async function until(condition) {
  while (!condition()) await turn();
}

/** Runs a scenario. */
export function run(name, args, report) {
  return scenarios[name](args, report);
}
