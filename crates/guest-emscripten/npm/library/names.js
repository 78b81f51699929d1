// Look-ups of names and addresses.
GN.hostsText = '';

Object.assign(library, {
  // The program's own /etc/hosts, read afresh when it has changed.
  guestnet_hosts__sig: 'v',
  guestnet_hosts__deps: ['$GN', '$FS', 'malloc', 'free', '$lengthBytesUTF8', '$stringToUTF8'],
  guestnet_hosts__proxy: 'sync',
  guestnet_hosts: () => {
    let text = '';
    try {
      text = FS.readFile('/etc/hosts', {encoding: 'utf8'});
    } catch (error) {
      if (error.name !== 'ErrnoError') throw error;
    }
    if (text === GN.hostsText) return;
    GN.hostsText = text;
    const size = lengthBytesUTF8(text) + 1;
    const at = _malloc(size);
    if (!at) return;
    stringToUTF8(text, at, size);
    (GN.thread ?? GN.attach()).hosts(HEAPU8, at, size - 1);
    _free(at);
  },

  // Makes the list of a look-up of what freeaddrinfo() frees: a node, and what its ai_addr points to. All nodes are one
  // block and all addresses another.
  $guestnetAddrInfoList__deps: ['$GN', 'malloc', 'free'],
  $guestnetAddrInfoList: (calls, count, out) => {
    const { NODE, ADDRESS, CANONICAL_NAME } = GN.ADDRINFO_ROOM;
    const nodes = _malloc(count * NODE + CANONICAL_NAME);
    const addresses = _malloc(count * ADDRESS);
    let failed = !nodes || !addresses ? {{{ EAI_MEMORY }}} : 0;
    // A main thread that waits in malloc() works for others meanwhile, and the list of another look-up may have come between.
    if (!failed && calls.takeAddrInfoList(HEAPU8, nodes, addresses) < 0) failed = {{{ EAI_AGAIN }}};
    if (failed) {
      _free(nodes);
      _free(addresses);
      return failed;
    }
    {{{ makeSetValue('out', 0, 'nodes', '*') }}};
    return 0;
  },

  // A descriptor that is readable when a look-up that has begun is done, or a negated errno. A thread other than the main one
  // (`elsewhere`) has no turns of this thread's loop: it may have the result at once.
  $guestnetLookupDescriptor__deps: ['$GN', '$FS', '$stackSave', '$stackAlloc', '$stackRestore'],
  $guestnetLookupDescriptor: (calls, id, elsewhere) => {
    const stack = stackSave();
    const at = stackAlloc(8);
    const failed = calls.pipe(HEAPU8, at, 0);
    const reading = {{{ makeGetValue('at', 0, 'i32') }}};
    const writing = {{{ makeGetValue('at', 4, 'i32') }}};
    stackRestore(stack);
    if (failed < 0) {
      calls.lookupCancel(id);
      return failed;
    }
    const started = calls.lookupStart(id, writing);
    if (started < 0) {
      calls.lookupCancel(id);
      calls.close(HEAPU8, reading);
      calls.close(HEAPU8, writing);
      return started;
    }
    const fd = GN.attempt(() => GN.install(reading, {{{ cDefs.S_IFIFO }}}, 0));
    if (fd < 0) {
      calls.lookupCancel(id);
      return fd;
    }
    const lookup = { id, later: elsewhere };
    FS.getStream(fd).shared.lookup = lookup;
    if (!elsewhere) guestnetEngine.later(() => { lookup.later = 1; });
    return fd;
  },

  // A look-up that the program does not wait for: its descriptor, or a negated errno.
  guestnet_lookup_start__sig: 'ipppi',
  guestnet_lookup_start__deps: ['$GN', '$guestnetLookupDescriptor', 'guestnet_hosts'],
  guestnet_lookup_start__proxy: 'sync',
  guestnet_lookup_start: (node, service, hints, elsewhere) => {
    const calls = GN.thread ?? GN.attach();
    _guestnet_hosts();
    const id = calls.lookupBegin(HEAPU8, node, service, hints);
    return id < 0 ? id : guestnetLookupDescriptor(calls, id, elsewhere);
  },

  // Its result, once: 0 and a list, EAI_AGAIN as long as there is none, or why there is none.
  guestnet_lookup_result__sig: 'iip',
  guestnet_lookup_result__deps: ['$GN', '$FS', '$guestnetAddrInfoList'],
  guestnet_lookup_result__proxy: 'sync',
  guestnet_lookup_result: (fd, out) => {
    const lookup = GN.stream(fd)?.shared.lookup;
    if (!lookup) return {{{ EAI_SYSTEM }}};
    const count = GN.thread.lookupTake(lookup.id, lookup.later);
    return count < 0 ? count : guestnetAddrInfoList(GN.thread, count, out);
  },
});

addCalls({
  getaddrinfo__deps: ['guestnet_hosts', '$guestnetAddrInfoList'],
  getaddrinfo: (node, service, hints, out) => {
    const calls = GN.thread ?? GN.attach();
    {{{ onMain('guestnet_hosts') }}};
    const count = calls.getaddrinfo(HEAPU8, node, service, hints);
    return count < 0 ? count : guestnetAddrInfoList(calls, count, out);
  },

  getnameinfo__deps: ['guestnet_hosts'],
  getnameinfo: (addr, len, node, nodelen, serv, servlen, flags) => {
    {{{ onMain('guestnet_hosts') }}};
    return (GN.thread ?? GN.attach()).getnameinfo(HEAPU8, addr, len, node, nodelen, serv, servlen, flags);
  },

  // What names.c asks for. Each writes an entry and returns 1, or 0 if there is none.
  guestnet_service__sig: 'iipippi',
  guestnet_service: (index, name, port, protocol, buffer, room) => {
    return (GN.thread ?? GN.attach()).service(HEAPU8, index, name, port, protocol, buffer, room);
  },

  guestnet_protocol__sig: 'iipipi',
  guestnet_protocol: (index, name, number, buffer, room) => {
    return (GN.thread ?? GN.attach()).protocol(HEAPU8, index, name, number, buffer, room);
  },

  // interface.c makes the lists of getifaddrs() and if_nameindex() from it.
  guestnet_interfaces__sig: 'ipp',
  guestnet_interfaces: (list, room) => {
    return (GN.thread ?? GN.attach()).interfaces(HEAPU8, list, room);
  },

  emscripten_dns_lookup_async__sig: 'ippp',
  emscripten_dns_lookup_async__deps: ['guestnet_lookup_start'],
  emscripten_dns_lookup_async: (node, service, hints) => {
    return {{{ onMain('guestnet_lookup_start', 'node', 'service', 'hints', `${IS_PTHREAD} ? 1 : 0`) }}};
  },

  emscripten_dns_lookup_result__sig: 'iip',
  emscripten_dns_lookup_result__deps: ['guestnet_lookup_result'],
  emscripten_dns_lookup_result: (fd, out) => {
    return {{{ onMain('guestnet_lookup_result', 'fd', 'out') }}};
  },
});
