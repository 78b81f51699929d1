// One moment at which a function is called. Knows no timers of a program: when the next one expires the module says.

/** The longest that a timer of the browser's can be set to, in ms; what is called sooner looks again. */
const LONGEST = 0x7fffffff;

/** What is due is called in a turn of its own, so that the page has one too. */
const LEAST = 0.05;

/** An alarm. A hidden page's timers run once a second, or once a minute; this one does not depend on them where it can. */
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
    const rings = () => {
      this.#at = Infinity;
      this.#ring();
    };
    const ms = Math.min(Math.max(at - this.#now(), LEAST), LONGEST);
    const wait = this.#cell && Atomics.waitAsync?.(this.#cell, 0, 0, ms);
    if (wait?.async) wait.value.then((why) => why === 'timed-out' && this.#at === at && rings());
    else this.#timer = setTimeout(rings, ms);
  }

  /** Has it not ring. */
  clear() {
    this.#at = Infinity;
    clearTimeout(this.#timer);
    // What waits is not kept until its time is over.
    if (this.#cell) Atomics.notify(this.#cell, 0);
  }
}
