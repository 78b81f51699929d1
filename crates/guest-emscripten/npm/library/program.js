// A program as its engine sees it: its options and its environment, the addon, its beginning and end. Not here: any call.
Object.assign(library, {
  // The addon is in the directory of libguestnet.js, which `guestnet-emcc` names by an absolute path.
  $guestnetDirectory: {{{ JSON.stringify(JSON.stringify(__dirname)) }}},

  $guestnetProgram__deps: ['$guestnetDirectory'],
  $guestnetProgram: {
    /** require(), also in an ES module. */
    require(name) {
      if (typeof require == 'function') return require(name);
      const module = process.getBuiltinModule('module');
      return module.createRequire(module.createRequire.length ? process.argv[1] || '/' : '/')(name);
    },

    /**
     * `Module.guestnet`, the options of the program's sockets; the addon reads what is in it. It must be a property of Module
     * itself: what an object has from its prototype may come from anywhere, and to ignore it would be to ignore a policy.
     */
    options() {
      if (!('guestnet' in Module)) return undefined;
      const options = Module['guestnet'];
      if (options === undefined) return undefined;
      const isObject = typeof options == 'object' && options !== null;
      const prototype = isObject && Object.getPrototypeOf(options);
      const plain = isObject && (prototype === null || Object.getPrototypeOf(prototype) === null);
      if (!plain || !Object.hasOwn(Module, 'guestnet')) {
        throw new Error('guestnet: Module.guestnet must be a plain object that Module itself has');
      }
      return options;
    },

    /** A variable of the environment. */
    environment(name) {
      return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
    },

    /** The addon; the first path that loads wins. */
    addon() {
      const tries = [
        guestnetProgram.options()?.['addon'],
        guestnetProgram.environment('GUESTNET_ADDON'),
        guestnetDirectory + '/guestnet.node',
        'guestnet/guestnet.node',
      ].filter((path) => path);
      let first;
      for (const path of tries) {
        try {
          return guestnetProgram.require(path);
        } catch (error) {
          first ??= error;
        }
      }
      throw new Error('guestnet: the addon cannot be loaded: ' + first?.message);
    },

    /** Starts the program; returns its number and a function that ends it. `onEnd` is called when it has ended. */
    start(onEnd) {
      const addon = guestnetProgram.addon();
      const variables = ['POLICY', 'TRACE', 'AUDIT', 'OPTIONS'];
      const values = variables.map((name) => guestnetProgram.environment('GUESTNET_' + name));
      const id = addon.open(guestnetProgram.options(), ...values);
      // Programs end before workers are joined: one that waits in a call would keep the process. One listener for all programs.
      const key = Symbol.for('guestnet.running');
      let running = globalThis[key];
      if (!running) {
        running = globalThis[key] = new Set();
        process.on('exit', () => {
          for (const end of running) end();
        });
      }
      const end = () => {
        if (!running.delete(end)) return;
        addon.stop(id);
        onEnd();
      };
      running.add(end);
      return [id, end];
    },
  },
});
