// Direct sockets as promises, for the scenarios: what a module would do with its memory is done with a plain one.
import { DirectSockets, ERROR, STATE } from '/web/direct.js';

/** A prime number of bytes that look random: what is sent is this again and again, so that whatever is lost or sent twice shows. */
const PATTERN = (() => {
  const bytes = new Uint8Array(65521);
  let x = 1;
  for (let index = 0; index < bytes.length; index++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    bytes[index] = x >> 16;
  }
  return bytes;
})();

/** Where things are in the memory. */
const [TEXT, OPTIONS, OUT, DATA] = [0, 1024, 2048, 65536];

/** Bytes of data that a call moves at most. */
export const MOST = 1 << 20;

/** Sockets, and the errors and states by name. */
export class Sockets {
  memory = new WebAssembly.Memory({ initial: (DATA + MOST) / 65536 });
  data = new Uint8Array(this.memory.buffer, DATA, MOST);
  #waiting = new Set();
  /** Called each time when there is no room to send. */
  onFull = null;

  constructor(options = {}) {
    const changed = () => {
      for (const check of [...this.#waiting]) check();
    };
    this.direct = new DirectSockets({ changed, log: (text) => console.debug(text), ...options });
    this.direct.memory = this.memory;
    this.calls = this.direct.imports;
  }

  #text(text) {
    const bytes = new TextEncoder().encode(text);
    new Uint8Array(this.memory.buffer).set(bytes, TEXT);
    return [TEXT, bytes.length];
  }

  #options(...numbers) {
    new Int32Array(this.memory.buffer).set(numbers, OPTIONS / 4);
    return OPTIONS;
  }

  connect(port, host = '127.0.0.1', { noDelay = 1, keepAlive = 0, send = 0, receive = 0, family = 0 } = {}) {
    return this.calls.tcp_connect(...this.#text(host), port, this.#options(noDelay, keepAlive, send, receive, family));
  }

  listen(host = '127.0.0.1', port = 0, backlog = 0, v6only = -1) {
    return this.calls.tcp_listen(...this.#text(host), port, backlog, v6only);
  }

  bound(host = '127.0.0.1', port = 0) {
    return this.calls.udp_open(...this.#text(host), port, 0, 0, 0, this.#options(0, 0, 0, 0, -1, -1));
  }

  connected(port, host = '127.0.0.1') {
    return this.calls.udp_open(0, 0, 0, ...this.#text(host), port, this.#options(0, 0, 0, 0, -1, -1));
  }

  /** `{ port, text }`. */
  address(id, which) {
    if (this.calls.address(id, which, OUT) < 0) return null;
    return this.#addressAt(OUT);
  }

  #addressAt(pointer) {
    const view = new DataView(this.memory.buffer, pointer);
    const text = new TextDecoder().decode(new Uint8Array(this.memory.buffer, pointer + 8, view.getUint32(4, true)));
    return { port: view.getUint32(0, true), text };
  }

  /** Resolves to the state once it has one of the bits, or is failed or broken. */
  until(id, bits) {
    return new Promise((resolve) => {
      const check = () => {
        const state = this.calls.state(id);
        if (!(state & (bits | STATE.FAILED | STATE.BROKEN))) return;
        this.#waiting.delete(check);
        resolve(state);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** What a state is, in words; an error with its name. */
  words(id) {
    const state = this.calls.state(id);
    const names = Object.keys(STATE).filter((name) => state & STATE[name]);
    const error = this.calls.error(id);
    if (error) names.push(Object.keys(ERROR).find((name) => ERROR[name] === error));
    return names.join(' ');
  }

  /** Waits for an open socket. */
  async open(id) {
    await this.until(id, STATE.OPEN);
    if (!(this.calls.state(id) & STATE.OPEN)) throw new Error(`it did not open: ${this.words(id)}`);
    return id;
  }

  /** Bytes that are there, at most `most`; a copy. */
  take(id, most = MOST, peek = -1) {
    const count = this.calls.recv(id, DATA, most, peek, 0);
    return count < 0 ? null : this.data.slice(0, Math.min(count, most));
  }

  /** A datagram as `{ text, length, sender }`. */
  async datagram(id, { most = MOST, peek = false } = {}) {
    await this.until(id, STATE.READABLE);
    const length = this.calls.recv(id, DATA, most, peek ? 0 : -1, OUT);
    const text = new TextDecoder().decode(this.data.slice(0, Math.min(length, most)));
    return { text, length, sender: this.#addressAt(OUT) };
  }

  /** Sends a text as a datagram, to an address unless the socket is connected. */
  sendDatagram(id, text, to) {
    const bytes = new TextEncoder().encode(text);
    this.data.set(bytes);
    if (!to) return this.calls.send(id, DATA, bytes.length);
    return this.calls.send_to(id, DATA, bytes.length, ...this.#text(to.text), to.port);
  }

  /** Sends bytes as there is room. */
  async send(id, bytes) {
    for (let sent = 0; sent < bytes.length; ) {
      const part = bytes.subarray(sent, sent + MOST);
      this.data.set(part);
      const count = this.calls.send(id, DATA, part.length);
      sent += count;
      if (count) continue;
      this.onFull?.();
      if ((await this.until(id, STATE.WRITABLE)) & (STATE.BROKEN | STATE.FAILED)) {
        throw new Error(`sending broke: ${this.words(id)}`);
      }
    }
  }

  /** Sends the pattern from `start` on. `between` is awaited after each piece. */
  async sendPattern(id, length, { piece = MOST, start = 0, between = null } = {}) {
    for (let sent = 0; sent < length; ) {
      const count = Math.min(piece, length - sent);
      await this.send(id, pattern(start + sent, count));
      sent += count;
      await between?.(sent);
    }
  }

  /** Receives until it is over; compares with the pattern. */
  async receivePattern(id, { piece = MOST, between = null } = {}) {
    let bytes = 0;
    let wrong = -1;
    for (;;) {
      await this.until(id, STATE.READABLE | STATE.END);
      const chunk = this.take(id, piece);
      if (!chunk) break;
      if (wrong < 0 && !isPattern(chunk, bytes)) wrong = bytes;
      bytes += chunk.length;
      await between?.(bytes);
    }
    return { bytes, wrong, words: this.words(id) };
  }

  /** Receives all as a text until it is over. */
  async receiveText(id) {
    let text = '';
    for (;;) {
      await this.until(id, STATE.READABLE | STATE.END);
      const chunk = this.take(id);
      if (!chunk) return text;
      text += new TextDecoder().decode(chunk);
    }
  }
}

/** `length` bytes of the pattern from `start` on. */
function pattern(start, length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const from = (start + at) % PATTERN.length;
    const part = PATTERN.subarray(from, from + length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function isPattern(bytes, start) {
  let at = start % PATTERN.length;
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== PATTERN[at]) return false;
    if (++at === PATTERN.length) at = 0;
  }
  return true;
}

/** The next turn of the engine's loop. */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
