//! `cargo xtask soak scale`: many guests, many connections, and connections that come and go, for an hour. What is left at the end is a
//! failure.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::contest::operations;
use crate::many::{self, lowest};
use crate::record::Figure;
use crate::report::Report;
use crate::run::Places;
use crate::server::Server;
use crate::usage::{Memory, Usage, connections, mebibytes};
use crate::{Plan, Result};

/// Guests in one process.
const GUESTS: u32 = 1_000;

/// How often they are made and ended.
const GENERATIONS: u32 = 10;

/// How long idle guests are watched, each time: at most this, and at least [`LEAST_IDLE`].
const IDLE: Duration = Duration::from_secs(10);
const LEAST_IDLE: Duration = Duration::from_millis(200);

/// Connections of one guest, fewer where a process may not have as many descriptors.
const CONNECTIONS: u32 = 10_000;

/// Descriptors that a process has besides them.
const OTHER_DESCRIPTORS: u32 = 200;

/// Of so many connections one is active at a time.
const ACTIVE: usize = 100;

/// How often each of the active ones asks.
const INTERVAL: Duration = Duration::from_millis(100);

/// Connections of each kind in a round of churn.
const CHURN: u32 = 1_000;

/// How long anything may take to answer or to close.
const PATIENCE: Duration = Duration::from_secs(60);

/// A row, and what was left.
struct Outcome {
    name: String,
    figures: Vec<Figure>,
    left: Vec<String>,
}

/// Measures every row of the plan.
///
/// # Errors
/// A program failed, or something was left.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let places = Places::find()?;
    let module = places.module("churn");
    let component = places.guests().join("component/churn.wasm");
    let mut left = Vec::new();
    let mut done = |outcome: Outcome, report: &mut Report| {
        left.extend(
            outcome
                .left
                .iter()
                .map(|what| format!("{}: {what}", outcome.name)),
        );
        report.row(outcome.name, outcome.figures);
    };
    let name = format!("{GUESTS} guests in one process");
    if plan.has(&name) {
        done(guests(&places, plan, name)?, report);
    }
    let connections = format!("{} connections of one guest, 1 % active", most_connections()?);
    let of_module = "connections that come and go, a module".to_owned();
    let of_component = "connections that come and go, a component".to_owned();
    // At the same time, so that an hour is one hour.
    let outcomes = thread::scope(|scope| {
        let mut threads = Vec::new();
        if plan.has(&connections) {
            threads.push(scope.spawn(|| idle_connections(&places, plan, connections)));
        }
        if plan.has(&of_module) {
            threads.push(scope.spawn(|| churn(&places, plan, of_module, &module, true)));
        }
        if plan.has(&of_component) {
            threads.push(scope.spawn(|| churn(&places, plan, of_component, &component, false)));
        }
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|outcome| outcome.unwrap_or_else(|_| Err("panicked".into())))
            .collect::<Vec<_>>()
    });
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(outcome) => done(outcome, report),
            Err(message) => failures.push(message),
        }
    }
    failures.extend(left);
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

/// Guests that wait, each on a thread of its own, and then answer once.
fn guests(places: &Places, plan: &Plan, name: String) -> Result<Outcome> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(many::ARGUMENT)
        .arg(places.module("resp"))
        .arg(GUESTS.to_string());
    let mut server = Server::start(&mut command)?;
    server.line()?;
    let empty = Usage::of(server.id())?;
    // The first ones make what all of them share.
    generation(&mut server, Duration::ZERO)?;
    let base = Usage::of(server.id())?;
    let window = (plan.soak / (2 * GENERATIONS)).clamp(LEAST_IDLE, IDLE);
    // A generation is a second of this run.
    let mut memory = Memory::new(Duration::from_secs(GENERATIONS.into()));
    let (mut each, mut idle, mut echoes) = (Vec::new(), Vec::new(), Vec::new());
    for second in 1..=GENERATIONS {
        let found = generation(&mut server, window)?;
        memory.push(Duration::from_secs(second.into()), found.memory);
        each.push(mebibytes(found.memory.saturating_sub(empty.memory)) * 1024.0 / f64::from(GUESTS));
        idle.push(found.cpu * 1e6 / f64::from(GUESTS));
        echoes.push(found.echo);
    }
    // A thread that has been joined is still seen for a moment.
    let mut left = until_gone(|| Ok(Usage::of(server.id())?.beyond(&base)))?;
    let last = Usage::of(server.id())?;
    server.finish()?;
    left.extend(too_much(&memory));
    Ok(Outcome {
        name,
        figures: vec![
            Figure::new("memory of an idle guest", "KiB", &each),
            Figure::new("CPU time of an idle guest a second", "us", &idle),
            Figure::time("connect, ask and answer, one after the other", &echoes),
            Figure::new("memory of the process with all of them", "MiB", &memory.tenths()),
            counted("descriptors of the process after the last", last.descriptors),
        ],
        left,
    })
}

/// What so many guests show.
struct Generation {
    /// Of the process, in bytes.
    memory: u64,
    /// Seconds of CPU time in a second in which all of them wait.
    cpu: f64,
    /// Seconds until a guest has answered a new connection.
    echo: f64,
}

/// Makes the guests, watches them for a while, and ends them.
fn generation(server: &mut Server, window: Duration) -> Result<Generation> {
    server.order("start")?;
    let ports: Result<Vec<u16>> = (0..GUESTS).map(|_| server.port()).collect();
    let ports = ports?;
    let memory = Usage::of(server.id())?.memory;
    let before = server.cpu()?;
    thread::sleep(window);
    let cpu = (server.cpu()? - before).as_secs_f64() / window.as_secs_f64();
    let began = Instant::now();
    for port in &ports {
        ping(&mut connect(*port)?)?;
    }
    let echo = began.elapsed().as_secs_f64() / f64::from(GUESTS);
    for port in &ports {
        shut_down(*port)?;
    }
    server.order("stop")?;
    server.line()?;
    Ok(Generation { memory, cpu, echo })
}

/// A guest with many connections, of which a few are active at a time.
fn idle_connections(places: &Places, plan: &Plan, name: String) -> Result<Outcome> {
    let count = most_connections()?;
    let mut command = places.guestnet();
    command.args(["--allow-net", "--max-sockets=20000", "--max-descriptors=20000"]);
    let mut server = Server::start(command.arg(places.module("resp")))?;
    let port = server.port()?;
    let base = Usage::of(server.id())?;
    let streams: Result<Vec<TcpStream>> = (0..count).map(|_| connect(port)).collect();
    let mut streams = streams?;
    // Every one of them is accepted once it has answered.
    streams.iter_mut().try_for_each(ping)?;
    let connected = Usage::of(server.id())?;
    let (began, before) = (Instant::now(), server.cpu()?);
    let mut memory = Memory::new(plan.soak);
    let (mut asked, mut first) = (0_u32, 0);
    let mut times = Vec::new();
    while began.elapsed() < plan.soak {
        let round = Instant::now();
        for stream in streams.iter_mut().skip(first).step_by(ACTIVE) {
            ping(stream)?;
            asked += 1;
        }
        times.push(round.elapsed().as_secs_f64() / f64::from(count) * operations(ACTIVE as u64));
        memory.push(began.elapsed(), Usage::of(server.id())?.memory);
        first = (first + 1) % ACTIVE;
        thread::sleep(INTERVAL.saturating_sub(round.elapsed()));
    }
    let cpu = (server.cpu()? - before).as_secs_f64();
    let mut left: Vec<String> = too_much(&memory).into_iter().collect();
    drop(streams);
    left.extend(until_gone(|| {
        let mut more = Usage::of(server.id())?.beyond(&base);
        let open = connections(port)?;
        if open > 0 {
            more.push(format!("{open} sockets of the kernel"));
        }
        Ok(more)
    })?);
    shut_down(port)?;
    left.extend(lowest(&server.line()?).err());
    server.finish()?;
    let of_one = mebibytes(connected.memory.saturating_sub(base.memory)) * 1024.0 / f64::from(count);
    Ok(Outcome {
        name,
        figures: vec![
            Figure::new("memory of a connection", "KiB", &[of_one]),
            Figure::new("CPU time of a request", "us", &[cpu / f64::from(asked) * 1e6]),
            Figure::time("from request to answer", &tenths(&times)),
            Figure::new("memory of the process", "MiB", &memory.tenths()),
            Figure::new("requests in all", "", &[f64::from(asked)]),
            Figure::new("length of the run", "s", &[plan.soak.as_secs_f64()]),
        ],
        left,
    })
}

/// Connections that come and go through one guest, which has both ends, the client's or the server's.
fn churn(places: &Places, plan: &Plan, name: String, program: &Path, is_module: bool) -> Result<Outcome> {
    let mut command = places.guestnet();
    let mut server = Server::start(command.arg("--allow-net").arg(program))?;
    let mut memory = Memory::new(plan.soak);
    // Before the first round some of it is not there yet.
    let mut last_port = round(&mut server)?;
    let began = Instant::now();
    let (mut rounds, before) = (0_u32, server.cpu()?);
    let lowest_before = if is_module {
        lowest_free(&mut server)?
    } else {
        String::new()
    };
    let mut first = Usage::of(server.id())?;
    while began.elapsed() < plan.soak {
        last_port = round(&mut server)?;
        rounds += 1;
        let usage = Usage::of(server.id())?;
        memory.push(began.elapsed(), usage.memory);
        if began.elapsed() < plan.soak / 10 {
            first.descriptors = first.descriptors.max(usage.descriptors);
            first.sockets = first.sockets.max(usage.sockets);
            first.threads = first.threads.max(usage.threads);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = (server.cpu()? - before).as_secs_f64();
    let mut left: Vec<String> = too_much(&memory).into_iter().collect();
    left.extend(until_gone(|| {
        let mut more = Usage::of(server.id())?.beyond(&first);
        let open = connections(last_port)?;
        if open > 0 {
            more.push(format!("{open} sockets of the kernel"));
        }
        Ok(more)
    })?);
    if is_module {
        let lowest_after = lowest_free(&mut server)?;
        if lowest_after != lowest_before {
            left.push(format!(
                "descriptors of the guest: {lowest_after}, before {lowest_before}"
            ));
        }
    }
    server.finish()?;
    let all = f64::from(rounds) * 3.0 * f64::from(CHURN);
    Ok(Outcome {
        name,
        figures: vec![
            Figure::new("connections in all", "", &[all]),
            Figure::new("length of the run", "s", &[seconds]),
            Figure::new("connections a second", "", &[all / seconds]),
            Figure::new("CPU time of a connection", "us", &[cpu / all * 1e6]),
            Figure::new("memory of the process", "MiB", &memory.tenths()),
        ],
        left,
    })
}

/// Connections with both ends in the guest, to a peer, and from one. Gives the last port that the guest served.
fn round(server: &mut Server) -> Result<u16> {
    let own = format!("own {CHURN}");
    server.order(&own)?;
    done(server, &own)?;

    let failed = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let connect = format!("connect {port} {CHURN}");
    server.order(&connect)?;
    let peer = thread::spawn(move || echo(&listener));
    done(server, &connect)?;
    peer.join().map_err(|_| "the peer panicked")?.map_err(failed)?;

    let accept = format!("accept {CHURN}");
    server.order(&accept)?;
    let port = server.port()?;
    let peer = thread::spawn(move || (0..CHURN).try_for_each(|_| visit(port)));
    done(server, &accept)?;
    peer.join().map_err(|_| "the peer panicked")?.map_err(failed)?;
    Ok(port)
}

fn done(server: &mut Server, order: &str) -> Result<()> {
    let line = server.line()?;
    if line == format!("done {order}") {
        Ok(())
    } else {
        Err(format!("{order}: {line}"))
    }
}

/// The module's lowest free descriptor, as it says.
fn lowest_free(server: &mut Server) -> Result<String> {
    server.order("lowest")?;
    let line = server.line()?;
    done(server, "lowest")?;
    Ok(line)
}

/// Sends back what it reads, one connection after the other.
fn echo(listener: &TcpListener) -> std::io::Result<()> {
    for _ in 0..CHURN {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut byte = [0];
        while stream.read(&mut byte)? != 0 {
            stream.write_all(&byte)?;
        }
    }
    Ok(())
}

/// A byte there and back.
fn visit(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"a")?;
    stream.read_exact(&mut [0])
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let stream = stream.and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE)).map(|()| stream)
    });
    stream.map_err(|error| format!("a connection to port {port}: {error}"))
}

fn ping(stream: &mut TcpStream) -> Result<()> {
    let mut answer = [0; 7];
    let answered = stream
        .write_all(b"PING\r\n")
        .and_then(|()| stream.read_exact(&mut answer));
    answered.map_err(|error| format!("PING: {error}"))?;
    if &answer == b"+PONG\r\n" {
        Ok(())
    } else {
        Err(format!("PING: {answer:?}"))
    }
}

/// Ends a server of bench/c.
fn shut_down(port: u16) -> Result<()> {
    let mut stream = connect(port)?;
    let ended = stream
        .write_all(b"SHUTDOWN\r\n")
        .and_then(|()| stream.read_to_end(&mut Vec::new()));
    ended.map(drop).map_err(|error| format!("SHUTDOWN: {error}"))
}

/// Asks again until nothing is left, for a while.
fn until_gone(mut left: impl FnMut() -> Result<Vec<String>>) -> Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = left()?;
        if now.is_empty() || Instant::now() >= deadline {
            return Ok(now);
        }
        thread::yield_now();
    }
}

/// Says so when a process has more memory at the end than its beginning allows.
fn too_much(memory: &Memory) -> Option<String> {
    let (last, bound) = (memory.last(), memory.bound());
    (last > bound).then(|| {
        format!(
            "{:.2} MiB of memory, where {:.2} are the bound",
            mebibytes(last),
            mebibytes(bound)
        )
    })
}

/// As many connections as the limit of descriptors of a process lets one have, up to [`CONNECTIONS`].
fn most_connections() -> Result<u32> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).map_err(|error| format!("setrlimit: {error}"))?;
    let most = limit
        .maximum
        .map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX));
    Ok(most.saturating_sub(OTHER_DESCRIPTORS).min(CONNECTIONS))
}

fn counted(label: &str, count: usize) -> Figure {
    Figure::new(label, "", &[operations(count as u64)])
}

/// The medians of ten parts of a series.
fn tenths(series: &[f64]) -> Vec<f64> {
    let part = series.len().div_ceil(10).max(1);
    series
        .chunks(part)
        .map(|part| crate::stats::Spread::of(part).median)
        .collect()
}
