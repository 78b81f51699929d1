// The system calls. Each runs in the thread that makes it; what needs a descriptor's number has the main thread give it.

Object.assign(GN, {
  /** Whether the last number that this thread was given is a high one: the next may be none. */
  crowded: false,

  /** The result of a call that makes a descriptor: its number in the file system. */
  numbered(fd) {
    GN.crowded = fd < 0 || fd > 3000;
    return fd;
  },
});

Object.assign(library, {
  // The result of a call on a socket: a number that is not ours may be a file's.
  $guestnetResult__deps: ['guestnet_not_ours', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetResult: (result, fd) => {
    return result === -{{{ cDefs.EBADF }}} ? {{{ onMain('guestnet_not_ours', 'fd') }}} : result;
  },

  // Has `make` make two descriptors at `at`, and gives them numbers. Where that fails, what stood there stays.
  $guestnetPair__deps: ['guestnet_install_pair', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetPair: (at, kind, flags, make) => {
    const one = {{{ makeGetValue('at', 0, 'i32') }}};
    const other = {{{ makeGetValue('at', 4, 'i32') }}};
    let result = make();
    if (result < 0) return result;
    result = {{{ onMain('guestnet_install_pair', 'at', 'kind', 'flags') }}};
    if (result < 0) {
      {{{ makeSetValue('at', 0, 'one', 'i32') }}};
      {{{ makeSetValue('at', 4, 'other', 'i32') }}};
    }
    return result;
  },

  // poll(2) over ours, and, where there are others, over the file system's too.
  $guestnetPoll__deps: ['$GN', 'guestnet_poll_foreign', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetPoll: (fds, nfds, timeout) => {
    const calls = GN.thread ?? GN.attach();
    const ready = calls.poll(HEAPU8, fds, nfds, timeout, 0);
    if (ready !== GN.FOREIGN) return ready;
    {{{ onMain('guestnet_poll_foreign', 'fds', 'nfds') }}};
    return calls.poll(HEAPU8, fds, nfds, timeout, 1);
  },

  // accept4() by the function `accept`. A connection for which there is no number stays where it is, as in Linux.
#if PTHREADS
  // Other threads are given numbers meanwhile, so that the connection has its own afterwards. Another thread asks the main one before
  // only if the last number was a high one, so that a program whose numbers run out between two accepts may lose one.
  $guestnetAccept__deps: ['$GN', 'guestnet_install', 'guestnet_full', '$guestnetOnMain', '$guestnetResult'],
  $guestnetAccept: (calls, accept, listener, addr, len, flags) => {
    if ((!ENVIRONMENT_IS_PTHREAD || GN.crowded) && {{{ onMain('guestnet_full') }}} && calls.state(HEAPU8, listener, 0) >= 0) {
      return -{{{ cDefs.EMFILE }}};
    }
    const fresh = accept(HEAPU8, listener, addr, len, flags, -1);
    if (fresh < 0) return guestnetResult(fresh, listener);
    const fd = {{{ onMain('guestnet_install', 'fresh', cDefs.S_IFSOCK, `flags & ${DESCRIPTOR_FLAGS}`, 2) }}};
    return GN.numbered(fd);
  },
#else
  $guestnetAccept__deps: ['$GN', '$FS', '$guestnetResult'],
  $guestnetAccept: (calls, accept, listener, addr, len, flags) => {
    const number = GN.lowestFree();
    if (number < 0 && calls.state(HEAPU8, listener, 0) >= 0) return -{{{ cDefs.EMFILE }}};
    const fd = accept(HEAPU8, listener, addr, len, flags, number);
    if (fd < 0) return guestnetResult(fd, listener);
    GN.add(fd, {{{ cDefs.S_IFSOCK }}}, flags, 2, {{{ cDefs.O_RDWR }}});
    return fd;
  },
#endif

  // Descriptors in control data get numbers of the file system; the flags are those of recvmsg().
  $guestnetInstallArrived__deps: ['guestnet_install', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetInstallArrived: (calls, flags) => {
    const closesOnExec = flags & {{{ MSG_CMSG_CLOEXEC }}} ? {{{ cDefs.O_CLOEXEC }}} : 0;
    for (let fd = -1, fresh; (fresh = calls.arrived(HEAPU8, fd)) >= 0; ) {
      const kind = calls.fileType(HEAPU8, fresh);
      const modes = closesOnExec | (calls.mode(HEAPU8, fresh) ? {{{ cDefs.O_NONBLOCK }}} : 0);
      fd = {{{ onMain('guestnet_install', 'fresh', 'kind', 'modes', 1) }}};
    }
  },
});

addCalls({
  __syscall_socket__deps: ['guestnet_install'],
  __syscall_socket: (domain, type, protocol, d, e, f) => {
    const fresh = (GN.thread ?? GN.attach()).socket(HEAPU8, domain, type, protocol);
    if (fresh < 0) return fresh;
    const begins = (type & {{{ SOCK_TYPE_MASK }}}) === {{{ cDefs.SOCK_DGRAM }}} ? 1 : 0;
    const fd = {{{ onMain('guestnet_install', 'fresh', cDefs.S_IFSOCK, `type & ${DESCRIPTOR_FLAGS}`, 'begins') }}};
    return GN.numbered(fd);
  },

  // guestnet.c has the system call.
  guestnet_socketpair__sig: 'iiiip',
  guestnet_socketpair__deps: ['$guestnetPair'],
  guestnet_socketpair: (domain, type, protocol, at) => {
    const calls = GN.thread ?? GN.attach();
    return guestnetPair(at, {{{ cDefs.S_IFSOCK }}}, type & {{{ DESCRIPTOR_FLAGS }}},
      () => calls.socketpair(HEAPU8, domain, type, protocol, at));
  },

  __syscall_pipe2__deps: ['$guestnetPair'],
  __syscall_pipe2: (at, flags) => {
    const calls = GN.thread ?? GN.attach();
    return guestnetPair(at, {{{ cDefs.S_IFIFO }}}, flags & {{{ DESCRIPTOR_FLAGS }}}, () => calls.pipe(HEAPU8, at, flags));
  },

  __syscall_bind__deps: ['$guestnetResult'],
  __syscall_bind: (fd, addr, len, d, e, f) => {
    const result = (GN.thread ?? GN.attach()).bind(HEAPU8, fd, addr, len);
    return guestnetResult(result, fd);
  },

  // Socket callbacks are called on the main thread, which is notified of what another thread's socket begins.
  __syscall_connect__deps: ['$guestnetResult'],
  __syscall_connect: (fd, addr, len, d, e, f) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).connect(HEAPU8, fd, addr, len);
    if (result === 0 || result === -{{{ cDefs.EINPROGRESS }}}) {
      if ({{{ IS_PTHREAD }}}) GN.thread.notify(fd);
      else if (GN.hasCallbacks) GN.begin(fd);
    }
    return guestnetResult(result, fd);
  },

  __syscall_listen__deps: ['$guestnetResult'],
  __syscall_listen: (fd, backlog, c, d, e, f) => {
    const result = (GN.thread ?? GN.attach()).listen(HEAPU8, fd, backlog);
    if (result === 0) {
      if ({{{ IS_PTHREAD }}}) GN.thread.notify(fd);
      else if (GN.hasCallbacks) GN.begin(fd);
    }
    return guestnetResult(result, fd);
  },

  __syscall_accept4__deps: ['$guestnetAccept'],
  __syscall_accept4: (listener, addr, len, flags, e, f) => {
    {{{ CANCELLATION_POINT }}}
    const calls = GN.thread ?? GN.attach();
    return guestnetAccept(calls, calls.accept4, listener, addr, len, flags);
  },

  __syscall_getsockname__deps: ['$guestnetResult'],
  __syscall_getsockname: (fd, addr, len, d, e, f) => {
    const result = (GN.thread ?? GN.attach()).getsockname(HEAPU8, fd, addr, len);
    return guestnetResult(result, fd);
  },

  __syscall_getpeername__deps: ['$guestnetResult'],
  __syscall_getpeername: (fd, addr, len, d, e, f) => {
    const result = (GN.thread ?? GN.attach()).getpeername(HEAPU8, fd, addr, len);
    return guestnetResult(result, fd);
  },

  __syscall_shutdown__deps: ['$guestnetResult'],
  __syscall_shutdown: (fd, how, c, d, e, f) => {
    const result = (GN.thread ?? GN.attach()).shutdown(HEAPU8, fd, how);
    return guestnetResult(result, fd);
  },

  __syscall_getsockopt__deps: ['$guestnetResult'],
  __syscall_getsockopt: (fd, level, name, value, len, f) => {
    const result = (GN.thread ?? GN.attach()).getsockopt(HEAPU8, fd, level, name, value, len);
    return guestnetResult(result, fd);
  },

  __syscall_setsockopt__deps: ['$guestnetResult'],
  __syscall_setsockopt: (fd, level, name, value, len, f) => {
    const result = (GN.thread ?? GN.attach()).setsockopt(HEAPU8, fd, level, name, value, len);
    return guestnetResult(result, fd);
  },

  __syscall_sendto__deps: ['$guestnetResult'],
  __syscall_sendto: (fd, buffer, size, flags, addr, len) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).sendto(HEAPU8, fd, buffer, size, flags, addr, len);
    return guestnetResult(result, fd);
  },

  __syscall_recvfrom__deps: ['$guestnetResult'],
  __syscall_recvfrom: (fd, buffer, size, flags, addr, len) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).recvfrom(HEAPU8, fd, buffer, size, flags, addr, len);
    return guestnetResult(result, fd);
  },

  __syscall_sendmsg__deps: ['$guestnetResult'],
  __syscall_sendmsg: (fd, message, flags, d, e, f) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).sendmsg(HEAPU8, fd, message, flags);
    return guestnetResult(result, fd);
  },

  __syscall_recvmsg__deps: ['$guestnetInstallArrived', '$guestnetResult'],
  __syscall_recvmsg: (fd, message, flags, d, e, f) => {
    {{{ CANCELLATION_POINT }}}
    const calls = GN.thread ?? GN.attach();
    const result = calls.recvmsg(HEAPU8, fd, message, flags);
    if (result >= 0) guestnetInstallArrived(calls, flags);
    return guestnetResult(result, fd);
  },

  // linux.c has the functions. The C library would make a call for each message.
  guestnet_sendmmsg__sig: 'iipii',
  guestnet_sendmmsg__deps: ['$guestnetResult'],
  guestnet_sendmmsg: (fd, messages, count, flags) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).sendmmsg(HEAPU8, fd, messages, count, flags);
    return guestnetResult(result, fd);
  },

  guestnet_recvmmsg__sig: 'iipiip',
  guestnet_recvmmsg__deps: ['$guestnetInstallArrived', '$guestnetResult'],
  guestnet_recvmmsg: (fd, messages, count, flags, timeout) => {
    {{{ CANCELLATION_POINT }}}
    const calls = GN.thread ?? GN.attach();
    const result = calls.recvmmsg(HEAPU8, fd, messages, count, flags, timeout);
    if (result > 0) guestnetInstallArrived(calls, flags);
    return guestnetResult(result, fd);
  },

  // linux.c has the function. A file cannot be spliced.
  guestnet_splice__sig: 'iiiii',
  guestnet_splice__deps: ['guestnet_not_ours'],
  guestnet_splice: (from, to, count, flags) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).splice(HEAPU8, from, to, count, flags);
    if (result !== -{{{ cDefs.EBADF }}}) return result;
    const isFile = (fd) => {{{ onMain('guestnet_not_ours', 'fd') }}} === -{{{ cDefs.ENOTSOCK }}};
    return isFile(from) || isFile(to) ? -{{{ cDefs.EINVAL }}} : result;
  },

  __syscall_poll__deps: ['$guestnetPoll'],
  __syscall_poll: (fds, nfds, timeout) => {
    {{{ CANCELLATION_POINT }}}
    return guestnetPoll(fds, nfds, timeout);
  },

  __syscall_poll_nonblocking__deps: ['$guestnetPoll'],
  __syscall_poll_nonblocking: (fds, nfds) => {
    {{{ CANCELLATION_POINT }}}
    return guestnetPoll(fds, nfds, 0);
  },

  __syscall_epoll_create1__deps: ['guestnet_install'],
  __syscall_epoll_create1: (flags) => {
    const fresh = (GN.thread ?? GN.attach()).epollCreate(HEAPU8, flags);
    if (fresh < 0) return fresh;
    const fd = {{{ onMain('guestnet_install', 'fresh', 0, `flags & ${DESCRIPTOR_FLAGS}`, 0) }}};
    return GN.numbered(fd);
  },

  __syscall_epoll_ctl__deps: ['guestnet_not_in_epoll'],
  __syscall_epoll_ctl: (epoll, op, fd, event) => {
    const result = (GN.thread ?? GN.attach()).epollCtl(HEAPU8, epoll, op, fd, event);
    return result === -{{{ cDefs.EBADF }}} ? {{{ onMain('guestnet_not_in_epoll', 'epoll', 'fd') }}} : result;
  },

  __syscall_epoll_pwait__deps: ['$guestnetResult'],
  __syscall_epoll_pwait: (fd, events, count, timeout, e, f) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).epollWait(HEAPU8, fd, events, count, timeout);
    return guestnetResult(result, fd);
  },

  __syscall_epoll_pwait_nonblocking__sig: 'iipi',
  __syscall_epoll_pwait_nonblocking: (fd, events, count) => {
    return (GN.thread ?? GN.attach()).epollWait(HEAPU8, fd, events, count, 0);
  },

  // read() and write(): what is not ours is the file system's. Before the first descriptor of ours everything is: a program
  // that only prints needs no addon.
  fd_read__deps: ['guestnet_fs_read'],
  fd_read: (fd, iov, iovcnt, pnum) => {
    if (!GN.thread && !{{{ IS_PTHREAD }}}) return _guestnet_fs_read(fd, iov, iovcnt, pnum);
    {{{ CANCELLATION_POINT }}}
    const count = (GN.thread ?? GN.attach()).readv(HEAPU8, fd, iov, iovcnt);
    if (count === -{{{ cDefs.EBADF }}}) return _guestnet_fs_read(fd, iov, iovcnt, pnum);
    if (count < 0) return -count;
    {{{ makeSetValue('pnum', 0, 'count', SIZE_TYPE) }}};
    return 0;
  },

  fd_write__deps: ['guestnet_fs_write'],
  fd_write: (fd, iov, iovcnt, pnum) => {
    if (!GN.thread && !{{{ IS_PTHREAD }}}) return {{{ onMain('guestnet_fs_write', 'fd', 'iov', 'iovcnt', 'pnum') }}};
    // A thread that ends in the midst of printf() would keep the stream's lock for ever.
    if (fd > 2) { {{{ CANCELLATION_POINT }}} }
    const count = (GN.thread ?? GN.attach()).writev(HEAPU8, fd, iov, iovcnt);
    if (count === -{{{ cDefs.EBADF }}}) return {{{ onMain('guestnet_fs_write', 'fd', 'iov', 'iovcnt', 'pnum') }}};
    if (count < 0) return -count;
    {{{ makeSetValue('pnum', 0, 'count', SIZE_TYPE) }}};
    return 0;
  },

#if PTHREADS
  // The file system is the main thread's, which would hold up all others if it waited there for SO_LINGER. So the thread that
  // closes such a socket holds it meanwhile, and waits itself.
  fd_close__deps: ['guestnet_close'],
  fd_close: (fd) => {
    if (!ENVIRONMENT_IS_PTHREAD) return {{{ onMain('guestnet_close', 'fd') }}};
    const calls = GN.thread ?? GN.attach();
    const held = calls.hold(HEAPU8, fd);
    const result = {{{ onMain('guestnet_close', 'fd') }}};
    if (held > 0) calls.letGo(HEAPU8);
    return result;
  },

  __syscall_dup3__deps: ['guestnet_dup3'],
  __syscall_dup3: (fd, closed, flags) => {
    if (!ENVIRONMENT_IS_PTHREAD) return {{{ onMain('guestnet_dup3', 'fd', 'closed', 'flags') }}};
    const calls = GN.thread ?? GN.attach();
    const held = calls.hold(HEAPU8, closed);
    const result = {{{ onMain('guestnet_dup3', 'fd', 'closed', 'flags') }}};
    if (held > 0) calls.letGo(HEAPU8);
    return result;
  },
#else
  fd_close__deps: ['guestnet_close'],
  fd_close: (fd) => { return _guestnet_close(fd); },

  __syscall_dup3__deps: ['guestnet_dup3'],
  __syscall_dup3: (fd, closed, flags) => { return _guestnet_dup3(fd, closed, flags); },
#endif
});
