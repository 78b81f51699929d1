// Readiness in the engine's own loop, and emscripten_set_socket_*_callback on it. All of it is the main thread's.
Object.assign(GN, {
  /** What emscripten_set_socket_*_callback has set, by event. */
  callbacks: {},
  /** Whether there is one: then sockets that begin to connect or listen are watched. */
  hasCallbacks: false,
  /** Descriptor → subscriber → the bits of READY that it waits for. */
  interests: new Map(),
  /** Subscriber → what is called with (fd, bits). */
  subscribers: {},
  /** Whether the addon reports readiness to this thread. */
  isWatching: false,

  /** The functions of this thread, once the addon reports readiness to it. */
  watcher() {
    const calls = GN.thread ?? GN.attach();
    if (!GN.isWatching) {
      GN.isWatching = true;
      calls.watch(GN.dispatch);
      // Only what the program waits for keeps the engine's loop running.
      calls.keepAlive(GN.interests.size ? 1 : 0);
    }
    return calls;
  },

  /**
   * Has the subscriber called once when a descriptor is ready for any of the bits of READY; with 0 no more. As long as there
   * is an interest, the engine's loop keeps running. Negative if the descriptor cannot be watched.
   */
  subscribe(fd, subscriber, bits) {
    GN.watcher();
    const interest = GN.interests.get(fd) ?? new Map();
    if (bits) interest.set(subscriber, bits);
    else interest.delete(subscriber);
    GN.interests.set(fd, interest);
    const result = GN.arm(fd);
    if (result < 0) {
      interest.delete(subscriber);
      GN.arm(fd);
    }
    return result;
  },

  arm(fd) {
    let bits = 0;
    for (const each of GN.interests.get(fd)?.values() ?? []) bits |= each;
    if (!bits) GN.interests.delete(fd);
    GN.thread.keepAlive(GN.interests.size ? 1 : 0);
    return bits ? GN.thread.watchFor(fd, bits) : 0;
  },

  /** The addon reports that a descriptor is ready; with 0 that another thread's socket connects or listens. */
  dispatch(fd, bits) {
    if (!bits) {
      GN.thread.acknowledge(fd);
      if (GN.hasCallbacks) GN.begin(fd);
      return;
    }
    const interest = GN.interests.get(fd);
    for (const [subscriber, wanted] of [...(interest ?? [])]) {
      if (!(bits & (wanted | GN.READY.ALWAYS))) continue;
      interest.delete(subscriber);
      GN.subscribers[subscriber](fd, bits);
    }
    GN.arm(fd);
  },

  /** The program has ended. What it watched is closed, and must not keep the engine's loop running. */
  onEnd() {
    GN.hasCallbacks = false;
    GN.interests.clear();
    GN.endSuspended?.();
  },

  /** What ends the calls that libguestnet-jspi.js has suspended. */
  endSuspended: null,

  /** A descriptor has a number; `begins` as guestnet_install has it. */
  onInstall(fd, begins) {
    if (begins && GN.hasCallbacks) GN.begin(fd);
  },

  /** A descriptor is closed: its subscribers look again, and find that out. */
  onClose(fd) {
    const interest = GN.interests.get(fd);
    if (!interest) return;
    GN.interests.delete(fd);
    GN.thread.keepAlive(GN.interests.size ? 1 : 0);
    for (const subscriber of interest.keys()) GN.subscribers[subscriber](fd, -1);
  },

  /** Sets the callback for one kind of event; with null there is none any more. */
  setCallback(event, callback) {
    GN.callbacks[event] = callback;
    const hasCallbacks = Object.values(GN.callbacks).some((each) => each);
    if (hasCallbacks === GN.hasCallbacks) return;
    GN.hasCallbacks = hasCallbacks;
    GN.subscribers.callbacks = GN.runCallbacks;
    GN.watcher().subscribe(hasCallbacks ? 1 : 0);
    for (const { stream_ops, shared, fd } of FS.streams.filter((stream) => stream)) {
      if (stream_ops !== GN.stream_ops) continue;
      if (!hasCallbacks) {
        GN.subscribe(fd, 'callbacks', 0);
      } else {
        // A socket that listens already is no event.
        shared.listens = GN.thread.state(HEAPU8, fd, 0) & GN.STATE.LISTENING;
        GN.begin(fd);
      }
    }
  },

  notify(event, fd, error) {
    GN.callbacks[event]?.(fd, error);
  },

  /** A socket connects or listens, is accepted, or may do something without. Harmless if it does none of these. */
  begin(fd) {
    const stream = GN.stream(fd);
    if (!stream) return;
    const file = stream.shared;
    const state = GN.thread.state(HEAPU8, fd, 0);
    if (state < 0) return;
    file.ended = false;
    if (state & GN.STATE.LISTENING && !file.listens) {
      file.listens = true;
      GN.notify('listen', fd);
    }
    if (FS.getStream(fd) === stream) GN.watch(fd, file, state);
  },

  /** Waits for the next event of a socket. A datagram socket that is not connected has nothing to open. */
  watch(fd, file, state) {
    if (file.ended || !GN.hasCallbacks) return;
    const { READY, STATE } = GN;
    const isOpen = file.open || (state & (STATE.CONNECTED | STATE.DATAGRAM)) === STATE.DATAGRAM;
    GN.subscribe(fd, 'callbacks', isOpen ? READY.READ : READY.READ | READY.WRITE);
  },

  /** A socket is ready: runs the callbacks for what it is ready for. */
  runCallbacks(fd, bits) {
    const stream = GN.stream(fd);
    if (bits < 0 || !stream) return;
    const file = stream.shared;
    const { READY, STATE } = GN;
    const state = GN.thread.state(HEAPU8, fd, 1);
    if (state < 0) return;
    const error = state >> STATE.ERROR_SHIFT;
    if (error) {
      file.ended = true;
      GN.notify('error', fd, error);
    } else if (state & STATE.LISTENING) {
      GN.notify('connection', fd);
    } else {
      if (bits & READY.WRITE && !file.open && state & STATE.CONNECTED) {
        file.open = true;
        GN.notify('open', fd);
      }
      if (bits & READY.READ && FS.getStream(fd) === stream) {
        // An event may be one that was dealt with already: then there is neither.
        if (state & STATE.READABLE) {
          GN.notify('message', fd);
        } else if (state & STATE.END_OF_FILE) {
          file.ended = true;
          GN.notify('close', fd);
        }
      }
    }
    // One that does nothing would be reported for ever.
    if (FS.getStream(fd) === stream && !(state & STATE.HUNG_UP)) GN.watch(fd, file, state);
  },
});

// Whichever thread sets a callback, it is called on the main thread.
for (const event of ['error', 'open', 'listen', 'connection', 'message', 'close']) {
  library[`emscripten_set_socket_${event}_callback__proxy`] = 'sync';
}
Object.assign(library, {
  $_setNetworkCallback__deps: ['$GN', '$withStackSave', '$callUserCallback', '$stringToUTF8OnStack', '$strError'],
  $_setNetworkCallback: (event, userData, callback) => {
    const hadCallbacks = GN.hasCallbacks;
    GN.setCallback(event, !callback ? null : ((fd, error) => callUserCallback(() => {
      if (event === 'error') {
        withStackSave(() => {
          {{{ makeDynCall('viipp', 'callback') }}}(fd, error, stringToUTF8OnStack(strError(error)), userData);
        });
      } else {
        {{{ makeDynCall('vip', 'callback') }}}(fd, userData);
      }
    })));
    // As with Emscripten's own library, a program that has a callback does not end when main() returns.
    if (GN.hasCallbacks && !hadCallbacks) { {{{ runtimeKeepalivePush() }}} }
    if (hadCallbacks && !GN.hasCallbacks) { {{{ runtimeKeepalivePop() }}} }
  },
});
