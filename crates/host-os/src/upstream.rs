//! [`Upstream`]: who is asked for names: the system's resolver, or DNS servers of the owner's choice.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use guestnet_core::resolve::{LookupReply, Question, Records};
use guestnet_core::{Domain, Errno, LookupError, Result};
use hickory_resolver::TokioResolver;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Record, RecordType};
use tokio::sync::Semaphore;

use crate::convert::errno;
use crate::{answer, dns, sys};

/// The most servers that can be named; resolv.conf(5) takes three.
pub const MAX_SERVERS: usize = 8;

/// As many as resolv.conf(5) takes.
const RESOLV_CONF_SERVERS: usize = 3;

/// The most of resolv.conf(5) that is read, in bytes.
const MAX_RESOLV_CONF: u64 = 64 << 10;

/// The port of DNS.
const DNS: u16 = 53;

/// The most look-ups by getaddrinfo(3) of one guest at a time: each holds a thread until it ends.
const SYSTEM_CALLS: usize = 16;

/// Who is asked for names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upstream {
    /// getaddrinfo(3) and getnameinfo(3): what the machine's other programs see. Records that these do not have (MX,
    /// TXT, SRV, …) come from the servers of resolv.conf(5).
    #[default]
    System,
    /// DNS servers, over UDP and over TCP for long answers.
    Servers(Vec<SocketAddr>),
}

/// A text that is no [`Upstream`]: a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError(String);

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UpstreamError {}

impl FromStr for Upstream {
    type Err = UpstreamError;

    /// `system`, or addresses separated by commas, each with a port if it is not 53: `1.1.1.1,[2606:4700::1]:5353`.
    fn from_str(text: &str) -> Result<Upstream, UpstreamError> {
        if text == "system" {
            return Ok(Upstream::System);
        }
        let servers = text
            .split(',')
            .map(|server| {
                let server = server.trim();
                let bare = server
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(server);
                server
                    .parse()
                    .or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS)))
                    .map_err(|_| {
                        UpstreamError(format!(
                            "`{server}` is not `system` and not an IP address, with a port or without"
                        ))
                    })
            })
            .collect::<Result<Vec<SocketAddr>, UpstreamError>>()?;
        if servers.len() > MAX_SERVERS {
            return Err(UpstreamError(format!("{MAX_SERVERS} servers are the most")));
        }
        Ok(Upstream::Servers(servers))
    }
}

/// An upstream that can be asked.
#[derive(Debug)]
pub(crate) enum Resolver {
    System {
        calls: Semaphore,
        /// Read anew for each question: a machine that moves to another network gets other servers.
        resolv_conf: PathBuf,
    },
    Dns(Box<TokioResolver>),
}

impl Resolver {
    /// # Errors
    /// `EINVAL`: no server was named, or the client cannot be set up.
    pub(crate) fn new(upstream: &Upstream) -> Result<Resolver> {
        Ok(match upstream {
            Upstream::System => Resolver::system(PathBuf::from("/etc/resolv.conf")),
            Upstream::Servers(servers) => {
                let client = dns::client(servers, TokioRuntimeProvider::default())?;
                Resolver::Dns(Box::new(client))
            }
        })
    }

    fn system(resolv_conf: PathBuf) -> Resolver {
        Resolver::System {
            calls: Semaphore::new(SYSTEM_CALLS),
            resolv_conf,
        }
    }
}

impl answer::Ask for Resolver {
    async fn ask(&self, question: &Question) -> LookupReply {
        match self {
            Resolver::System { calls, .. } => system(calls, question).await,
            Resolver::Dns(client) => dns::ask(client, question).await,
        }
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        match self {
            Resolver::System { resolv_conf, .. } => {
                let servers = name_servers(&read(resolv_conf));
                let client =
                    dns::client(&servers, TokioRuntimeProvider::default()).map_err(LookupError::System)?;
                dns::records(&client, name, kind).await
            }
            Resolver::Dns(client) => dns::records(client, name, kind).await,
        }
    }
}

/// getaddrinfo(3) cannot be interrupted, so it runs on a thread of its own: a guest that is stopped leaves it behind,
/// to end when the resolver gives up.
async fn system(calls: &Semaphore, question: &Question) -> LookupReply {
    let failed = |error| LookupReply {
        outcome: Err(error),
        lifetime: None,
    };
    let Ok(_permit) = calls.acquire().await else {
        return failed(LookupError::Again);
    };
    let question = question.clone();
    let outcome = tokio::task::spawn_blocking(move || match question {
        Question::Addresses { name, family } => {
            let family = match family {
                None => libc::AF_UNSPEC,
                Some(Domain::Inet) => libc::AF_INET,
                Some(Domain::Inet6) => libc::AF_INET6,
                Some(Domain::Unix) => return Err(LookupError::Family),
            };
            let text = CString::new(name.as_str()).map_err(|_| LookupError::NoName)?;
            sys::getaddrinfo(&text, family)
                .map(|(addresses, canonical)| {
                    let canonical = canonical.unwrap_or_default();
                    Records {
                        addresses,
                        aliases: aliases(name.as_str(), &canonical),
                        name: canonical,
                        sorted: true,
                    }
                })
                .map_err(|(code, error)| lookup_error(code, errno(error)))
        }
        Question::Pointer(ip) => sys::getnameinfo(ip)
            .map(|name| Records {
                name,
                ..Records::default()
            })
            .map_err(|(code, error)| lookup_error(code, errno(error))),
    })
    .await;
    LookupReply {
        outcome: outcome.unwrap_or(Err(LookupError::Again)),
        lifetime: None,
    }
}

/// The name that was asked for is an alias of another one, but not of itself in a search domain. The system does not say which
/// others there are.
fn aliases(asked: &str, canonical: &str) -> Vec<String> {
    let same = canonical.get(..asked.len()).is_some_and(|start| {
        start.eq_ignore_ascii_case(asked)
            && matches!(canonical.as_bytes().get(asked.len()), None | Some(b'.'))
    });
    if same || canonical.is_empty() {
        Vec::new()
    } else {
        vec![asked.to_owned()]
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

/// The servers that resolv.conf(5) names, in its order; without any it is the one of this machine. With a port in the
/// form of OpenBSD, `nameserver [127.0.0.1]:5353`, too.
fn name_servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = resolv_conf
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver")?.split_ascii_whitespace().next())
        .filter_map(|server| match server.strip_prefix('[') {
            Some(rest) => {
                let (ip, port) = rest.split_once("]:")?;
                Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
            }
            None => Some(SocketAddr::new(server.parse().ok()?, DNS)),
        })
        .take(RESOLV_CONF_SERVERS)
        .collect();
    if servers.is_empty() {
        servers.push((Ipv4Addr::LOCALHOST, DNS).into());
    }
    servers
}

/// The start of a small file; nothing if it cannot be read.
fn read(path: &Path) -> String {
    let mut text = String::new();
    let Ok(file) = File::open(path) else { return text };
    match file.take(MAX_RESOLV_CONF).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Ask;
    use crate::background;

    #[test]
    fn servers_are_read_with_and_without_ports() {
        assert_eq!("system".parse(), Ok(Upstream::System));
        let servers =
            ["1.1.1.1:53", "[2606:4700::1]:5353", "[::1]:53", "[::2]:53"].map(|text| text.parse().unwrap());
        assert_eq!(
            "1.1.1.1, [2606:4700::1]:5353,::1,[::2]".parse(),
            Ok(Upstream::Servers(servers.to_vec()))
        );
        assert!("dns.example".parse::<Upstream>().is_err());
        assert!("".parse::<Upstream>().is_err());
        assert!(["::1"; 9].join(",").parse::<Upstream>().is_err());
    }

    #[test]
    fn servers_are_read_from_resolv_conf() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # one\n\
                    nameserver nonsense\nnameserver [127.0.0.1]:5353\nnameserver 192.0.2.4\n";
        let servers =
            ["192.0.2.1:53", "[2001:db8::1]:53", "127.0.0.1:5353"].map(|text| text.parse().unwrap());
        assert_eq!(name_servers(text), servers);
        assert_eq!(name_servers("search example"), ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(read(Path::new("/nonexistent/resolv.conf")), "");
    }

    /// Runs a look-up on the background thread, as guests do.
    fn ask<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = std::sync::mpsc::channel();
        background::handle().unwrap().spawn(async move {
            sender.send(future.await).unwrap();
        });
        receiver.recv().unwrap()
    }

    fn name_of(ip: &str) -> Result<String, LookupError> {
        let question = Question::Pointer(ip.parse().unwrap());
        let reply = ask(async move { Resolver::new(&Upstream::System).unwrap().ask(&question).await });
        assert_eq!(reply.lifetime, None);
        reply.outcome.map(|found| found.name)
    }

    #[test]
    fn the_system_has_the_names_of_addresses() {
        assert_eq!(name_of("127.0.0.1"), Ok("localhost".to_owned()));
        // The one address that getnameinfo(3) asks no server about.
        assert_eq!(name_of("::"), Err(LookupError::NoName));
    }

    #[test]
    fn the_system_has_the_addresses_of_a_name_by_family() {
        for (family, only_v4) in [(Some(Domain::Inet), true), (None, false)] {
            let name = guestnet_core::policy::Name::parse("localhost").unwrap();
            let question = Question::Addresses { name, family };
            let reply = ask(async move { Resolver::new(&Upstream::System).unwrap().ask(&question).await });
            let found = reply.outcome.unwrap();
            assert!(found.sorted && found.addresses.iter().all(IpAddr::is_loopback));
            assert!(!found.addresses.is_empty());
            assert!(!only_v4 || found.addresses.iter().all(IpAddr::is_ipv4));
        }
    }

    #[test]
    fn other_records_come_from_the_servers_of_resolv_conf() {
        use hickory_resolver::proto::op::Message;
        use hickory_resolver::proto::rr::rdata::TXT;
        use hickory_resolver::proto::rr::{RData, Record};

        let server = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        let path = std::env::temp_dir().join(format!("guestnet-resolv-{}.conf", std::process::id()));
        std::fs::write(&path, format!("nameserver [127.0.0.1]:{port}\n")).unwrap();
        let answering = std::thread::spawn(move || {
            let mut query = [0; 512];
            let (len, from) = server.recv_from(&mut query).unwrap();
            let query = Message::from_vec(&query[..len]).unwrap();
            let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
            let owner = query.queries[0].name.clone();
            reply.add_queries(query.queries);
            let text = RData::TXT(TXT::new(vec!["hello".to_owned()]));
            reply.add_answer(Record::from_rdata(owner, 60, text));
            server.send_to(&reply.to_vec().unwrap(), from).unwrap();
        });
        let resolver = Resolver::system(path.clone());
        let records = ask(async move { resolver.records("x.example", RecordType::TXT).await });
        std::fs::remove_file(&path).unwrap();
        answering.join().unwrap();
        assert_eq!(records.unwrap()[0].record_type(), RecordType::TXT);
    }
}
