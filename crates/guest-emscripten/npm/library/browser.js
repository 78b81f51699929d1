// The program's engine where that is a browser: an Isolated Web App's page or worker. In place of the addon there is guestnet.js of the
// package's web/, which has the sockets of the Direct Sockets API. A pthread's calls are made on the main thread, which never waits: it
// gives a promise for a call that has to, and Emscripten has the pthread wait for that.
Object.assign(library, {
  $guestnetBrowser__deps: [
    '$guestnetOptions', '$addRunDependency', '$removeRunDependency',
#if PTHREADS
    'guestnet_web_description', 'guestnet_web_call', 'guestnet_web_notify', '$UTF8ToString', 'pthread_self',
#endif
  ],
  $guestnetBrowser__postset: () => {
    addAtPreRun('if (!ENVIRONMENT_IS_NODE) guestnetBrowser.load();');
    return '';
  },
  $guestnetBrowser: {
    /** What stands in for the addon, and why there is none. */
    backend: null,
    failure: null,

    /** Loads it before the program begins: from where `Module.guestnet.addon` says, or from guestnet/ beside the program. */
    load() {
      addRunDependency('guestnet');
      const beside = () => locateFile('guestnet/guestnet.js');
      const loaded = async () => {
        const url = new URL(guestnetOptions()?.['addon'] ?? beside(), globalThis.location.href).href;
        const { load } = await import(url);
        guestnetBrowser.backend = await load();
      };
      // A program that makes no call of ours runs without it.
      loaded()
        .catch((error) => { guestnetBrowser.failure = error; })
        .finally(() => removeRunDependency('guestnet'));
    },

    environment() {
      return undefined;
    },

    addon() {
#if PTHREADS
      if (ENVIRONMENT_IS_PTHREAD) return guestnetBrowser.ofThread ??= guestnetBrowser.forThread();
#endif
      if (guestnetBrowser.backend) return guestnetBrowser.backend;
      throw guestnetBrowser.failure ?? new Error('guestnet: a socket was used before the program began');
    },

    /** Ends the program, which cannot start: no exception reaches a pthread that waits. */
    refuse(error) {
      abort(error.message);
    },

    /** The functions that end the programs which run here: a page ends with all of them. */
    runs: new Set(),
    running() {
      return guestnetBrowser.runs;
    },

    /** Calls back in the next turn of the loop: without the 4 ms that a timer within a timer has. */
    later(callback) {
      globalThis['scheduler']['postTask'](callback);
    },

    /** Calls since the clock was looked at, and since when the loop has not had a turn, as far as that is known. */
    calls: 0,
    since: 0,

    /** Whether the loop has not had a turn for a while: meanwhile nothing arrives. */
    isOverdue() {
      if (++guestnetBrowser.calls % 32) return false;
      const now = performance.now();
      if (!guestnetBrowser.since) {
        guestnetBrowser.since = now;
        guestnetBrowser.later(() => { guestnetBrowser.since = 0; });
      }
      return now - guestnetBrowser.since > 5;
    },

    /** Whether this may be terminated while it waits in a call: none waits here. */
    isWorker() {
      return false;
    },

#if PTHREADS
    listenForThreads() {},

    /** What stands in for the addon on a pthread. */
    ofThread: null,
    forThread() {
      const { calls, ...numbers } = JSON.parse(UTF8ToString(_guestnet_web_description()));
      return { ...numbers, attach: () => guestnetBrowser.callsOfThread(Object.keys(calls)) };
    },

    /** The functions of a pthread. */
    callsOfThread(names) {
      const thread = _pthread_self();
      const table = {
        notify: (fd) => _guestnet_web_notify(fd),
        setIdleTask() {},
        release() {},
      };
      names.forEach((name, index) => {
        table[name] = (memory, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0) =>
          _guestnet_web_call(thread, index, a, b, c, d, e, f, g);
      });
      return table;
    },
#endif
  },

#if PTHREADS
  // A text: what the backend shares, as JSON.
  guestnet_web_description__sig: 'p',
  guestnet_web_description__deps: ['$guestnetBrowser', '$stringToNewUTF8'],
  guestnet_web_description__proxy: 'sync',
  guestnet_web_description: () => {
    const { backend, failure } = guestnetBrowser;
    if (!backend) guestnetBrowser.refuse(failure);
    return guestnetBrowser.description ??= stringToNewUTF8(backend.description);
  },

  guestnet_web_call__sig: 'iiiiiiiiii',
  guestnet_web_call__deps: ['$guestnetBrowser'],
  guestnet_web_call__proxy: 'sync',
  guestnet_web_call__async: true,
  guestnet_web_call: (thread, index, a, b, c, d, e, f, g) => {
    const result = guestnetBrowser.backend.callOfThread(() => HEAPU8, thread, index, [a, b, c, d, e, f, g]);
    // Emscripten wants something with then(); a promise would answer in a later turn.
    return typeof result == 'number' ? { then: (done) => done(result) } : result;
  },

  guestnet_web_notify__sig: 'vi',
  guestnet_web_notify__deps: ['$guestnetBrowser'],
  guestnet_web_notify__proxy: 'async',
  guestnet_web_notify: (fd) => guestnetBrowser.backend.notify(fd),
#endif
});
