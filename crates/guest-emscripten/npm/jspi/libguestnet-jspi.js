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
      /** What a `guestnet_try_` function returns where the program has to wait. */
      WOULD_BLOCK: -0x80000000,
      /** Descriptor → the calls that wait for it. */
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

      /** A descriptor is ready: the calls that wait for these bits go on. */
      ready(fd, bits) {
        for (const waiter of [...(GW.waiters.get(fd) ?? [])]) {
          if (bits & (waiter.fds.get(fd) | GN.READY.ALWAYS)) waiter.done(1);
        }
        GW.arm(fd);
      },

      arm(fd) {
        let bits = 0;
        for (const waiter of GW.waiters.get(fd) ?? []) bits |= waiter.fds.get(fd);
        if (!bits) GW.waiters.delete(fd);
        // What cannot be watched is looked at again at once.
        if (GN.subscribe(fd, 'jspi', bits) < 0) guestnetEngine.later(() => GW.ready(fd, -1));
      },

      /** Whether a call that was tried has to wait: it would block, and neither its flags nor the mode say that it must not. */
      mustWait(fd, result, flags) {
        return result === -{{{ cDefs.EAGAIN }}} && !(flags & {{{ MSG_DONTWAIT }}}) && GW.blocks(fd);
      },

      /** Whether a socket receives no more. */
      receiveShut(fd) {
        return GW.calls().state(HEAPU8, fd, 0) & GN.STATE.RECEIVE_SHUT;
      },

      /** Resolves to 1 when a descriptor is ready, 0 when the time is over. */
      wait(fds, timeout) {
        GN.subscribers.jspi = GW.ready;
        GN.endSuspended = GW.end;
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
              // A promise costs Chromium less than queueMicrotask().
              Promise.resolve().then(() => { if (!ABORT) resolve(value); });
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

      /** Resolves to 1 when `later` calls back. */
      pause(later) {
        GN.endSuspended = GW.end;
        return new Promise((resolve) => {
          const waiter = { timer: undefined };
          GW.suspended.add(waiter);
          later(() => {
            GW.suspended.delete(waiter);
            if (!ABORT) resolve(1);
          });
        });
      },

      /** The program has ended. Its suspended calls do not go on, and keep nothing running. */
      end() {
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

    // Throws where the program cannot be suspended.
    guestnet_pause__sig: 'i',
    guestnet_pause__deps: ['$GW'],
    guestnet_pause__async: true,
    guestnet_pause: () => { return GW.pause(queueMicrotask); },

    guestnet_overdue__sig: 'i',
    guestnet_overdue__deps: ['$guestnetEngine'],
    guestnet_overdue__async: false,
    guestnet_overdue: () => { return guestnetEngine.isOverdue() ? 1 : 0; },

    guestnet_rest__sig: 'i',
    guestnet_rest__deps: ['$GW', '$guestnetEngine'],
    guestnet_rest__async: true,
    guestnet_rest: () => { return GW.pause(guestnetEngine.later); },

    guestnet_lookup_descriptor__sig: 'ii',
    guestnet_lookup_descriptor__deps: ['$GW', '$guestnetLookupDescriptor'],
    guestnet_lookup_descriptor__async: false,
    guestnet_lookup_descriptor: (id) => { return guestnetLookupDescriptor(GW.calls(), id, 1); },

    guestnet_lookup_leave__sig: 'vi',
    guestnet_lookup_leave__deps: ['$GW'],
    guestnet_lookup_leave__async: false,
    guestnet_lookup_leave: (id) => { GW.calls().lookupLeave(id); },

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

  /** Each call tried without waiting. On the main thread. */
  const tries = {
    // A datagram socket that receives no more: a receive that would block ends instead.
    guestnet_try_recvfrom__sig: 'iippipp',
    guestnet_try_recvfrom: (fd, buffer, size, flags, addr, len) => {
      const result = GW.calls().recvfrom(HEAPU8, fd, buffer, size, flags | {{{ MSG_DONTWAIT }}}, addr, len);
      if (GW.mustWait(fd, result, flags)) return GW.receiveShut(fd) ? 0 : GW.WOULD_BLOCK;
      return guestnetResult(result, fd);
    },

    guestnet_try_recvmsg__sig: 'iipi',
    guestnet_try_recvmsg__deps: ['$guestnetInstallArrived'],
    guestnet_try_recvmsg: (fd, message, flags) => {
      const calls = GW.calls();
      const result = calls.recvmsg(HEAPU8, fd, message, flags | {{{ MSG_DONTWAIT }}});
      if (GW.mustWait(fd, result, flags)) return GW.receiveShut(fd) ? 0 : GW.WOULD_BLOCK;
      if (result >= 0) guestnetInstallArrived(calls, flags);
      return guestnetResult(result, fd);
    },

    guestnet_try_sendto__sig: 'iippipp',
    guestnet_try_sendto: (fd, buffer, size, flags, addr, len) => {
      const result = GW.calls().sendto(HEAPU8, fd, buffer, size, flags | {{{ MSG_DONTWAIT }}}, addr, len);
      return GW.mustWait(fd, result, flags) ? GW.WOULD_BLOCK : guestnetResult(result, fd);
    },

    guestnet_try_sendmsg__sig: 'iipi',
    guestnet_try_sendmsg: (fd, message, flags) => {
      const result = GW.calls().sendmsg(HEAPU8, fd, message, flags | {{{ MSG_DONTWAIT }}});
      return GW.mustWait(fd, result, flags) ? GW.WOULD_BLOCK : guestnetResult(result, fd);
    },

    guestnet_try_sendmmsg__sig: 'iipii',
    guestnet_try_sendmmsg: (fd, messages, count, flags) => {
      const result = GW.calls().sendmmsg(HEAPU8, fd, messages, count, flags | {{{ MSG_DONTWAIT }}});
      return GW.mustWait(fd, result, flags) ? GW.WOULD_BLOCK : guestnetResult(result, fd);
    },

    // Where the socket receives no more, an empty message comes each time.
    guestnet_try_recvmmsg__sig: 'iipiip',
    guestnet_try_recvmmsg__deps: ['$guestnetInstallArrived'],
    guestnet_try_recvmmsg: (fd, messages, count, flags, timeout) => {
      const calls = GW.calls();
      let result = calls.recvmmsg(HEAPU8, fd, messages, count, flags | {{{ MSG_DONTWAIT }}}, timeout);
      if (GW.mustWait(fd, result, flags)) {
        if (!GW.receiveShut(fd)) return GW.WOULD_BLOCK;
        for (result = 0; result < count; result++) {
          {{{ makeSetValue(`messages + result * ${SIZEOF_MMSGHDR}`, C_STRUCTS.msghdr.__size__, 0, 'i32') }}};
        }
      }
      if (result > 0) guestnetInstallArrived(calls, flags);
      return guestnetResult(result, fd);
    },

    guestnet_try_accept4__sig: 'iippi',
    guestnet_try_accept4__deps: ['$guestnetAccept'],
    guestnet_try_accept4: (fd, addr, len, flags) => {
      const result = guestnetAccept(GW.calls(), GW.tries().accept4, fd, addr, len, flags);
      return GW.mustWait(fd, result, 0) ? GW.WOULD_BLOCK : result;
    },

    // After the wait the connection is made or has failed, and a second connect says which.
    guestnet_try_connect__sig: 'iipp',
    guestnet_try_connect: (fd, addr, len) => {
      const result = GW.tries().connect(HEAPU8, fd, addr, len);
      const begins = result === 0 || (result === -{{{ cDefs.EINPROGRESS }}} && !GW.blocks(fd));
      if (begins && GN.hasCallbacks) GN.begin(fd);
      return guestnetResult(result, fd);
    },

    guestnet_try_fd_read__sig: 'iippp',
    guestnet_try_fd_read__deps: ['guestnet_fs_read'],
    guestnet_try_fd_read: (fd, iov, count, done) => {
      let result = GW.tries().readv(HEAPU8, fd, iov, count);
      if (result === -{{{ cDefs.EBADF }}}) return _guestnet_fs_read(fd, iov, count, done);
      if (GW.mustWait(fd, result, 0)) {
        if (!GW.receiveShut(fd)) return GW.WOULD_BLOCK;
        result = 0;
      }
      if (result < 0) return -result;
      {{{ makeSetValue('done', 0, 'result', SIZE_TYPE) }}};
      return 0;
    },

    guestnet_try_fd_write__sig: 'iippp',
    guestnet_try_fd_write__deps: ['guestnet_fs_write'],
    guestnet_try_fd_write: (fd, iov, count, done) => {
      const result = GW.tries().writev(HEAPU8, fd, iov, count);
      if (result === -{{{ cDefs.EBADF }}}) return _guestnet_fs_write(fd, iov, count, done);
      if (GW.mustWait(fd, result, 0)) return GW.WOULD_BLOCK;
      if (result < 0) return -result;
      {{{ makeSetValue('done', 0, 'result', SIZE_TYPE) }}};
      return 0;
    },

    // Where a resolver must be asked, the number of the look-up is written to `pending`.
    guestnet_try_getaddrinfo__sig: 'ippppp',
    guestnet_try_getaddrinfo__deps: ['guestnet_hosts', '$guestnetAddrInfoList'],
    guestnet_try_getaddrinfo: (node, service, hints, out, pending) => {
      const calls = GW.calls();
      _guestnet_hosts();
      const id = calls.lookupBegin(HEAPU8, node, service, hints);
      if (id < 0) return id === -{{{ cDefs.EAGAIN }}} ? {{{ EAI_AGAIN }}} : {{{ EAI_SYSTEM }}};
      if (!calls.lookupKnown(id)) {
        {{{ makeSetValue('pending', 0, 'id', 'i32') }}};
        return GW.WOULD_BLOCK;
      }
      const count = calls.lookupTake(id, 1);
      return count < 0 ? count : guestnetAddrInfoList(calls, count, out);
    },

    guestnet_try_poll__sig: 'ipi',
    guestnet_try_poll__deps: ['__syscall_poll_nonblocking'],
    guestnet_try_poll: (fds, count) => { return ___syscall_poll_nonblocking(fds, count); },

    guestnet_try_epoll__sig: 'iipi',
    guestnet_try_epoll: (epoll, events, count) => { return GW.calls().epollWait(HEAPU8, epoll, events, count, 0); },
  };
  for (const name of Object.keys(tries).filter((name) => typeof tries[name] == 'function')) {
    tries[name + '__deps'] = ['$GW', '$guestnetResult', ...(tries[name + '__deps'] ?? [])];
    tries[name + '__async'] = false;
  }
  Object.assign(library, tries);

  // The calls as they are without this file, for pthreads, which cannot suspend. The object of guestnet-jspi.c names them without
  // -pthread too.
  for (const name of [
    'getaddrinfo', '__syscall_accept4', '__syscall_bind', '__syscall_connect', '__syscall_listen', '__syscall_recvfrom', '__syscall_recvmsg', '__syscall_sendto',
    '__syscall_sendmsg', '__syscall_poll', '__syscall_epoll_pwait', 'fd_read', 'fd_write',
  ]) {
    const as = 'guestnet_block_' + name.replace(/^(__syscall)?_/, '');
    for (const what of ['', '__deps', '__proxy', '__sig', '__i53abi', '__async', '__nothrow']) {
      if (before[name + what] !== undefined) library[as + what] = before[name + what];
    }
  }
  addToLibrary(library);
})();
