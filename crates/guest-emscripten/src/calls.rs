//! The table of calls: their names, their arguments, their functions. Not here: what a call does.

use guestnet_core::{Host, Result};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{batch, bulk, convert, event, interface, message, names, option, poll, services, socket, table};

type Function<H> = fn(&mut ThreadContext<H>, Memory<'_>, &Args) -> Result<i32>;

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
    Eventfd "eventfd" 2 event::eventfd,
    TimerfdCreate "timerfdCreate" 2 event::timerfd_create,
    TimerfdSettime "timerfdSettime" 5 event::timerfd_settime,
    TimerfdGettime "timerfdGettime" 2 event::timerfd_gettime,
    Bind "bind" 3 socket::bind,
    Connect "connect" 3 socket::connect,
    Listen "listen" 2 socket::listen,
    Accept4 "accept4" 5 socket::accept4,
    Getsockname "getsockname" 3 socket::getsockname,
    Getpeername "getpeername" 3 socket::getpeername,
    Shutdown "shutdown" 2 socket::shutdown,
    Sendto "sendto" 6 socket::sendto,
    Recvfrom "recvfrom" 6 socket::recvfrom,
    Sendmsg "sendmsg" 3 message::sendmsg,
    Recvmsg "recvmsg" 3 message::recvmsg,
    Sendmmsg "sendmmsg" 4 batch::sendmmsg,
    Recvmmsg "recvmmsg" 5 batch::recvmmsg,
    Splice "splice" 4 bulk::splice,
    Arrived "arrived" 1 message::arrived,
    Getsockopt "getsockopt" 5 option::getsockopt,
    Setsockopt "setsockopt" 5 option::setsockopt,
    Readv "readv" 3 socket::readv,
    Writev "writev" 3 socket::writev,
    Fionread "fionread" 1 socket::fionread,
    UnsentBytes "unsentBytes" 1 socket::unsent_bytes,
    AtMark "atMark" 1 socket::at_mark,
    Interfaces "interfaces" 2 interface::interfaces,
    InterfaceRequest "interfaceRequest" 3 interface::interface_request,
    Poll "poll" 4 poll::poll,
    Interest "interest" 1 poll::interest,
    EpollCreate "epollCreate" 1 poll::epoll_create,
    EpollCtl "epollCtl" 4 poll::epoll_ctl,
    EpollWait "epollWait" 4 poll::epoll_wait,
    EpollWait2 "epollWait2" 4 poll::epoll_wait2,
    InstallAt "installAt" 2 table::install_at,
    Close "close" 1 table::close,
    Hold "hold" 1 table::hold,
    LetGo "letGo" 0 table::let_go,
    Dup "dup" 2 table::dup,
    Mode "mode" 1 table::mode,
    Nonblock "nonblock" 2 table::nonblock,
    FileType "fileType" 1 table::file_type,
    State "state" 2 table::state,
    Getaddrinfo "getaddrinfo" 3 names::getaddrinfo,
    TakeAddrInfoList "takeAddrInfoList" 2 names::take_addr_info_list,
    Getnameinfo "getnameinfo" 7 names::getnameinfo,
    Hosts "hosts" 2 names::hosts,
    Service "service" 6 services::service,
    Protocol "protocol" 5 services::protocol,
}

impl Call {
    /// Whether the program makes it. The others are made by the JavaScript library, as parts of something else.
    #[inline]
    #[must_use]
    pub fn is_from_program(&self) -> bool {
        !matches!(
            self.id,
            Id::InstallAt
                | Id::Close
                | Id::Dup
                | Id::Mode
                | Id::Nonblock
                | Id::FileType
                | Id::State
                | Id::Interest
                | Id::Fionread
                | Id::UnsentBytes
                | Id::AtMark
                | Id::InterfaceRequest
                | Id::Hosts
                | Id::TakeAddrInfoList
                | Id::Arrived
                | Id::Hold
                | Id::LetGo
        )
    }
}

impl<H: Host> ThreadContext<H> {
    /// Makes a call: its result, or a negated errno of the C library.
    pub fn call(&mut self, call: &Call, memory: Memory<'_>, args: &Args) -> i32 {
        function(call.id)(self, memory, args).unwrap_or_else(convert::negated)
    }
}
