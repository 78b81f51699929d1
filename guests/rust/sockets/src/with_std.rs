//! The same over std, which is what the crate has to be like.

mod net {
    pub(super) use std::net::{
        Incoming, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
    };
    pub(super) use std::os::unix::net::{self as unix, UnixDatagram, UnixListener, UnixStream};
}

#[path = "std_api.rs"]
pub(crate) mod behaviours;
