//! [`Reporter`]: an [`Observer`] that writes what it gets as lines: the trace, the audit, the first denial of a run.
//!
//! Not here: where the lines go and what time it is. The owner of the guest chooses that ([`Sinks`]).

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::errno::Result;
use crate::log::{CountKey, Form, Log, Sink};
use crate::policy::{DecisionIdentity, Flag, Protocol, Use};
use crate::trace::{AuditRecord, Denial, Observer, ResultLine};
use crate::visible::{Visible, push_json, visible};

/// Where a [`Reporter`] writes, and what it cannot know itself.
pub struct Sinks {
    /// The one line about the first denial, for the owner of the guest.
    pub denial: Sink,
    /// One line a call, and one a denial, as strace(1) prints them; `None` for no trace.
    pub trace: Option<Sink>,
    /// One JSON object a decision, or several that are the same; `None` for no audit. `docs/policy.md` names the members.
    pub audit: Option<Sink>,
    /// The time since the Unix epoch, for the audit and for what counts as a repeat.
    pub clock: fn() -> Duration,
    /// The size in bytes that the trace and the audit may each come to. Beyond it they have only what is new.
    pub limit: u64,
    /// Writes a flag that would allow something in the words of the guest's owner. The guest has chosen what is in the
    /// flag, and people copy it: [`Flag`]'s own words are safe in a shell.
    pub advice: fn(flag: &Flag) -> String,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sinks")
            .field("trace", &self.trace.is_some())
            .field("audit", &self.audit.is_some())
            .finish_non_exhaustive()
    }
}

/// The longest line of a trace, in bytes. A guest chooses what is in it.
const MAX_LINE: usize = 2048;

/// An [`Observer`] that writes lines.
#[derive(Debug)]
pub struct Reporter {
    denial: Option<NoticeSink>,
    trace: Option<Log>,
    audit: Option<Log>,
    clock: fn() -> Duration,
    advice: fn(&Flag) -> String,
    recent: Recent,
    /// The line being made, kept for its memory.
    line: String,
}

/// Where the first denial goes: a program that tries again and again must not fill the terminal.
struct NoticeSink(Sink);

impl fmt::Debug for NoticeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoticeSink")
    }
}

impl Reporter {
    /// A reporter that writes there. What cannot be written is dropped: a full disk or a closed terminal must not end
    /// the guest.
    #[must_use]
    pub fn new(sinks: Sinks) -> Self {
        let limit = sinks.limit;
        Reporter {
            denial: Some(NoticeSink(sinks.denial)),
            trace: sinks.trace.map(|sink| Log::new(sink, Form::Text, limit)),
            audit: sinks.audit.map(|sink| Log::new(sink, Form::Json, limit)),
            clock: sinks.clock,
            advice: sinks.advice,
            recent: Recent::default(),
            line: String::new(),
        }
    }

    /// Adds a line to the trace. What succeeds stands where it happened; what fails or is denied is counted if it comes
    /// again at once.
    fn trace(&mut self, text: fmt::Arguments<'_>, counts: bool) {
        let Some(trace) = &mut self.trace else {
            return;
        };
        if !trace.wants_line() {
            return;
        }
        self.line.clear();
        // Into a String.
        let _ = Visible(&mut self.line).write_fmt(text);
        // The part that is cut off still distinguishes the line from others.
        let now = (self.clock)();
        match self.line.get(..self.line.floor_char_boundary(MAX_LINE)) {
            Some(beginning) if beginning.len() < self.line.len() => {
                trace.take(now, &self.line, &format!("{beginning}..."), counts);
            }
            _ => {
                trace.take(now, &self.line, &self.line, counts);
            }
        }
    }
}

impl Observer for Reporter {
    fn wants_calls(&self) -> bool {
        self.trace.is_some()
    }

    fn call(&mut self, name: &'static str, args: fmt::Arguments<'_>, result: Result<u64>) {
        let counts = result.is_err();
        self.trace(format_args!("{name}({args}) = {}", ResultLine(result)), counts);
    }

    fn denied(&mut self, denial: &Denial<'_>) {
        if self.denial.is_none() && self.trace.is_none() {
            return;
        }
        let sentence = sentence(denial, self.advice);
        if let Some(NoticeSink(mut sink)) = self.denial.take() {
            let line = format!("guestnet: {}\n", visible(&sentence));
            let _ = sink.write_all(line.as_bytes());
        }
        self.trace(format_args!("--- {sentence} ---"), true);
    }

    fn wants_decisions(&self) -> bool {
        self.audit.is_some()
    }

    fn decided(&mut self, decided: &AuditRecord<'_>) {
        let Some(audit) = &mut self.audit else {
            return;
        };
        if !audit.wants_line() {
            return;
        }
        let now = (self.clock)();
        let repeat = Repeat::of(decided);
        if let Some(repeat) = &repeat
            && let Some(key) = self.recent.find(repeat)
            && audit.again(now, key)
        {
            return;
        }
        let target = decided.target.to_string();
        let occurrence = (
            decided.call,
            decided.usage,
            decided.protocol,
            &target,
            outcome(decided),
        );
        let key = audit.take(now, occurrence, &audit_line(decided, &target), true);
        if let (Some(repeat), Some(key)) = (repeat, key) {
            self.recent.keep(repeat, key);
        }
    }

    fn flush(&mut self) {
        let now = (self.clock)();
        for log in self.trace.iter_mut().chain(&mut self.audit) {
            log.flush(now);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.flush();
    }
}

/// How many decisions are remembered: a server has some peers that send to it in turn.
const RECENT: usize = 64;

/// The last decisions about addresses, each with what its line is counted under. Such a decision has the same line, which need not be
/// made again: most of what an audit costs is to make lines that are then counted.
#[derive(Debug, Default)]
struct Recent(Vec<Option<(Repeat, CountKey)>>);

/// All that the line of a decision about an address says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repeat {
    address: SocketAddr,
    call: &'static str,
    usage: Use,
    protocol: Option<Protocol>,
    decision: DecisionIdentity,
    redirected: bool,
}

impl Repeat {
    fn of(decided: &AuditRecord<'_>) -> Option<Repeat> {
        Some(Repeat {
            address: decided.address?,
            call: decided.call,
            usage: decided.usage,
            protocol: decided.protocol,
            decision: decided.decision.identity(),
            redirected: decided.redirected,
        })
    }

    /// Its place among [`RECENT`]. A guest that chooses addresses with the same one only makes its own calls slower.
    fn place(&self) -> usize {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) => ip.to_bits(),
            IpAddr::V6(ip) => {
                let [.., a, b, c, d] = ip.octets();
                u32::from_be_bytes([a, b, c, d])
            }
        };
        let mixed =
            (ip ^ (u32::from(self.address.port()) << 16) ^ self.usage as u32).wrapping_mul(0x9e37_79b1);
        // The upper bits: as many as there are places.
        usize::try_from(mixed >> (u32::BITS - RECENT.ilog2())).unwrap_or(0)
    }
}

impl Recent {
    fn find(&self, repeat: &Repeat) -> Option<CountKey> {
        let (known, key) = self.0.get(repeat.place())?.as_ref()?;
        (known == repeat).then_some(*key)
    }

    fn keep(&mut self, repeat: Repeat, key: CountKey) {
        if self.0.is_empty() {
            self.0.resize(RECENT, None);
        }
        if let Some(place) = self.0.get_mut(repeat.place()) {
            *place = Some((repeat, key));
        }
    }
}

/// `connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would`.
fn sentence(denial: &Denial<'_>, advice: fn(&Flag) -> String) -> String {
    let Denial {
        call,
        target,
        reason,
        flag,
        ..
    } = denial;
    let mut sentence = format!("{call} {target}: {reason}");
    if let Some(flag) = flag {
        let _ = write!(sentence, "; {} would", advice(flag));
    }
    sentence
}

/// What became of it, in the word of the audit.
fn outcome(decided: &AuditRecord<'_>) -> &'static str {
    match (decided.redirected, decided.decision.is_allowed()) {
        (true, _) => "served",
        (false, true) => "allowed",
        (false, false) => "denied",
    }
}

/// The members of the JSON object behind the time.
fn audit_line(decided: &AuditRecord<'_>, target: &str) -> String {
    let mut line = format!("\"call\":\"{}\",\"use\":\"{}\"", decided.call, decided.usage);
    if let Some(protocol) = decided.protocol {
        let _ = write!(line, ",\"protocol\":\"{protocol}\"");
    }
    line.push_str(",\"target\":");
    push_json(&mut line, target);
    let _ = write!(line, ",\"outcome\":\"{}\",\"reason\":", outcome(decided));
    push_json(&mut line, &decided.decision.to_string());
    if let Some(rule) = decided.decision.rule() {
        line.push_str(",\"rule\":");
        push_json(&mut line, &rule.to_string());
    }
    line
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::Errno;
    use crate::policy::{PolicyBuilder, Protocol, Use};

    /// What was written, one write an element.
    #[derive(Clone, Default)]
    pub(crate) struct Paper(Arc<Mutex<Vec<String>>>);

    impl Paper {
        pub(crate) fn lines(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = std::str::from_utf8(bytes).unwrap().to_owned();
            self.0.lock().unwrap().push(text);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn reporter() -> (Reporter, Paper, Paper, Paper) {
        let [denial, trace, audit] = [(); 3].map(|()| Paper::default());
        let reporter = Reporter::new(Sinks {
            denial: Box::new(denial.clone()),
            trace: Some(Box::new(trace.clone())),
            audit: Some(Box::new(audit.clone())),
            clock: || Duration::new(7, 42_999),
            limit: 1 << 20,
            advice: ToString::to_string,
        });
        (reporter, denial, trace, audit)
    }

    fn flag() -> Flag {
        Flag::address(Use::Connect, Protocol::Tcp, "10.0.0.5:5432".parse().unwrap())
    }

    fn denial_with(flag: &Flag) -> Denial<'_> {
        Denial {
            call: "connect",
            target: &"10.0.0.5:5432",
            reason: "denied because no rule allows it",
            flag: Some(flag),
            errno: Errno::EACCES,
        }
    }

    #[test]
    fn a_trace_has_one_line_a_call_as_strace_prints_them() {
        let (mut reporter, _, trace, _) = reporter();
        assert!(reporter.wants_calls());
        reporter.call(
            "connect",
            format_args!("4, 127.0.0.1:80"),
            Err(Errno::EINPROGRESS),
        );
        reporter.call("bind", format_args!("5, unix:/tmp/a\nb\u{202e}\u{2028}"), Ok(0));
        reporter.denied(&denial_with(&flag()));
        assert_eq!(
            trace.lines(),
            [
                "connect(4, 127.0.0.1:80) = -1 EINPROGRESS (Operation now in progress)\n",
                "bind(5, unix:/tmp/a\\nb\\u{202e}\\u{2028}) = 0\n",
                "--- connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would ---\n",
            ]
        );
    }

    #[test]
    fn repeats_are_counted_in_both_logs_and_written_when_the_reporter_ends() {
        let (mut reporter, denial, trace, audit) = reporter();
        let policy = PolicyBuilder::new().build();
        let target = "/run/x";
        for _ in 0..1000 {
            reporter.decided(&AuditRecord {
                call: "connect",
                usage: Use::Unix,
                protocol: None,
                target: &target,
                address: None,
                decision: policy.decide_unix(target),
                redirected: false,
            });
            reporter.denied(&denial_with(&flag()));
            reporter.call("connect", format_args!("3, {target}"), Err(Errno::EACCES));
            reporter.call("close", format_args!("3"), Ok(0));
        }
        assert_eq!(audit.lines().len(), 1);
        // What succeeds stands where it happened.
        assert_eq!(trace.lines().len(), 2 + 1000);
        drop(reporter);
        assert_eq!(denial.lines().len(), 1);
        let [_, counted] = &audit.lines()[..] else {
            panic!("{:?}", audit.lines())
        };
        assert!(counted.ends_with(",\"count\":999}\n"), "{counted}");
        let counted = trace.lines().split_off(1002);
        assert!(
            counted.iter().all(|line| line.ends_with(" (999 times)\n")),
            "{counted:?}"
        );
        assert_eq!(counted.len(), 2);
    }

    /// The reporter's clock in the test below, in milliseconds.
    static NOW: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

    #[test]
    fn an_audit_is_the_same_whether_the_last_decisions_are_remembered_or_not() {
        use std::sync::atomic::Ordering::Relaxed;

        let mut builder = PolicyBuilder::new();
        builder.allow(Use::Connect, "10.0.0.0/25").unwrap();
        builder.allow(Use::Connect, "tcp://10.0.0.200").unwrap();
        builder.deny(Use::Connect, "10.0.0.5:3").unwrap();
        let policy = builder.build();
        let audit = |limit: u64, remembers: bool| {
            let paper = Paper::default();
            let mut reporter = Reporter::new(Sinks {
                denial: Box::new(Paper::default()),
                trace: None,
                audit: Some(Box::new(paper.clone())),
                clock: || Duration::from_millis(NOW.load(Relaxed)),
                limit,
                advice: ToString::to_string,
            });
            // Numbers that look random, the same for both.
            let mut seed = 1_u64;
            let mut next = |below: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % below
            };
            NOW.store(1_000_000, Relaxed);
            for _ in 0..20_000 {
                // Mostly some few, sometimes any; now and then the clock is set back.
                let host = if next(4) > 0 { next(8) } else { next(256) };
                let addr = SocketAddr::from((
                    [10, 0, 0, u8::try_from(host).unwrap()],
                    u16::try_from(next(4)).unwrap(),
                ));
                let protocol = Protocol::ALL[usize::try_from(next(2)).unwrap()];
                let call = ["connect", "sendto"][usize::try_from(next(2)).unwrap()];
                let decision = policy.decide(Use::Connect, protocol, addr, &crate::policy::NoPins);
                match next(1000) {
                    0 => NOW.fetch_sub(500, Relaxed),
                    _ => NOW.fetch_add(next(3), Relaxed),
                };
                reporter.decided(&AuditRecord {
                    call,
                    usage: Use::Connect,
                    protocol: Some(protocol),
                    target: &addr,
                    address: remembers.then_some(addr),
                    decision,
                    redirected: decision.is_denied() && next(2) == 0,
                });
            }
            drop(reporter);
            paper.lines()
        };
        for limit in [u64::MAX, 100_000, 0] {
            let lines = audit(limit, true);
            assert!(lines == audit(limit, false), "{limit}");
            assert!(lines.len() > 500 && lines.len() < 20_000, "{}", lines.len());
        }
    }

    #[test]
    fn a_long_line_of_a_trace_is_cut_and_not_taken_for_another() {
        let (mut reporter, _, trace, _) = reporter();
        let long = "x".repeat(5000);
        for end in ["a", "b", "a"] {
            reporter.call("getaddrinfo", format_args!("{long}{end}"), Err(Errno::ENOENT));
        }
        let lines = trace.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| line.len() < 2100 && line.ends_with("...\n"))
        );
    }

    #[test]
    fn only_the_first_denial_is_printed() {
        let (mut reporter, denial, ..) = reporter();
        for _ in 0..3 {
            reporter.denied(&denial_with(&flag()));
        }
        let expected = "guestnet: connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would\n";
        assert_eq!(denial.lines(), [expected]);
    }

    #[test]
    fn an_audit_line_is_json_whatever_a_path_has_in_it() {
        let mut builder = PolicyBuilder::new();
        builder.allow(Use::Unix, "/run/*").unwrap();
        let policy = builder.build();
        let path = "/run/a\"b\\c\nd\u{7f}\u{9b}\u{202e}\u{2028}\u{e0041}";
        let decided = AuditRecord {
            call: "connect",
            usage: Use::Unix,
            protocol: None,
            target: &path,
            address: None,
            decision: policy.decide_unix(path),
            redirected: false,
        };
        let (mut reporter, _, _, audit) = reporter();
        assert!(reporter.wants_decisions());
        reporter.decided(&decided);
        let [line] = &audit.lines()[..] else {
            panic!("one line in one write")
        };
        let start = r#"{"time":7.000042,"call":"connect","use":"unix","target":"/run/a\"b\\c\u000ad\u007f\u009b\u202e\u2028\udb40\udc41","outcome":"denied","reason":"#;
        assert!(line.starts_with(start), "{line}");
        assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
    }

    #[test]
    fn a_denial_by_a_rule_names_no_flag() {
        let denial = Denial {
            reason: "denied by --deny-connect 10.6.6.6",
            target: &"10.6.6.6:1",
            flag: None,
            ..denial_with(&flag())
        };
        assert_eq!(
            sentence(&denial, ToString::to_string),
            "connect 10.6.6.6:1: denied by --deny-connect 10.6.6.6"
        );
    }

    #[test]
    fn what_would_allow_it_is_said_in_the_words_of_the_owner() {
        let explanation = sentence(&denial_with(&flag()), |flag| format!("<{flag}>"));
        assert!(
            explanation.ends_with("; <--allow-connect 10.0.0.5:5432> would"),
            "{explanation}"
        );
    }
}
