// The program's engine where that is Node, Deno or Bun: its environment, and the addon, which has the sockets of the kernel.
Object.assign(library, {
  // The addon is in the directory of libguestnet.js, which `guestnet-emcc` names by an absolute path.
  $guestnetDirectory: {{{ JSON.stringify(JSON.stringify(__dirname)) }}},

  $guestnetNode__deps: ['$guestnetDirectory', '$guestnetOptions'],
  $guestnetNode: {
    /** require(), also in an ES module. */
    require(name) {
      if (typeof require == 'function') return require(name);
      const module = process.getBuiltinModule('module');
      return module.createRequire(module.createRequire.length ? process.argv[1] || '/' : '/')(name);
    },

    /** A variable of the environment. */
    environment(name) {
      return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
    },

    /** The addon, with functions of (memory, integers) for the system calls of a thread. */
    addon() {
      return guestnetNode.functions ??= guestnetNode.withFunctions(guestnetNode.load());
    },

    functions: null,
    withFunctions(addon) {
      const attach = (id, kind) => {
        const thread = addon.attach(id, kind);
        return thread && guestnetNode.fast({ ...thread, ...guestnetNode.functionsOf(thread, addon.CALLS) });
      };
      return Object.assign({}, addon, { attach });
    },

    /**
     * The system calls of a thread. Node-API takes some 100 ns to convert a memory and seven numbers, so the numbers go by way of
     * an array, and the memory is shown again only when it is another one or has grown: the length of one that was detached is 0.
     */
    functionsOf(thread, names) {
      const call = thread.call;
      const block = call.block;
      let shown, size = 0;
      const functionOf = (number) => (memory, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0) => {
        if (memory !== shown || memory.length !== size) {
          shown = memory;
          size = memory.length;
          thread.setMemory(memory);
        }
        block[0] = number;
        block[1] = a;
        block[2] = b;
        block[3] = c;
        block[4] = d;
        block[5] = e;
        block[6] = f;
        block[7] = g;
        call();
        return block[0];
      };
      const from = (first) => Object.fromEntries(names.map((name, index) => [name, functionOf(first + index)]));
      // The same calls as functions that never wait.
      return { ...from(0), nonblocking: () => guestnetNode.fast(from(names.length)) };
    },

    /** An object of so many functions is a hash table to V8, unless it is a prototype, whose functions it takes for constants. */
    fast(functions) {
      return Object.create(functions);
    },

    /** Loads the addon; the first path that loads wins. */
    load() {
      const tries = [
        guestnetOptions()?.['addon'],
        guestnetNode.environment('GUESTNET_ADDON'),
        guestnetDirectory + '/guestnet.node',
        'guestnet/guestnet.node',
      ].filter((path) => path);
      let first;
      for (const path of tries) {
        try {
          return guestnetNode.require(path);
        } catch (error) {
          first ??= error;
        }
      }
      throw new Error('guestnet: the addon cannot be loaded: ' + first?.message);
    },

    /** Ends the program, which cannot start. */
    refuse(error) {
      throw error;
    },

    /** The functions that end the programs which run here. They end before workers are joined: one that waits in a call would keep the process. */
    running() {
      // One listener for all programs.
      const key = Symbol.for('guestnet.running');
      let running = globalThis[key];
      if (!running) {
        running = globalThis[key] = new Set();
        process.on('exit', () => {
          for (const end of running) end();
        });
      }
      return running;
    },

    /** Calls back in the next turn of the engine's loop. */
    later(callback) {
      setImmediate(callback);
    },

    /** Whether the loop of the engine must have a turn before anything more arrives: the kernel needs none. */
    isOverdue() {
      return false;
    },

    /** Whether this is a worker, which may be terminated while it waits in a call. */
    isWorker() {
      return !guestnetNode.require('worker_threads').isMainThread;
    },

#if PTHREADS
    /** Emscripten takes Bun for an engine that gives a worker's messages to `onmessage`. Bun 1.4 gives them to its port. */
    listenForThreads() {
      if (!process.versions.bun) return;
      let given = false;
      addEventListener('message', () => { given = true; });
      guestnetNode.require('worker_threads').parentPort.on('message', (data) => {
        // When both would have had it.
        setImmediate(() => { if (!given) globalThis.onmessage?.({ data }); });
      });
    },
#endif
  },
});
