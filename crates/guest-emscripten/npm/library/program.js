// A program as its engine sees it: its options, its beginning and end. What differs from engine to engine is `guestnetEngine`, which
// stands in node.js and browser.js. Not here: any call.
Object.assign(library, {
#if ENVIRONMENT_MAY_BE_NODE && (ENVIRONMENT_MAY_BE_WEB || ENVIRONMENT_MAY_BE_WORKER)
  $guestnetEngine__deps: ['$guestnetNode', '$guestnetBrowser'],
  $guestnetEngine: '=ENVIRONMENT_IS_NODE ? guestnetNode : guestnetBrowser',
#elif ENVIRONMENT_MAY_BE_NODE
  $guestnetEngine__deps: ['$guestnetNode'],
  $guestnetEngine: '=guestnetNode',
#else
  $guestnetEngine__deps: ['$guestnetBrowser'],
  $guestnetEngine: '=guestnetBrowser',
#endif

  /**
   * `Module.guestnet`, the options of the program's sockets; the addon reads what is in it. It must be a property of Module
   * itself: what an object has from its prototype may come from anywhere, and to ignore it would be to ignore a policy.
   */
  $guestnetOptions: () => {
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

  /** Starts the program; returns its number and a function that ends it. `onEnd` is called when it has ended. */
  $guestnetStart__deps: ['$guestnetEngine', '$guestnetOptions'],
  $guestnetStart: (onEnd) => {
    const addon = guestnetEngine.addon();
    const variables = ['POLICY', 'TRACE', 'AUDIT', 'OPTIONS'];
    const values = variables.map((name) => guestnetEngine.environment('GUESTNET_' + name));
    const id = addon.open(guestnetOptions(), ...values);
    const running = guestnetEngine.running();
    const end = () => {
      if (!running.delete(end)) return;
      addon.stop(id);
      onEnd();
    };
    running.add(end);
    return [id, end];
  },
});
