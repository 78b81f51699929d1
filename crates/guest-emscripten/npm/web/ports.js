// Ports that were closed a moment ago. Chromium 156 closes a listener behind what it says: until then its port is in use, and another one that is
// opened there at once is refused (on a busy machine 1 in 20). Such a one is opened again. Datagram sockets are treated alike; of them it
// was not seen.

import { open } from './codes.js';
import { after } from './tasks.js';

/** How long that may last at most, and after how long it is tried again; in ms. */
const RELEASE = { MOST: 1000, AGAIN: 2 };

/** The closed ports of one protocol. */
export class ClosedPorts {
  /** Port → when it was closed. */
  #times = new Map();

  /** The browser is closing what had this port. */
  add(port) {
    const time = performance.now();
    this.#times.set(port, time);
    after(RELEASE.MOST, () => this.#times.get(port) === time && this.#times.delete(port));
  }

  /**
   * Opens what has a local port, or 0, as `open` does. What it gives is to be held, since it has the browser's `socket`; it is not opened
   * again once its `isClosed` is set.
   */
  open(port, make, opened, failed) {
    const held = { socket: undefined, isClosed: false };
    const attempt = () => {
      if (!held.isClosed) held.socket = open(make, opened, again);
    };
    const again = (error) => {
      if (error?.name !== 'NetworkError' || !this.#times.has(port)) failed(error);
      else after(RELEASE.AGAIN, attempt);
    };
    attempt();
    return held;
  }
}
