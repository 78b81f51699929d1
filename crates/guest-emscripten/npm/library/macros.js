// What the parts share at compile time: the library that they fill, and the text of what several functions have in common.
const before = LibraryManager.library;
const library = {};

/** Keeps a function of Emscripten's under a name of our own, with all that belongs to it. */
const keep = (name, as) => {
  library[as] = before[name];
  // It may need what is marked as Emscripten's own affair; so do we, for it.
  for (const needed of before[name + '__deps'] ?? []) delete before[needed + '__internal'];
  for (const suffix of ['__deps', '__proxy', '__sig', '__i53abi', '__async', '__nothrow']) {
    if (before[name + suffix] !== undefined) library[as + suffix] = before[name + suffix];
  }
};

/** Adds calls, each of which runs in the thread that makes it and never suspends. */
const addCalls = (calls) => {
  for (const name of Object.keys(calls).filter((name) => typeof calls[name] == 'function')) {
    calls[name + '__deps'] = ['$GN', ...(PTHREADS ? ['$guestnetOnMain'] : []), ...(calls[name + '__deps'] ?? [])];
    calls[name + '__proxy'] = 'none';
    calls[name + '__async'] = false;
    calls[name + '__nothrow'] = true;
  }
  Object.assign(library, calls);
};

{{{
  // Calls a function whose __proxy is 'sync'.
  globalThis.onMain = (name, ...parameters) =>
    PTHREADS ? `guestnetOnMain(${['_' + name, ...parameters].join(', ')})` : `_${name}(${parameters.join(', ')})`;
  // Whether this is a pthread other than the main one.
  globalThis.IS_PTHREAD = PTHREADS ? 'ENVIRONMENT_IS_PTHREAD' : 'false';
  // What the addon calls a thread: the main one, another one, or the only one that there can be.
  globalThis.THREAD_KIND = PTHREADS ? 'ENVIRONMENT_IS_PTHREAD ? 1 : 0' : '2';
  // POSIX: a thread that was cancelled ends at the latest where a call may wait.
  globalThis.CANCELLATION_POINT = PTHREADS ? 'if (ENVIRONMENT_IS_PTHREAD) _pthread_testcancel();' : '';
  // Numbers of the C library that cDefs does not have.
  globalThis.SOCK_TYPE_MASK = 15;
  // SOCK_NONBLOCK and SOCK_CLOEXEC, and what other calls call so, are O_NONBLOCK and O_CLOEXEC.
  globalThis.DESCRIPTOR_FLAGS = cDefs.O_NONBLOCK | cDefs.O_CLOEXEC;
  globalThis.FD_CLOEXEC = 1;
  globalThis.F_DUPFD_CLOEXEC = 1030;
  globalThis.F_SETOWN_EX = 15;
  globalThis.F_OWNER_TID = 0;
  globalThis.F_OWNER_PID = 1;
  globalThis.F_OWNER_PGRP = 2;
  globalThis.FIOCLEX = 0x5451;
  globalThis.FIONCLEX = 0x5450;
  globalThis.FIOASYNC = 0x5452;
  globalThis.TIOCOUTQ = 0x5411;
  globalThis.FIOSETOWN = 0x8901;
  globalThis.SIOCSPGRP = 0x8902;
  globalThis.FIOGETOWN = 0x8903;
  globalThis.SIOCGPGRP = 0x8904;
  globalThis.SIOCATMARK = 0x8905;
  globalThis.SIOCGIFNAME = 0x8910;
  globalThis.SIOCGIFINDEX = 0x8933;
  globalThis.MSG_DONTWAIT = 0x40;
  globalThis.SIZEOF_MMSGHDR = C_STRUCTS.msghdr.__size__ + 4;
  globalThis.MSG_CMSG_CLOEXEC = 0x40000000;
  globalThis.EAI_AGAIN = -3;
  globalThis.EAI_MEMORY = -10;
  globalThis.EAI_SYSTEM = -11;
  globalThis.PTHREAD_CANCEL_DISABLE = 1;
  ''
}}}
