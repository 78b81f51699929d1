//! Every behaviour of the suite on the simulated network, one named test each. The peers are sockets of the same network.
//!
//! What does not apply is listed with the reason, and counts as ignored. Time is the machine's here, because peers run on
//! threads of their own; what virtual time is for is shown by the tests of host-sim.

mod network;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use guestnet_conformance::{Capability, World, suite};
use guestnet_host_sim::{Faults, Io, Network, SimHost};

use network::{Peer, run};

struct Sim(Network);

impl World for Sim {
    type Host = SimHost;
    type Listener = Peer;
    type Stream = Peer;
    type Udp = Peer;

    fn lacks(capability: Capability) -> Option<&'static str> {
        match capability {
            Capability::Ipv6 => None,
            Capability::Groups => Some("its network has two kinds of packets, to one receiver each"),
            Capability::UrgentData => Some("its TCP has no urgent pointer"),
            Capability::TcpInfo => Some("its TCP measures nothing"),
            Capability::UnixSockets => Some("it sees no file system"),
            Capability::SocketPairs => Some("it has sockets of IP only"),
            Capability::Pipes | Capability::Bulk | Capability::ByteStreams | Capability::Files => {
                Some("it has sockets only")
            }
            Capability::Epoll => Some("guests poll its sockets"),
            Capability::Events => Some("it has sockets only"),
            Capability::Resolver => Some("its network has no names"),
            Capability::Services => Some("it sees no services(5)"),
            Capability::HandOver => None,
            Capability::KernelDescriptors => Some("its sockets are memory of this process"),
        }
    }

    fn host(&self) -> SimHost {
        self.0.host()
    }

    fn stopper(&self, host: &SimHost) -> Box<dyn Fn() + Send> {
        let stopper = host.stopper();
        Box::new(move || stopper.stop())
    }

    fn waits(&self) -> Box<dyn Fn() -> bool + Send> {
        let (network, thread) = (self.0.clone(), thread::current().id());
        Box::new(move || network.is_waiting(thread))
    }

    fn listen(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::listening(&self.0, addr.into())
    }

    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::connected(&self.0, addr.into())
    }

    fn udp(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::bound(&self.0, addr.into())
    }

    fn hand_over_listener(&self, _host: &mut SimHost, listener: Peer) -> Io {
        listener.io
    }

    fn hand_over_stream(&self, _host: &mut SimHost, stream: Peer) -> Io {
        stream.io
    }
}

fn main() -> ExitCode {
    run(suite(|| Sim(Network::in_real_time(0, Faults::default()))), |_| {
        None
    })
}
