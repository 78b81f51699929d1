//! Every behaviour of the suite on the kernel's sockets, one named test each. The peers are those of `std::net`.
//!
//! Twice: with hosts that try and wait in turn, and with those whose blocking calls wait in the kernel and end by a signal.

use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitCode};

use guestnet_conformance::{
    Behaviour, Capability, Io, PATIENCE, PeerListener, PeerStream, PeerUdp, World, suite,
};
use guestnet_host_os::OsHost;
use libtest_mimic::{Arguments, Failed, Trial};

/// Set to a test's name for a process that runs nothing else.
const ALONE: &str = "GUESTNET_CONFORMANCE_ALONE";

/// What the names of tests begin with whose hosts end calls by a signal.
const BY_SIGNAL: &str = "by signal: ";

struct Kernel {
    by_signal: bool,
}

impl World for Kernel {
    type Host = OsHost;
    type Listener = Listener;
    type Stream = Stream;
    type Udp = Udp;

    fn lacks(_capability: Capability) -> Option<&'static str> {
        None
    }

    fn host(&self) -> OsHost {
        let mut host = OsHost::new().expect("an eventfd can be opened");
        if self.by_signal {
            host.stop_by_signal().expect("nothing else handles SIGURG");
        }
        host
    }

    fn stopper(&self, host: &OsHost) -> Box<dyn Fn() + Send> {
        let stopper = host.stopper();
        Box::new(move || stopper.stop().expect("an eventfd can be written"))
    }

    fn waits(&self) -> Box<dyn Fn() -> bool + Send> {
        let task = std::fs::read_link("/proc/thread-self").expect("proc is mounted");
        let stat = Path::new("/proc").join(task).join("stat");
        Box::new(move || {
            let stat = std::fs::read_to_string(&stat).expect("the thread is there");
            // The state follows the name, which is in parentheses (proc_pid_stat(5)).
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            state == Some('S')
        })
    }

    fn listen(&self, addr: impl Into<SocketAddr>) -> io::Result<Listener> {
        TcpListener::bind(addr.into()).map(Listener)
    }

    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<Stream> {
        Stream::new(TcpStream::connect(addr.into())?)
    }

    fn udp(&self, addr: impl Into<SocketAddr>) -> io::Result<Udp> {
        let socket = UdpSocket::bind(addr.into())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Udp(socket))
    }

    fn hand_over_listener(&self, host: &mut OsHost, listener: Listener) -> Io<Self> {
        host.adopt_socket(listener.0.into()).expect("it is a socket")
    }

    fn hand_over_stream(&self, host: &mut OsHost, stream: Stream) -> Io<Self> {
        host.adopt_socket(stream.0.into()).expect("it is a socket")
    }

    fn pipe_to_guest(&self, host: &mut OsHost) -> (Io<Self>, Box<dyn Write + Send>) {
        let (reader, writer) = io::pipe().expect("a pipe can be opened");
        let io = host.adopt_stream(OwnedFd::from(reader)).expect("it is open");
        (io, Box::new(writer))
    }

    fn pipe_from_guest(&self, host: &mut OsHost) -> (Io<Self>, Box<dyn Read + Send>) {
        let (reader, writer) = io::pipe().expect("a pipe can be opened");
        let io = host.adopt_stream(OwnedFd::from(writer)).expect("it is open");
        (io, Box::new(reader))
    }

    fn file(&self, host: &mut OsHost) -> (Io<Self>, Box<dyn Seek>) {
        let file = tempfile::tempfile().expect("a file can be made");
        let same = file.try_clone().expect("it is open");
        (
            host.adopt_stream(same.into()).expect("it is open"),
            Box::new(file),
        )
    }

    fn add_directory(&self, host: &mut OsHost, directory: &Path, guest: &str) {
        host.add_directory(directory, guest)
            .expect("the directory exists");
    }
}

#[derive(Debug)]
struct Listener(TcpListener);

impl PeerListener for Listener {
    type Stream = Stream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, from) = self.0.accept()?;
        Ok((Stream::new(stream)?, from))
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
    }

    fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Listener)
    }
}

#[derive(Debug)]
struct Stream(TcpStream);

impl Stream {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Stream(stream))
    }
}

impl PeerStream for Stream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buffer)
    }

    fn write(&self, data: &[u8]) -> io::Result<usize> {
        (&self.0).write(data)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}

#[derive(Debug)]
struct Udp(UdpSocket);

impl PeerUdp for Udp {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<()> {
        self.0.connect(addr.into())
    }

    fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.0.send(data)
    }

    fn send_to(&self, data: &[u8], addr: impl Into<SocketAddr>) -> io::Result<usize> {
        self.0.send_to(data, addr.into())
    }

    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer)
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
    }

    fn join(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.join_multicast_v4(&group, &interface)
    }
}

fn main() -> ExitCode {
    let waiting = suite(|| Kernel { by_signal: false })
        .into_iter()
        .map(|behaviour| (behaviour.name.to_owned(), behaviour));
    let by_signal = suite(|| Kernel { by_signal: true })
        .into_iter()
        .map(|behaviour| (format!("{BY_SIGNAL}{}", behaviour.name), behaviour));
    let mut tests = waiting.chain(by_signal);
    if let Ok(alone) = std::env::var(ALONE) {
        let (_, behaviour) = tests
            .find(|(name, _)| *name == alone)
            .expect("a behaviour of the suite");
        behaviour.run();
        return ExitCode::SUCCESS;
    }
    // The kernel is the oracle: every behaviour applies to it.
    let trials = tests
        .map(|(name, behaviour)| Trial::test(name.clone(), move || run(&name, &behaviour)))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(name: &str, behaviour: &Behaviour) -> Result<(), Failed> {
    if !behaviour.alone {
        behaviour.run();
        return Ok(());
    }
    let output = Command::new(std::env::current_exe()?).env(ALONE, name).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}
