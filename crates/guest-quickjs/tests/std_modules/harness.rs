//! Runs a script with the kernel as its host, files for its standard streams, and says what came of it.

use std::fs::{self, File};
use std::io::{PipeReader, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::{Capacity, Errno, Guest};
use guestnet_host_os::{OsHost, Stopper};
use guestnet_quickjs::{End, Script, ScriptBuilder, SessionHandle, SignalAction, ThreadHost};

/// How a script ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What answers `os.signal`.
type Ask = Box<dyn Fn(i32, SignalAction) -> Result<(), Errno> + Send>;

/// A script to run.
pub(crate) struct Run {
    input: Vec<u8>,
    directories: Vec<(PathBuf, String)>,
    env: Vec<(String, String)>,
    args: Vec<String>,
    memory: usize,
    signals: Option<(PipeReader, Ask)>,
    names: bool,
    scripts: PathBuf,
}

/// Where the scripts of these tests are.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js")
}

impl Run {
    pub(crate) fn new() -> Run {
        Run {
            input: Vec::new(),
            directories: Vec::new(),
            env: Vec::new(),
            args: Vec::new(),
            memory: 0,
            signals: None,
            names: true,
            scripts: scripts(),
        }
    }

    /// Where modules are imported from, instead of tests/js.
    pub(crate) fn scripts(mut self, directory: &Path) -> Run {
        self.scripts = directory.to_owned();
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Run {
        self.input = input.into();
        self
    }

    pub(crate) fn directory(mut self, host: &Path, guest: &str) -> Run {
        self.directories.push((host.to_owned(), guest.to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Run {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Run {
        self.args.push(arg.to_owned());
        self
    }

    /// Limits the engine's memory.
    pub(crate) fn memory(mut self, bytes: usize) -> Run {
        self.memory = bytes;
        self
    }

    /// Offers `os.signal`.
    pub(crate) fn signals(
        mut self,
        numbers: PipeReader,
        ask: impl Fn(i32, SignalAction) -> Result<(), Errno> + Send + 'static,
    ) -> Run {
        self.signals = Some((numbers, Box::new(ask)));
        self
    }

    /// Denies every look-up of a name, so that none leaves this machine.
    pub(crate) fn without_names(mut self) -> Run {
        self.names = false;
        self
    }

    /// Runs a file of tests/js.
    pub(crate) fn file(self, name: &str) -> Outcome {
        let source = fs::read(scripts().join(name)).unwrap();
        self.source(name, &source)
    }

    /// Runs a text.
    pub(crate) fn text(self, source: &str) -> Outcome {
        self.source("test.js", source.as_bytes())
    }

    fn source(self, name: &str, source: &[u8]) -> Outcome {
        let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let end = self.script(name, &out, &err).run(name, source);
        Outcome {
            end,
            out: content(&mut out),
            err: content(&mut err),
        }
    }

    /// A script that is typed line by line; what it writes is thrown away.
    pub(crate) fn interactive(self) -> Script<OsHost> {
        self.session().script
    }

    /// As [`Run::interactive`], with what other threads do to it.
    pub(crate) fn session(self) -> Session {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let (mut builder, stopper) = self.builder("typed", &out, &err);
        let flag = builder.stop_flag();
        let waker = stopper.clone();
        let handle = builder.session(move || waker.stop().unwrap());
        let stop = Box::new(move || {
            flag.store(true, Ordering::Relaxed);
            stopper.stop().unwrap();
        });
        Session {
            script: builder.build().unwrap(),
            handle,
            stop,
            out,
            err,
        }
    }

    fn script(self, name: &str, out: &File, err: &File) -> Script<OsHost> {
        self.builder(name, out, err).0.build().unwrap()
    }

    fn builder(self, name: &str, out: &File, err: &File) -> (ScriptBuilder<OsHost>, Stopper) {
        let mut host = OsHost::new().unwrap();
        let stopper = host.stopper();
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&self.input).unwrap();
        input.rewind().unwrap();
        let [stdin, stdout, stderr] = [&input, out, err].map(|file: &File| {
            let copy: OwnedFd = file.try_clone().unwrap().into();
            host.adopt_stream(copy).unwrap()
        });
        let signals = self
            .signals
            .map(|(numbers, ask)| (host.adopt_stream(numbers.into()).unwrap(), ask));
        let mut policy = PolicyBuilder::new();
        policy.allow_net();
        if !self.names {
            policy.deny(Use::Resolve, "*").unwrap();
        }
        let guest = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(host);
        let mut builder = ScriptBuilder::new(guest);
        builder
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .arg(name)
            .memory(self.memory);
        for arg in self.args {
            builder.arg(arg);
        }
        for (name, value) in self.env {
            builder.env(name, value);
        }
        if let Some((numbers, ask)) = signals {
            builder.signals(numbers, ask);
        }
        builder.scripts(&self.scripts, "").unwrap();
        for (host, guest) in &self.directories {
            builder.directory(host, guest).unwrap();
        }
        builder.workers(|| {
            let host = OsHost::new()?;
            let stopper = host.stopper();
            Ok(ThreadHost {
                host,
                stop: Box::new(move || stopper.stop().unwrap()),
            })
        });
        (builder, stopper)
    }
}

/// A script that is typed line by line.
pub(crate) struct Session {
    pub(crate) script: Script<OsHost>,
    pub(crate) handle: SessionHandle,
    /// Ends the script.
    pub(crate) stop: Box<dyn Fn() + Send>,
    out: File,
    err: File,
}

impl Session {
    /// What it has written to its standard output.
    pub(crate) fn out(&mut self) -> String {
        content(&mut self.out)
    }

    /// What it has written to its standard error.
    pub(crate) fn err(&mut self) -> String {
        content(&mut self.err)
    }
}

impl Outcome {
    /// Fails unless the script ended by itself with 0, wrote this and nothing to its standard error.
    #[track_caller]
    pub(crate) fn expect(self, out: &str) {
        assert_eq!(self.err, "", "standard error; standard output was:\n{}", self.out);
        assert_eq!(self.out, out);
        assert_eq!(self.end, End::Exit(0));
    }
}

/// What was written to a file, whatever is no text replaced.
fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
