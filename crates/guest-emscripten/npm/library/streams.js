// Our descriptors in Emscripten's file system, which counts the numbers. All of it is the main thread's.
keep('fd_read', 'guestnet_fs_read');
keep('fd_write', 'guestnet_fs_write');
keep('fd_close', 'guestnet_fs_close');

Object.assign(GN, {
  root: null,

  mount() {
    GN.Stream = GN.streamClass();
    return FS.createNode(null, '/', {{{ cDefs.S_IFDIR | 0o777 }}}, 0);
  },

  /** A stream of ours. Its node, and so its path, is what few programs ask for, and is made where one does. */
  Stream: null,
  streamClass() {
    return class extends FS.FSStream {
      get node() {
        return this.shared.node;
      }
      get path() {
        return this.shared.node.name;
      }
    };
  },

  /** What duplicates share. The mode is the open file's, and the addon has to know of each change. */
  OpenFile: class {
    constructor(fd, kind, mode) {
      /** Of all duplicates. */
      this.numbers = [fd];
      this.kind = kind;
      this.mode = mode;
      this.made = null;
      /** What callbacks.js knows of a socket. */
      this.open = this.ended = this.listens = false;
      /** The look-up that it stands for. */
      this.lookup = null;
    }
    /** No path leads to it, so that it stands in no table of names. */
    get node() {
      return this.made ??= new FS.FSNode(GN.root, 'socket[' + FS.nextInode + ']', this.kind | 0o777, 0);
    }
    get flags() {
      const mode = this.mode & ~{{{ cDefs.O_NONBLOCK }}};
      // A descriptor that was passed on is another file here and the same one in the addon, which has the mode.
      const fd = this.numbers[0];
      return fd !== undefined && GN.thread.mode(HEAPU8, fd) > 0 ? mode | {{{ cDefs.O_NONBLOCK }}} : mode;
    }
    set flags(value) {
      this.mode = value;
      const fd = this.numbers[0];
      if (fd !== undefined) GN.thread.nonblock(HEAPU8, fd, value & {{{ cDefs.O_NONBLOCK }}});
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
    let fd;
    try {
      fd = GN.result(calls.installAt(HEAPU8, fresh, FS.nextfd()));
    } catch (error) {
      calls.close(HEAPU8, fresh);
      throw error;
    }
    GN.add(fd, kind, flags, begins, access);
    return fd;
  },

  /** Gives the file system a descriptor that has its number. */
  add(fd, kind, flags, begins, access) {
    const stream = new GN.Stream();
    const file = new GN.OpenFile(fd, kind, access | (flags & {{{ cDefs.O_NONBLOCK }}}));
    file.open = begins === 2;
    stream.shared = file;
    stream.seekable = false;
    stream.stream_ops = GN.stream_ops;
    stream.fd = stream.guestnet = fd;
    stream.closesOnExec = !!(flags & {{{ cDefs.O_CLOEXEC }}});
    FS.streams[fd] = stream;
    GN.onInstall(fd, begins);
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

  /** The number that the file system would give now; -1 if it has none left. */
  lowestFree() {
    for (let fd = 0; fd <= FS.MAX_OPEN_FDS; fd++) if (!FS.streams[fd]) return fd;
    return -1;
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
      // FS.createStream() makes a stream of its own class.
      Object.setPrototypeOf(stream, GN.Stream.prototype);
      const result = GN.thread.dup(HEAPU8, stream.guestnet, stream.fd);
      if (result < 0) {
        FS.closeStream(stream.fd);
        // F_DUPFD counts on: all up to the last number are taken, or it was asked for one that there is not.
        const beyond = stream.fd - FS.MAX_OPEN_FDS;
        GN.result(beyond < 1 ? result : beyond > 1 ? -{{{ cDefs.EINVAL }}} : -{{{ cDefs.EMFILE }}});
      }
      stream.guestnet = stream.fd;
      stream.shared.numbers.push(stream.fd);
    },
    close(stream) {
      if (GN.isQuitting) GN.end?.();
      GN.thread.close(HEAPU8, stream.fd);
      GN.onClose(stream.fd);
      const file = stream.shared;
      file.numbers = file.numbers.filter((fd) => fd !== stream.fd);
      if (file.lookup && !file.numbers.length) GN.thread.lookupCancel(file.lookup.id);
    },
  },
});

Object.assign(library, {
  // `begins`: 1 if it is a socket that may have callbacks from now on, 2 if it is open besides.
  guestnet_install__sig: 'iiiii',
  guestnet_install__deps: ['$GN'],
  guestnet_install__proxy: 'sync',
  guestnet_install: (fresh, kind, flags, begins) => GN.attempt(() => GN.install(fresh, kind, flags, begins)),

  guestnet_close__sig: 'ii',
  guestnet_close__deps: ['$GN', '$FS', 'guestnet_fs_close'],
  guestnet_close__proxy: 'sync',
  guestnet_close: (fd) => {
    const stream = GN.stream(fd);
    if (!stream) return _guestnet_fs_close(fd);
    // FS.close(), less what it does with a node.
    try {
      GN.stream_ops.close(stream);
    } finally {
      FS.closeStream(fd);
    }
    stream.fd = null;
    return 0;
  },

  guestnet_install_pair__sig: 'ipii',
  guestnet_install_pair__deps: ['$GN', '$FS'],
  guestnet_install_pair__proxy: 'sync',
  guestnet_install_pair: (at, kind, flags) => GN.attempt(() => GN.installPair(at, kind, flags)),

  guestnet_full__sig: 'i',
  guestnet_full__deps: ['$GN', '$FS'],
  guestnet_full__proxy: 'sync',
  guestnet_full: () => GN.lowestFree() < 0 ? 1 : 0,

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
