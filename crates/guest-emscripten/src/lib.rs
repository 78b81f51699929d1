//! guestnet for Emscripten: the socket system calls of its C library, over any host.
//!
//! What a program built with `emcc` imports as `__syscall_socket`, `__syscall_recvfrom` and so on ends, by way of
//! `libguestnet.js`, in one of the functions of [`CALLS`]: integers and pointers in, an integer or a negated errno out,
//! everything else in the module's memory. Here is that ABI and nothing of the JavaScript engine (the addon's), of
//! Emscripten's file system (the JavaScript library's) or of sockets (the core's).
//!
//! ```
//! use std::sync::Arc;
//! use guestnet_core::{Capacity, Guest, policy::Policy};
//! use guestnet_emscripten::{Args, CALLS, Memory, Process, RESERVED};
//! # use guestnet_host_os::OsHost;
//!
//! # fn main() -> guestnet_core::Result<()> {
//! let guest = Guest::new(Arc::new(Policy::deny_all()), Capacity::default(), RESERVED).thread(OsHost::new()?);
//! let mut process = Process::new(guest);
//! // SAFETY: a memory without bytes.
//! let memory = unsafe { Memory::new(std::ptr::null_mut(), 0) };
//! let socket = CALLS.iter().find(|call| call.name == "socket").unwrap();
//! let args = Args([2, 1, 0, 0, 0, 0, 0]); // AF_INET, SOCK_STREAM
//! assert!(process.call(socket, memory, &args) >= 4097);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]

mod abi;
mod address;
mod convert;
mod memory;
mod message;
mod names;
mod option;
mod poll;
mod socket;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guestnet_core::resolve::AddrInfoList;
use guestnet_core::{EpollEvent, Fd, Host, LingeringFile, Result, SharedGuestThread};

pub use memory::Memory;
pub use names::{Lookup, Outcome};

/// How many descriptor numbers Emscripten's file system gives (`FS.MAX_OPEN_FDS`, and 0): a fresh descriptor has a number
/// from here on until it is placed.
pub const RESERVED: Fd = 4097;

/// One thread of a program: its `GuestThread`, and what one call leaves for the next.
#[derive(Debug)]
pub struct Process<H: Host> {
    guest: SharedGuestThread<H, ()>,
    /// The result of a look-up, and the hints' flags, until its memory was allocated.
    answer: Option<(AddrInfoList, i32)>,
    /// A message that brought descriptors, until these have numbers.
    arrival: Option<message::Arrival>,
    /// A socket that this thread is closing.
    held: Option<LingeringFile<H, ()>>,
    /// Events on their way to the guest.
    events: Vec<EpollEvent>,
    /// How often the program was told that something is ready.
    told: Arc<AtomicU64>,
}

/// The arguments of a call: 32-bit integers and pointers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Args(pub [i32; 7]);

impl Args {
    fn int(&self, index: usize) -> i32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    fn pointer(&self, index: usize) -> u32 {
        self.int(index).cast_unsigned()
    }

    /// A descriptor; a negative one is no descriptor of anybody.
    fn fd(&self, index: usize) -> Fd {
        self.pointer(index)
    }
}

impl Call {
    /// Whether it is what a program asked for. The others are the JavaScript library's, as parts of something else.
    #[inline]
    #[must_use]
    pub fn is_the_programs(&self) -> bool {
        !matches!(
            self.id,
            Id::Place
                | Id::Close
                | Id::Dup
                | Id::Mode
                | Id::Nonblock
                | Id::What
                | Id::State
                | Id::Fionread
                | Id::Hosts
                | Id::TakeAnswer
                | Id::Arrived
                | Id::Hold
                | Id::LetGo
        )
    }
}

type Function<H> = fn(&mut Process<H>, Memory<'_>, &Args) -> Result<i32>;

/// One system call, for each host.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its name, without `__syscall_`.
    pub name: &'static str,
    /// How many arguments it has, the memory not counted.
    pub arity: usize,
    id: Id,
}

/// Declares the calls with their functions from one list.
macro_rules! calls {
    ($($id:ident $name:literal $arity:literal $function:path,)*) => {
        #[derive(Clone, Copy, Debug)]
        enum Id { $($id,)* }

        /// Every call.
        pub const CALLS: &[Call] = &[$(Call { name: $name, arity: $arity, id: Id::$id },)*];

        fn function<H: Host>(id: Id) -> Function<H> {
            match id { $(Id::$id => $function,)* }
        }
    };
}

calls! {
    Socket "socket" 3 socket::socket,
    Socketpair "socketpair" 4 socket::socketpair,
    Pipe "pipe" 2 socket::pipe,
    Bind "bind" 3 socket::bind,
    Connect "connect" 3 socket::connect,
    Listen "listen" 2 socket::listen,
    Accept4 "accept4" 4 socket::accept4,
    Getsockname "getsockname" 3 socket::getsockname,
    Getpeername "getpeername" 3 socket::getpeername,
    Shutdown "shutdown" 2 socket::shutdown,
    Sendto "sendto" 6 socket::sendto,
    Recvfrom "recvfrom" 6 socket::recvfrom,
    Sendmsg "sendmsg" 3 message::sendmsg,
    Recvmsg "recvmsg" 3 message::recvmsg,
    Arrived "arrived" 1 message::arrived,
    Getsockopt "getsockopt" 5 option::getsockopt,
    Setsockopt "setsockopt" 5 option::setsockopt,
    Readv "readv" 3 socket::readv,
    Writev "writev" 3 socket::writev,
    Fionread "fionread" 1 socket::fionread,
    Poll "poll" 4 poll::poll,
    EpollCreate "epollCreate" 1 poll::epoll_create,
    EpollCtl "epollCtl" 4 poll::epoll_ctl,
    EpollWait "epollWait" 4 poll::epoll_wait,
    Place "place" 2 table::place,
    Close "close" 1 table::close,
    Hold "hold" 1 table::hold,
    LetGo "letGo" 0 table::let_go,
    Dup "dup" 2 table::dup,
    Mode "mode" 1 table::mode,
    Nonblock "nonblock" 2 table::nonblock,
    What "what" 1 table::what,
    State "state" 2 table::state,
    Getaddrinfo "getaddrinfo" 3 names::getaddrinfo,
    TakeAnswer "takeAnswer" 2 names::take_answer,
    Getnameinfo "getnameinfo" 7 names::getnameinfo,
    LookupName "lookupName" 1 names::lookup_name,
    Hosts "hosts" 2 names::hosts,
}

impl<H: Host> Process<H> {
    /// A thread of a program, around its `GuestThread`. The table must be [reserving](RESERVED) the file system's numbers.
    #[must_use]
    pub fn new(guest: SharedGuestThread<H, ()>) -> Self {
        Process {
            guest,
            answer: None,
            arrival: None,
            held: None,
            events: Vec::new(),
            told: Arc::default(),
        }
    }

    /// Counts the calls that reported something ready together with the program's other threads.
    #[must_use]
    pub fn telling(mut self, told: &Arc<AtomicU64>) -> Self {
        self.told = Arc::clone(told);
        self
    }

    fn tell(&self, ready: bool) {
        if ready {
            self.told.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The guest, for what is not a system call.
    pub fn guest(&mut self) -> &mut SharedGuestThread<H, ()> {
        &mut self.guest
    }

    /// Makes a call: its result, or a negated errno of the C library.
    pub fn call(&mut self, call: &Call, memory: Memory<'_>, args: &Args) -> i32 {
        match function(call.id)(self, memory, args) {
            Ok(value) => value,
            Err(errno) => -convert::errno(errno),
        }
    }
}
