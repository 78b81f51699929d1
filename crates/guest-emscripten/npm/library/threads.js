// The program and its threads: the addon's functions for each, and what one thread asks of the main one.
const GN = {
  /** The addon's functions for this thread. */
  thread: null,
  /** The addon's bits, by name: of readiness, and of a socket's state. */
  READY: null,
  STATE: null,
  /** The room for a list of results, by name. */
  ADDRINFO_ROOM: null,
  /** What the addon's poll returns when it has met a descriptor that is not ours. */
  FOREIGN: 0,
  /** The program's number, on the main thread. */
  id: 0,

  /** Starts the program, and closes what is open at its end. */
  open() {
    [GN.id, GN.end] = guestnetStart(() => {
      GN.onEnd();
      GN.thread?.release();
    });
    return GN.id;
  },

  /** Ends the program's waits and closes its descriptors. Its other threads make no call then: each ends where it would. */
  end: null,

  /** Whether the file system is closing what is open. */
  isQuitting: false,

  /**
   * The end of the runtime. First the C library writes out what it holds, by FS.quit(), while other threads can still finish what
   * they write: one that ends in the midst of printf() keeps the lock of the stream, for which that would wait for ever. The first
   * descriptor of ours that FS.quit() closes ends the program, so that none of them lingers.
   */
  quit() {
    GN.isQuitting = true;
    FS.quit();
    // Emscripten calls it too, and it would write out once more.
    FS.quit = () => {};
    GN.end?.();
  },

  /** The first call of a thread. */
  attach() {
    const addon = guestnetEngine.addon();
    ({ READY: GN.READY, STATE: GN.STATE, ADDRINFO_ROOM: GN.ADDRINFO_ROOM, FOREIGN: GN.FOREIGN } = addon);
    GN.thread = addon.attach({{{ onMain('guestnet_id') }}}, {{{ THREAD_KIND }}});
    // Another thread has ended the program: this one goes on no more than those that were in a call.
    if (!GN.thread) throw 'unwind';
#if PTHREADS
    // Other threads are slowed by half a millisecond on average while this one waits or makes calls.
    if (!ENVIRONMENT_IS_PTHREAD) {
      // What it throws ends the program, as where another thread has called exit(): no call goes on then.
      GN.thread.setIdleTask(() => { _emscripten_main_thread_process_queued_calls(); }, 1);
      return GN.thread;
    }
#endif
    // A worker that waits in a call may be terminated, which the call finds out by trying to run something.
    // In a pthread that is also how it learns that it was cancelled: pthread_exit() then throws through the call.
    const look = () => { {{{ CANCELLATION_POINT }}} };
    if (guestnetEngine.isWorker()) GN.thread.setIdleTask(look, 20);
    return GN.thread;
  },

  /** The result of a call for Emscripten's file system, which takes errors as exceptions. */
  result(value) {
    if (value < 0) throw new FS.ErrnoError(-value);
    return value;
  },

  /** The result of work with the file system for a call, which returns a negated errno. */
  attempt(work) {
    try {
      return work();
    } catch (error) {
      if (error.name !== 'ErrnoError') throw error;
      return -error.errno;
    }
  },
};

Object.assign(library, {
  $GN__deps: ['$FS', '$guestnetEngine', '$guestnetStart', 'guestnet_id',
#if PTHREADS
    'emscripten_main_thread_process_queued_calls', 'pthread_testcancel', '$guestnetOnMain',
#endif
  ],
  $GN__postset: () => {
    addAtInit('GN.root = FS.mount(GN, {}, null);');
    addAtExit('GN.quit();');
#if PTHREADS
    return 'if (ENVIRONMENT_IS_PTHREAD) guestnetEngine.listenForThreads();';
#else
    return '';
#endif
  },
  $GN: GN,

#if PTHREADS
  // Has the main thread call a function. A thread that was cancelled while it waits for the result would be gone before that
  // is written to its stack, so it ends afterwards.
  $guestnetOnMain__deps: ['pthread_setcancelstate', '$stackSave', '$stackAlloc', '$stackRestore'],
  $guestnetOnMain: (work, ...args) => {
    if (!ENVIRONMENT_IS_PTHREAD) return work(...args);
    const stack = stackSave();
    const at = stackAlloc(4);
    _pthread_setcancelstate({{{ PTHREAD_CANCEL_DISABLE }}}, at);
    const before = {{{ makeGetValue('at', 0, 'i32') }}};
    stackRestore(stack);
    try {
      return work(...args);
    } finally {
      _pthread_setcancelstate(before, 0);
    }
  },
#endif

  guestnet_id__sig: 'i',
  guestnet_id__deps: ['$GN'],
  guestnet_id__proxy: 'sync',
  guestnet_id: () => {
    if (GN.id) return GN.id;
    try {
      return GN.open();
    } catch (error) {
      return guestnetEngine.refuse(error);
    }
  },
});
