//! What a process has of the machine, and what the kernel has of its connections: whether anything leaks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Result;

/// The kernel's number for TIME_WAIT and for LISTEN in /proc/net/tcp.
const TIME_WAIT: &str = "06";
const LISTEN: &str = "0A";

/// How much more memory than in the first tenth of a run may be an allocator's.
const SLACK: u64 = 1 << 20;

/// What a process has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) descriptors: usize,
    /// The descriptors that are sockets.
    pub(crate) sockets: usize,
    pub(crate) threads: usize,
    /// Its resident set, in bytes.
    pub(crate) memory: u64,
}

impl Usage {
    /// Of a process.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn of(pid: u32) -> Result<Usage> {
        let process = Path::new("/proc").join(pid.to_string());
        let named = |error: std::io::Error| format!("{}: {error}", process.display());
        let links: Vec<_> = fs::read_dir(process.join("fd"))
            .map_err(named)?
            // One may be closed meanwhile.
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .collect();
        let status = fs::read_to_string(process.join("status")).map_err(named)?;
        let number = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().next()?.parse::<usize>().ok()
        };
        let resident = number("VmRSS:").ok_or("the kernel says no resident memory")?;
        let is_socket = |link: &&std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
        Ok(Usage {
            descriptors: links.len(),
            sockets: links.iter().filter(is_socket).count(),
            threads: number("Threads:").ok_or("the kernel says no threads")?,
            memory: u64::try_from(resident).unwrap_or(u64::MAX) * 1024,
        })
    }

    /// What is more here than in `before`, memory left out.
    pub(crate) fn beyond(&self, before: &Usage) -> Vec<String> {
        [
            ("descriptors", self.descriptors, before.descriptors),
            ("sockets", self.sockets, before.sockets),
            ("threads", self.threads, before.threads),
        ]
        .into_iter()
        .filter(|(_, now, before)| now > before)
        .map(|(what, now, before)| format!("{now} {what}, where {before} were before"))
        .collect()
    }
}

/// TCP sockets of the whole machine with this port at either end, without listeners and those in TIME_WAIT.
///
/// # Errors
/// The kernel does not say.
pub(crate) fn connections(port: u16) -> Result<usize> {
    let mut count = 0;
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = match fs::read_to_string(table) {
            Ok(text) => text,
            // A machine without IPv6.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{table}: {error}")),
        };
        count += text
            .lines()
            .skip(1)
            .filter(|line| is_connection(line, port))
            .count();
    }
    Ok(count)
}

fn is_connection(line: &str, port: u16) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let (Some(local), Some(remote), Some(state)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let has_port = |addr: &str| addr.rsplit(':').next() == Some(format!("{port:04X}").as_str());
    (has_port(local) || has_port(remote)) && ![TIME_WAIT, LISTEN].contains(&state)
}

/// The memory of a process during a run, from which follows how much it may have at the end.
#[derive(Debug)]
pub(crate) struct Memory {
    /// When it was looked at, since the beginning, and what it was, in bytes.
    samples: Vec<(Duration, u64)>,
    whole: Duration,
}

impl Memory {
    /// Of a run of this length.
    pub(crate) const fn new(whole: Duration) -> Memory {
        Memory {
            samples: Vec::new(),
            whole,
        }
    }

    /// One look at it.
    pub(crate) fn push(&mut self, since: Duration, memory: u64) {
        self.samples.push((since, memory));
    }

    /// What it was at last.
    pub(crate) fn last(&self) -> u64 {
        self.samples.last().map_or(0, |(_, memory)| *memory)
    }

    /// The most that it may be at the end: what it was at most in the first tenth of the run, and as much more as it grew in the second
    /// half of that tenth, or [`SLACK`]. What leaks steadily grows 18 times as much in the rest of the run.
    pub(crate) fn bound(&self) -> u64 {
        let first: Vec<_> = self
            .samples
            .iter()
            .enumerate()
            // There is a first one in any case.
            .filter(|(index, (since, _))| *index == 0 || *since <= self.whole / 10)
            .map(|(_, sample)| *sample)
            .collect();
        let most = first.iter().map(|(_, memory)| *memory).max().unwrap_or(0);
        let second = first.iter().filter(|(since, _)| *since > self.whole / 20);
        let least = second.map(|(_, memory)| *memory).min().unwrap_or(most);
        most + (most - least).max(SLACK)
    }

    /// The last of each of the run's ten parts, in MiB.
    pub(crate) fn tenths(&self) -> Vec<f64> {
        (1..=10)
            .filter_map(|part| {
                let end = self.whole * part / 10;
                let last = self
                    .samples
                    .iter()
                    .rfind(|(since, _)| *since <= end || part == 10);
                last.map(|(_, memory)| mebibytes(*memory))
            })
            .collect()
    }
}

/// Bytes as MiB.
#[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

#[cfg(test)]
mod tests {
    use super::{Memory, SLACK, Usage, connections, is_connection};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    #[test]
    fn sockets_of_this_process_are_seen_and_their_connections_too() {
        let before = Usage::of(std::process::id()).expect("this process");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let port = listener.local_addr().expect("an address").port();
        assert_eq!(connections(port), Ok(0));
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        let server = listener.accept().expect("accept").0;
        assert_eq!(connections(port), Ok(2));
        // Other tests of this process only add to it.
        let now = Usage::of(std::process::id()).expect("this process");
        assert!(now.sockets >= 3 && now.descriptors >= 3 && now.memory > 0 && before.threads > 0);
        drop((client, server, listener));
        assert!(Usage::of(0).is_err());
    }

    #[test]
    fn what_is_more_is_named() {
        let before = Usage {
            descriptors: 5,
            sockets: 2,
            threads: 3,
            memory: 1,
        };
        assert!(before.beyond(&before).is_empty());
        let now = Usage {
            descriptors: 6,
            threads: 4,
            memory: 100,
            ..before
        };
        let named = [
            "6 descriptors, where 5 were before",
            "4 threads, where 3 were before",
        ];
        assert_eq!(now.beyond(&before), named);
    }

    #[test]
    fn listeners_and_what_waits_for_its_time_are_no_connections() {
        let line = |state: &str| format!("   0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000");
        assert!(is_connection(&line("01"), 8080) && is_connection(&line("01"), 0));
        assert!(!is_connection(&line("01"), 8081));
        assert!(!is_connection(&line("06"), 8080) && !is_connection(&line("0A"), 8080));
    }

    #[test]
    fn memory_that_grows_steadily_passes_its_bound_and_memory_that_settles_does_not() {
        let run = |memory: fn(u64) -> u64| {
            let mut all = Memory::new(Duration::from_secs(1000));
            for second in 0..=1000 {
                all.push(Duration::from_secs(second), memory(second));
            }
            (all.bound(), memory(1000), all.tenths())
        };
        let (bound, last, tenths) = run(|second| (100 << 20) + second * 100_000);
        assert!(last > bound, "{last} {bound}");
        assert_eq!(tenths.len(), 10);
        let (bound, last, _) = run(|second| (100 << 20) + second.min(90) * 100_000);
        assert!(last <= bound, "{last} {bound}");
        let (bound, last, _) = run(|_| 100 << 20);
        assert_eq!(bound, last + SLACK);
    }
}
