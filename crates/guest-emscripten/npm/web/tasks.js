// When something runs: behind what runs now, or after a while. Knows nothing else.

const settled = Promise.resolve();

/** Calls back as soon as what runs now has ended, as `queueMicrotask` does at four times the cost in Chromium 156. */
export function soon(callback) {
  settled.then(callback);
}

/** Calls back in the next turn of the loop: without the 4 ms that a timer within a timer has. */
export function later(callback) {
  globalThis.scheduler.postTask(callback);
}

const never = typeof SharedArrayBuffer === 'function' ? new Int32Array(new SharedArrayBuffer(4)) : null;

/**
 * Calls back after some ms. A hidden page's timers run once a second, or once a minute; this one does not depend on them where it can:
 * it waits at a cell of shared memory. A notification there calls back at once, with `ok`. Otherwise returns a timer of the browser's.
 */
export function after(ms, callback, cell = never) {
  const wait = cell && Atomics.waitAsync?.(cell, 0, 0, ms);
  if (!wait?.async) return setTimeout(callback, ms);
  wait.value.then(callback);
  return undefined;
}
