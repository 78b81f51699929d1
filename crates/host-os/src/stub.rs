//! The stub: a DNS server on loopback for one guest that speaks DNS itself. It answers from the guest's own [`Names`],
//! so that its questions are judged and its addresses pinned as those of getaddrinfo are.
//!
//! Two sockets on the background thread. What a guest may make it do is capped: questions and connections at a time,
//! and through [`Names`] the questions per second that go on to a server. Loopback is shared by everybody on the machine,
//! so that only sockets that the guest itself sends from are answered ([`Client`]).

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use guestnet_core::policy::canonical_ip;
use guestnet_core::resolve::Names;
use guestnet_core::{Errno, Kind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use crate::answer::{self, Transport};
use crate::background;
use crate::convert::errno;
use crate::upstream::Resolver;

/// The most questions of one guest at a time; more are dropped, as a busy server does, and asked again.
const MAX_QUESTIONS: usize = 64;

/// The most TCP connections of one guest at a time; more wait in the backlog.
const MAX_CONNECTIONS: usize = 16;

/// How long a TCP connection may be silent.
const IDLE: Duration = Duration::from_secs(10);

/// How often both a UDP and a TCP port of one number are tried for.
const PORT_ATTEMPTS: usize = 16;

/// A stub that runs. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) addr: SocketAddr,
    clients: Arc<Clients>,
    tasks: [AbortHandle; 2],
}

impl Drop for Stub {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The addresses that are answered, each with how many of the guest's sockets have it.
#[derive(Debug, Default)]
struct Clients(Mutex<HashMap<Address, usize>>);

/// A socket's type and local address.
type Address = (Kind, SocketAddr);

impl Clients {
    fn has(&self, kind: Kind, from: SocketAddr) -> bool {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.contains_key(&(kind, from))
    }

    fn add(&self, address: Address) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clients.entry(address).or_default() += 1;
    }

    fn remove(&self, address: Address) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&address);
            }
        }
    }
}

/// A socket of the guest that is answered until this is dropped, or the socket has lost its port.
#[derive(Debug)]
pub(crate) struct Client {
    clients: Arc<Clients>,
    address: Mutex<Option<Address>>,
}

impl Client {
    /// Answers the socket at this address, and at no earlier one.
    fn answer_at(&self, address: Address) {
        let mut current = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != Some(address) {
            self.clients.add(address);
            if let Some(old) = current.replace(address) {
                self.clients.remove(old);
            }
        }
    }

    /// Answers the socket no more.
    pub(crate) fn forget(&self) {
        let mut current = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = current.take() {
            self.clients.remove(old);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Who answers.
#[derive(Debug)]
struct Server {
    clients: Arc<Clients>,
    names: Arc<Names>,
    resolver: Arc<Resolver>,
    questions: Arc<Semaphore>,
}

impl Stub {
    /// # Errors
    /// What socket(2) and bind(2) say.
    pub(crate) fn start(names: Arc<Names>, resolver: Arc<Resolver>) -> Result<Stub> {
        let (udp, tcp) = sockets().map_err(|error| {
            rustix::io::Errno::from_io_error(&error).map_or(Errno::EIO, crate::convert::errno)
        })?;
        let addr = udp.local_addr().map_err(|_| Errno::EIO)?;
        let handle = background::handle()?;
        let _runtime = handle.enter();
        let udp = tokio::net::UdpSocket::from_std(udp).map_err(|_| Errno::EIO)?;
        let tcp = tokio::net::TcpListener::from_std(tcp).map_err(|_| Errno::EIO)?;
        let clients = Arc::new(Clients::default());
        let server = Arc::new(Server {
            clients: Arc::clone(&clients),
            names,
            resolver,
            questions: Arc::new(Semaphore::new(MAX_QUESTIONS)),
        });
        let tasks = [
            handle.spawn(serve_udp(udp, Arc::clone(&server))).abort_handle(),
            handle.spawn(serve_tcp(tcp, server)).abort_handle(),
        ];
        Ok(Stub { addr, clients, tasks })
    }

    /// Answers a socket of the guest from now on. A socket that is bound to no address sends to loopback from 127.0.0.1,
    /// and while it has its port no other socket can have that port there.
    pub(crate) fn admit(&self, client: &OnceLock<Box<Client>>, kind: Kind, local: SocketAddr) {
        let ip = match canonical_ip(local.ip()) {
            ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => ip,
        };
        let new = || {
            Box::new(Client {
                clients: Arc::clone(&self.clients),
                address: Mutex::default(),
            })
        };
        client
            .get_or_init(new)
            .answer_at((kind, SocketAddr::new(ip, local.port())));
    }
}

impl Server {
    async fn reply(&self, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
        answer::reply(
            &self.names,
            &*self.resolver,
            crate::process::monotonic,
            query,
            transport,
        )
        .await
    }
}

/// Both sockets on one port, which the system chooses.
fn sockets() -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => {
                udp.set_nonblocking(true)?;
                tcp.set_nonblocking(true)?;
                return Ok((udp, tcp));
            }
            Err(error) if attempt == PORT_ATTEMPTS => return Err(error),
            Err(_) => {}
        }
    }
}

async fn serve_udp(socket: tokio::net::UdpSocket, server: Arc<Server>) {
    let socket = Arc::new(socket);
    // Dropped, and all its tasks with it, when the stub is.
    let mut answers = JoinSet::new();
    let mut query = [0; 4096];
    loop {
        // An error here is a client's that is gone (ECONNREFUSED).
        let Ok((len, from)) = socket.recv_from(&mut query).await else {
            continue;
        };
        while answers.try_join_next().is_some() {}
        if !server.clients.has(Kind::Datagram, from) {
            continue;
        }
        let (Some(query), Ok(permit)) = (
            query.get(..len),
            Arc::clone(&server.questions).try_acquire_owned(),
        ) else {
            continue;
        };
        let (query, socket, server) = (query.to_vec(), Arc::clone(&socket), Arc::clone(&server));
        answers.spawn(async move {
            let _permit = permit;
            if let Some(reply) = server.reply(&query, Transport::Udp).await {
                let _ = socket.send_to(&reply, from).await;
            }
        });
    }
}

async fn serve_tcp(listener: tokio::net::TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, from)) if server.clients.has(Kind::Stream, from) => {
                connections.spawn(serve_connection(stream, Arc::clone(&server)));
            }
            Ok(_) => {}
            // Out of descriptors, for example: no reason to spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One question after the other, each behind its length (RFC 1035, 4.2.2).
async fn serve_connection(mut stream: tokio::net::TcpStream, server: Arc<Server>) -> Option<()> {
    loop {
        let read = async {
            let len = stream.read_u16().await.ok()?;
            let mut query = vec![0; len.into()];
            stream.read_exact(&mut query).await.ok()?;
            Some(query)
        };
        let query = tokio::time::timeout(IDLE, read).await.ok()??;
        let permit = server.questions.acquire().await.ok()?;
        let reply = server.reply(&query, Transport::Tcp).await?;
        drop(permit);
        let mut framed = u16::try_from(reply.len()).ok()?.to_be_bytes().to_vec();
        framed.extend(reply);
        tokio::time::timeout(IDLE, stream.write_all(&framed))
            .await
            .ok()?
            .ok()?;
    }
}

/// The local address of a socket, which is given a port if it has none, as its first datagram or its connect would.
pub(crate) fn with_port(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    let local = || {
        let addr = rustix::net::getsockname(fd).map_err(errno)?;
        SocketAddr::try_from(addr).map_err(errno)
    };
    let unbound = local()?;
    if unbound.port() != 0 {
        return Ok(unbound);
    }
    rustix::net::bind(fd, &unbound).map_err(errno)?;
    local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::{Message, Query};
    use hickory_resolver::proto::rr::{Name, RecordType};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn stub() -> Stub {
        let policy = Arc::new(guestnet_core::policy::Policy::allow_all());
        let guest: guestnet_core::GuestThread<crate::OsHost, ()> = guestnet_core::GuestThread::new(
            crate::OsHost::new().unwrap(),
            policy,
            guestnet_core::Capacity::default(),
        );
        let resolver = Resolver::new(&crate::Upstream::System).unwrap();
        Stub::start(Arc::clone(guest.names()), Arc::new(resolver)).unwrap()
    }

    /// A question that needs no upstream.
    fn question() -> Vec<u8> {
        let mut message = Message::query();
        message.add_query(Query::query(
            Name::from_ascii("localhost.").unwrap(),
            RecordType::A,
        ));
        message.to_vec().unwrap()
    }

    #[test]
    fn only_datagrams_of_the_guests_own_sockets_are_answered() {
        let stub = stub();
        let [stranger, guest, former] =
            std::array::from_fn(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let (client, gone) = (OnceLock::new(), OnceLock::new());
        stub.admit(&client, Kind::Datagram, guest.local_addr().unwrap());
        // Known for its stream and not for datagrams, and known once but closed.
        let other = OnceLock::new();
        stub.admit(&other, Kind::Stream, stranger.local_addr().unwrap());
        stub.admit(&gone, Kind::Datagram, former.local_addr().unwrap());
        drop(gone);
        for socket in [&stranger, &former, &guest] {
            socket.send_to(&question(), stub.addr).unwrap();
        }
        let mut reply = [0; 512];
        let (len, from) = guest.recv_from(&mut reply).unwrap();
        assert_eq!(from, stub.addr);
        assert_eq!(Message::from_vec(&reply[..len]).unwrap().answers.len(), 1);
        // Asked before, answered never: the one thread takes questions in their order.
        for socket in [stranger, former] {
            socket.set_nonblocking(true).unwrap();
            let error = socket.recv_from(&mut reply).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        // A socket that was dissolved gets a new port, and the old one counts no more.
        client.get().unwrap().forget();
        assert!(!stub.clients.has(Kind::Datagram, guest.local_addr().unwrap()));
        drop((client, other));
        assert!(stub.clients.0.lock().unwrap().is_empty());
    }

    #[test]
    fn only_connections_of_the_guests_own_sockets_are_answered() {
        let stub = stub();
        let framed = [
            &u16::try_from(question().len()).unwrap().to_be_bytes()[..],
            &question(),
        ]
        .concat();
        let mut stranger = TcpStream::connect(stub.addr).unwrap();
        // It may get ECONNRESET at once.
        let _ = stranger.write_all(&framed);
        let mut len = [0; 2];
        assert!(!matches!(stranger.read(&mut len), Ok(1..)));
    }
}
