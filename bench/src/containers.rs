//! The rows of `bench containers`: programs in containers under containerd, as guests by our shim against the same programs natively by
//! runc. Memory and processor time of containers that are idle, and how long a container takes to its first byte.
//!
//! containerd is one of this program's own, as the tests have it (`guestnet_tests::containers`), so that it needs root.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use guestnet_tests::containers::{Container, Containerd, Image, Network, Pod, Runtime, Spec};
use guestnet_tests::{guest, native_guest};

use crate::census::Census;
use crate::record::Figure;
use crate::report::Report;
use crate::{Plan, Result};

/// How many containers are idle at a time.
const CONTAINERS: usize = 100;

/// How long they are watched.
const IDLE: Duration = Duration::from_secs(10);

/// How long a container may take to its first byte.
const DEADLINE: Duration = Duration::from_secs(60);

/// Between two attempts to connect.
const ATTEMPT: Duration = Duration::from_micros(200);

/// The first port in the containers' network.
const PORT: u16 = 7000;

/// What a server is asked: one that echoes answers with its first letter, as one of HTTP does.
const REQUEST: &[u8] = b"HEAD / HTTP/1.0\r\n\r\n";

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A server, as a guest and natively.
#[derive(Clone, Copy, Debug)]
struct Server {
    /// In the names of rows.
    name: &'static str,
    /// Of the built guests.
    kind: &'static str,
    program: &'static str,
    /// The address that its arguments name for it to listen on.
    arguments: fn(SocketAddr) -> Vec<String>,
}

const SERVERS: [Server; 2] = [
    Server {
        name: "an echo server in C",
        kind: "examples",
        program: "echo_server",
        arguments: |addr| vec![addr.ip().to_string(), addr.port().to_string()],
    },
    Server {
        name: "an HTTP server in Go",
        kind: "go",
        program: "http_server",
        arguments: |addr| vec![addr.to_string()],
    },
];

/// How containers are measured.
#[derive(Clone, Copy, Debug)]
enum Row {
    /// Idle ones, so many in a pod.
    Idle(usize),
    /// One that starts.
    Start,
}

const ROWS: [(&str, Row); 3] = [
    ("idle", Row::Idle(1)),
    ("idle in pods of 10", Row::Idle(10)),
    ("start", Row::Start),
];

const SIDES: [(&str, Runtime); 2] = [("runc, natively", Runtime::Runc), ("guestnet", Runtime::Guestnet)];

/// Measures every row of the plan.
///
/// # Errors
/// containerd cannot be started or ended. A container that fails is a failure of the report.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let mut rows = Vec::new();
    for server in SERVERS {
        for (what, row) in ROWS {
            let name = format!("containers: {}, {what}", server.name);
            if plan.has(&name) {
                rows.push((name, server, row));
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    for program in ["containerd", "runc"] {
        report.version_of(program, Command::new(program).arg("--version"));
    }
    let containerd = Containerd::start()?;
    for (name, server, row) in &rows {
        let sides = Sides::new(&containerd, *server);
        let figures = match row {
            Row::Idle(in_pod) => sides.idle(plan, *in_pod),
            Row::Start => sides.start(plan),
        };
        let outcome = figures.map(|figures| report.row(name.as_str(), figures));
        report.attempt(name, outcome);
    }
    containerd.stop()
}

/// A server's two images, and the network that they serve in.
struct Sides<'a> {
    containerd: &'a Containerd,
    server: Server,
    images: [Image; 2],
    network: Network<'a>,
}

impl<'a> Sides<'a> {
    fn new(containerd: &'a Containerd, server: Server) -> Self {
        let image = |name: &str, file: &Path| {
            let content = fs::read(file).expect("a built guest");
            let builder = Image::builder()
                .file(name, &content)
                .directory("lib")
                .directory("lib64");
            builder.entry_point(&[&format!("/{name}")]).import(containerd)
        };
        Sides {
            containerd,
            server,
            images: [
                image("server", &native_guest(server.kind, server.program)),
                image("server.wasm", &guest(server.kind, server.program)),
            ],
            network: Network::new(containerd, &[]),
        }
    }

    /// Starts a container that serves at this address.
    fn run(&self, side: usize, addr: SocketAddr, pod: Option<&Pod>) -> Container<'a> {
        let (_, runtime) = SIDES[side];
        let mut spec = Spec::new(self.containerd, runtime, &self.images[side])
            // Containers of one image share its files, as on a machine of Kubernetes.
            .option("--snapshotter", "overlayfs")
            .flag("--null-io")
            .network(&self.network)
            .annotation("allow-listen", &addr.to_string());
        if let Some(pod) = pod {
            spec = spec.pod(pod);
        }
        if runtime == Runtime::Runc {
            // What the native program is linked with.
            for libraries in ["/lib", "/lib64"]
                .into_iter()
                .filter(|path| Path::new(path).is_dir())
            {
                spec = spec.bind(libraries, libraries, "ro");
            }
        }
        let arguments = (self.server.arguments)(addr);
        spec.args(arguments.iter().map(String::as_str)).detach()
    }

    /// From the request for a container to the first byte that it has served.
    fn first_byte(
        &self,
        side: usize,
        addr: SocketAddr,
        pod: Option<&Pod>,
    ) -> Result<(Container<'a>, Duration)> {
        let began = Instant::now();
        let (container, served) = thread::scope(|scope| {
            let client = scope.spawn(|| self.network.within(|| served(addr, began)));
            let container = self.run(side, addr, pod);
            (container, client.join())
        });
        match served.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            Ok(time) => Ok((container, time)),
            Err(message) => {
                remove(container);
                Err(message)
            }
        }
    }

    /// How long each side takes to its first byte, in turn.
    fn start(&self, plan: &Plan) -> Result<Vec<Figure>> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let mut times = [Vec::new(), Vec::new()];
        // The first one compiles the guest, and unpacks the image.
        for round in 0..=plan.rounds {
            for (side, times) in times.iter_mut().enumerate() {
                let (container, time) = self.first_byte(side, addr, None)?;
                remove(container);
                if round > 0 {
                    times.push(time.as_secs_f64() * 1e3);
                }
            }
        }
        let figure = |((name, _), times): (&(&str, Runtime), &Vec<f64>)| {
            Figure::new(format!("{name}: from `ctr run` to the first byte"), "ms", times)
        };
        Ok(SIDES.iter().zip(&times).map(figure).collect())
    }

    /// What each of [`CONTAINERS`] idle ones has and all of them use: a ninth of the rounds, because each starts as many as there are.
    fn idle(&self, plan: &Plan, in_pod: usize) -> Result<Vec<Figure>> {
        let mut found = [Vec::new(), Vec::new()];
        for _ in 0..plan.rounds.div_ceil(9) {
            for (side, found) in found.iter_mut().enumerate() {
                found.push(self.hundred(side, in_pod)?);
            }
        }
        let mut figures = Vec::new();
        for ((name, _), found) in SIDES.iter().zip(&found) {
            let mut figure = |what: &str, unit, of: fn(&Idle) -> f64| {
                let samples: Vec<f64> = found.iter().map(of).collect();
                figures.push(Figure::new(format!("{name}: {what}"), unit, &samples));
            };
            figure("memory of a program", "MiB", |idle| {
                mebibytes(idle.census.containers.pss)
            });
            figure("memory of its shim", "MiB", |idle| {
                mebibytes(idle.census.shims.pss)
            });
            figure("memory of both", "MiB", |idle| {
                mebibytes(idle.census.containers.pss + idle.census.shims.pss)
            });
            figure("memory of its group", "MiB", |idle| mebibytes(idle.census.groups));
            figure("CPU time of all a second", "ms", |idle| idle.cpu);
        }
        Ok(figures)
    }

    /// Starts the containers, watches them, and removes them.
    fn hundred(&self, side: usize, in_pod: usize) -> Result<Idle> {
        let mut pods = Vec::new();
        let mut containers = Vec::new();
        let mut outcome = Ok(());
        for (index, port) in (PORT..).take(CONTAINERS).enumerate() {
            if in_pod > 1 && index % in_pod == 0 {
                pods.push(Pod::new(self.containerd));
            }
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match self.first_byte(side, addr, pods.last()) {
                Ok((container, _)) => containers.push(container),
                Err(message) => {
                    outcome = Err(message);
                    break;
                }
            }
        }
        let idle = outcome.and_then(|()| self.watch(&containers));
        // The first of a pod has given its shim its name, and goes last.
        containers.into_iter().rev().for_each(remove);
        idle
    }

    fn watch(&self, containers: &[Container<'_>]) -> Result<Idle> {
        let pids: BTreeSet<u32> = containers
            .iter()
            .filter_map(|container| Some(container.state()?.0))
            .collect();
        let before = Census::take(self.containerd, &pids)?;
        let began = Instant::now();
        thread::sleep(IDLE);
        let census = Census::take(self.containerd, &pids)?;
        let used = census.cpu().saturating_sub(before.cpu());
        Ok(Idle {
            census,
            cpu: Duration::from_nanos(used).as_secs_f64() * 1e3 / began.elapsed().as_secs_f64(),
        })
    }
}

/// What a round of idle containers shows.
#[derive(Clone, Copy, Debug)]
struct Idle {
    census: Census,
    /// Milliseconds of processor time a second, of all together.
    cpu: f64,
}

/// Memory of one container, from that of all.
#[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / CONTAINERS as f64 / MEBIBYTE
}

/// Tries to connect until a server answers a request.
fn served(addr: SocketAddr, began: Instant) -> Result<Duration> {
    let answer = || {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(REQUEST)?;
        let mut byte = [0];
        stream.read_exact(&mut byte).map(|()| byte)
    };
    loop {
        let error = match answer() {
            Ok([b'H']) => return Ok(began.elapsed()),
            Ok(other) => return Err(format!("a server answers with {other:?}")),
            Err(error) => error,
        };
        if began.elapsed() > DEADLINE {
            return Err(format!("no container serves {addr}: {error}"));
        }
        thread::sleep(ATTEMPT);
    }
}

/// Ends a container and removes it.
fn remove(container: Container<'_>) {
    container.kill("SIGKILL");
    container.await_state("STOPPED");
    // Its exit code is that of the signal.
    let _ = container.remove();
}
