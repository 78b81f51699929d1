//! What the attacks share: addresses from text, calls that wait, and errors by the names that the guests of the other ABIs print.
//!
//! Each module is one attack. Results are `ok`, the errno of Linux where an error code stands for one, or the code's own name.

pub mod act;
pub mod bounds;
pub mod buffers;
pub mod dns;
pub mod files;
pub mod handles;
pub mod limits;
pub mod listen;
pub mod names;
pub mod random;
pub mod reach;
pub mod receive;
pub mod spin;

use std::net::{IpAddr, SocketAddr};
use wasi::io::streams::{InputStream, OutputStream};
use wasi::sockets::ip_name_lookup::resolve_addresses;
use wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasi::sockets::tcp::TcpSocket;
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp::{IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket};
use wasi::sockets::udp_create_socket::create_udp_socket;

/// What is said to who must not be reached.
pub const PAYLOAD: &[u8] = b"forbidden";

/// An address of the network, from its text.
pub fn address(text: &str, port: u16) -> IpSocketAddress {
    match text.parse().unwrap_or_else(|_| panic!("no address: {text}")) {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port,
                address: (a, b, c, d),
            })
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}

/// The address as std has it.
pub fn socket_addr(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(to) => (ip(IpAddress::Ipv4(to.address)), to.port).into(),
        IpSocketAddress::Ipv6(to) => (ip(IpAddress::Ipv6(to.address)), to.port).into(),
    }
}

/// The same, without a port.
pub fn ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

/// The family of a socket for this address.
pub fn family(to: IpSocketAddress) -> IpAddressFamily {
    match to {
        IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    }
}

/// Any address of the same family, and any port.
pub fn wildcard(to: IpSocketAddress) -> IpSocketAddress {
    match to {
        IpSocketAddress::Ipv4(_) => address("0.0.0.0", 0),
        IpSocketAddress::Ipv6(_) => address("::", 0),
    }
}

/// A number of the command line.
pub fn number<T: std::str::FromStr>(words: &[&str], place: usize) -> T {
    let word = words.get(place).copied().unwrap_or_default();
    word.parse()
        .unwrap_or_else(|_| panic!("argument {place} is no number: {word:?}"))
}

/// An error by its name.
pub fn name(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::AccessDenied => "EACCES",
        ErrorCode::InvalidArgument => "EINVAL",
        ErrorCode::OutOfMemory => "ENOBUFS",
        ErrorCode::WouldBlock => "EAGAIN",
        ErrorCode::NewSocketLimit => "EMFILE",
        ErrorCode::AddressInUse => "EADDRINUSE",
        ErrorCode::ConnectionRefused => "ECONNREFUSED",
        ErrorCode::ConnectionReset => "ECONNRESET",
        ErrorCode::DatagramTooLarge => "EMSGSIZE",
        ErrorCode::NameUnresolvable => "EAI_NONAME",
        ErrorCode::TemporaryResolverFailure => "EAI_AGAIN",
        ErrorCode::PermanentResolverFailure => "EAI_FAIL",
        other => other.name(),
    }
}

/// `ok`, or the error by its name.
pub fn named<T>(result: Result<T, ErrorCode>) -> &'static str {
    result.map_or_else(name, |_| "ok")
}

/// One line.
pub fn report<T>(what: &str, result: Result<T, ErrorCode>) {
    println!("{what}: {}", named(result));
}

/// A TCP socket for this address.
pub fn tcp(to: IpSocketAddress) -> TcpSocket {
    create_tcp_socket(family(to)).expect("a socket")
}

/// A TCP socket that is bound.
///
/// # Errors
/// As of bind.
pub fn bound_tcp(network: &Network, here: IpSocketAddress) -> Result<TcpSocket, ErrorCode> {
    let socket = create_tcp_socket(family(here))?;
    socket.start_bind(network, here)?;
    socket.finish_bind()?;
    Ok(socket)
}

/// A listener.
///
/// # Errors
/// As of bind and listen.
pub fn listener(network: &Network, here: IpSocketAddress) -> Result<TcpSocket, ErrorCode> {
    let socket = bound_tcp(network, here)?;
    socket.start_listen()?;
    socket.finish_listen()?;
    Ok(socket)
}

/// Connects, and waits for it.
///
/// # Errors
/// As of connect.
pub fn connect(
    socket: &TcpSocket,
    network: &Network,
    to: IpSocketAddress,
) -> Result<(InputStream, OutputStream), ErrorCode> {
    socket.start_connect(network, to)?;
    loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            done => return done,
        }
    }
}

/// A UDP socket that is bound: no other sends anything.
///
/// # Errors
/// As of bind.
pub fn bound_udp(network: &Network, here: IpSocketAddress) -> Result<UdpSocket, ErrorCode> {
    let socket = create_udp_socket(family(here))?;
    socket.start_bind(network, here)?;
    socket.finish_bind()?;
    Ok(socket)
}

/// One datagram, to the peer or to this address.
pub fn datagram(data: &[u8], to: Option<IpSocketAddress>) -> OutgoingDatagram {
    OutgoingDatagram {
        data: data.to_vec(),
        remote_address: to,
    }
}

/// Sends these, once there is a permit; how many have gone.
///
/// # Errors
/// As of send.
pub fn send(outgoing: &OutgoingDatagramStream, list: &[OutgoingDatagram]) -> Result<u64, ErrorCode> {
    while outgoing.check_send()? == 0 {
        outgoing.subscribe().block();
    }
    outgoing.send(list)
}

/// The streams of a UDP socket, used and dropped in the order that is allowed.
///
/// # Errors
/// As of `stream`, and of what is done.
pub fn with_streams<T>(
    socket: &UdpSocket,
    to: Option<IpSocketAddress>,
    then: impl FnOnce(&IncomingDatagramStream, &OutgoingDatagramStream) -> Result<T, ErrorCode>,
) -> Result<T, ErrorCode> {
    let (incoming, outgoing) = socket.stream(to)?;
    then(&incoming, &outgoing)
}

/// Looks a name up, and waits for all of its addresses.
///
/// # Errors
/// As of a look-up.
pub fn look_up(network: &Network, name: &str) -> Result<Vec<IpAddr>, ErrorCode> {
    let stream = resolve_addresses(network, name)?;
    let mut found = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => found.push(ip(address)),
            Ok(None) => return Ok(found),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(error) => return Err(error),
        }
    }
}

/// Both ends of a connection, each in the order in which it may be dropped.
pub type Connection = (InputStream, OutputStream, TcpSocket);

/// A connection of this program to itself.
///
/// # Errors
/// As of listen, connect and accept.
pub fn pair(network: &Network) -> Result<(Connection, Connection), ErrorCode> {
    let listener = listener(network, address("127.0.0.1", 0))?;
    let here = listener.local_address()?;
    let client = create_tcp_socket(family(here))?;
    let (input, output) = connect(&client, network, here)?;
    listener.subscribe().block();
    let (server, from, to) = listener.accept()?;
    Ok(((input, output, client), (from, to, server)))
}

/// Waits for ever.
pub fn sleep() -> ! {
    loop {
        wasi::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
    }
}
