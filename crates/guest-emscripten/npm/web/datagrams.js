// UDP: a bound or a connected socket, as an object with a state. No rule of POSIX is here: those are the module's.

import { ERROR, STATE, brokenError, openError } from './codes.js';

/** The most a datagram has over IPv4. Chromium 156 ends the socket when it is asked to send more. */
const MAX_DATAGRAM = 65507;

/** What a datagram costs beside its bytes, so that a queue of small ones is bounded as well. */
const OVERHEAD = 256;

/** Of the queues, if no sizes are asked for; in bytes with the overhead. */
const SEND_CAPACITY = 256 << 10;
const RECEIVE_CAPACITY = 1 << 20;

/** A socket of datagrams. */
export class Datagrams {
  #context;
  /** The browser's socket, and whether it is closed. */
  #held;
  #reader = null;
  #writer = null;
  #multicast = null;
  #capacities;
  #addresses = [null, null];
  #isReading = false;
  #isWriting = false;
  #received = [];
  #receivedBytes = 0;
  #sending = [];
  #sendingBytes = 0;

  /** How often a datagram arrived, or room after there was none. */
  arrivals = 0;

  error = ERROR.NONE;

  constructor(context, changed, make, { localPort, send, receive }) {
    this.#context = context;
    this.changed = changed;
    this.#capacities = { send: send || SEND_CAPACITY, receive: receive || RECEIVE_CAPACITY };
    this.#held = context.closedPorts.udp.open(localPort, make, (info) => this.#opened(info), (error) => this.#failed(error));
  }

  get state() {
    if (!this.#writer) return this.error ? STATE.FAILED : 0;
    let bits = STATE.OPEN;
    if (this.#received.length) bits |= STATE.READABLE;
    if (this.error) bits |= STATE.BROKEN;
    else if (this.#sendingBytes < this.#capacities.send) bits |= STATE.WRITABLE;
    if (!this.#sending.length) bits |= STATE.SENT;
    return bits;
  }

  /** The length of the next datagram. */
  get available() {
    return this.#received[0]?.data.length ?? 0;
  }

  address(which) {
    return this.#addresses[which] ?? null;
  }

  /** Copies what fits of the next datagram, and takes it unless `peek` is 0 or more. Gives its length; -1 if there is none. */
  receive(target, peek, sender) {
    const datagram = this.#received[0];
    if (!datagram) return -1;
    const { data, remoteAddress, remotePort } = datagram;
    target.set(data.subarray(0, target.length));
    // Of a connected socket the browser names no sender: there is one only.
    sender(remoteAddress ? [remoteAddress, remotePort] : this.#addresses[1]);
    if (peek < 0) {
      this.#received.shift();
      this.#receivedBytes -= data.length + OVERHEAD;
      this.#read();
    }
    return data.length;
  }

  /**
   * Queues a datagram, to `[address, port]` if the socket is not connected. 0 without room, -1 if it cannot be sent at all. **One that the
   * network refuses at once ends the socket** in Chromium 156: to a name that does not exist, or a broadcast.
   */
  send(bytes, to) {
    if (!bytes.length || bytes.length > MAX_DATAGRAM) return -1;
    if (to && !(to[1] > 0 && to[1] <= 65535)) return -1;
    if (!this.#writer || this.error || this.#sendingBytes >= this.#capacities.send) return 0;
    const buffer = this.#context.pool.take(bytes.length);
    buffer.set(bytes);
    this.#sending.push({ buffer, length: bytes.length, to });
    this.#sendingBytes += bytes.length + OVERHEAD;
    this.#write();
    return bytes.length;
  }

  end() {
    return -1;
  }

  /** Joins a group or leaves it. 0 if that has begun, -1 if this socket has no groups. */
  group(join, address) {
    if (!this.#multicast) return -1;
    const done = join ? this.#multicast.joinGroup(address) : this.#multicast.leaveGroup(address);
    done.catch((error) => this.#context.log?.(`a group of ${address}: ${error}`));
    return 0;
  }

  /** Closes it, when what was queued is sent. */
  close() {
    this.#held.isClosed = true;
    this.changed = () => {};
    this.#received = [];
    if (this.#writer && !this.#isWriting) this.#finish();
  }

  #finish() {
    if (this.#addresses[0]) this.#context.closedPorts.udp.add(this.#addresses[0][1]);
    this.#writer.close().catch(() => {});
    this.#reader.cancel().catch(() => {});
  }

  #opened({ readable, writable, localAddress, localPort, remoteAddress, remotePort, multicastController }) {
    if (localAddress) this.#addresses[0] = [localAddress, localPort];
    if (remoteAddress) this.#addresses[1] = [remoteAddress, remotePort];
    this.#multicast = multicastController ?? null;
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch((error) => this.#broke(error));
    if (this.#held.isClosed) this.#finish();
    else this.#read();
    this.changed();
  }

  /** Beyond the capacity it is the browser and the kernel that drop, as they do for every socket. */
  #read() {
    if (this.#isReading || this.#held.isClosed || this.error || this.#receivedBytes >= this.#capacities.receive) return;
    this.#isReading = true;
    this.#reader.read().then(
      ({ done, value }) => {
        this.#isReading = false;
        if (this.#held.isClosed) return;
        if (done) {
          this.#broke(null);
          return;
        }
        this.#received.push(value);
        this.#receivedBytes += value.data.length + OVERHEAD;
        this.arrivals++;
        this.#read();
        this.changed();
      },
      (error) => {
        this.#isReading = false;
        this.#broke(error);
      },
    );
  }

  async #write() {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#sending.length && !this.error) {
        const { buffer, length, to } = this.#sending[0];
        const data = buffer.subarray(0, length);
        const written = this.#writer.write(to ? { data, remoteAddress: to[0], remotePort: to[1] } : { data });
        // One that the network refuses is lost, as any may be; if the socket is lost with it, `closed` rejects.
        await written.catch((error) => this.#context.log?.(`a datagram was not sent: ${error}`));
        this.#sending.shift();
        if (this.#sendingBytes >= this.#capacities.send) this.arrivals++;
        this.#sendingBytes -= length + OVERHEAD;
        this.#context.pool.give(buffer);
        this.changed();
      }
    } finally {
      this.#isWriting = false;
      if (this.#held.isClosed) this.#finish();
    }
  }

  #failed(error) {
    this.error = openError(error);
    this.#context.log?.(`a datagram socket failed: ${error}`);
    this.changed();
  }

  #broke(error) {
    if (this.#held.isClosed || this.error) return;
    this.error = brokenError(error);
    this.#context.log?.(`a datagram socket broke: ${error}`);
    this.changed();
  }
}
