// The sending half of a connection: a queue of bytes, given to the browser so that it loses none. Knows no ids and no memory of
// a module.
//
// The browser hands what is written to its network process through a pipe of 64 KiB. While that is full, what a write does
// not get rid of waits. But **if it is full to the last byte when a write begins, Chromium 156 drops the write and says that it
// succeeded**: the length it reports is the one that was asked for. So a write that settles in an instant was taken whole
// or dropped whole, and nothing shows which. What is done about it:
//
// 1. A write of more than the pipe holds cannot be taken in an instant. One that settles so was dropped, and is made again. This
//    is exact, and how all bulk data goes.
// 2. A smaller write cannot be checked, and is made only when the pipe cannot be full: `#bound` is the most that can be in it. When
//    that reaches the brim, small writes wait until the network process has had the time to empty it, and meanwhile become a
//    large one if the program goes on. How long that takes is not known: it is judged by how fast the last large write went, and whether
//    the peer answers. Where that is wrong, the pipe is exactly full by chance only, as far as writes can be cut (SPARE). **For
//    a peer that reads nothing for long this is a guess and no proof.**
// 3. While a connection has sent less than a pipe holds, nothing can have been dropped. The first large write of a page is made
//    there of a size that shows whether the pipe is as large as is believed. If it is larger, 1. would send twice what was taken:
//    it is not done.

import { SendQueue } from './buffers.js';
import { after, soon } from './tasks.js';

/** What the browser's pipe holds. */
const PIPE = 65536;

/**
 * What is in the pipe lies between a place up to which the network has taken bytes, and what was written in all. The first is often the end
 * of an earlier write, or whole pipes behind one, or a round number. So as long as more is to come, a write ends at another
 * distance from all of these than a pipe: up to so many bytes earlier than it could.
 */
const SPARE = 64;

/** How many ends of earlier writes are remembered. */
const MAX_ENDS = 2048;

/** A peer that has not answered since the last write is sent small messages together: so many bytes, or as soon as they wait for so many ms. */
const HOLD = { BYTES: 1024, MS: 1 };

/** Before that it has got so many bytes at once. */
const FIRST = 16384;

/** How long until the pipe counts as empty, in ms: */
const DRAIN = {
  /** of a fast peer, or one that has answered since; */
  LEAST: 2,
  /** if nothing is known of it; */
  UNKNOWN: 50,
  /** of a slow one, which is known for a while: a multiple of what the last pipeful took. */
  MOST: 2000,
};

/** Which multiple, and how long that is known, in ms. */
const PATIENCE = 4;
const KNOWN = 1000;

/** A wait has so many turns: on a busy machine the network process runs as seldom as we do, and time alone says little. */
const TURNS = 8;

/** More microtasks than a write that was taken or dropped at once needs to settle. All run before anything else does. */
const INSTANT = 40;

/** The wait before a dropped write is made again, in ms; it grows to the second. */
const AGAIN = [1, 16];

/** What this browser's pipe is known to be. */
const browser = {
  /** A write of this many bytes into an empty pipe was seen not to fit. */
  tooLarge: Infinity,
  /** A write that cannot have been dropped fitted although it is larger than a pipe. */
  isBigger: false,
};

/** The sum of what all queues hold at most; beyond it each may hold a page. */
const MAX_QUEUED = 64 << 20;
const PAGE = 4096;

/** After so many bytes in a second the network process may still hold some when the last write has settled. */
const UNHURRIED = 16384;

/** The wait for it then, at least and at most, in ms. */
const LINGER = { LEAST: 250, MOST: 30_000 };

const between = (least, value, most) => Math.min(Math.max(least, value), most);

/** Sends. */
export class Writer {
  #writer;
  #queue;
  #pool;
  #capacity;
  #changed;
  #failed;

  #isBusy = false;
  #isScheduled = false;
  /** The waits for the pipe that have begun; the last one runs while `#bound` is at the brim. */
  #waits = 0;
  /** The most that can be in the pipe. */
  #bound = 0;
  /** When the last write settled. */
  #settled = -Infinity;
  /** How long the last pipeful took that had to wait, in ms, and when that was. */
  #pace = 0;
  #paced = -Infinity;
  /** Where the last writes ended, modulo the pipe, the oldest first. */
  #ends = new Set([0]);
  /** Since when small messages wait to be sent together; 0 if none does. */
  #held = 0;
  /** Whether the peer has sent something since. */
  #hasAnswered = false;
  /** Bytes of the last second or so, as of `#settled`, for `drained`. */
  #recent = 0;
  #flushed = [];

  /** Bytes that the browser has taken. */
  total = 0;
  /** Writes that were made again, for those who measure. */
  repeated = 0;
  /** Whether it takes no more: `close` was called, or it failed. */
  isOver = false;

  /**
   * `capacity` bytes may wait in it. `changed()` is called when there is more room or all is sent, `failed(error)` once when the browser
   * refuses.
   */
  constructor(writable, { pool, capacity, changed, failed }) {
    this.#writer = writable.getWriter();
    this.#queue = new SendQueue(pool);
    this.#pool = pool;
    this.#capacity = capacity;
    this.#changed = changed;
    this.#failed = failed;
    // Without a write that waits, this is how a reset shows.
    this.#writer.closed.catch((error) => this.#fail(error));
  }

  /** Bytes that may be given to `push` now. */
  get room() {
    if (this.isOver) return 0;
    const room = Math.max(0, this.#capacity - this.#queue.length);
    if (this.#pool.lent < MAX_QUEUED) return room;
    return this.#queue.length ? 0 : Math.min(room, PAGE);
  }

  /** Whether all is with the browser. */
  get isEmpty() {
    return this.#queue.length === 0;
  }

  /**
   * Takes as many bytes as there is room for, and says how many. What one task sends goes together, but for the first bytes after the peer has
   * sent something: it may wait for them, and the program does other things before its task ends.
   */
  push(bytes) {
    const part = bytes.subarray(0, this.room);
    if (!part.length) return 0;
    this.#queue.push(part);
    if (this.#isBusy || this.#isScheduled) return part.length;
    if (this.#hasAnswered) {
      this.#pump();
      return part.length;
    }
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.#pump();
    });
    return part.length;
  }

  /** The peer has sent something: it is not one that reads nothing. */
  answered() {
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    if (this.#isBusy) return;
    if (this.#bound === PIPE) this.#wait();
    else this.#pump();
  }

  /** Resolves when the queue is empty or the writer has failed, to whether it has not. */
  flushed() {
    if (this.isOver || this.isEmpty) return Promise.resolve(this.isEmpty);
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  /**
   * Resolves when the network process has had the time to take everything. **When both directions are closed, Chromium 156 forgets
   * what is in the pipe.** Nothing shows when it is empty: little is gone at once; after much the wait is a multiple of what the
   * last pipeful took.
   */
  async drained() {
    if (!(await this.flushed())) return;
    const wait = this.#recentAt(performance.now()) > UNHURRIED ? between(LINGER.LEAST, PATIENCE * this.#pace, LINGER.MOST) : DRAIN.LEAST;
    const left = this.#settled + wait - performance.now();
    if (left > 0) await new Promise((resolve) => after(left, resolve));
  }

  /** Ends this direction. What was pushed and not drained may be lost. */
  close() {
    this.isOver = true;
    this.#writer.close().catch(() => {});
  }

  /** Gives up what waits. */
  abort() {
    this.isOver = true;
    this.#writer.abort().catch(() => {});
    this.#finish(false);
  }

  #pump() {
    if (this.#isBusy || this.isOver || this.isEmpty) return;
    const count = this.#cut();
    if (count) void this.#give(count);
  }

  /** How many bytes the next write has; 0 if it has to wait. */
  #cut() {
    const together = this.#queue.together;
    if (together > PIPE || (this.total < PIPE && this.total + together > PIPE)) {
      // Defence 3: just what cannot fit.
      if (this.total < PIPE && browser.tooLarge > PIPE + 1) return PIPE + 1 - this.total;
      if (together > PIPE + SPARE) return this.#shortened(together);
      // Too short to be cut and still be checked: it waits like a small one if it ends at a bad place.
      if (together > PIPE && (this.#bound < PIPE || !this.#isBadEnd(this.total + together))) return together;
    }
    // What is behind the brim goes on when the wait does.
    if (this.#bound === PIPE) return 0;
    if (this.total < FIRST || this.#hasAnswered) return together;
    if (together >= HOLD.BYTES) return this.#shortened(together);
    const now = performance.now();
    if (!this.#held) {
      this.#held = now;
      after(HOLD.MS, () => this.#pump());
    }
    return now - this.#held < HOLD.MS ? 0 : together;
  }

  /** A few less than so many bytes, so that the pipe is most likely not exactly full afterwards. */
  #shortened(count) {
    let left = 1 + Math.floor(Math.random() * SPARE);
    for (let tries = 0; tries < SPARE; tries++) {
      if (!this.#isBadEnd(this.total + count - left) && (count - left) % PIPE) break;
      left = 1 + (left % SPARE);
    }
    return count - left;
  }

  /** Whether a write that ends here may leave the pipe exactly full for a reason, and not by chance only. */
  #isBadEnd(total) {
    return total % SPARE === 0 || this.#ends.has(total % PIPE);
  }

  /** Has the pipe count as empty after a while. */
  #wait() {
    const wait = ++this.#waits;
    let turns = TURNS;
    const turn = () => {
      // A later wait is in its place.
      if (wait !== this.#waits || this.isOver) return;
      if (turns--) {
        after(this.#drain() / TURNS, turn);
        return;
      }
      this.#bound = 0;
      this.#pump();
    };
    turn();
  }

  /** One write, and what follows it. */
  async #give(count) {
    this.#isBusy = true;
    let again = 0;
    try {
      for (;;) {
        const began = performance.now();
        // No drop is possible before, since the pipe was never full.
        const isCertain = this.total < PIPE;
        const isAtOnce = await this.#write(count);
        if (!isAtOnce || !this.#wasDropped(count, isCertain)) {
          this.#account(count, isAtOnce, isCertain, began);
          break;
        }
        this.repeated++;
        again = Math.min(Math.max(2 * again, AGAIN[0]), AGAIN[1]);
        await new Promise((resolve) => after(again, resolve));
        if (this.isOver) return;
      }
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#isBusy = false;
      if (this.isOver) this.#queue.clear();
    }
    if (this.isOver) return;
    if (this.isEmpty) this.#finish(true);
    this.#changed();
    this.#pump();
  }

  /** Writes the first bytes of the queue; resolves to whether the write settled in an instant. */
  async #write(count) {
    let isSettled = false;
    const settle = () => (isSettled = true);
    const written = this.#writer.write(this.#queue.first().subarray(0, count));
    written.then(settle, settle);
    for (let turn = 0; turn < INSTANT && !isSettled; turn++) await null;
    const isAtOnce = isSettled;
    await written;
    return isAtOnce;
  }

  /** Of a write that settled in an instant. */
  #wasDropped(count, isCertain) {
    if (count <= PIPE || browser.isBigger) return false;
    if (isCertain) {
      browser.isBigger = true;
      return false;
    }
    return true;
  }

  /** A write was taken. */
  #account(count, isAtOnce, isCertain, began) {
    const now = performance.now();
    if (!isAtOnce && isCertain) browser.tooLarge = Math.min(browser.tooLarge, this.total + count);
    this.#queue.drop(count);
    this.total += count;
    const end = this.total % PIPE;
    this.#ends.delete(end);
    this.#ends.add(end);
    if (this.#ends.size > MAX_ENDS) this.#ends.delete(this.#ends.values().next().value);
    this.#recent = this.#recentAt(now) + count;
    if (isAtOnce) {
      this.#bound = Math.min(this.#bound + count, PIPE);
    } else {
      // It was full a moment ago, and may be so again.
      this.#bound = PIPE;
      // A small write says of a pipeful only that it is not fast.
      const took = now - began;
      this.#pace = count > PIPE ? (took * PIPE) / count : Math.max(took, DRAIN.UNKNOWN / PATIENCE);
      this.#paced = now;
    }
    this.#hasAnswered = false;
    this.#held = 0;
    this.#settled = now;
    if (this.#bound === PIPE) this.#wait();
  }

  /** How long after the last write the pipe counts as empty. */
  #drain() {
    const most = this.#hasAnswered ? DRAIN.UNKNOWN : DRAIN.MOST;
    if (this.#settled - this.#paced < KNOWN) return between(DRAIN.LEAST, PATIENCE * this.#pace, most);
    return this.#hasAnswered ? DRAIN.LEAST : DRAIN.UNKNOWN;
  }

  #recentAt(now) {
    return this.#recent * Math.max(0, 1 - (now - this.#settled) / 1000);
  }

  #fail(error) {
    if (this.isOver) return;
    this.isOver = true;
    this.#finish(false);
    this.#failed(error);
  }

  #finish(isSent) {
    // A write that runs may still be read by the browser; `#give` clears the queue when it ends.
    if (!isSent && !this.#isBusy) this.#queue.clear();
    for (const resolve of this.#flushed.splice(0)) resolve(isSent);
  }
}
