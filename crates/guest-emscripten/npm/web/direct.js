// The sockets of a Chrome Isolated Web App (the Direct Sockets API) for a module: the functions that it imports, and the sockets
// behind its numbers. An ES module for a page or a dedicated worker, without eval. The rules of POSIX, names and the policy are the module's: here a
// socket has a state, queues, and what keeps the browser from losing bytes (writer.js, reader.js).
//
// Every function takes and gives numbers, never throws and never waits.

import { Pool } from './buffers.js';
import { ERROR, STATE, checkedPort } from './codes.js';
import { Datagrams } from './datagrams.js';
import { ClosedPorts } from './ports.js';
import { Received } from './reader.js';
import { Connection, Listener } from './streams.js';
import { soon } from './tasks.js';

export { ERROR, STATE };

/** Bytes of an address's text that are given to the module. */
const MAX_ADDRESS = 64;

/** The numbers of `dnsQueryType`. */
const FAMILIES = { 4: 'ipv4', 6: 'ipv6' };

/** All sockets of a module. */
export class DirectSockets {
  #changed;
  #context;
  #sockets = new Map();
  #next = 1;
  #dirty = new Set();
  #bytes = null;
  #ints = null;

  /** The module's memory, which is not shared; to be set before it calls anything. */
  memory = null;

  /** The module's imports. */
  imports;

  /**
   * `changed(id)` is called, once for each turn, when the state of a socket, what is available, or its room may be another one. `log(text)` is given
   * what the browser says of failures. `receive` is how many bytes of a connection wait to be taken before reading pauses, for tests.
   */
  constructor({ changed, log, receive }) {
    this.#changed = changed;
    const closedPorts = { tcp: new ClosedPorts(), udp: new ClosedPorts() };
    this.#context = { pool: new Pool(), received: new Received(receive), closedPorts, log };
    this.imports = this.#functions();
  }

  /** Closes all. */
  close() {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #functions() {
    const of = (id) => this.#sockets.get(id);
    const origin = performance.timeOrigin;
    return {
      tcp_connect: (host, hostLength, port, options) => {
        const name = this.#text(host, hostLength);
        const [noDelay, keepAlive, send, receive, family] = this.#numbers(options, 5);
        const chosen = { noDelay: noDelay !== 0 };
        if (keepAlive > 0) chosen.keepAliveDelay = keepAlive;
        if (send > 0) chosen.sendBufferSize = send;
        if (receive > 0) chosen.receiveBufferSize = receive;
        if (FAMILIES[family]) chosen.dnsQueryType = FAMILIES[family];
        const make = () => new globalThis.TCPSocket(name, checkedPort(port), chosen);
        return this.#add((changed) => new Connection(this.#context, changed, make, send));
      },
      tcp_listen: (host, hostLength, port, backlog, v6only) => {
        const address = this.#text(host, hostLength);
        const chosen = {};
        if (port) chosen.localPort = port;
        if (backlog > 0) chosen.backlog = backlog;
        if (v6only >= 0) chosen.ipv6Only = v6only !== 0;
        const make = () => {
          checkedPort(port);
          return new globalThis.TCPServerSocket(address, chosen);
        };
        return this.#add((changed) => new Listener(this.#context, changed, make, backlog, port));
      },
      udp_open: (local, localLength, localPort, remote, remoteLength, remotePort, options) => {
        const chosen = {};
        if (localLength) chosen.localAddress = this.#text(local, localLength);
        if (localPort) chosen.localPort = localPort;
        if (remoteLength) Object.assign(chosen, { remoteAddress: this.#text(remote, remoteLength), remotePort });
        const [send, receive, family, sharing, ttl, loopback] = this.#numbers(options, 6);
        if (send > 0) chosen.sendBufferSize = send;
        if (receive > 0) chosen.receiveBufferSize = receive;
        if (FAMILIES[family]) chosen.dnsQueryType = FAMILIES[family];
        if (sharing > 0) chosen.multicastAllowAddressSharing = true;
        if (ttl >= 0) chosen.multicastTimeToLive = ttl;
        if (loopback >= 0) chosen.multicastLoopback = loopback !== 0;
        const make = () => {
          checkedPort(localPort);
          checkedPort(remotePort);
          return new globalThis.UDPSocket(chosen);
        };
        return this.#add((changed) => new Datagrams(this.#context, changed, make, { localPort, send, receive }));
      },
      state: (id) => of(id)?.state ?? 0,
      error: (id) => of(id)?.error ?? ERROR.NONE,
      address: (id, which, out) => this.#putAddress(out, of(id)?.address(which)),
      available: (id) => of(id)?.available ?? 0,
      arrivals: (id) => of(id)?.arrivals ?? 0,
      recv: (id, pointer, length, peek, out) => {
        const sender = (address) => out && this.#putAddress(out, address);
        return of(id)?.receive(this.#view(pointer, length), peek, sender) ?? -1;
      },
      send: (id, pointer, length) => of(id)?.send(this.#view(pointer, length)) ?? 0,
      send_to: (id, pointer, length, host, hostLength, port) =>
        of(id)?.send(this.#view(pointer, length), [this.#text(host, hostLength), port]) ?? 0,
      accept: (id) => {
        const connection = of(id)?.accept?.();
        if (!connection) return 0;
        return this.#add((changed) => Object.assign(connection, { changed }));
      },
      end: (id) => of(id)?.end() ?? -1,
      close: (id) => {
        of(id)?.close();
        this.#sockets.delete(id);
        this.#dirty.delete(id);
      },
      group: (id, join, host, hostLength) => of(id)?.group?.(join !== 0, this.#text(host, hostLength)) ?? -1,
      now: () => origin + performance.now(),
      realtime: () => Date.now(),
    };
  }

  /** Gives a socket a number. `make` is given what to call when it has changed. */
  #add(make) {
    const id = this.#next;
    this.#next = id >= 0x7fffffff ? 1 : id + 1;
    this.#sockets.set(id, make(() => this.#mark(id)));
    return id;
  }

  /** Has `changed` called in the next turn. */
  #mark(id) {
    if (!this.#dirty.size) soon(() => this.#report());
    this.#dirty.add(id);
  }

  #report() {
    const ids = [...this.#dirty];
    this.#dirty.clear();
    for (const id of ids) if (this.#sockets.has(id)) this.#changed(id);
  }

  /** The module's bytes. The views are made again when its memory has grown. */
  #view(pointer, length) {
    // A memory that grows leaves an empty buffer behind.
    if (!this.#bytes?.length) {
      const { buffer } = this.memory;
      this.#bytes = new Uint8Array(buffer);
      this.#ints = new DataView(buffer);
    }
    const start = pointer >>> 0;
    return this.#bytes.subarray(start, start + (length >>> 0));
  }

  /** Numbers of 32 bits. */
  #numbers(pointer, count) {
    this.#view(0, 0);
    return Array.from({ length: count }, (_, index) => this.#ints.getInt32((pointer >>> 0) + 4 * index, true));
  }

  /** A text in ASCII. */
  #text(pointer, length) {
    return String.fromCharCode(...this.#view(pointer, Math.min(length >>> 0, 1024)));
  }

  /** Writes port, length and text of an address. 0, or -1 if there is none. */
  #putAddress(out, address) {
    if (!address) return -1;
    const [text, port] = address;
    const length = Math.min(text.length, MAX_ADDRESS);
    const bytes = this.#view(out, 8 + length);
    this.#ints.setUint32(out >>> 0, port, true);
    this.#ints.setUint32((out >>> 0) + 4, length, true);
    for (let index = 0; index < length; index++) bytes[8 + index] = text.charCodeAt(index);
    return 0;
  }
}
