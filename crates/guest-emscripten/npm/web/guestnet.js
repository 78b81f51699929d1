// guestnet in an Isolated Web App, in place of the addon that Node has: the same table of functions for libguestnet.js, over the
// module guestnet.wasm (crates/web) and the browser's Direct Sockets. An ES module for a page or a dedicated worker. No rule of
// POSIX, no name and no policy is here: those are the module's.

import { Alarm } from './alarm.js';
import { DirectSockets } from './direct.js';
import { later, soon } from './tasks.js';

/** The number of the thread on which the calls are made. Those of pthreads are addresses. */
const MAIN = 0;

/** What `unfinished` of the module says of a call. */
const WAITS = 1;
const GOES_ON = 2;
const SLEEPS = 3;

/** One in so many looks is made in a turn of its own: what is ready again and again does not keep the page from all else. */
const LOOKS = 64;

/** What `option` of the module calls a value. */
const KIND = { UNDEFINED: 0, BOOLEAN: 1, NUMBER: 2, STRING: 3, STRINGS: 4, OTHER: 5 };

/** The options that may be functions of the page, which are given lines, by the number that the module gives these lines. */
const LOGS = { 1: 'trace', 2: 'audit' };

/** Where lines go for which the page has no function. */
const CONSOLE = [console.warn, console.debug, console.info];

let compiled;

/** Compiles the module once for all programs of this realm. */
function compile() {
  const url = new URL('guestnet.wasm', import.meta.url);
  return (compiled ??= WebAssembly.compileStreaming(fetch(url)));
}

/** Gives what a program has in place of the addon. Throws in one sentence what is missing here. */
export async function load() {
  const missing = ['TCPSocket', 'TCPServerSocket', 'UDPSocket'].find((name) => typeof globalThis[name] !== 'function');
  if (missing) {
    throw new Error(
      `guestnet: there is no ${missing} here: Direct Sockets are for Isolated Web Apps whose manifest has the permissions policy direct-sockets`,
    );
  }
  return new Program(await compile());
}

/** Bytes of what `text` is. */
const encode = (text) => new TextEncoder().encode(text);

/** Texts, each with its length before it. */
function joined(texts) {
  const parts = texts.map(encode);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** A program: an instance of the module, its sockets, and what waits. */
class Program {
  #module;
  #sockets;
  /** The program's memory, for the call that runs. */
  #memory = new Uint8Array(0);
  #bytes = new Uint8Array(0);
  #isRunning = false;
  #hasTrapped = false;

  /** The page's functions for lines, and the lines that it has not been given. */
  #logs = {};
  #lines = [];

  /** What is called when a descriptor is ready, and whether it is called for what pthreads begin. */
  #report = null;
  #isSubscriber = false;
  /** Notifications that have not been acknowledged. */
  #notified = new Set();
  /** The descriptors whose readiness is to be reported, each once. */
  #watched = new Set();
  /** Whether what is ready is looked at in this turn, and how often that was so. */
  #isScheduled = false;
  #looks = 0;
  /** The clock, in ms, and what has what is ready looked at when a timer of the program's expires. */
  #now;
  #alarm;
  /** Calls of pthreads that wait: each is tried again when something has changed. With them, what clears their alarms. */
  #waiting = new Map();
  /** Whether they are being tried: what that changes is looked at when all have been. */
  #isTrying = false;

  /** The calls and their numbers of arguments, and the numbers that both sides share, as JSON. */
  description;

  constructor(compiled) {
    this.#sockets = new DirectSockets({ changed: () => this.#changed(), log: (text) => console.debug(`guestnet: ${text}`) });
    const guestnet = {
      ...this.#sockets.imports,
      memory_size: () => this.#memory.length,
      memory_read: (at, to, length) => this.#own(to, length).set(this.#memory.subarray(at >>> 0, (at >>> 0) + length)),
      memory_write: (at, from, length) => this.#memory.set(this.#own(from, length), at >>> 0),
      log: (kind, at, length) => this.#log(kind, new TextDecoder().decode(this.#own(at, length))),
    };
    this.#now = guestnet.now;
    this.#alarm = new Alarm(this.#now, () => this.#schedule());
    this.#module = new WebAssembly.Instance(compiled, { guestnet }).exports;
    this.#sockets.memory = this.#module.memory;
    this.description = this.#said(this.#module.describe());
    const { calls, ...numbers } = JSON.parse(this.description);
    this.calls = Object.keys(calls);
    Object.assign(this, numbers);
  }

  /** Bytes of the module's memory. The view is made again when that has grown. */
  #own(at, length) {
    // A memory that grows leaves an empty buffer behind.
    if (!this.#bytes.length) this.#bytes = new Uint8Array(this.#module.memory.buffer);
    return this.#bytes.subarray(at >>> 0, (at >>> 0) + length);
  }

  /** The text that the module has just said. */
  #said(length) {
    return new TextDecoder().decode(this.#own(this.#module.text_said(), length));
  }

  /** As the addon's: starts the program under `Module.guestnet`. There is no environment. Returns its number, of which there is one. */
  open(options) {
    for (const [key, value] of Object.entries(options ?? {})) this.#option(key, value);
    const length = this.#module.open();
    if (length) throw new Error(`guestnet: ${this.#said(length)}`);
    this.#isRunning = true;
    return 1;
  }

  #option(key, value) {
    let kind = KIND.OTHER;
    let bytes = new Uint8Array(0);
    let number = 0;
    if (Object.values(LOGS).includes(key) && typeof value === 'function') {
      this.#logs[key] = value;
      value = '-';
    }
    if (value === undefined) kind = KIND.UNDEFINED;
    else if (typeof value === 'boolean') [kind, number] = [KIND.BOOLEAN, Number(value)];
    else if (typeof value === 'number') [kind, number] = [KIND.NUMBER, value];
    else if (typeof value === 'string') [kind, bytes] = [KIND.STRING, encode(value)];
    else if (Array.isArray(value) && value.every((each) => typeof each === 'string')) [kind, bytes] = [KIND.STRINGS, joined(value)];
    const name = encode(key);
    const at = this.#module.text_room(name.length + bytes.length);
    this.#own(at, name.length).set(name);
    this.#own(at + name.length, bytes.length).set(bytes);
    this.#module.option(name.length, kind, number);
  }

  /** As the addon's: ends the program. What its sockets have queued is still sent. */
  stop() {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const clear of this.#waiting.values()) clear();
    this.#waiting.clear();
    this.#alarm.clear();
    this.#module.stop();
  }

  /** As the addon's: the functions of the main thread. */
  attach() {
    if (!this.#isRunning) return undefined;
    const { lookup_begin, lookup_start, lookup_take, lookup_cancel } = this.#module;
    const table = {
      nonblocking: () => table,
      // Nothing waits here in which it could run, and a page ends with all that it has.
      setIdleTask() {},
      release() {},
      keepAlive() {},
      watch: (report) => {
        this.#report = report;
      },
      watchFor: (fd, bits) => {
        const result = this.#module.watch_for(fd, bits);
        if (result === 0) this.#watched.add(fd);
        this.#schedule();
        return result;
      },
      subscribe: (on) => {
        this.#isSubscriber = on !== 0;
      },
      notify: (fd) => this.notify(fd),
      acknowledge: (fd) => {
        this.#notified.delete(fd);
      },
      lookupBegin: (memory, node, service, hints) => {
        this.#memory = memory;
        return lookup_begin(node, service, hints);
      },
      lookupKnown: () => 1,
      lookupStart: (id, end) => {
        const result = lookup_start(id, end);
        this.#schedule();
        return result;
      },
      lookupLeave() {},
      lookupTake: (id, later) => lookup_take(id, later ? 1 : 0),
      lookupCancel: (id) => lookup_cancel(id),
    };
    this.calls.forEach((name, index) => {
      table[name] = (memory, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0) => {
        this.#memory = memory;
        return this.#call(MAIN, index, 0, false, a, b, c, d, e, f, g);
      };
    });
    return table;
  }

  /** A pthread's socket connects or listens. */
  notify(fd) {
    if (!this.#isSubscriber || this.#notified.has(fd)) return;
    this.#notified.add(fd);
    soon(() => this.#report(fd, 0));
  }

  /** One try of a call. What it did may have made something else ready. */
  #call(thread, index, moved, isOver, a, b, c, d, e, f, g) {
    try {
      return this.#module.call(thread, index, moved, isOver ? 1 : 0, a, b, c, d, e, f, g);
    } catch (error) {
      // A fault of ours is EIO to the program, and not an exception that its C code cannot catch.
      if (!this.#hasTrapped) console.error('guestnet: the module has failed:', error);
      this.#hasTrapped = true;
      return this.FAULT;
    } finally {
      if (!this.#isTrying) this.#schedule();
    }
  }

  /**
   * A call of a pthread, which may wait: its result, or a promise of it. `memory()` gives the program's memory, which may have grown
   * meanwhile.
   */
  callOfThread(memory, thread, index, args) {
    let moved = 0;
    let first;
    let isOver = false;
    // The result, or undefined as long as it waits.
    const attempt = () => {
      for (;;) {
        this.#memory = memory();
        const result = this.#call(thread, index, moved, isOver, ...args);
        const unfinished = this.#hasTrapped ? 0 : this.#module.unfinished();
        if (unfinished && result > 0) moved += result;
        if (unfinished === GOES_ON) continue;
        if (unfinished === WAITS) first ??= result;
        if (unfinished) return undefined;
        if (!moved) return isOver && result < 0 ? first : result;
        return result < 0 ? moved : moved + result;
      }
    };
    const next = this.#nextTimer();
    const result = attempt();
    if (result !== undefined) return result;
    return new Promise((resolve) => {
      // A call may wait for bytes, then for the rate, then for bytes again. Its own time goes on all the while: an alarm is put off by none.
      let limit;
      let sleep;
      const wait = () => {
        const longest = this.#module.wait();
        if (longest < 0) return;
        const at = this.#now() + longest;
        if (this.#module.unfinished() === SLEEPS) (sleep ??= new Alarm(this.#now, again)).set(at);
        else (limit ??= new Alarm(this.#now, end)).set(at);
      };
      const clear = () => {
        limit?.clear();
        sleep?.clear();
      };
      const again = () => {
        const result = attempt();
        if (result === undefined) {
          wait();
          return false;
        }
        clear();
        this.#waiting.delete(again);
        resolve(result);
        return true;
      };
      const end = () => {
        isOver = true;
        again();
      };
      this.#waiting.set(again, clear);
      wait();
      this.#wakeAt(next);
    });
  }

  /** When what waits must look again because of a timer; negative for never. Asked before it looks, so that no expiration falls between. */
  #nextTimer() {
    return this.#hasTrapped ? -1 : this.#module.next_timer();
  }

  /** Has what waits look again then. */
  #wakeAt(next) {
    if (next >= 0 && this.#isAwaited()) this.#alarm.set(next);
  }

  /** A socket of the browser's has changed. */
  #changed() {
    if (this.#isRunning) this.#schedule();
  }

  /** Whether anything waits for a change. */
  #isAwaited() {
    return this.#watched.size > 0 || this.#waiting.size > 0;
  }

  /** Has what is ready looked at in this turn, once. */
  #schedule() {
    if (this.#isScheduled || !this.#isAwaited()) return;
    this.#isScheduled = true;
    const look = () => {
      this.#isScheduled = false;
      this.#look();
    };
    if (++this.#looks % LOOKS) soon(look);
    else later(look);
  }

  #look() {
    if (!this.#isRunning || this.#hasTrapped) return;
    const next = this.#nextTimer();
    this.#isTrying = true;
    let isAnyDone = false;
    for (const again of [...this.#waiting.keys()]) isAnyDone = again() || isAnyDone;
    this.#isTrying = false;
    if (isAnyDone) this.#schedule();
    this.#wakeAt(next);
    if (!this.#watched.size) return;
    const length = this.#module.take_events();
    if (!length) return;
    // A copy: what is reported makes calls.
    const events = this.#own(this.#module.text_said(), length).slice();
    const numbers = new DataView(events.buffer);
    for (let at = 0; at < length; at += 8) {
      const fd = numbers.getUint32(at, true);
      this.#watched.delete(fd);
      this.#report(fd, numbers.getUint32(at + 4, true));
    }
    // There may be more than are taken at a time.
    this.#schedule();
  }

  /** A line of the module's. The page gets it when the call is over, since it may make calls of its own. */
  #log(kind, text) {
    if (!this.#lines.length) soon(() => this.#deliver());
    this.#lines.push([kind, text]);
  }

  #deliver() {
    for (const [kind, text] of this.#lines.splice(0)) {
      const line = text.replace(/\n$/, '');
      const write = this.#logs[LOGS[kind]] ?? CONSOLE[kind];
      try {
        write(line);
      } catch (error) {
        // The page's own mistake; the lines behind are given all the same.
        reportError(error);
      }
    }
  }
}
