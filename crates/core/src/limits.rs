//! How much of the network a guest may use. Numbers only: whoever does the work counts against them.

/// The limits of one guest. `docs/policy.md` tells what happens at each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most sockets that are open at a time. Over it: `EMFILE`.
    ///
    /// 16384 by default: a server with ten thousand connections fits, and a guest that leaks sockets ends before the
    /// host does.
    pub sockets: u32,
    /// The longest queue of connections that wait for accept on one listener. A larger backlog is cut to it, as
    /// listen(2) does.
    ///
    /// 4096 by default, as Linux has it in `net.core.somaxconn`.
    pub pending: u32,
    /// The most bytes a second, sent and received together. Over it the guest waits, or sees `EAGAIN` where it does
    /// not want to wait. No limit by default.
    pub bytes_per_second: Option<u64>,
    /// The most bytes in all, sent and received together. Over it: `ENOBUFS`. No limit by default.
    pub bytes_total: Option<u64>,
    /// The most look-ups a second that go to a server. Over it: `EAI_AGAIN`.
    ///
    /// 100 by default: far above a program's need behind a cache, and too slow for a tunnel through DNS or a flood.
    pub lookups_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sockets: 16_384,
            pending: 4096,
            bytes_per_second: None,
            bytes_total: None,
            lookups_per_second: 100,
        }
    }
}

/// Reads a number of bytes: digits, and `KiB`, `MiB`, `GiB` or `TiB`, or `kB`, `MB`, `GB` or `TB` for thousands, or
/// `B`. `None` for anything else and for what does not fit.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
