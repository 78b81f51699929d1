// One moment at which a function is called. Knows no timers of a program: when the next one expires the module says.

import { after } from './tasks.js';

/** The longest that a timer of the browser's can be set to, in ms; what is called sooner looks again. */
const LONGEST = 0x7fffffff;

/** What is due is called in a turn of its own, so that the page has one too. */
const LEAST = 0.05;

/** An alarm: `after` that can be put off. */
export class Alarm {
  #ring;
  #now;
  /** When it rings. */
  #at = Infinity;
  #cell = typeof SharedArrayBuffer === 'function' ? new Int32Array(new SharedArrayBuffer(4)) : null;
  #timer;

  /** `now()` is the clock, in ms. */
  constructor(now, ring) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Has it ring at a time of the clock, unless it rings sooner than that anyway. */
  set(at) {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    const over = (why) => {
      // Another time was set meanwhile, or none.
      if (why === 'ok' || this.#at !== at) return;
      this.#at = Infinity;
      this.#ring();
    };
    this.#timer = after(Math.min(Math.max(at - this.#now(), LEAST), LONGEST), over, this.#cell);
  }

  /** Has it not ring. */
  clear() {
    this.#at = Infinity;
    clearTimeout(this.#timer);
    // What waits is not kept until its time is over.
    if (this.#cell) Atomics.notify(this.#cell, 0);
  }
}
