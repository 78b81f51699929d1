//! Runs a program under test once, natively, in guestnet or on an engine, with its peer, and takes its CPU time.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::peer::Peer;
use crate::report::Report;
use crate::{Result, own, sys};

/// The processor of the program under test.
pub(crate) const CPU: usize = 0;

/// The processor of the peer.
pub(crate) const PEER_CPU: usize = 1;

/// No program runs as long as this.
const DEADLINE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// Where the built things are, as `cargo xtask bench` says.
#[derive(Debug)]
pub(crate) struct Places {
    guestnet: PathBuf,
    guests: PathBuf,
    engines: PathBuf,
    cache: PathBuf,
}

/// What is measured: a program of bench/c, or of the same name and arguments of bench/js, and its peer. `PORT` among the
/// arguments stands for the peer's port.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) program: &'static str,
    pub(crate) args: Vec<String>,
    pub(crate) peer: Peer,
}

/// How it is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Side {
    Native,
    /// In guestnet, with these options.
    Guest(Vec<String>),
    /// Built with emcc into this directory, on an engine.
    Emscripten(&'static str, Engine),
    /// As the engine's users write it, with the engine's own sockets.
    Script(Engine),
    /// A script in guestnet.
    QuickJs,
    /// A component of bench/rust in guestnet.
    Component,
    /// The same source natively.
    ComponentNative,
    /// The same component on wasmtime's own WASI.
    Wasmtime,
    /// A program of bench/go in guestnet, for GOOS=wasip1.
    Go,
    /// The same source natively.
    GoNative,
}

/// An engine that runs JavaScript.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Engine {
    /// Node 26, which has JSPI.
    Node,
    Deno,
    Bun,
}

impl Engine {
    /// Its program in `GUESTNET_ENGINES`.
    const fn program(self) -> &'static str {
        match self {
            Engine::Node => "node26",
            Engine::Deno => "deno",
            Engine::Bun => "bun",
        }
    }

    /// Its directory in bench/js.
    const fn scripts(self) -> &'static str {
        match self {
            Engine::Node => "node",
            Engine::Deno => "deno",
            Engine::Bun => "bun",
        }
    }
}

/// What one run took and printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// User and system time of the program under test, and of nothing else.
    pub(crate) cpu: Duration,
    /// From the start of the program to its end.
    pub(crate) wall: Duration,
    pub(crate) printed: String,
}

impl Places {
    /// Reads `GUESTNET_BIN`, `GUESTNET_GUESTS` and `GUESTNET_ENGINES`.
    ///
    /// # Errors
    /// They are missing, or there is nothing there.
    pub(crate) fn find() -> Result<Places> {
        let place = |name: &str| {
            let place = std::env::var_os(name)
                .ok_or_else(|| format!("{name} is not set: run this with `cargo xtask bench`"))?;
            fs::canonicalize(&place).map_err(|error| format!("{}: {error}", PathBuf::from(place).display()))
        };
        let guests = place("GUESTNET_GUESTS")?;
        let cache = guests.join(".bench-cache");
        fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
        Ok(Places {
            guestnet: place("GUESTNET_BIN")?,
            guests,
            // Not there before a family that needs it was measured.
            engines: std::env::var_os("GUESTNET_ENGINES").unwrap_or_default().into(),
            cache,
        })
    }

    /// Where what is kept from one run to the next is.
    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }

    /// The module of a program.
    pub(crate) fn module(&self, program: &str) -> PathBuf {
        self.guests
            .join("bench-wasip1")
            .join(program)
            .with_extension("wasm")
    }

    /// The component of a program of bench/rust.
    pub(crate) fn component(&self, program: &str) -> PathBuf {
        self.guests
            .join("bench-component")
            .join(program)
            .with_extension("wasm")
    }

    /// That component as compiled for wasmtime's own WASI.
    pub(crate) fn own(&self, program: &str) -> PathBuf {
        self.cache.join(program).with_extension("cwasm")
    }

    /// Where the built guests are.
    pub(crate) fn guests(&self) -> &Path {
        &self.guests
    }

    /// Says which engines take part.
    pub(crate) fn engine_versions(&self, report: &mut Report) {
        for (name, engine) in [
            ("Node", Engine::Node),
            ("Deno", Engine::Deno),
            ("Bun", Engine::Bun),
        ] {
            let mut command = Command::new(self.engines.join(engine.program()));
            report.version_of(name, command.arg("--version").env("DENO_NO_UPDATE_CHECK", "1"));
        }
    }

    /// The command that runs a program, without its arguments.
    pub(crate) fn command(&self, work: &Work, side: &Side) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
        match side {
            Side::Native => Command::new(self.guests.join("bench-native").join(work.program)),
            Side::Guest(options) => {
                let mut command = self.guestnet();
                command.args(options).arg(self.module(work.program));
                command
            }
            Side::QuickJs => {
                let mut command = self.guestnet();
                let script = scripts.join("quickjs").join(work.program);
                command.arg("--allow-net").arg(script.with_extension("js"));
                command
            }
            Side::Component => {
                let mut command = self.guestnet();
                command.arg("--allow-net").arg(self.component(work.program));
                command
            }
            Side::ComponentNative => {
                Command::new(self.guests.join("bench-component-native").join(work.program))
            }
            Side::Go => {
                let mut command = self.guestnet();
                let module = self.guests.join("bench-go").join(work.program);
                command.arg("--allow-net").arg(module.with_extension("wasm"));
                command
            }
            Side::GoNative => Command::new(self.guests.join("bench-go-native").join(work.program)),
            Side::Wasmtime => {
                // This program itself.
                let mut command = Command::new("/proc/self/exe");
                command.arg(own::ARGUMENT).arg(self.own(work.program));
                command
            }
            Side::Emscripten(products, engine) => {
                let program = self.guests.join(products).join(work.program);
                self.engine(*engine, &program.with_extension("cjs"))
            }
            Side::Script(engine) => {
                let script = scripts.join(engine.scripts()).join(work.program);
                self.engine(*engine, &script.with_extension("mjs"))
            }
        }
    }

    /// `guestnet run`, with compiled modules in a cache of the measurements' own.
    pub(crate) fn guestnet(&self) -> Command {
        let mut command = Command::new(&self.guestnet);
        command.arg("run").env("GUESTNET_CACHE", &self.cache);
        command
    }

    fn engine(&self, engine: Engine, script: &Path) -> Command {
        let mut command = Command::new(self.engines.join(engine.program()));
        match engine {
            Engine::Node => {}
            // Neither asks the network for anything nor writes to the user's home.
            Engine::Deno => {
                let alone = ["--no-config", "--no-lock", "--cached-only", "--no-prompt"];
                command
                    .args(["run", "--allow-all", "--unstable-net"])
                    .args(alone)
                    .env("DENO_DIR", self.cache.join("deno"))
                    .env("DENO_NO_UPDATE_CHECK", "1");
            }
            Engine::Bun => {
                command.args(["run", "--no-install"]);
                command.env("BUN_RUNTIME_TRANSPILER_CACHE_PATH", "0");
                command.env("DO_NOT_TRACK", "1");
            }
        }
        command.arg(script);
        command
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// It or its peer failed, or took too long.
    pub(crate) fn run(&self, work: &Work, side: &Side) -> Result<Outcome> {
        let mut command = self.command(work, side);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut peer = None;
        let mut port = String::new();
        if work.peer.listens() {
            let (running, number) = work.peer.listen(PEER_CPU)?;
            peer = Some(running);
            port = number.to_string();
        }
        command.args(
            work.args
                .iter()
                .map(|arg| if arg == "PORT" { &port } else { arg }),
        );
        let began = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", work.program))?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut printed = String::new();
        if matches!(work.peer, Peer::TcpConnect(_) | Peer::UdpSource(_)) {
            let mut line = String::new();
            // A program that ends without saying its port is noticed below, by its exit code.
            let read = stdout.read_line(&mut line).map_err(|error| error.to_string())?;
            if let (Ok(port), true) = (line.trim().parse(), read != 0) {
                peer = Some(work.peer.connect(PEER_CPU, port));
            }
        }
        let result = ended(&mut child).and_then(|used| {
            let wall = began.elapsed();
            stdout
                .read_to_string(&mut printed)
                .map_err(|error| error.to_string())?;
            Ok(Outcome {
                cpu: used.cpu,
                wall,
                printed,
            })
        });
        match (result, peer) {
            (Ok(outcome), Some(peer)) => peer.join().map(|()| outcome),
            (Ok(outcome), None) => Ok(outcome),
            (Err(message), peer) => {
                if let Some(peer) = peer {
                    peer.abandon();
                }
                Err(format!(
                    "{} {}, {side:?}: {message}",
                    work.program,
                    work.args.join(" ")
                ))
            }
        }
    }
}

/// Waits until a child has ended well; ends it when it takes too long.
///
/// # Errors
/// It has failed, or took too long.
pub(crate) fn ended(child: &mut Child) -> Result<sys::Usage> {
    let pid = Pid::from_child(child);
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| format!("pidfd_open: {error}"))?;
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    let ready = poll(&mut fds, Some(&DEADLINE)).map_err(|error| format!("poll: {error}"))?;
    if ready == 0 {
        pidfd_send_signal(&handle, Signal::KILL).map_err(|error| format!("kill: {error}"))?;
    }
    let (status, used) = sys::wait(child).map_err(|error| format!("wait4: {error}"))?;
    if ready == 0 {
        return Err(format!("did not end within {} s", DEADLINE.tv_sec));
    }
    if status.success() {
        Ok(used)
    } else {
        Err(format!("failed: {status}"))
    }
}
