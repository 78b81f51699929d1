//! [`CountingHost`]: a host of an embedder's own, which passes everything on to [`OsHost`] and counts.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use guestnet_core::resolve::{LookupReply, Protocols, Question, Services};
use guestnet_core::{
    Clock, Domain, Host, Kind, LookupError, OptValue, PollEvent, Ready, RecvFlags, RecvMeta, Result,
    SendFlags, Shutdown, SockAddr, SockOpt, StreamKind,
};
use guestnet_host_os::{Io, OsHost, UnixNode};

/// How often the core called the host.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Calls of every kind, except the clocks.
    pub(crate) calls: AtomicUsize,
    /// Waits for one descriptor, which is what a blocking call does. Counted when they begin.
    pub(crate) waits: AtomicUsize,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct CountingHost {
    inner: OsHost,
    counts: Arc<Counts>,
}

impl CountingHost {
    pub(crate) fn new(inner: OsHost) -> (Self, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let host = CountingHost {
            inner,
            counts: Arc::clone(&counts),
        };
        (host, counts)
    }
}

/// Counts a call and passes it on.
macro_rules! counted {
    ($(fn $name:ident(&mut self $(, $arg:ident: $ty:ty)*) $(-> $result:ty)?;)*) => {
        $(fn $name(&mut self $(, $arg: $ty)*) $(-> $result)? {
            self.counts.calls.fetch_add(1, SeqCst);
            self.inner.$name($($arg),*)
        })*
    };
}

impl Host for CountingHost {
    type Io = Io;
    type UnixNode = UnixNode;

    counted! {
        fn socket(&mut self, domain: Domain, kind: Kind) -> Result<Io>;
        fn close(&mut self, io: Io);
        fn bind(&mut self, io: &Io, addr: SocketAddr) -> Result<()>;
        fn listen(&mut self, io: &Io, backlog: i32) -> Result<()>;
        fn accept(&mut self, io: &Io) -> Result<(Io, SockAddr)>;
        fn connect(&mut self, io: &Io, addr: &SockAddr) -> Result<()>;
        fn shutdown(&mut self, io: &Io, how: Shutdown) -> Result<()>;
        fn local_addr(&mut self, io: &Io) -> Result<SockAddr>;
        fn peer_addr(&mut self, io: &Io) -> Result<SockAddr>;
        fn send(&mut self, io: &Io, bufs: &[IoSlice<'_>], flags: SendFlags) -> Result<usize>;
        fn send_to(&mut self, io: &Io, bufs: &[IoSlice<'_>], addr: SocketAddr, flags: SendFlags) -> Result<usize>;
        fn recv(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<RecvMeta>;
        fn recv_from(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<(RecvMeta, SockAddr)>;
        fn read(&mut self, io: &Io, bufs: &mut [IoSliceMut<'_>]) -> Result<usize>;
        fn write(&mut self, io: &Io, bufs: &[IoSlice<'_>]) -> Result<usize>;
        fn option(&mut self, io: &Io, option: SockOpt) -> Result<OptValue>;
        fn set_option(&mut self, io: &Io, option: SockOpt, value: OptValue) -> Result<()>;
        fn readable_bytes(&mut self, io: &Io) -> Result<usize>;
        fn stream_kind(&mut self, io: &Io) -> StreamKind;
        fn unix_node(&mut self, path: &str, create: bool) -> Result<(UnixNode, String)>;
        fn unix_bind(&mut self, io: &Io, node: &UnixNode, name: &str) -> Result<()>;
        fn unix_connect(&mut self, io: &Io, node: &UnixNode) -> Result<()>;
        fn unix_send_to(&mut self, io: &Io, bufs: &[IoSlice<'_>], node: &UnixNode, flags: SendFlags) -> Result<usize>;
        fn poll_begin(&mut self);
        fn poll_add(&mut self, token: u32, io: &Io, want: Ready) -> Result<()>;
        fn poll_wait(&mut self, timeout: Option<Duration>) -> Result<()>;
        fn resume(&mut self);
        fn lookup_start(&mut self, question: &Question) -> Result<Io, LookupError>;
        fn lookup_take(&mut self, lookup: &Io) -> Option<LookupReply>;
        fn services(&mut self) -> Arc<Services>;
        fn protocols(&mut self) -> Arc<Protocols>;
    }

    fn wait(&mut self, io: &Io, want: Ready, timeout: Option<Duration>) -> Result<bool> {
        self.counts.calls.fetch_add(1, SeqCst);
        self.counts.waits.fetch_add(1, SeqCst);
        self.inner.wait(io, want, timeout)
    }

    fn now(&self, clock: Clock) -> Duration {
        self.inner.now(clock)
    }

    fn poll_events(&self) -> &[PollEvent] {
        self.inner.poll_events()
    }
}
