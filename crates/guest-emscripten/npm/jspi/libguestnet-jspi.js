/**
 * The imports of guestnet-jspi.c: each call tried without waiting, and the one that suspends.
 *
 * Loaded after libguestnet.js. Data calls are plain imports; only `guestnet_wait` is a suspending one.
 */
(() => {
  const before = LibraryManager.library;
  const library = {
    $GW__deps: ['$GN', '$FS'],
    $GW: {
      /** What a `guestnet_try_` function says where the program has to wait. */
      WOULD_BLOCK: -0x80000000,
      /** Descriptor → who waits for it. */
      waiters: new Map(),
      /** The calls that wait. */
      suspended: new Set(),
      calls() {
        return GN.thread ?? GN.attach();
      },

      /** Whether the program wants calls on this descriptor to wait. */
      blocks(fd) {
        return GW.calls().mode(HEAPU8, fd) === 0;
      },

      /** The calls as functions that never wait, whatever the descriptor's mode. */
      tries() {
        GW.nonblocking ??= GW.calls().nonblocking();
        return GW.nonblocking;
      },

      nonblocking: null,

      /** Somebody may go on: whoever waits for these bits of the descriptor. */
      ready(fd, bits) {
        for (const waiter of [...(GW.waiters.get(fd) ?? [])]) {
          // Errors and ends wake everybody.
          if (bits & (waiter.fds.get(fd) | 12)) waiter.done(1);
        }
        GW.arm(fd);
      },

      arm(fd) {
        let bits = 0;
        for (const waiter of GW.waiters.get(fd) ?? []) bits |= waiter.fds.get(fd);
        if (!bits) GW.waiters.delete(fd);
        // What cannot be watched is looked at again at once.
        if (GN.want(fd, 'jspi', bits) < 0) setImmediate(() => GW.ready(fd, -1));
      },

      /** Resolves to 1 when a descriptor is ready, 0 when the time is over. */
      wait(fds, timeout) {
        GN.hearers.jspi = GW.ready;
        GN.over = GW.over;
        return new Promise((resolve) => {
          const waiter = {
            fds,
            timer: undefined,
            done(value) {
              clearTimeout(waiter.timer);
              GW.suspended.delete(waiter);
              for (const fd of fds.keys()) {
                GW.waiters.get(fd)?.delete(waiter);
                GW.arm(fd);
              }
              // Not in the midst of exit(), which closes descriptors, and after which no call goes on.
              queueMicrotask(() => { if (!ABORT) resolve(value); });
            },
          };
          for (const fd of fds.keys()) {
            if (!GW.waiters.has(fd)) GW.waiters.set(fd, new Set());
            GW.waiters.get(fd).add(waiter);
          }
          GW.suspended.add(waiter);
          if (timeout >= 0) waiter.timer = setTimeout(() => waiter.done(0), timeout);
          for (const fd of fds.keys()) GW.arm(fd);
        });
      },

      /** The program has ended. What it suspended does not go on, and keeps nothing running. */
      over() {
        for (const waiter of GW.suspended) clearTimeout(waiter.timer);
        GW.waiters.clear();
      },
    },

    // Whether the program is done, which a callback asks that has run: not while it waits. Keeping the runtime alive, as
    // Emscripten's own suspending calls do, would also keep exit() from ending it.
    $guestnetMaybeExit: before['$maybeExit'],
    $guestnetMaybeExit__deps: before['$maybeExit__deps'],
    $maybeExit__deps: ['$GW', '$guestnetMaybeExit'],
    $maybeExit: () => {
      if (!GW.suspended.size) guestnetMaybeExit();
    },

    guestnet_blocks__sig: 'ii',
    guestnet_blocks__deps: ['$GW'],
    guestnet_blocks__async: false,
    guestnet_blocks: (fd) => { return GW.blocks(fd) ? 1 : 0; },

    guestnet_wait__sig: 'ipii',
    guestnet_wait__deps: ['$GW'],
    guestnet_wait__async: true,
    guestnet_wait: (fds, count, timeout) => {
      const wanted = new Map();
      for (let i = 0, at = fds; i < count; i++, at += {{{ C_STRUCTS.pollfd.__size__ }}}) {
        const fd = {{{ makeGetValue('at', C_STRUCTS.pollfd.fd, 'i32') }}};
        const events = {{{ makeGetValue('at', C_STRUCTS.pollfd.events, 'i16') }}};
        if (fd < 0) continue;
        wanted.set(fd, (wanted.get(fd) ?? 0) | GW.calls().interest(HEAPU8, events));
      }
      return GW.wait(wanted, timeout);
    },
  };

  const attempt = (name, sig, parameters, body, more = []) => {
    name = 'guestnet_try_' + name;
    library[name] = eval(`(${parameters}) => { ${body} }`);
    library[name + '__sig'] = sig;
    library[name + '__deps'] = ['$GW', ...more];
    library[name + '__async'] = false;
  };
  const DONTWAIT = 0x40;
  /** A call with MSG_DONTWAIT. */
  const flagged = (name, sig, parameters, call, after = '', more = []) => attempt(name, sig, parameters, `
    const calls = GW.calls();
    const result = calls.${call};
    if (result === -{{{ cDefs.EBADF }}}) return _guestnet_not_ours(fd);
    if (result === -{{{ cDefs.EAGAIN }}} && !(flags & ${DONTWAIT}) && GW.blocks(fd)) {
      // A datagram socket that receives no more: a receive that would block ends instead.
      return ${name.startsWith('recv')} && calls.state(HEAPU8, fd, 0) & 8 ? 0 : GW.WOULD_BLOCK;
    }
    ${after}
    return result;`, ['guestnet_not_ours', ...more]);
  flagged('recvfrom', 'iippipp', 'fd, buffer, size, flags, addr, len',
    `recvfrom(HEAPU8, fd, buffer, size, flags | ${DONTWAIT}, addr, len)`);
  flagged('sendto', 'iippipp', 'fd, buffer, size, flags, addr, len',
    `sendto(HEAPU8, fd, buffer, size, flags | ${DONTWAIT}, addr, len)`);
  flagged('recvmsg', 'iipi', 'fd, message, flags', `recvmsg(HEAPU8, fd, message, flags | ${DONTWAIT})`,
    'if (result >= 0) guestnetArrived(calls);', ['$guestnetArrived']);
  flagged('sendmsg', 'iipi', 'fd, message, flags', `sendmsg(HEAPU8, fd, message, flags | ${DONTWAIT})`);
  attempt('accept4', 'iippi', 'fd, addr, len, flags', `
    if (_guestnet_full() && GW.calls().state(HEAPU8, fd, 0) >= 0) return -{{{ cDefs.EMFILE }}};
    const fresh = GW.tries().accept4(HEAPU8, fd, addr, len, flags);
    if (fresh === -{{{ cDefs.EBADF }}}) return _guestnet_not_ours(fd);
    if (fresh === -{{{ cDefs.EAGAIN }}} && GW.blocks(fd)) return GW.WOULD_BLOCK;
    return fresh < 0 ? fresh : _guestnet_enter(fresh, 0o140000, flags & 0o4000, 2);`, ['guestnet_enter', 'guestnet_not_ours', 'guestnet_full']);
  // After the wait the connection is made or has failed, and a second connect says which.
  attempt('connect', 'iipp', 'fd, addr, len', `
    const result = GW.tries().connect(HEAPU8, fd, addr, len);
    if (result === -{{{ cDefs.EBADF }}}) return _guestnet_not_ours(fd);
    if (GN.hearing && (result === 0 || (result === -{{{ cDefs.EINPROGRESS }}} && !GW.blocks(fd)))) GN.begin(fd);
    return result;`, ['guestnet_not_ours']);
  for (const [name, as, other] of [['fd_read', 'readv', 'guestnet_fs_read'], ['fd_write', 'writev', 'guestnet_fs_write']]) {
    attempt(name, 'iippp', 'fd, iov, count, done', `
      const result = GW.tries().${as}(HEAPU8, fd, iov, count);
      if (result === -{{{ cDefs.EBADF }}}) return _${other}(fd, iov, count, done);
      if (result === -{{{ cDefs.EAGAIN }}} && GW.blocks(fd)) {
        if (!${name === 'fd_read'} || !(GW.calls().state(HEAPU8, fd, 0) & 8)) return GW.WOULD_BLOCK;
        {{{ makeSetValue('done', 0, 0, SIZE_TYPE) }}};
        return 0;
      }
      if (result < 0) return -result;
      {{{ makeSetValue('done', 0, 'result', SIZE_TYPE) }}};
      return 0;`, [other]);
  }
  attempt('poll', 'ipi', 'fds, count', `return ___syscall_poll_nonblocking(fds, count);`, ['__syscall_poll_nonblocking']);
  attempt('epoll', 'iipi', 'epoll, events, count', `return GW.calls().epollWait(HEAPU8, epoll, events, count, 0);`);

#if PTHREADS
  // What the threads call beside the main one, which cannot suspend: the calls as they are without this file.
  for (const name of [
    '__syscall_accept4', '__syscall_connect', '__syscall_recvfrom', '__syscall_recvmsg', '__syscall_sendto', '__syscall_sendmsg',
    '__syscall_poll', '__syscall_epoll_pwait', 'fd_read', 'fd_write', 'getaddrinfo', '_emscripten_lookup_name',
  ]) {
    const as = 'guestnet_block_' + name.replace(/^(__syscall)?_/, '').replace('emscripten_', '');
    for (const what of ['', '__deps', '__proxy', '__sig', '__i53abi', '__async', '__nothrow']) {
      if (before[name + what] !== undefined) library[as + what] = before[name + what];
    }
  }
#endif
  addToLibrary(library);
})();
