// Our descriptors in Emscripten's file system, which counts the numbers. All of it is the main thread's.
keep('fd_read', 'guestnet_fs_read');
keep('fd_write', 'guestnet_fs_write');
keep('fd_close', 'guestnet_fs_close');

Object.assign(GN, {
  root: null,
  names: 0,

  mount() {
    return FS.createNode(null, '/', {{{ cDefs.S_IFDIR | 0o777 }}}, 0);
  },

  /** What duplicates share. The mode is the open file's, and the addon has to know of each change. */
  OpenFile: class {
    constructor(node, mode) {
      this.node = node;
      this.mode = mode;
    }
    get flags() {
      const mode = this.mode & ~{{{ cDefs.O_NONBLOCK }}};
      // A descriptor that was passed on is another file here and the same one in the addon, which has the mode.
      for (const fd of this.node.numbers) return GN.thread.mode(HEAPU8, fd) > 0 ? mode | {{{ cDefs.O_NONBLOCK }}} : mode;
      return mode;
    }
    set flags(value) {
      this.mode = value;
      for (const fd of this.node.numbers) {
        (GN.thread ?? GN.attach()).nonblock(HEAPU8, fd, value & {{{ cDefs.O_NONBLOCK }}});
        break;
      }
    }
  },

  /** The stream of a descriptor of ours, else undefined. */
  stream(fd) {
    const stream = FS.getStream(fd);
    return stream?.stream_ops === GN.stream_ops ? stream : undefined;
  },

  /** Gives a fresh descriptor a number of the file system; `flags` has O_NONBLOCK and O_CLOEXEC, `access` how it can be used. */
  install(fresh, kind, flags, begins, access = {{{ cDefs.O_RDWR }}}) {
    const calls = GN.thread ?? GN.attach();
    let stream, node;
    try {
      const name = 'socket[' + GN.names++ + ']';
      node = FS.createNode(GN.root, name, kind | 0o777, 0);
      node.numbers = new Set();
      stream = FS.createStream({
        path: name,
        node,
        flags: access,
        seekable: false,
        stream_ops: GN.stream_ops,
      });
      GN.result(calls.installAt(HEAPU8, fresh, stream.fd));
    } catch (error) {
      calls.close(HEAPU8, fresh);
      if (stream) FS.closeStream(stream.fd);
      if (node) FS.destroyNode(node);
      throw error;
    }
    node.numbers.add(stream.fd);
    stream.guestnet = stream.fd;
    stream.closesOnExec = !!(flags & {{{ cDefs.O_CLOEXEC }}});
    stream.shared = new GN.OpenFile(node, access | (flags & {{{ cDefs.O_NONBLOCK }}}));
    node.open = begins === 2;
    GN.onInstall(stream.fd, begins);
    return stream.fd;
  },

  /** The same for the two fresh descriptors that stand at `at`. */
  installPair(at, kind, flags) {
    const one = {{{ makeGetValue('at', 0, 'i32') }}};
    const other = {{{ makeGetValue('at', 4, 'i32') }}};
    const isPipe = kind === {{{ cDefs.S_IFIFO }}};
    let first;
    try {
      first = GN.install(one, kind, flags, 0, isPipe ? {{{ cDefs.O_RDONLY }}} : undefined);
    } catch (error) {
      GN.thread.close(HEAPU8, other);
      throw error;
    }
    let second;
    try {
      second = GN.install(other, kind, flags, 0, isPipe ? {{{ cDefs.O_WRONLY }}} : undefined);
    } catch (error) {
      FS.close(FS.getStream(first));
      throw error;
    }
    {{{ makeSetValue('at', 0, 'first', 'i32') }}};
    {{{ makeSetValue('at', 4, 'second', 'i32') }}};
    return 0;
  },

  /** Whether the file system has no number left. */
  full() {
    if (FS.streams.length <= FS.MAX_OPEN_FDS) return false;
    for (let fd = 0; fd <= FS.MAX_OPEN_FDS; fd++) if (!FS.streams[fd]) return false;
    return true;
  },

  stream_ops: {
    getattr(stream) {
      return {
        dev: 1,
        ino: stream.node.id,
        mode: stream.node.mode,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        size: 0,
        atime: new Date(0),
        mtime: new Date(0),
        ctime: new Date(0),
        blksize: 4096,
        blocks: 0,
      };
    },
    read(stream, buffer, offset, length) {
      return GN.result(GN.thread.recvfrom(HEAPU8, stream.fd, offset, length, 0, 0, 0));
    },
    write(stream, buffer, offset, length) {
      return GN.result(GN.thread.sendto(HEAPU8, stream.fd, offset, length, 0, 0, 0));
    },
    fsync() {
      return {{{ cDefs.EINVAL }}};
    },
    dup(stream) {
      const result = GN.thread.dup(HEAPU8, stream.guestnet, stream.fd);
      if (result < 0) {
        FS.closeStream(stream.fd);
        // F_DUPFD counts on: all up to the last number are taken, or it was asked for one that there is not.
        const beyond = stream.fd - FS.MAX_OPEN_FDS;
        GN.result(beyond < 1 ? result : beyond > 1 ? -{{{ cDefs.EINVAL }}} : -{{{ cDefs.EMFILE }}});
      }
      stream.guestnet = stream.fd;
      stream.node.numbers.add(stream.fd);
    },
    close(stream) {
      if (GN.isQuitting) GN.end?.();
      GN.thread.close(HEAPU8, stream.fd);
      GN.onClose(stream.fd);
      stream.node.numbers.delete(stream.fd);
      if (stream.node.numbers.size) return;
      if (stream.node.lookup) GN.thread.lookupCancel(stream.node.lookup.id);
      FS.destroyNode(stream.node);
    },
  },
});

Object.assign(library, {
  // `begins`: 1 if it is a socket that may have callbacks from now on, 2 if it is open besides.
  guestnet_install__sig: 'iiiii',
  guestnet_install__deps: ['$GN'],
  guestnet_install__proxy: 'sync',
  guestnet_install: (fresh, kind, flags, begins) => GN.attempt(() => GN.install(fresh, kind, flags, begins)),

  guestnet_install_pair__sig: 'ipii',
  guestnet_install_pair__deps: ['$GN', '$FS'],
  guestnet_install_pair__proxy: 'sync',
  guestnet_install_pair: (at, kind, flags) => GN.attempt(() => GN.installPair(at, kind, flags)),

  guestnet_full__sig: 'i',
  guestnet_full__deps: ['$GN', '$FS'],
  guestnet_full__proxy: 'sync',
  guestnet_full: () => GN.full() ? 1 : 0,

  // What the socket calls return for a number that is not ours: it may be a file's.
  guestnet_not_ours__sig: 'ii',
  guestnet_not_ours__deps: ['$FS', '$GN'],
  guestnet_not_ours__proxy: 'sync',
  guestnet_not_ours: (fd) => {
    const stream = FS.getStream(fd);
    return stream && stream.stream_ops !== GN.stream_ops ? -{{{ cDefs.ENOTSOCK }}} : -{{{ cDefs.EBADF }}};
  },

  // The same of epoll_ctl(2): the file may be what should be an epoll, or what cannot be in one.
  guestnet_not_in_epoll__sig: 'iii',
  guestnet_not_in_epoll__deps: ['$FS', '$GN'],
  guestnet_not_in_epoll__proxy: 'sync',
  guestnet_not_in_epoll: (epoll, fd) => {
    const one = FS.getStream(epoll);
    const other = FS.getStream(fd);
    if (!one || !other) return -{{{ cDefs.EBADF }}};
    return other.stream_ops === GN.stream_ops ? -{{{ cDefs.EINVAL }}} : -{{{ cDefs.EPERM }}};
  },

  // Neither can be done to a socket or a pipe.
  __syscall_ftruncate64__deps: ['$GN', '$FS'],
  __syscall_ftruncate64: (fd, length) => {
    if (FS.getStream(fd)?.stream_ops === GN.stream_ops) return -{{{ cDefs.EINVAL }}};
    if (isNaN(length)) return -{{{ cDefs.EFBIG }}};
    FS.ftruncate(fd, length);
    return 0;
  },
  __syscall_fdatasync__deps: ['$GN', '$FS'],
  __syscall_fdatasync: (fd) => {
    return FS.getStreamChecked(fd).stream_ops === GN.stream_ops ? -{{{ cDefs.EINVAL }}} : 0;
  },

  // Writes the results of poll() for descriptors that are the file system's alone.
  guestnet_poll_foreign__sig: 'vpi',
  guestnet_poll_foreign__deps: ['$GN', '$FS'],
  guestnet_poll_foreign__proxy: 'sync',
  guestnet_poll_foreign: (fds, nfds) => {
    for (let i = 0, at = fds; i < nfds; i++, at += {{{ C_STRUCTS.pollfd.__size__ }}}) {
      const fd = {{{ makeGetValue('at', C_STRUCTS.pollfd.fd, 'i32') }}};
      const events = {{{ makeGetValue('at', C_STRUCTS.pollfd.events, 'i16') }}};
      const stream = FS.getStream(fd);
      let ready = 0;
      if (!stream) {
        ready = fd < 0 ? 0 : {{{ cDefs.POLLNVAL }}};
      } else if (stream.stream_ops !== GN.stream_ops) {
        ready = stream.stream_ops?.poll ? stream.stream_ops.poll(stream) : {{{ cDefs.POLLIN | cDefs.POLLOUT }}};
        ready &= events | {{{ cDefs.POLLERR | cDefs.POLLHUP | cDefs.POLLNVAL }}};
      }
      {{{ makeSetValue('at', C_STRUCTS.pollfd.revents, 'ready', 'i16') }}};
    }
  },
});
