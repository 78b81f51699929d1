//! The behaviours that std has too, over the crate.

mod net {
    pub(super) use guestnet_guest::{
        Incoming, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
        UnixDatagram, UnixListener, UnixStream, unix,
    };
}

#[path = "std_api.rs"]
pub(crate) mod behaviours;
