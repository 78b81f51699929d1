//! The options of `guestnet run`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use guestnet::core::limits::parse_size;
use guestnet::{DEFAULT_MAX_MEMORY, ReportTo, TraceTo, Upstream, UpstreamError};
use lexopt::Arg;

use crate::failure::{self, Failure, text, value, wrong_value};
use crate::found::FoundGuest;
use crate::policy_args::PolicyArgs;
use crate::units::{Timeout, parse_duration};
use crate::usage::Topic;

/// What to run, and how.
#[derive(Debug)]
pub(crate) struct RunArgs {
    pub(crate) guest: PathBuf,
    /// Where it is, if not at its path. No option says it.
    pub(crate) found: Option<FoundGuest>,
    /// `argv[1]` and on.
    pub(crate) args: Vec<String>,
    pub(crate) policy: PolicyArgs,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) directories: Vec<Directory>,
    pub(crate) env: Vec<Variable>,
    pub(crate) timeout: Option<Timeout>,
    /// In bytes.
    pub(crate) max_memory: u64,
    /// Before it starts.
    pub(crate) compile: CompileBudget,
    /// Whether this process gives up what it does not need.
    pub(crate) confine: bool,
    pub(crate) trace: Option<TraceTo>,
    /// Where every decision is written.
    pub(crate) audit: Option<ReportTo>,
    /// Where the guest's numbers are offered.
    pub(crate) metrics: Option<ReportTo>,
    /// Whom names are asked of.
    pub(crate) upstream: Upstream,
    /// The hosts file instead of the machine's.
    pub(crate) hosts: Option<PathBuf>,
}

/// `--dir HOST[::GUEST]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
}

/// `--env K[=V]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Set(String, String),
    /// With the value that it has here, if it has one.
    Inherit(String),
}

/// How far the compilation of a guest may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompileBudget {
    /// In bytes.
    pub(crate) memory: u64,
    pub(crate) time: Timeout,
}

impl Default for CompileBudget {
    fn default() -> Self {
        CompileBudget {
            memory: 4 << 30,
            time: Timeout {
                duration: Duration::from_secs(600),
                written: "10m".to_owned(),
            },
        }
    }
}

/// The options that hold where none is given.
fn defaults() -> RunArgs {
    RunArgs {
        guest: PathBuf::new(),
        found: None,
        args: Vec::new(),
        policy: PolicyArgs::default(),
        listen: Vec::new(),
        directories: Vec::new(),
        env: Vec::new(),
        timeout: None,
        max_memory: DEFAULT_MAX_MEMORY,
        compile: CompileBudget::default(),
        confine: true,
        trace: None,
        audit: None,
        metrics: None,
        upstream: Upstream::System,
        hosts: None,
    }
}

/// The options of `guestnet repl`; `None`: help was asked for.
pub(crate) fn parse_repl(parser: &mut lexopt::Parser) -> Result<Option<RunArgs>, Failure> {
    let mut run = defaults();
    while let Some(arg) = parser.next().map_err(failure::lexopt)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long(name) => {
                let name = name.to_owned();
                run.option(&name, parser)?;
            }
            Arg::Short(letter) => return Err(failure::unknown_option(&format!("-{letter}"), Topic::Run)),
            Arg::Value(value) => return Err(failure::too_many(&value, "guestnet repl takes options only")),
        }
    }
    Ok(Some(run))
}

/// Every option of `run` that is not about the policy.
pub(crate) const OPTIONS: [&str; 13] = [
    "audit",
    "compile-timeout",
    "dir",
    "dns",
    "env",
    "hosts",
    "listen",
    "max-compile-memory",
    "max-memory",
    "metrics",
    "no-confine",
    "timeout",
    "trace",
];

/// Whether `run` has an option of this name; `help` does not count, which every guest may have too.
pub(crate) fn has_option(name: &str) -> bool {
    OPTIONS.contains(&name) || PolicyArgs::has_option(name)
}

/// `None`: help was asked for.
pub(crate) fn parse(parser: &mut lexopt::Parser) -> Result<Option<RunArgs>, Failure> {
    let mut run = defaults();
    // Whether `--` has ended our options.
    let mut over = false;
    loop {
        if let Some(arguments) = parser.try_raw_args() {
            over |= arguments.peek().is_some_and(|argument| argument == "--");
        }
        match parser.next().map_err(failure::lexopt)? {
            Some(Arg::Short('h') | Arg::Long("help")) => return Ok(None),
            Some(Arg::Long(name)) => {
                let name = name.to_owned();
                run.option(&name, parser)?;
            }
            Some(Arg::Short(letter)) => {
                return Err(failure::unknown_option(&format!("-{letter}"), Topic::Run));
            }
            Some(Arg::Value(guest)) => {
                run.guest = guest.into();
                break;
            }
            None => {
                return Err(failure::missing(
                    "a guest to run",
                    "guestnet run [OPTIONS] GUEST [ARGS]...",
                ));
            }
        }
    }
    // From here on everything is the guest's, options too. One of ours is more likely in the wrong place than the guest's
    // own; as the guest's it would do nothing, and a rule that does nothing is not noticed.
    for arg in parser.raw_args().map_err(failure::lexopt)? {
        let arg = arg.into_string().map_err(|arg| {
            Failure::usage(format!(
                "the guest's argument {arg:?} is not UTF-8, which WASI asks for"
            ))
        })?;
        over |= arg == "--";
        if !over && let Some(option) = own_option(&arg) {
            let guest = run.guest.display();
            return Err(Failure::usage(format!(
                "{option} behind {guest} would do nothing: put it before {guest}, or -- before {guest} to hand it to the guest"
            )));
        }
        run.args.push(arg);
    }
    Ok(Some(run))
}

/// The option of ours that an argument is, without its value.
fn own_option(arg: &str) -> Option<&str> {
    let option = arg.split('=').next()?;
    has_option(option.strip_prefix("--")?).then_some(option)
}

impl RunArgs {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Failure> {
        if self.policy.option(name, || value(parser, name))? {
            return Ok(());
        }
        match name {
            "trace" => {
                self.trace = Some(match parser.optional_value() {
                    None => TraceTo::Stderr,
                    Some(file) if file.is_empty() => {
                        return Err(wrong_value(name, "", "a file's name is missing"));
                    }
                    Some(file) => TraceTo::File(file.into()),
                });
            }
            "listen" => self.listen.push(listen(&text(name, value(parser, name)?)?)?),
            "dir" => self.directories.push(directory(value(parser, name)?)?),
            "env" => self.env.push(variable(&text(name, value(parser, name)?)?)?),
            "timeout" => self.timeout = Some(timeout(name, text(name, value(parser, name)?)?)?),
            "compile-timeout" => {
                self.compile.time = timeout(name, text(name, value(parser, name)?)?)?;
            }
            "max-memory" => self.max_memory = size(name, &text(name, value(parser, name)?)?)?,
            "max-compile-memory" => {
                self.compile.memory = size(name, &text(name, value(parser, name)?)?)?;
            }
            "no-confine" => self.confine = false,
            "audit" => self.audit = Some(report_to(name, value(parser, name)?)?),
            "metrics" => self.metrics = Some(report_to(name, value(parser, name)?)?),
            "dns" => {
                let servers = text(name, value(parser, name)?)?;
                self.upstream = servers
                    .parse()
                    .map_err(|reason: UpstreamError| wrong_value(name, &servers, &reason.to_string()))?;
            }
            "hosts" => self.hosts = Some(value(parser, name)?.into()),
            _ => return Err(failure::unknown_option(&format!("--{name}"), Topic::Run)),
        }
        Ok(())
    }
}

fn listen(url: &str) -> Result<SocketAddr, Failure> {
    let wrong = |reason: &str| wrong_value("listen", url, reason);
    let Some(addr) = url.strip_prefix("tcp://") else {
        return Err(wrong(
            "it takes tcp:// and an address with a port, as tcp://127.0.0.1:8080",
        ));
    };
    if let Some(port) = addr.strip_prefix("localhost:") {
        let port = port
            .parse()
            .map_err(|_| wrong("behind the colon comes a port from 0 to 65535"))?;
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    addr.parse()
        .map_err(|_| wrong("it takes an IP address and a port, as tcp://127.0.0.1:8080 or tcp://[::1]:8080"))
}

fn report_to(name: &str, value: OsString) -> Result<ReportTo, Failure> {
    ReportTo::parse(&value).map_err(|reason| wrong_value(name, &value.to_string_lossy(), &reason.to_string()))
}

fn directory(value: OsString) -> Result<Directory, Failure> {
    let value = text("dir", value)?;
    let (host, guest) = value.split_once("::").unwrap_or((&value, &value));
    if host.is_empty() || guest.is_empty() {
        return Err(wrong_value(
            "dir",
            &value,
            "it takes HOST or HOST::GUEST, and neither may be empty",
        ));
    }
    Ok(Directory {
        host: host.into(),
        guest: guest.into(),
    })
}

fn variable(value: &str) -> Result<Variable, Failure> {
    let (name, content) = value
        .split_once('=')
        .map_or((value, None), |(name, content)| (name, Some(content)));
    if name.is_empty() {
        return Err(wrong_value(
            "env",
            value,
            "it takes NAME=VALUE, or NAME for the value that it has here",
        ));
    }
    Ok(match content {
        Some(content) => Variable::Set(name.into(), content.into()),
        None => Variable::Inherit(name.into()),
    })
}

fn size(name: &str, size: &str) -> Result<u64, Failure> {
    let what = "it takes a number of bytes, as 256MiB, 1GiB or 500MB";
    parse_size(size).ok_or_else(|| wrong_value(name, size, what))
}

fn timeout(name: &str, written: String) -> Result<Timeout, Failure> {
    match parse_duration(&written) {
        None => Err(wrong_value(
            name,
            &written,
            "it takes a whole number with ms, s, m or h, as 30s",
        )),
        Some(Duration::ZERO) => Err(wrong_value(
            name,
            &written,
            "it would end the guest before it starts",
        )),
        Some(duration) => Ok(Timeout { duration, written }),
    }
}
