/**
 * guestnet's half of the socket calls for `emcc --js-library`: which thread does what, and Emscripten's file system.
 *
 * Every call is one of the addon's functions of (memory, integers). What needs the file system (a descriptor's number)
 * runs on the main thread; what moves data runs in the thread that asks and never by way of another.
 */
(() => {
  const before = LibraryManager.library;

  /** Keeps a function of Emscripten's under a name of our own, with all that belongs to it. */
  const kept = (name, as) => {
    const copy = {};
    copy[as] = before[name];
    // It may need what is marked as Emscripten's own affair; so do we, for it.
    for (const needed of before[name + '__deps'] ?? []) delete before[needed + '__internal'];
    for (const what of ['__deps', '__proxy', '__sig', '__i53abi', '__async', '__nothrow']) {
      if (before[name + what] !== undefined) copy[as + what] = before[name + what];
    }
    return copy;
  };

  const library = {
    ...kept('fd_read', 'guestnet_fs_read'),
    ...kept('fd_write', 'guestnet_fs_write'),
    ...kept('fd_close', 'guestnet_fs_close'),
    ...kept('__syscall_dup3', 'guestnet_fs_dup3'),

    $GN__deps: ['$FS', '$guestnetProgram', 'guestnet_id',
#if PTHREADS
      'emscripten_main_thread_process_queued_calls', 'pthread_testcancel', '$guestnetWhole',
#endif
    ],
    $GN__postset: () => {
      addAtInit('GN.root = FS.mount(GN, {}, null);');
      addAtExit('GN.end?.();');
#if PTHREADS
      return 'if (ENVIRONMENT_IS_PTHREAD) GN.listenForThreads();';
#else
      return '';
#endif
    },
    $GN: {
      root: null,
      /** The addon's functions for this thread. */
      thread: null,
      /** The program's number, on the main thread. */
      id: 0,
      names: 0,
      hostsSeen: '',
      /** emscripten_set_socket_*_callback. */
      callbacks: {},
      /** Whether there is one: then sockets that begin to connect or listen are watched. On the main thread. */
      hearing: false,
      /** Descriptor → who waits for it → the addon's bits. On the main thread. */
      interests: new Map(),
      /** Who → what is called with (fd, bits). */
      hearers: {},
      listening: false,
      /** poll() has met a descriptor that is not ours. */
      FOREIGN: -0x80000000,

#if PTHREADS
      /** Emscripten takes Bun for an engine that gives a worker's messages to `onmessage`. Bun 1.4 gives them to its port. */
      listenForThreads() {
        if (!process.versions.bun) return;
        let given = false;
        addEventListener('message', () => { given = true; });
        guestnetProgram.require('worker_threads').parentPort.on('message', (data) => {
          // When both would have had it.
          setImmediate(() => { if (!given) globalThis.onmessage?.({ data }); });
        });
      },

#endif
      mount() {
        return FS.createNode(null, '/', {{{ cDefs.S_IFDIR | 0o777 }}}, 0);
      },

      /** Starts the program, and closes what is open at its end. */
      open() {
        [GN.id, GN.end] = guestnetProgram.start(() => {
          // What it watched is closed, and must not keep the engine's loop running.
          GN.hearing = false;
          GN.interests.clear();
          GN.over?.();
          GN.thread?.release();
        });
        return GN.id;
      },

      /** Ends the program's waits and closes its descriptors. */
      end: null,

      /** What else there is to be done at its end. */
      over: null,

      /** The first call of a thread. */
      attach() {
        GN.thread = guestnetProgram.addon().attach(
          {{{ PTHREADS ? 'guestnetWhole(_guestnet_id)' : '_guestnet_id()' }}},
          {{{ PTHREADS ? 'ENVIRONMENT_IS_PTHREAD ? 1 : 0' : 0 }}});
        // Another thread has ended the program: this one goes on no more than those that were in a call.
        if (!GN.thread) throw 'unwind';
#if PTHREADS
        // Other threads are slowed by half a millisecond on average while this one waits or makes calls.
        if (!ENVIRONMENT_IS_PTHREAD) {
          // What it throws ends the program, as where another thread has called exit(): no call goes on then.
          GN.thread.setIdleTask(() => { _emscripten_main_thread_process_queued_calls(); }, 1);
          return GN.thread;
        }
#endif
        // Somebody may end a worker that waits in a call, which the call finds out by trying to run something.
        // In a pthread that is also how it learns that it was cancelled: pthread_exit() then throws through the call.
        const look = {{{ PTHREADS ? 'ENVIRONMENT_IS_PTHREAD ? () => { _pthread_testcancel(); } : ' : '' }}}() => {};
        if (!guestnetProgram.require('worker_threads').isMainThread) GN.thread.setIdleTask(look, 20);
        return GN.thread;
      },

      /** What duplicates share. The mode is the open file's, and the addon has to know of each change. */
      OpenFile: class {
        constructor(node, mode) {
          this.node = node;
          this.mode = mode;
        }
        get flags() {
          const mode = this.mode & ~{{{ cDefs.O_NONBLOCK }}};
          // What was passed on is another file here and the same one there, where the mode is.
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

      /** Gives a fresh descriptor a number of the file system. On the main thread. */
      enter(fresh, kind, nonblocking, begins) {
        const calls = GN.thread ?? GN.attach();
        let stream, node;
        try {
          const name = 'socket[' + GN.names++ + ']';
          node = FS.createNode(GN.root, name, kind | 0o777, 0);
          node.numbers = new Set();
          stream = FS.createStream({
            path: name,
            node,
            flags: {{{ cDefs.O_RDWR }}},
            seekable: false,
            stream_ops: GN.stream_ops,
          });
          GN.result(calls.place(HEAPU8, fresh, stream.fd));
        } catch (error) {
          calls.close(HEAPU8, fresh);
          if (stream) FS.closeStream(stream.fd);
          if (node) FS.destroyNode(node);
          throw error;
        }
        node.numbers.add(stream.fd);
        stream.guestnet = stream.fd;
        stream.shared = new GN.OpenFile(node, {{{ cDefs.O_RDWR }}} | (nonblocking ? {{{ cDefs.O_NONBLOCK }}} : 0));
        node.open = begins === 2;
        if (begins && GN.hearing) GN.begin(stream.fd);
        return stream.fd;
      },

      /** Whether the file system has no number left. On the main thread. */
      full() {
        if (FS.streams.length <= FS.MAX_OPEN_FDS) return false;
        for (let fd = 0; fd <= FS.MAX_OPEN_FDS; fd++) if (!FS.streams[fd]) return false;
        return true;
      },

      /** The last number that this thread was given is a high one: the next may be none. */
      crowded: false,

      /** Two fresh descriptors that stand at `at`. */
      enterPair(at, kind, nonblocking) {
        const one = {{{ makeGetValue('at', 0, 'i32') }}};
        const other = {{{ makeGetValue('at', 4, 'i32') }}};
        let first;
        try {
          first = GN.enter(one, kind, nonblocking);
        } catch (error) {
          GN.thread.close(HEAPU8, other);
          throw error;
        }
        let second;
        try {
          second = GN.enter(other, kind, nonblocking);
        } catch (error) {
          FS.close(FS.getStream(first));
          throw error;
        }
        {{{ makeSetValue('at', 0, 'first', 'i32') }}};
        {{{ makeSetValue('at', 4, 'second', 'i32') }}};
        return 0;
      },

      /** A callback for one kind of event, or none any more. */
      on(event, callback) {
        GN.callbacks[event] = callback;
        const hearing = Object.values(GN.callbacks).some((each) => each);
        if (hearing === GN.hearing) return;
        GN.hearing = hearing;
        GN.hearers.callbacks = GN.ready;
        GN.watching().subscribe(hearing ? 1 : 0);
        for (const { stream_ops, node, fd } of FS.streams.filter((stream) => stream)) {
          if (stream_ops !== GN.stream_ops) continue;
          if (!hearing) {
            GN.want(fd, 'callbacks', 0);
          } else {
            // What it did before, nobody asked to hear.
            node.listens = GN.thread.state(HEAPU8, fd, 0) & 1;
            GN.begin(fd);
          }
        }
      },

      /** A socket connects or listens, is accepted, or may do something without. Harmless if it does none of these. */
      begin(fd) {
        const stream = FS.getStream(fd);
        if (stream?.stream_ops !== GN.stream_ops) return;
        const node = stream.node;
        const state = GN.thread.state(HEAPU8, fd, 0);
        if (state < 0) return;
        node.ended = false;
        if (state & 1 && !node.listens) {
          node.listens = true;
          GN.tell('listen', fd);
        }
        if (FS.getStream(fd) === stream) GN.watch(fd, node, state);
      },

      /** Waits for the next event of a socket. A datagram socket that is not connected has nothing to open. */
      watch(fd, node, state) {
        if (!node.ended && GN.hearing) GN.want(fd, 'callbacks', node.open || (state & 6) === 4 ? 1 : 3);
      },

      /** The functions of this thread, once it is told of readiness. */
      watching() {
        const calls = GN.thread ?? GN.attach();
        if (!GN.listening) {
          GN.listening = true;
          calls.watch(GN.happened);
        }
        return calls;
      },

      /**
       * Has the hearer `who` called once when a descriptor is ready for any of the bits, which are the addon's: 1 read,
       * 2 write; 0 gives it up. Whatever is waited for keeps the engine's loop running. Negative if it cannot be watched.
       */
      want(fd, who, bits) {
        GN.watching();
        const interest = GN.interests.get(fd) ?? new Map();
        if (bits) interest.set(who, bits);
        else interest.delete(who);
        GN.interests.set(fd, interest);
        const result = GN.arm(fd);
        if (result < 0) {
          interest.delete(who);
          GN.arm(fd);
        }
        return result;
      },

      arm(fd) {
        let bits = 0;
        for (const each of GN.interests.get(fd)?.values() ?? []) bits |= each;
        if (!bits) GN.interests.delete(fd);
        GN.thread.keepAlive(GN.interests.size ? 1 : 0);
        return bits ? GN.thread.watchFor(fd, bits) : 0;
      },

      happened(fd, bits) {
        if (!bits) {
          // Another thread's socket has begun something.
          GN.thread.acknowledge(fd);
          if (GN.hearing) GN.begin(fd);
          return;
        }
        const interest = GN.interests.get(fd);
        for (const [who, wanted] of [...(interest ?? [])]) {
          // Errors and ends are for everybody.
          if (!(bits & (wanted | 12))) continue;
          interest.delete(who);
          GN.hearers[who](fd, bits);
        }
        GN.arm(fd);
      },

      /** A descriptor is being closed: whoever waits for it looks again, and finds that out. */
      forget(fd) {
        const interest = GN.interests.get(fd);
        if (!interest) return;
        GN.interests.delete(fd);
        GN.thread.keepAlive(GN.interests.size ? 1 : 0);
        for (const who of interest.keys()) GN.hearers[who](fd, -1);
      },

      /** The addon has found a socket ready. */
      ready(fd, bits) {
        const stream = FS.getStream(fd);
        if (bits < 0 || stream?.stream_ops !== GN.stream_ops) return;
        const node = stream.node;
        const state = GN.thread.state(HEAPU8, fd, 1);
        if (state < 0) return;
        const error = state >> 8;
        if (error) {
          node.ended = true;
          GN.tell('error', fd, error);
        } else if (state & 1) {
          GN.tell('connection', fd);
        } else {
          if (bits & 2 && !node.open && state & 2) {
            node.open = true;
            GN.tell('open', fd);
          }
          if (bits & 1 && FS.getStream(fd) === stream) {
            // An event may be one that was dealt with already: then there is neither.
            if (state & 32) {
              GN.tell('message', fd);
            } else if (state & 16) {
              node.ended = true;
              GN.tell('close', fd);
            }
          }
        }
        // One that does nothing would be told of for ever.
        if (FS.getStream(fd) === stream && !(state & 64)) GN.watch(fd, node, state);
      },

      tell(event, fd, error) {
        GN.callbacks[event]?.(fd, error);
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
        ioctl(stream, request, at) {
          if (request == {{{ cDefs.FIONREAD }}}) {
            const count = GN.thread.fionread(HEAPU8, stream.fd);
            if (count < 0) return count;
            {{{ makeSetValue('at', 0, 'count', 'i32') }}};
            return 0;
          }
          if (request == {{{ cDefs.FIONBIO }}}) {
            const on = {{{ makeGetValue('at', 0, 'i32') }}} ? {{{ cDefs.O_NONBLOCK }}} : 0;
            stream.flags = (stream.flags & ~{{{ cDefs.O_NONBLOCK }}}) | on;
            return 0;
          }
          return -{{{ cDefs.ENOTTY }}};
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
          GN.thread.close(HEAPU8, stream.fd);
          GN.forget(stream.fd);
          stream.node.numbers.delete(stream.fd);
          if (stream.node.numbers.size) return;
          if (stream.node.lookup) GN.thread.lookupCancel(stream.node.lookup.id);
          FS.destroyNode(stream.node);
        },
      },

      result(value) {
        if (value < 0) throw new FS.ErrnoError(-value);
        return value;
      },
    },

#if PTHREADS
    // Asks the main thread. A thread that was cancelled while it waits for the answer would be gone before that is written to
    // its stack, so it ends afterwards.
    $guestnetWhole__deps: ['pthread_setcancelstate', '$stackSave', '$stackAlloc', '$stackRestore'],
    $guestnetWhole: (ask, ...args) => {
      if (!ENVIRONMENT_IS_PTHREAD) return ask(...args);
      const stack = stackSave();
      const at = stackAlloc(4);
      _pthread_setcancelstate(1 /* PTHREAD_CANCEL_DISABLE */, at);
      const before = {{{ makeGetValue('at', 0, 'i32') }}};
      stackRestore(stack);
      try {
        return ask(...args);
      } finally {
        _pthread_setcancelstate(before, 0);
      }
    },
#endif

    guestnet_id__sig: 'i',
    guestnet_id__deps: ['$GN'],
    guestnet_id__proxy: 'sync',
    guestnet_id: () => GN.id || GN.open(),

    // `begins`: 1 if it is a socket that callbacks may be told of from now on, 2 if it is open besides.
    guestnet_enter__sig: 'iiiii',
    guestnet_enter__deps: ['$GN'],
    guestnet_enter__proxy: 'sync',
    guestnet_enter: (fresh, kind, nonblocking, begins) => {
      try {
        return GN.enter(fresh, kind, nonblocking, begins);
      } catch (error) {
        if (error.name !== 'ErrnoError') throw error;
        return -error.errno;
      }
    },

    guestnet_full__sig: 'i',
    guestnet_full__deps: ['$GN', '$FS'],
    guestnet_full__proxy: 'sync',
    guestnet_full: () => GN.full() ? 1 : 0,

    // What the socket calls say of a number that is not ours: it may be a file's.
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

    // A look-up that the program does not wait for: a descriptor that is readable when it is done, or a negated errno.
    // A thread other than the main one, `elsewhere`, has no turns of this thread's loop: it may have the result at once.
    guestnet_look_up__sig: 'ipppi',
    guestnet_look_up__deps: ['$GN', '$FS', 'guestnet_hosts', '$stackSave', '$stackAlloc', '$stackRestore'],
    guestnet_look_up__proxy: 'sync',
    guestnet_look_up: (node, service, hints, elsewhere) => {
      const calls = GN.thread ?? GN.attach();
      _guestnet_hosts();
      const stack = stackSave();
      const at = stackAlloc(8);
      const failed = calls.pipe(HEAPU8, at, 0);
      const reading = {{{ makeGetValue('at', 0, 'i32') }}};
      const writing = {{{ makeGetValue('at', 4, 'i32') }}};
      stackRestore(stack);
      if (failed < 0) return failed;
      const id = calls.lookupStart(HEAPU8, node, service, hints, writing);
      if (id < 0) {
        calls.close(HEAPU8, reading);
        calls.close(HEAPU8, writing);
        return id;
      }
      try {
        const fd = GN.enter(reading, {{{ cDefs.S_IFIFO }}}, 0);
        const lookup = { id, later: elsewhere };
        FS.getStream(fd).node.lookup = lookup;
        if (!elsewhere) setImmediate(() => { lookup.later = 1; });
        return fd;
      } catch (error) {
        calls.lookupCancel(id);
        if (error.name !== 'ErrnoError') throw error;
        return -error.errno;
      }
    },

    // Its result, once: 0 and a list, EAI_AGAIN as long as there is none, or why there is none.
    guestnet_look_up_result__sig: 'iip',
    guestnet_look_up_result__deps: ['$GN', '$FS', '$guestnetList'],
    guestnet_look_up_result__proxy: 'sync',
    guestnet_look_up_result: (fd, out) => {
      const lookup = FS.getStream(fd)?.node?.lookup;
      if (!lookup) return -11 /* EAI_SYSTEM */;
      const count = GN.thread.lookupTake(lookup.id, lookup.later);
      return count < 0 ? count : guestnetList(GN.thread, count, out);
    },

    // Makes the list of a look-up of what freeaddrinfo() frees: a node, and what its ai_addr points to. All nodes are one
    // block and all addresses another.
    $guestnetList__deps: ['malloc', 'free'],
    $guestnetList: (calls, count, out) => {
      // A node, the canonical name, an address: see names.rs.
      const nodes = _malloc(count * 32 + 256);
      const addresses = _malloc(count * 28);
      // A main thread that waits in malloc() works for others meanwhile, and one of their answers may have come between.
      const failed = !nodes || !addresses ? -10 /* EAI_MEMORY */ : calls.takeAddrInfoList(HEAPU8, nodes, addresses) < 0 ? -3 /* EAI_AGAIN */ : 0;
      if (failed) {
        _free(nodes);
        _free(addresses);
        return failed;
      }
      {{{ makeSetValue('out', 0, 'nodes', '*') }}};
      return 0;
    },

    // Writes what poll() is to say of descriptors that are the file system's alone.
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
      if (text === GN.hostsSeen) return;
      GN.hostsSeen = text;
      const size = lengthBytesUTF8(text) + 1;
      const at = _malloc(size);
      if (!at) return;
      stringToUTF8(text, at, size);
      (GN.thread ?? GN.attach()).hosts(HEAPU8, at, size - 1);
      _free(at);
    },
  };

  /** A call that runs where it was made. */
  const call = (name, parameters, body, more = []) => {
    if (PTHREADS) {
      const asks = /_(guestnet_(?:enter|enter_pair|full|not_ours|not_in_epoll|poll_foreign|hosts|look_up|look_up_result|fs_write|fs_close|fs_dup3))\(/g;
      body = body.replace(asks, 'guestnetWhole(_$1, ');
    }
    library[name] = eval(`(${parameters}) => { ${body} }`);
    library[name + '__deps'] = ['$GN', ...(PTHREADS ? ['$guestnetWhole'] : []), ...more];
    library[name + '__proxy'] = 'none';
    library[name + '__async'] = false;
    library[name + '__nothrow'] = true;
  };
  const GET = '(GN.thread ?? GN.attach())';
  const PTHREAD = PTHREADS ? 'ENVIRONMENT_IS_PTHREAD' : 'false';
  /** POSIX: a thread that was cancelled ends at the latest where a call may wait. */
  const CANCEL = PTHREADS ? 'if (ENVIRONMENT_IS_PTHREAD) _pthread_testcancel();' : '';
  const plain = (name, as, count, before = '') => {
    const parameters = ['a', 'b', 'c', 'd', 'e', 'f'];
    const used = parameters.slice(0, count).map((name) => ', ' + name).join('');
    call('__syscall_' + name, parameters.join(', '), `
      ${before}
      const result = ${GET}.${as}(HEAPU8${used});
      return result === -{{{ cDefs.EBADF }}} ? _guestnet_not_ours(a) : result;`, ['guestnet_not_ours']);
  };
  plain('bind', 'bind', 3);
  // Socket callbacks are called on the main thread, which has to hear of what another thread's socket begins.
  for (const [name, ok] of [['connect', 'result === 0 || result === -{{{ cDefs.EINPROGRESS }}}'], ['listen', 'result === 0']]) {
    call('__syscall_' + name, 'fd, b, c, d, e, f', `
      ${name === 'connect' ? CANCEL : ''}
      const result = ${GET}.${name}(HEAPU8, fd, b, c);
      if (${ok}) {
        if (${PTHREAD}) GN.thread.notify(fd);
        else if (GN.hearing) GN.begin(fd);
      }
      return result === -{{{ cDefs.EBADF }}} ? _guestnet_not_ours(fd) : result;`, ['guestnet_not_ours']);
  }
  plain('getsockname', 'getsockname', 3);
  plain('getpeername', 'getpeername', 3);
  plain('shutdown', 'shutdown', 2);
  plain('sendto', 'sendto', 6, CANCEL);
  plain('recvfrom', 'recvfrom', 6, CANCEL);
  plain('sendmsg', 'sendmsg', 3, CANCEL);
  plain('getsockopt', 'getsockopt', 5);
  plain('setsockopt', 'setsockopt', 5);
  call('__syscall_epoll_ctl', 'epoll, op, fd, event', `
    const result = ${GET}.epollCtl(HEAPU8, epoll, op, fd, event);
    return result === -{{{ cDefs.EBADF }}} ? _guestnet_not_in_epoll(epoll, fd) : result;`, ['guestnet_not_in_epoll']);
  plain('epoll_pwait', 'epollWait', 4, CANCEL);
  call('__syscall_epoll_pwait_nonblocking', 'epfd, events, count', `return ${GET}.epollWait(HEAPU8, epfd, events, count, 0);`);
  library['__syscall_epoll_pwait_nonblocking__sig'] = 'iipi';

  const NONBLOCK = 0o4000;
  const S_IFSOCK = 0o140000;
  const S_IFIFO = 0o10000;
  /** Enters `fresh`, and remembers whether numbers are getting few. */
  const enter = (kind, nonblocking, begins) => `
    const fd = _guestnet_enter(fresh, ${kind}, ${nonblocking}, ${begins});
    GN.crowded = fd < 0 || fd > 3000;
    return fd;`;
  call('__syscall_socket', 'domain, type, protocol, d, e, f',
    `const fresh = ${GET}.socket(HEAPU8, domain, type, protocol);
     if (fresh < 0) return fresh;
     ${enter(S_IFSOCK, `type & ${NONBLOCK}`, `(type & 15) === {{{ cDefs.SOCK_DGRAM }}} ? 1 : 0`)}`, ['guestnet_enter']);
  // A connection for which there is no number stays where it is, as in Linux. Another thread is asked that only if the
  // last number was a high one, so that a program whose numbers run out between two accepts may lose one.
  call('__syscall_accept4', 'listener, addr, len, flags, e, f', `
    ${CANCEL}
    const calls = ${GET};
    if ((!${PTHREAD} || GN.crowded) && _guestnet_full() && calls.state(HEAPU8, listener, 0) >= 0) {
      return -{{{ cDefs.EMFILE }}};
    }
    const fresh = calls.accept4(HEAPU8, listener, addr, len, flags);
    if (fresh === -{{{ cDefs.EBADF }}}) return _guestnet_not_ours(listener);
    if (fresh < 0) return fresh;
    ${enter(S_IFSOCK, `flags & ${NONBLOCK}`, 2)}`, ['guestnet_enter', 'guestnet_not_ours', 'guestnet_full']);
  call('__syscall_epoll_create1', 'flags',
    `const fresh = ${GET}.epollCreate(HEAPU8, flags);
     if (fresh < 0) return fresh;
     ${enter('0o100000', '0', 0)}`, ['guestnet_enter']);
  call('__syscall_recvmsg', 'fd, message, flags, d, e, f', `
    ${CANCEL}
    const calls = ${GET};
    const result = calls.recvmsg(HEAPU8, fd, message, flags);
    if (result === -{{{ cDefs.EBADF }}}) return _guestnet_not_ours(fd);
    if (result >= 0) guestnetArrived(calls);
    return result;`, ['$guestnetArrived', 'guestnet_not_ours']);

  // Descriptors in control data get numbers of the file system.
  library['$guestnetArrived__deps'] = ['guestnet_enter', ...(PTHREADS ? ['$guestnetWhole'] : [])];
  library['$guestnetArrived'] = eval(`(calls) => {
    for (let fd = -1, fresh; (fresh = calls.arrived(HEAPU8, fd)) >= 0; ) {
      const kind = calls.fileType(HEAPU8, fresh);
      fd = ${PTHREADS ? 'guestnetWhole(_guestnet_enter, ' : '_guestnet_enter('}fresh, kind, calls.mode(HEAPU8, fresh), 1);
    }
  }`);

  for (const [name, parameters, make, kind, flags] of [
    ['guestnet_socketpair', 'domain, type, protocol, at', 'socketpair(HEAPU8, domain, type, protocol, at)', S_IFSOCK, 'type'],
    ['__syscall_pipe2', 'at, flags', 'pipe(HEAPU8, at, flags)', S_IFIFO, 'flags'],
  ]) {
    call(name, parameters, `
      const calls = ${GET};
      const [one, other] = [{{{ makeGetValue('at', 0, 'i32') }}}, {{{ makeGetValue('at', 4, 'i32') }}}];
      let result = calls.${make};
      if (result < 0) return result;
      result = _guestnet_enter_pair(at, ${kind}, ${flags} & ${NONBLOCK});
      if (result < 0) {
        {{{ makeSetValue('at', 0, 'one', 'i32') }}};
        {{{ makeSetValue('at', 4, 'other', 'i32') }}};
      }
      return result;`, ['guestnet_enter_pair']);
  }
  library['guestnet_socketpair__sig'] = 'iiiip';
  library['guestnet_enter_pair__sig'] = 'ipii';
  library['guestnet_enter_pair__deps'] = ['$GN', '$FS'];
  library['guestnet_enter_pair__proxy'] = 'sync';
  library['guestnet_enter_pair'] = (at, kind, nonblocking) => {
    try {
      return GN.enterPair(at, kind, nonblocking);
    } catch (error) {
      if (error.name !== 'ErrnoError') throw error;
      return -error.errno;
    }
  };

  const poll = (timeout) => `
    ${CANCEL}
    const calls = ${GET};
    let ready = calls.poll(HEAPU8, fds, nfds, ${timeout}, 0);
    if (ready === GN.FOREIGN) {
      _guestnet_poll_foreign(fds, nfds);
      ready = calls.poll(HEAPU8, fds, nfds, ${timeout}, 1);
    }
    return ready;`;
  call('__syscall_poll', 'fds, nfds, timeout', poll('timeout'), ['guestnet_poll_foreign']);
  call('__syscall_poll_nonblocking', 'fds, nfds', poll('0'), ['guestnet_poll_foreign']);

  // read() and write(): what is not ours is the file system's.
  for (const [name, as, other] of [['fd_read', 'readv', 'guestnet_fs_read'], ['fd_write', 'writev', 'guestnet_fs_write']]) {
    call(name, 'fd, iov, iovcnt, pnum', `
      // Before the first descriptor of ours, everything is the file system's: a program that only prints needs no addon.
      if (!GN.thread && !${PTHREAD}) return _${other}(fd, iov, iovcnt, pnum);
      // A thread that ends in the midst of printf() would keep the stream's lock for ever.
      ${name === 'fd_write' ? `if (fd > 2) { ${CANCEL} }` : CANCEL}
      const count = ${GET}.${as}(HEAPU8, fd, iov, iovcnt);
      if (count === -{{{ cDefs.EBADF }}}) return _${other}(fd, iov, iovcnt, pnum);
      if (count < 0) return -count;
      {{{ makeSetValue('pnum', 0, 'count', SIZE_TYPE) }}};
      return 0;`, [other]);
  }

  if (PTHREADS) {
    // The file system is the main thread's, which would hold up all others if it waited there for SO_LINGER. So whoever
    // closes such a socket keeps it meanwhile, and waits himself.
    for (const [name, parameters, closed, other] of [
      ['fd_close', 'fd', 'fd', 'guestnet_fs_close'],
      ['__syscall_dup3', 'fd, closed, flags', 'closed', 'guestnet_fs_dup3'],
    ]) {
      call(name, parameters, `
        if (!ENVIRONMENT_IS_PTHREAD) return _${other}(${parameters});
        const calls = ${GET};
        const held = calls.hold(HEAPU8, ${closed});
        const result = _${other}(${parameters});
        if (held > 0) calls.letGo(HEAPU8);
        return result;`, [other]);
    }
  }

  call('getaddrinfo', 'node, service, hints, out', `
    const calls = ${GET};
    _guestnet_hosts();
    const count = calls.getaddrinfo(HEAPU8, node, service, hints);
    return count < 0 ? count : guestnetList(calls, count, out);`, ['guestnet_hosts', '$guestnetList']);
  call('getnameinfo', 'addr, len, node, nodelen, serv, servlen, flags', `
    _guestnet_hosts();
    return ${GET}.getnameinfo(HEAPU8, addr, len, node, nodelen, serv, servlen, flags);`, ['guestnet_hosts']);
  call('emscripten_dns_lookup_async', 'node, service, hints', `return _guestnet_look_up(node, service, hints, ${PTHREAD} ? 1 : 0);`,
    ['guestnet_look_up']);
  library['emscripten_dns_lookup_async__sig'] = 'ippp';
  call('emscripten_dns_lookup_result', 'fd, out', 'return _guestnet_look_up_result(fd, out);', ['guestnet_look_up_result']);
  library['emscripten_dns_lookup_result__sig'] = 'iip';
  // Whichever thread asks for it, a callback is called on the main thread.
  for (const event of ['error', 'open', 'listen', 'connection', 'message', 'close']) {
    library[`emscripten_set_socket_${event}_callback__proxy`] = 'sync';
  }
  Object.assign(library, {
    $_setNetworkCallback__deps: ['$GN', '$withStackSave', '$callUserCallback', '$stringToUTF8OnStack', '$strError'],
    $_setNetworkCallback: (event, userData, callback) => {
      GN.on(event, !callback ? null : ((fd, error) => callUserCallback(() => {
        if (event === 'error') {
          withStackSave(() => {
            {{{ makeDynCall('viipp', 'callback') }}}(fd, error, stringToUTF8OnStack(strError(error)), userData);
          });
        } else {
          {{{ makeDynCall('vip', 'callback') }}}(fd, userData);
        }
      })));
    },
  });
  call('_emscripten_lookup_name', 'name', `
    _guestnet_hosts();
    return ${GET}.lookupName(HEAPU8, name);`, ['guestnet_hosts']);

  for (const name of Object.keys(library)) {
    if (name.startsWith('__syscall_') && typeof library[name] == 'function') {
      wrapSyscallFunction(name, library, false);
    }
  }
  addToLibrary(library);
})();
