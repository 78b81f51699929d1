// TCP: a connection and a listener, as objects with a state. No rule of POSIX is here: those are the module's.

import { ERROR, STATE, brokenError, open, openError } from './codes.js';
import { Reader } from './reader.js';
import { after } from './tasks.js';
import { Writer } from './writer.js';

/** Bytes that may wait to be sent if no size is asked for. */
const SEND_CAPACITY = 256 << 10;

/** And at least: what waits must become more than a pipe holds, or no write could be checked. */
const MIN_SEND_CAPACITY = 128 << 10;

/** How long a closed connection goes on sending what was queued, in ms. */
const CLOSE_LIMIT = 60_000;

/** Connections that wait to be accepted if the module asks for no number. */
const BACKLOG = 128;

/** The most that may be asked for. */
const MAX_BACKLOG = 4096;

/** A connection. It is held here for as long as it is used: the browser collects, and so resets, a socket that nothing refers to. */
export class Connection {
  #context;
  #socket;
  #capacity;
  #reader = null;
  #writer = null;
  #isEnding = false;
  #isClosed = false;
  /** How often there was room after there was none, and whether there is none. */
  #rooms = 0;
  #isFull = false;
  #addresses = [null, null];

  error = ERROR.NONE;

  /**
   * `context` has the `pool` and `received` of its realm; `changed()` is called when the state may be another one. `make` gives the browser's
   * socket, and may throw.
   */
  constructor(context, changed, make, capacity) {
    this.#context = context;
    this.changed = changed;
    this.#capacity = Math.max(capacity || SEND_CAPACITY, MIN_SEND_CAPACITY);
    this.#socket = open(make, (info) => this.#opened(info), (error) => this.#failed(error));
  }

  get state() {
    const [reader, writer] = [this.#reader, this.#writer];
    if (!reader) return this.error ? STATE.FAILED : 0;
    let bits = STATE.OPEN;
    if (reader.available) bits |= STATE.READABLE;
    if (reader.isEnded) bits |= STATE.END;
    if (this.error) bits |= STATE.BROKEN;
    else if (!this.#isEnding && writer.room) bits |= STATE.WRITABLE;
    if (writer.isEmpty) bits |= STATE.SENT;
    return bits;
  }

  get available() {
    return this.#reader?.available ?? 0;
  }

  /** How often bytes or an end arrived, or room after there was none. */
  get arrivals() {
    return (this.#reader?.arrivals ?? 0) + this.#rooms;
  }

  /** `[address, port]`, or null if it is not known. */
  address(which) {
    return this.#addresses[which] ?? null;
  }

  receive(target, peek) {
    return this.available ? this.#reader.take(target, peek) : -1;
  }

  send(bytes) {
    if (!this.#reader || this.error || this.#isEnding) return 0;
    const count = this.#writer.push(bytes);
    this.#isFull = !this.#writer.room;
    return count;
  }

  /**
   * Ends our direction, once all is sent. **Before the peer's end this cannot be: Chromium 156 sends no FIN while the other direction is
   * open**, and a writer that is closed without one would be a lie.
   */
  end() {
    if (!this.#reader?.isEnded || this.error) return -1;
    if (!this.#isEnding) {
      this.#isEnding = true;
      this.#writer.drained().then(() => this.#writer.close());
    }
    return 0;
  }

  /** Closes it: what was queued is still sent, for a while. */
  close() {
    this.#isClosed = true;
    this.changed = () => {};
    if (this.#reader) void this.#close();
  }

  async #close() {
    // A write that waits is what a cancelled reader would stop for ever, so the reader goes last.
    this.#reader.ignore();
    if (this.error) {
      this.#writer.abort();
    } else {
      let isDone = false;
      after(CLOSE_LIMIT, () => isDone || this.#writer.abort());
      await this.#writer.drained();
      isDone = true;
      if (!this.#writer.isOver) this.#writer.close();
    }
    this.#reader.cancel();
  }

  #opened(info) {
    const { readable, writable, localAddress, localPort, remoteAddress, remotePort } = info;
    if (localAddress) this.#addresses[0] = [localAddress, localPort];
    if (remoteAddress) this.#addresses[1] = [remoteAddress, remotePort];
    const failed = (error) => this.#broke(error);
    const changed = () => {
      if (this.#isFull && this.#writer.room) {
        this.#isFull = false;
        this.#rooms++;
      }
      this.changed();
    };
    this.#writer = new Writer(writable, { pool: this.#context.pool, capacity: this.#capacity, changed, failed });
    const arrived = () => this.#writer.answered();
    const hasSent = () => this.#writer.total > 0;
    this.#reader = new Reader(readable, this.#context.received, { changed, failed, arrived, hasSent });
    if (this.#isClosed) void this.#close();
    this.changed();
  }

  #failed(error) {
    this.error = openError(error);
    this.#context.log?.(`a connection failed: ${error}`);
    this.changed();
  }

  #broke(error) {
    if (this.error) return;
    // After the peer's end a failing writer is how its reset shows, unless we have ended as well.
    if (this.#isEnding && this.#writer.isEmpty && this.#reader.isEnded) return;
    this.error = brokenError(error);
    this.#context.log?.(error ? `a connection broke: ${error}` : 'a connection broke: its end may have overtaken bytes');
    this.changed();
  }
}

/** A listener. */
export class Listener {
  #context;
  /** The browser's socket, and whether it is closed. */
  #held;
  #reader = null;
  #limit;
  #isReading = false;
  #address = null;
  /** Connections that are open and not accepted. */
  #ready = [];
  /** Those that are about to be. */
  #opening = new Set();

  error = ERROR.NONE;

  /** `port` is the one that is asked for, or 0. */
  constructor(context, changed, make, backlog, port) {
    this.#context = context;
    this.changed = changed;
    this.#limit = backlog > 0 ? Math.min(backlog, MAX_BACKLOG) : BACKLOG;
    this.#held = context.closedPorts.tcp.open(port, make, (info) => this.#opened(info), (error) => this.#failed(error));
  }

  get state() {
    if (!this.#reader) return this.error ? STATE.FAILED : 0;
    return STATE.OPEN | (this.#ready.length ? STATE.READABLE : 0) | (this.error ? STATE.BROKEN : 0);
  }

  get available() {
    return this.#ready.length;
  }

  /** How often a connection arrived. */
  arrivals = 0;

  address(which) {
    return which === 0 ? this.#address : null;
  }

  receive() {
    return -1;
  }

  send() {
    return 0;
  }

  end() {
    return -1;
  }

  /** The connection that waits longest, or undefined. */
  accept() {
    const connection = this.#ready.shift();
    this.#read();
    return connection;
  }

  close() {
    this.#held.isClosed = true;
    this.changed = () => {};
    for (const connection of [...this.#ready.splice(0), ...this.#opening]) connection.close();
    if (this.#reader) this.#release();
  }

  #opened({ readable, localAddress, localPort }) {
    this.#address = [localAddress, localPort];
    this.#reader = readable.getReader();
    if (this.#held.isClosed) this.#release();
    else this.#read();
    this.changed();
  }

  /** Has the browser close it, which takes a moment. */
  #release() {
    this.#reader.cancel().catch(() => {});
    this.#context.closedPorts.tcp.add(this.#address[1]);
  }

  #read() {
    if (this.#isReading || this.#held.isClosed || this.error || this.#ready.length + this.#opening.size >= this.#limit) return;
    this.#isReading = true;
    this.#reader.read().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (done) this.#broke(null);
        else this.#arrived(value);
      },
      (error) => {
        this.#isReading = false;
        this.#broke(error);
      },
    );
  }

  /** It counts once it is open, which it is in the next turn: until then it has no streams. */
  #arrived(socket) {
    const opened = () => {
      this.#opening.delete(connection);
      connection.changed = () => {};
      if (connection.state & STATE.OPEN) {
        this.#ready.push(connection);
        this.arrivals++;
      }
      this.#read();
      this.changed();
    };
    const connection = new Connection(this.#context, opened, () => socket);
    this.#opening.add(connection);
    if (this.#held.isClosed) connection.close();
    this.#read();
  }

  #failed(error) {
    this.error = openError(error);
    this.#context.log?.(`listening failed: ${error}`);
    this.changed();
  }

  #broke(error) {
    if (this.#held.isClosed || this.error) return;
    this.error = brokenError(error);
    this.#context.log?.(`a listener broke: ${error}`);
    this.changed();
  }
}
