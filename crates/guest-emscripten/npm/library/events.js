// eventfd(), timerfd_create() and their like, which linux.c calls. Reading, writing and polling them is what it is for all of ours.
Object.assign(library, {
  // Has a fresh counter or timer given a number: it has no file type, as in Linux.
  $guestnetEvent__deps: ['$GN', 'guestnet_install', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetEvent: (fresh, flags) => {
    if (fresh < 0) return fresh;
    const fd = {{{ onMain('guestnet_install', 'fresh', 0, `flags & ${DESCRIPTOR_FLAGS}`, 0) }}};
    return GN.numbered(fd);
  },

  // The result of a call on a timer: a file is none.
  $guestnetTimerResult__deps: ['guestnet_not_ours', {{{ PTHREADS ? "'$guestnetOnMain'" : '' }}}],
  $guestnetTimerResult: (result, fd) => {
    if (result !== -{{{ cDefs.EBADF }}}) return result;
    const why = {{{ onMain('guestnet_not_ours', 'fd') }}};
    return why === -{{{ cDefs.ENOTSOCK }}} ? -{{{ cDefs.EINVAL }}} : why;
  },
});

addCalls({
  guestnet_eventfd__sig: 'iii',
  guestnet_eventfd__deps: ['$guestnetEvent'],
  guestnet_eventfd: (initial, flags) => {
    const fresh = (GN.thread ?? GN.attach()).eventfd(HEAPU8, initial, flags);
    return guestnetEvent(fresh, flags);
  },

  guestnet_timerfd_create__sig: 'iii',
  guestnet_timerfd_create__deps: ['$guestnetEvent'],
  guestnet_timerfd_create: (clock, flags) => {
    const fresh = (GN.thread ?? GN.attach()).timerfdCreate(HEAPU8, clock, flags);
    return guestnetEvent(fresh, flags);
  },

  guestnet_timerfd_settime__sig: 'iiippp',
  guestnet_timerfd_settime__deps: ['$guestnetTimerResult'],
  guestnet_timerfd_settime: (fd, flags, spec, old, now) => {
    const result = (GN.thread ?? GN.attach()).timerfdSettime(HEAPU8, fd, flags, spec, old, now);
    return guestnetTimerResult(result, fd);
  },

  guestnet_timerfd_gettime__sig: 'iip',
  guestnet_timerfd_gettime__deps: ['$guestnetTimerResult'],
  guestnet_timerfd_gettime: (fd, spec) => {
    const result = (GN.thread ?? GN.attach()).timerfdGettime(HEAPU8, fd, spec);
    return guestnetTimerResult(result, fd);
  },

  guestnet_epoll_pwait2__sig: 'iipip',
  guestnet_epoll_pwait2__deps: ['$guestnetResult'],
  guestnet_epoll_pwait2: (epoll, events, count, timeout) => {
    {{{ CANCELLATION_POINT }}}
    const result = (GN.thread ?? GN.attach()).epollWait2(HEAPU8, epoll, events, count, timeout);
    return guestnetResult(result, epoll);
  },
});
