// Memory of the sockets in a browser: buffers that are used again, and the queues of bytes made of them. Knows no socket.

/** Room before the first byte of a buffer, for the last few of the one before it: so all goes on lying together. */
const HEAD = 64;

/** Sizes of buffers. A short message needs no large one; the largest is what one write has at most. */
const SIZES = [4096, 65536 + HEAD, (256 << 10) + HEAD];
const LARGEST = SIZES.at(-1);

/** Bytes of buffers that are kept for the next use. */
const MAX_POOLED = 8 << 20;

/**
 * Buffers to send from. A fresh ArrayBuffer costs more than the copy into it (64 KiB: some 45 µs against 1.5), so each is kept
 * for the next one when its write has settled.
 */
export class Pool {
  #free = SIZES.map(() => []);
  #pooled = 0;

  /** Bytes that are lent at the moment. */
  lent = 0;

  /** A buffer for at least `length` bytes, or the largest one. Its bytes are whatever they were. */
  take(length) {
    const index = SIZES.findIndex((size, at) => length <= size || at === SIZES.length - 1);
    const buffer = this.#free[index].pop();
    this.lent += SIZES[index];
    if (!buffer) return new Uint8Array(SIZES[index]);
    this.#pooled -= buffer.length;
    return buffer;
  }

  /** Takes a buffer back. The browser must be done with it. */
  give(buffer) {
    this.lent -= buffer.length;
    if (this.#pooled + buffer.length > MAX_POOLED) return;
    this.#pooled += buffer.length;
    this.#free[SIZES.indexOf(buffer.length)].push(buffer);
  }
}

/** Bytes to send, in slabs. The first bytes may be with the browser already: they stay until `drop`. */
export class SendQueue {
  #pool;
  /** `{ buffer, start, end }`. */
  #slabs = [];
  /** Whether the browser reads the first one, which then stays where it is. */
  #isLent = false;

  /** Bytes in it. */
  length = 0;

  constructor(pool) {
    this.#pool = pool;
  }

  /** Copies bytes to its end. */
  push(bytes) {
    this.length += bytes.length;
    while (bytes.length) {
      const room = this.#last(bytes.length);
      const part = bytes.subarray(0, room.buffer.length - room.end);
      room.buffer.set(part, room.end);
      room.end += part.length;
      bytes = bytes.subarray(part.length);
    }
  }

  /** Its first bytes as far as they lie together, for the browser to read until `drop`. */
  first() {
    this.#isLent = true;
    const slab = this.#slabs[0];
    return slab.buffer.subarray(slab.start, slab.end);
  }

  /** How many bytes `first` gives. */
  get together() {
    const slab = this.#slabs[0];
    return slab ? slab.end - slab.start : 0;
  }

  /** The browser has read the first `count` bytes, which lie together; they are forgotten. */
  drop(count) {
    const slab = this.#slabs[0];
    this.#isLent = false;
    this.length -= count;
    slab.start += count;
    if (slab.start === slab.end) {
      this.#slabs.shift();
      this.#pool.give(slab.buffer);
    } else {
      this.#join();
    }
  }

  /** Forgets all. To be called when the browser reads none of it any more. */
  clear() {
    for (const { buffer } of this.#slabs) this.#pool.give(buffer);
    this.#slabs = [];
    this.#isLent = false;
    this.length = 0;
  }

  /** The last slab if it has room, or a new one. */
  #last(wanted) {
    // What the browser reads ends where it ends: with more behind it, its rest would be too long to be moved to the next slab.
    const last = this.#isLent && this.#slabs.length === 1 ? undefined : this.#slabs.at(-1);
    if (last && last.end < last.buffer.length) return last;
    // A full small one goes on as a larger one, so that its bytes lie together.
    if (last && last.buffer.length < LARGEST) {
      const buffer = this.#pool.take(HEAD + last.buffer.length + wanted);
      const bytes = last.buffer.subarray(last.start, last.end);
      buffer.set(bytes, HEAD);
      this.#pool.give(last.buffer);
      return Object.assign(last, { buffer, start: HEAD, end: HEAD + bytes.length });
    }
    this.#slabs.push({ buffer: this.#pool.take(HEAD + wanted), start: HEAD, end: HEAD });
    this.#join();
    return this.#slabs.at(-1);
  }

  /** Moves the last few bytes of a full slab before those of the next one. */
  #join() {
    const [first, second] = this.#slabs;
    if (!second || this.#isLent) return;
    const length = first.end - first.start;
    if (length > second.start) return;
    second.start -= length;
    second.buffer.set(first.buffer.subarray(first.start, first.end), second.start);
    this.#slabs.shift();
    this.#pool.give(first.buffer);
  }
}

/** Chunks below this are copied together: each array of its own costs more than its bytes. */
const SMALL = 2048;

/** Where they are copied to. */
const BLOCK = 16384;

/** Bytes that have arrived: the browser's chunks, not copied unless they are small. */
export class ReceiveQueue {
  #chunks = [];
  /** Of the first chunk, what is taken already. */
  #taken = 0;
  /** The block at the end that small chunks are copied to, and how much of it is used. */
  #block = null;
  #used = 0;

  /** Bytes in it. */
  length = 0;

  /** Adds a chunk, which is ours from then on. */
  push(chunk) {
    this.length += chunk.length;
    const last = this.#chunks.length - 1;
    // A message that is taken before the next one comes stays what it is.
    if (chunk.length >= SMALL || last < 0) {
      this.#block = null;
      this.#chunks.push(chunk);
      return;
    }
    if (this.#block && this.#used + chunk.length <= BLOCK) {
      const start = this.#chunks[last].byteOffset;
      this.#block.set(chunk, this.#used);
      this.#used += chunk.length;
      this.#chunks[last] = this.#block.subarray(start, this.#used);
      return;
    }
    const before = this.#chunks[last].length < SMALL ? this.#chunks.pop() : chunk.subarray(0, 0);
    this.#block = new Uint8Array(BLOCK);
    this.#block.set(before);
    this.#block.set(chunk, before.length);
    this.#used = before.length + chunk.length;
    this.#chunks.push(this.#block.subarray(0, this.#used));
  }

  /**
   * Copies its first bytes to `target`, as many as there are and fit, and takes them; with a `peek` that is not negative, copies what
   * begins so many bytes behind the first, and takes nothing.
   */
  read(target, peek) {
    let count = 0;
    let index = 0;
    let taken = this.#taken + Math.max(peek, 0);
    while (index < this.#chunks.length && taken >= this.#chunks[index].length) taken -= this.#chunks[index++].length;
    while (count < target.length && index < this.#chunks.length) {
      const chunk = this.#chunks[index];
      const part = chunk.subarray(taken, taken + target.length - count);
      target.set(part, count);
      count += part.length;
      taken += part.length;
      if (taken === chunk.length) {
        index++;
        taken = 0;
      }
    }
    if (peek >= 0) return count;
    // A block whose bytes are taken is not written any more: its entry is gone.
    if (index === this.#chunks.length) this.#block = null;
    if (index) this.#chunks.splice(0, index);
    this.#taken = taken;
    this.length -= count;
    return count;
  }

  /** Forgets all. */
  clear() {
    this.#chunks = [];
    this.#taken = 0;
    this.#block = null;
    this.length = 0;
  }
}
