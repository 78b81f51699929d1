//! Sockets for programs that run in a sandbox: one API on Linux, wasm32-wasip1 and, as far as it goes, wasm32-wasip2.
//!
//! [`TcpStream`], [`TcpListener`], [`UdpSocket`] and the types of [`unix`] have the names, signatures and traits of those in
//! [`std::net`] and [`std::os::unix::net`]. A program changes its `use` line and nothing else:
//!
//! ```
//! use guestnet_guest::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, peer) = listener.accept()?;
//! assert_eq!(peer, client.local_addr()?);
//!
//! client.write_all(b"hello")?;
//! drop(client);
//! let mut text = String::new();
//! server.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! Beyond std there are [`dial`] and [`listen`], which take a network and an address as Go's `net.Dial` does; [`lookup_host`];
//! batches of datagrams ([`UdpSocket::send_many`], [`UdpSocket::recv_many`]); [`sendfile`], and [`splice`] with [`pipe`]; [`poll`] and [`Epoll`]; and [`SocketOptions`], which every type
//! with a descriptor has, those of std and tokio as well.
//!
//! # Targets
//!
//! | target | what is below |
//! |---|---|
//! | wasm32-wasip1 | the functions `sock_*` of the host: WASI's, WasmEdge's second version, and WAMR's for a few options; `epoll_*` for [`Epoll`], `sendfile`, `pipe` and `splice`, which are guestnet's. `guestnet run` answers all of them |
//! | Linux | the C library: the same program runs natively, for tests and debuggers |
//! | wasm32-wasip2 | the sockets of wasi-libc. std's own types suffice there for TCP and UDP; this crate adds options, `dial` and `poll` |
//!
//! What a target cannot do is an error of the kind [`Unsupported`](std::io::ErrorKind::Unsupported):
//!
//! | | wasm32-wasip1 | wasm32-wasip2 |
//! |---|---|---|
//! | UNIX sockets | yes | no |
//! | [`unix::UnixStream::pair`], [`unix::UnixDatagram::pair`] | no | no |
//! | options | those that docs/options.md has for WASI | buffer sizes, keepalive, `nodelay`, TTL |
//! | `peek`, multicast, timeouts of UDP | yes | no |
//! | whether a datagram was cut ([`IncomingDatagram::is_truncated`]) | yes | no: always `false` |
//! | `listen("tcp", ":80")` | IPv6 and IPv4 | IPv4, because a socket of IPv6 takes no IPv4 |
//! | scope and flow label of an IPv6 address | dropped, also of a name such as `fe80::1%2` | yes |
//! | [`poll`] | as on Linux | a socket may be reported to be readable before it is: read it in non-blocking mode |
//! | [`sendfile`], [`pipe`], [`splice`] | yes | no |
//! | [`Epoll`] | yes | no: WASI 0.2 has a list at each call, and nothing that is registered |
//!
//! WASI cannot duplicate a descriptor. `try_clone` there returns a second owner of the same one, which is closed when the last
//! owner is dropped. Two owners cannot be turned into a descriptor, see [`TcpStream::try_clone`].
//!
//! # std's types, and tokio's
//!
//! Every type is made `From` std's type of its name, and std's from it, through the descriptor. On wasm32-wasip1 this is how std
//! gets what it cannot open itself, and tokio (built with `--cfg tokio_unstable`) as well:
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! let stream = guestnet_guest::TcpStream::connect("db.internal:5432")?;
//! stream.set_nonblocking(true)?;
//! let stream = std::net::TcpStream::from(stream);
//! // In a runtime: tokio::net::TcpStream::from_std(stream)?
//! # Ok(())
//! # }
//! ```
//!
//! A look-up waits for its answer and never starts a thread: wasm32-wasip1 has none.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` | the module `tokio`: connections and listeners of tokio, which wait in its runtime |
//! | `hyper` | the module `hyper`: a connector for HTTP clients, as a service of tower |

#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod addr;
mod batch;
mod bulk;
mod dial;
mod epoll;
#[cfg(feature = "hyper")]
pub mod hyper;
mod lookup;
mod option;
mod poll;
mod socket;
mod sys;
mod tcp;
#[cfg(feature = "tokio")]
pub mod tokio;
mod udp;
pub mod unix;

pub use addr::ToSocketAddrs;
pub use batch::{IncomingDatagram, OutgoingDatagram};
pub use bulk::{pipe, sendfile, splice};
pub use dial::{Connection, Listener, NetAddr, dial, dial_timeout, listen};
pub use epoll::{Epoll, EpollEvent, EpollInterest};
pub use lookup::{LookupError, lookup_host};
pub use option::SocketOptions;
pub use poll::{Events, PollFd, poll};
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
