//! The system's look-ups: names by getaddrinfo(3) on a thread of its own, services from /etc/services.

use std::collections::HashMap;
use std::ffi::CString;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, sync_channel};

use guestnet_core::{Domain, Errno, Kind, LookupError, Ready};
use rustix::event::{EventfdFlags, eventfd};

use crate::convert::errno;
use crate::stop::Stop;
use crate::sys;
use crate::wait::wait_one;

/// Asks getaddrinfo(3). It cannot be interrupted, so it runs on a thread of its own: a guest that is stopped leaves
/// it behind, to end when the resolver gives up.
pub(crate) fn lookup(name: &str, family: Option<Domain>, stop: &Stop) -> Result<Vec<IpAddr>, LookupError> {
    let name = CString::new(name).map_err(|_| LookupError::NoName)?;
    let family = match family {
        None => libc::AF_UNSPEC,
        Some(Domain::Inet) => libc::AF_INET,
        Some(Domain::Inet6) => libc::AF_INET6,
        Some(Domain::Unix) => return Err(LookupError::Family),
    };
    let done = eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| LookupError::System(errno(error)))?;
    let done = Arc::new(done);
    let (sender, receiver) = sync_channel(1);
    let signal = Arc::clone(&done);
    let thread = std::thread::Builder::new().name("guestnet-lookup".to_owned());
    let spawned = thread.spawn(move || {
        // The guest may have been stopped and nobody listens any more.
        let _ = sender.send(sys::getaddrinfo(&name, family));
        let _ = rustix::io::write(signal.as_fd(), &1u64.to_ne_bytes());
    });
    spawned.map_err(|_| LookupError::System(Errno::Again))?;
    wait_one(done.as_raw_fd(), Ready::READ, None, stop).map_err(LookupError::System)?;
    match receiver.try_recv() {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err((code, error))) => Err(lookup_error(code, errno(error))),
        Err(TryRecvError::Empty | TryRecvError::Disconnected) => Err(LookupError::System(Errno::Io)),
    }
}

fn lookup_error(code: i32, error: Errno) -> LookupError {
    match code {
        libc::EAI_AGAIN => LookupError::Again,
        libc::EAI_NONAME => LookupError::NoName,
        libc::EAI_NODATA => LookupError::NoData,
        libc::EAI_FAMILY => LookupError::Family,
        libc::EAI_SOCKTYPE => LookupError::SockType,
        libc::EAI_SERVICE => LookupError::Service,
        libc::EAI_BADFLAGS => LookupError::BadFlags,
        libc::EAI_MEMORY => LookupError::Memory,
        libc::EAI_SYSTEM => LookupError::System(error),
        _ => LookupError::Fail,
    }
}

/// services(5), read once.
#[derive(Debug, Default)]
pub(crate) struct Services(HashMap<(String, Kind), u16>);

impl Services {
    /// Reads /etc/services; a machine without the file knows no names.
    pub(crate) fn read() -> Self {
        std::fs::read_to_string("/etc/services")
            .map(|text| Services::parse(&text))
            .unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut ports = HashMap::new();
        for line in text.lines() {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_ascii_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((port, protocol)) = port.split_once('/') else {
                continue;
            };
            let Ok(port) = port.parse() else { continue };
            let kind = match protocol {
                "tcp" => Kind::Stream,
                "udp" => Kind::Datagram,
                _ => continue,
            };
            for name in std::iter::once(name).chain(words) {
                ports.entry((name.to_owned(), kind)).or_insert(port);
            }
        }
        Services(ports)
    }

    pub(crate) fn port(&self, name: &str, kind: Kind) -> Option<u16> {
        self.0.get(&(name.to_owned(), kind)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_comments_and_two_protocols() {
        let services =
            Services::parse("http 80/tcp www # WWW\n# no 1/tcp\ndomain\t53/udp\nbad\nworse x/tcp\n");
        assert_eq!(services.port("www", Kind::Stream), Some(80));
        assert_eq!(services.port("http", Kind::Datagram), None);
        assert_eq!(services.port("domain", Kind::Datagram), Some(53));
        assert_eq!(services.port("no", Kind::Stream), None);
    }
}
