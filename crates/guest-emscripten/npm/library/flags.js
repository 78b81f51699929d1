// What fcntl() and ioctl() keep and say of a descriptor: FD_CLOEXEC, which is the number's, and the owner and the modes, which are the
// open file's. All of it is the main thread's, and of files too. Not here: what a read or a write does with a mode.
keep('__syscall_fcntl64', 'guestnet_fs_fcntl64');
keep('__syscall_ioctl', 'guestnet_fs_ioctl');
keep('__syscall_dup', 'guestnet_fs_dup');
keep('__syscall_dup3', 'guestnet_fs_dup3');

Object.assign(GN, {
  /** Whether a descriptor has FD_CLOEXEC; a file has it as it was opened until something else is said. */
  closesOnExec(stream) {
    return stream.closesOnExec ?? !!(stream.flags & {{{ cDefs.O_CLOEXEC }}});
  },

  /** Gives the copy that a call has made its own FD_CLOEXEC: it began with all that its source has. Returns the call's result. */
  copied(fd, closesOnExec) {
    if (fd >= 0) FS.getStream(fd).closesOnExec = closesOnExec;
    return fd;
  },

  /** Whether an open file of ours has O_ASYNC: sockets and pipes do. Nothing is ever signalled. */
  hasAsync(stream) {
    return FS.isSocket(stream.shared.kind) || FS.isFIFO(stream.shared.kind);
  },

  /** F_SETOWN_EX, within what there is: this process, its one group and its main thread. */
  own(stream, type, id) {
    if (type < {{{ F_OWNER_TID }}} || type > {{{ F_OWNER_PGRP }}}) return -{{{ cDefs.EINVAL }}};
    if (id && id !== (type === {{{ F_OWNER_PGRP }}} ? ___syscall_getpgid(0) : ___syscall_getpid())) return -{{{ cDefs.ESRCH }}};
    stream.shared.owner = { type, id };
    return 0;
  },

  /** F_SETOWN: a process, or a negated group. */
  ownBy(stream, who) {
    if (who === -0x80000000) return -{{{ cDefs.EINVAL }}};
    return GN.own(stream, who < 0 ? {{{ F_OWNER_PGRP }}} : {{{ F_OWNER_PID }}}, Math.abs(who));
  },

  /** What F_GETOWN_EX gives. */
  owner(stream) {
    return stream.shared.owner ?? { type: {{{ F_OWNER_TID }}}, id: 0 };
  },

  fcntl(stream, command, argument) {
    switch (command) {
      case {{{ cDefs.F_GETFD }}}:
        return GN.closesOnExec(stream) ? {{{ FD_CLOEXEC }}} : 0;
      case {{{ cDefs.F_SETFD }}}:
        stream.closesOnExec = !!(argument & {{{ FD_CLOEXEC }}});
        return 0;
      case {{{ cDefs.F_GETFL }}}:
        return stream.flags & ~{{{ cDefs.O_CLOEXEC }}};
      case {{{ cDefs.F_SETOWN }}}:
        return GN.ownBy(stream, argument);
      case {{{ cDefs.F_GETOWN }}}: {
        const { type, id } = GN.owner(stream);
        return type === {{{ F_OWNER_PGRP }}} ? -id : id;
      }
      case {{{ F_SETOWN_EX }}}:
        return GN.own(stream, {{{ makeGetValue('argument', 0, 'i32') }}}, {{{ makeGetValue('argument', 4, 'i32') }}});
      case {{{ cDefs.F_GETOWN_EX }}}: {
        const { type, id } = GN.owner(stream);
        {{{ makeSetValue('argument', 0, 'type', 'i32') }}};
        {{{ makeSetValue('argument', 4, 'id', 'i32') }}};
        return 0;
      }
    }
    return undefined;
  },

  /** ioctl() of a descriptor of ours, `at` the int that the request reads or writes. */
  ioctl(stream, request, at) {
    const isSocket = FS.isSocket(stream.shared.kind);
    const read = () => {{{ makeGetValue('at', 0, 'i32') }}};
    const write = (value) => {
      if (value < 0) return value;
      {{{ makeSetValue('at', 0, 'value', 'i32') }}};
      return 0;
    };
    const requests = {
      {{{ cDefs.FIONREAD }}}: () => write(GN.thread.fionread(HEAPU8, stream.fd)),
      {{{ cDefs.FIONBIO }}}: () => {
        const on = read() ? {{{ cDefs.O_NONBLOCK }}} : 0;
        stream.flags = (stream.flags & ~{{{ cDefs.O_NONBLOCK }}}) | on;
        return 0;
      },
      {{{ FIOASYNC }}}: () => {
        const on = read() ? {{{ cDefs.O_ASYNC }}} : 0;
        if (on && !GN.hasAsync(stream)) return -{{{ cDefs.ENOTTY }}};
        stream.flags = (stream.flags & ~{{{ cDefs.O_ASYNC }}}) | on;
        return 0;
      },
    };
    if (isSocket) {
      const setOwner = () => GN.ownBy(stream, read());
      // -1 to -4095 is a group here and not an error.
      const getOwner = () => {
        const owner = GN.fcntl(stream, {{{ cDefs.F_GETOWN }}});
        {{{ makeSetValue('at', 0, 'owner', 'i32') }}};
        return 0;
      };
      Object.assign(requests, {
        {{{ TIOCOUTQ }}}: () => write(GN.thread.unsentBytes(HEAPU8, stream.fd)),
        {{{ SIOCATMARK }}}: () => write(GN.thread.atMark(HEAPU8, stream.fd)),
        {{{ FIOSETOWN }}}: setOwner,
        {{{ SIOCSPGRP }}}: setOwner,
        {{{ FIOGETOWN }}}: getOwner,
        {{{ SIOCGPGRP }}}: getOwner,
      });
    }
    // netdevice(7): what they read and write is a struct of its own length.
    if (isSocket && request >= {{{ SIOCGIFNAME }}} && request <= {{{ SIOCGIFINDEX }}}) {
      return GN.thread.interfaceRequest(HEAPU8, stream.fd, request, at);
    }
    const work = requests[request];
    if (!work) return -{{{ cDefs.ENOTTY }}};
    return at && at + 4 <= HEAPU8.length ? work() : -{{{ cDefs.EFAULT }}};
  },
});

Object.assign(library, {
  __syscall_fcntl64__deps: ['$GN', '$FS', 'guestnet_fs_fcntl64', '__syscall_getpid', '__syscall_getpgid'],
  __syscall_fcntl64: (fd, command, varargs) => {
    const stream = FS.getStreamChecked(fd);
    const argument = varargs ? {{{ makeGetValue('varargs', 0, 'i32') }}} : 0;
    const result = GN.fcntl(stream, command, argument);
    if (result !== undefined) return result;
    switch (command) {
      case {{{ cDefs.F_DUPFD }}}:
        return GN.copied(_guestnet_fs_fcntl64(fd, {{{ cDefs.F_DUPFD }}}, varargs), false);
      case {{{ F_DUPFD_CLOEXEC }}}:
        return GN.copied(_guestnet_fs_fcntl64(fd, {{{ cDefs.F_DUPFD }}}, varargs), true);
      case {{{ cDefs.F_SETFL }}}: {
        const done = _guestnet_fs_fcntl64(fd, command, varargs);
        if (stream.stream_ops === GN.stream_ops && !GN.hasAsync(stream)) stream.flags &= ~{{{ cDefs.O_ASYNC }}};
        return done;
      }
    }
    return _guestnet_fs_fcntl64(fd, command, varargs);
  },

  __syscall_ioctl__deps: ['$GN', '$FS', 'guestnet_fs_ioctl'],
  __syscall_ioctl: (fd, request, varargs) => {
    const stream = FS.getStreamChecked(fd);
    if (request === {{{ FIOCLEX }}} || request === {{{ FIONCLEX }}}) {
      stream.closesOnExec = request === {{{ FIOCLEX }}};
      return 0;
    }
    if (stream.stream_ops !== GN.stream_ops) return _guestnet_fs_ioctl(fd, request, varargs);
    return GN.ioctl(stream, request, {{{ makeGetValue('varargs', 0, '*') }}});
  },

  __syscall_dup__deps: ['$GN', '$FS', 'guestnet_fs_dup'],
  __syscall_dup: (fd) => {
    return GN.copied(_guestnet_fs_dup(fd), false);
  },

  guestnet_dup3__sig: 'iiii',
  guestnet_dup3__deps: ['$GN', '$FS', 'guestnet_fs_dup3'],
  guestnet_dup3__proxy: 'sync',
  guestnet_dup3: (fd, closed, flags) => {
    return GN.copied(_guestnet_fs_dup3(fd, closed, flags & ~{{{ cDefs.O_CLOEXEC }}}), !!(flags & {{{ cDefs.O_CLOEXEC }}}));
  },
});
