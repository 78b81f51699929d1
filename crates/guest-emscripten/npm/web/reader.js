// The receiving half of a connection: the browser's chunks, taken so that none is lost, or so that the loss is known. Knows no
// ids and no memory of a module.
//
// **When a peer ends, Chromium 156 throws away what is still in its pipe, unless a read is pending** (it then has been read before
// the end arrives). So:
//
// 1. A read is always pending, whether somebody wants the bytes or not, up to a limit. What ends while none is pending may have lost
//    bytes: it is broken, never a clean end.
// 2. Exactly one read: two of them and an end crash the renderer.
// 3. No read with a buffer of ours: it never resolves at the end.
// 4. While a connection is very young the end may overtake the bytes even if a read is pending: the pipe is on its way through
//    the browser's processes. What ends then is broken, unless something has shown that the pipe is in place: bytes that
//    arrived after we had sent some, or more of them than the pipe holds.

import { ReceiveQueue } from './buffers.js';
import { after } from './tasks.js';

/** Bytes of one connection at which reading pauses. Below half of it it goes on. */
const FULL = 64 << 20;

/** The sum of all connections at which those pause that hold more than a page. */
const MAX_RECEIVED = 256 << 20;
const PAGE = 65536;

/** What the browser's pipe holds. */
const PIPE = 65536;

/** How long a connection is young, in ms. Losses were seen up to 20 ms on a busy machine. */
const YOUNG = 100;

/** What all connections of a realm hold. */
export class Received {
  bytes = 0;
  /** Bytes at which a connection pauses. */
  full;
  /** Readers that pause because of the sum. */
  paused = new Set();

  constructor(full = FULL) {
    this.full = full;
  }
}

/** Receives. */
export class Reader {
  #reader;
  #received;
  #events;
  #queue = new ReceiveQueue();
  #isYoung = true;
  /** Whether it is as young as that by its time alone. */
  #isNew = true;
  /** Bytes that have arrived. */
  #total = 0;
  /** Whether a read is pending. */
  #isReading = false;
  /** Whether bytes are thrown away from now on. */
  #isIgnoring = false;

  /** How often bytes or an end arrived. */
  arrivals = 0;
  /** Whether the peer has ended, and nothing was lost. */
  isEnded = false;
  /** Whether it is over: ended, broken or cancelled. */
  isOver = false;

  /**
   * `events` has `changed()`, `arrived()`, `failed(error)`, called once, with null if bytes may have been lost at the peer's end, and `hasSent()`, whether
   * we have sent.
   */
  constructor(readable, received, events) {
    this.#received = received;
    this.#events = events;
    this.#reader = readable.getReader();
    const lost = (error) => {
      if (!this.#isReading) this.#fail(error);
    };
    this.#reader.closed.then(() => lost(null), lost);
    this.#read();
    // A second turn, in which what was waiting when the time was over has run.
    after(YOUNG, () => after(1, () => (this.#isYoung = this.#isNew = false)));
  }

  /** Bytes that are there. */
  get available() {
    return this.#queue.length;
  }

  /** Copies bytes to `target`, and takes them; with a `peek` that is not negative, those behind so many others, which all stay. */
  take(target, peek) {
    const count = this.#queue.read(target, peek);
    if (peek < 0) this.#release(count);
    return count;
  }

  /** Throws away what is there and what comes: the program does not want it, but the peer's sending and its end go on. */
  ignore() {
    this.#isIgnoring = true;
    this.#release(this.#queue.length);
    this.#queue.clear();
    this.#resume();
  }

  /** Takes no more. */
  cancel() {
    this.isOver = true;
    this.#received.paused.delete(this);
    this.ignore();
    this.#reader.cancel().catch(() => {});
  }

  #read() {
    this.#isReading = true;
    // The next read begins in the very turn in which this one ends, so that none is missing when the end arrives.
    this.#reader.read().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (this.isOver) return;
        if (done) this.#end();
        else this.#arrived(value);
      },
      (error) => {
        this.#isReading = false;
        this.#fail(error);
      },
    );
  }

  #arrived(chunk) {
    if (!this.#isIgnoring) {
      this.#queue.push(chunk);
      this.#received.bytes += chunk.length;
    }
    this.#events.arrived();
    this.#total += chunk.length;
    this.arrivals++;
    if (this.#total > PIPE || this.#events.hasSent()) this.#isYoung = false;
    if (this.#isFull(this.#received.full)) {
      // When it goes on because of the sum is others' to say.
      this.#received.paused.add(this);
    } else {
      this.#read();
    }
    this.#events.changed();
  }

  #isFull(limit) {
    const { length } = this.#queue;
    return length >= limit || (length > PAGE && this.#received.bytes >= MAX_RECEIVED);
  }

  #release(count) {
    this.#received.bytes -= count;
    this.#resume();
    for (const reader of this.#received.paused) reader.#resume();
  }

  #resume() {
    if (this.#isReading || this.isOver || this.#isFull(this.#received.full / 2)) return;
    this.#received.paused.delete(this);
    this.#read();
  }

  #end() {
    // The end was also seen to overtake what stood behind a full pipe, whatever we had sent: 65,536 bytes of 70,000.
    const isPipeful = this.#total === PIPE;
    if (this.#isYoung || (this.#isNew && isPipeful)) {
      this.#fail(null);
      return;
    }
    this.isOver = true;
    this.isEnded = true;
    this.arrivals++;
    this.#events.changed();
  }

  #fail(error) {
    if (this.isOver) return;
    this.isOver = true;
    this.#received.paused.delete(this);
    this.#events.failed(error);
  }
}
