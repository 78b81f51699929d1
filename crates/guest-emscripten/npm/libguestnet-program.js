/**
 * A program of `emcc` as its engine sees it, for libguestnet.js: what its page and its environment say of its sockets, the
 * addon, and its beginning and end. Not here: any call.
 */
{{{
  // Where this file is: the addon lies beside it. Emscripten runs the text under the path that it was given on the
  // command line, which the stack tells; `guestnet-emcc` gives a whole one.
  globalThis.guestnetDirectory =
    /(?:^|[\s(])(\/[^():]*|[A-Za-z]:[^():]*)[/\\]libguestnet[^/\\]*$/m.exec(
      new Error().stack.split('\n').find((line) => line.includes('libguestnet')).replace(/:\d+(:\d+)?\)?$/, ''))?.[1] ?? '.';
  ''
}}}

addToLibrary({
  $guestnetDirectory: JSON.stringify(globalThis.guestnetDirectory),

  $guestnetProgram__deps: ['$guestnetDirectory'],
  $guestnetProgram: {
    /** require(), also in an ES module. */
    require(name) {
      if (typeof require == 'function') return require(name);
      const module = process.getBuiltinModule('module');
      return module.createRequire(module.createRequire.length ? process.argv[1] || '/' : '/')(name);
    },

    /**
     * What the page says of the program's sockets. It must say so itself: what an object has from its prototype may be
     * anybody's, and to pass over it would be to pass over a policy.
     */
    page() {
      if (!('guestnet' in Module)) return undefined;
      const page = Module['guestnet'];
      if (page === undefined) return undefined;
      const isObject = typeof page == 'object' && page !== null;
      const prototype = isObject && Object.getPrototypeOf(page);
      const plain = isObject && (prototype === null || Object.getPrototypeOf(prototype) === null);
      if (!plain || !Object.hasOwn(Module, 'guestnet')) {
        throw new Error('guestnet: Module.guestnet must be a plain object that Module itself has');
      }
      return page;
    },

    /** A variable of the environment. */
    environment(name) {
      return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
    },

    addon() {
      const tries = [
        guestnetProgram.page()?.['addon'],
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

    /** Starts the program, and gives its number and what ends it. `closed` is called when it has ended. */
    start(closed) {
      const addon = guestnetProgram.addon();
      const variables = ['POLICY', 'TRACE', 'AUDIT', 'OPTIONS'];
      const said = variables.map((name) => guestnetProgram.environment('GUESTNET_' + name));
      const id = addon.open(guestnetProgram.page(), ...said);
      // Before workers are joined: one that waits in a call would keep the process. One listener for all programs.
      const key = Symbol.for('guestnet.running');
      let running = globalThis[key];
      if (!running) {
        running = globalThis[key] = new Set();
        process.on('exit', () => {
          for (const end of running) end();
        });
      }
      const end = () => {
        running.delete(end);
        addon.stop(id);
        closed();
      };
      running.add(end);
      return [id, end];
    },
  },
});
