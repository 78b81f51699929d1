//! The rows of `bench apps`: whole programs under the load generators that their users know, natively and as guests in turn. A server has a processor
//! for itself and the load generator the other one; the server's CPU time counts, and how many requests it answers a second.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::contest::{begin, operations, start};
use crate::peer::Peer;
use crate::record::Figure;
use crate::report::Report;
use crate::run::{PEER_CPU, Places, Side, Work, ended};
use crate::server::Server;
use crate::work::work;
use crate::{Plan, Result, dns, sys};

/// How long a load generator may take, in seconds.
const DEADLINE: &str = "60";

/// What wrk does in a round.
const WRK: [&str; 3] = ["-t1", "-c16", "-d2s"];

/// Requests of redis-benchmark in a round, and its connections.
const REQUESTS: u32 = 50_000;
const CLIENTS: &str = "50";

/// Names that are looked up in a round.
const LOOKUPS: u64 = 5_000;

/// Of a second: more than there are, so that no limit is measured.
const MOST_LOOKUPS: &str = "1000000";

/// Where the DNS server is: a resolver natively asks port 53 only, and this is no address that another server on this machine has.
const DNS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 53, 0, 53)), 53);

/// What one round shows.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Requests that were answered.
    requests: f64,
    /// Requests a second, as the load generator says.
    rate: f64,
    /// The server's CPU time, in seconds.
    cpu: f64,
}

/// Measures the rows of one application.
type Measure = fn(&Places, &Plan, &mut Report) -> Result<()>;

const APPS: [(&str, Measure); 3] = [("HTTP", http), ("Redis", redis), ("names", lookups)];

/// Measures every row of the plan.
///
/// # Errors
/// There is nothing to measure with. An application that fails is a failure of the report.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let places = begin()?;
    for (name, measure) in APPS {
        let outcome = measure(&places, plan, report);
        report.attempt(name, outcome);
    }
    Ok(())
}

/// Both sides in turn.
fn compare(
    plan: &Plan,
    report: &mut Report,
    name: &str,
    what: &str,
    once: impl Fn(&Side) -> Result<Load>,
) -> Result<()> {
    let sides = [Side::Native, Side::Guest(vec!["--allow-net".into()])];
    let mut loads = [Vec::new(), Vec::new()];
    // The first one compiles the guest.
    for round in 0..=plan.rounds {
        for (side, loads) in sides.iter().zip(&mut loads) {
            let load = once(side)?;
            if round > 0 {
                loads.push(load);
            }
        }
    }
    let each = |loads: &[Load], of: fn(&Load) -> f64| loads.iter().map(of).collect::<Vec<_>>();
    let [native, guest] = loads.map(|loads| {
        (
            each(&loads, |load| load.cpu / load.requests),
            each(&loads, |load| load.rate),
        )
    });
    report.row(
        name,
        vec![
            Figure::ratio("native / guest", &native.0, &guest.0),
            Figure::time(format!("native, CPU time a {what}"), &native.0),
            Figure::time(format!("guest, CPU time a {what}"), &guest.0),
            Figure::new(format!("native, {what}s a second"), "", &native.1),
            Figure::new(format!("guest, {what}s a second"), "", &guest.1),
        ],
    );
    Ok(())
}

/// guests/go's HTTP server under wrk.
fn http(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "a Go HTTP server under wrk, 16 connections";
    if !plan.has(name) {
        return Ok(());
    }
    let mut version = Command::new("dpkg-query");
    report.version_of("wrk", version.args(["-W", "-f=${Version}", "wrk"]));
    compare(plan, report, name, "request", |side| {
        let mut command = match side {
            Side::Native => Command::new(places.guests().join("go-native/http_server")),
            _ => {
                let mut command = places.guestnet();
                command
                    .arg("--allow-net")
                    .arg(places.guests().join("go/http_server.wasm"));
                command
            }
        };
        let mut server = Server::start(&mut command)?;
        let port = server.port()?;
        let before = server.cpu()?;
        let url = format!("http://127.0.0.1:{port}/hello");
        let printed = load_generator(Command::new("wrk").args(WRK).arg(url))?;
        let cpu = (server.cpu()? - before).as_secs_f64();
        ask(port, b"GET /quit HTTP/1.0\r\n\r\n")?;
        server.finish()?;
        let (requests, rate) = of_wrk(&printed)?;
        Ok(Load { requests, rate, cpu })
    })
}

/// bench/c's RESP server under redis-benchmark.
fn redis(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    for (test, name) in [
        (
            "get",
            "a RESP server in C under redis-benchmark, GET, 50 connections",
        ),
        (
            "set",
            "a RESP server in C under redis-benchmark, SET, 50 connections",
        ),
    ] {
        if !plan.has(name) {
            continue;
        }
        report.version_of(
            "redis-benchmark",
            Command::new("redis-benchmark").arg("--version"),
        );
        compare(plan, report, name, "request", |side| {
            let work = Work {
                program: "resp",
                args: Vec::new(),
                peer: Peer::None,
            };
            let mut server = Server::start(&mut places.command(&work, side))?;
            let port = server.port()?;
            let before = server.cpu()?;
            let mut command = Command::new("redis-benchmark");
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", CLIENTS]);
            command.args(["-n", &REQUESTS.to_string(), "-t", test, "--csv"]);
            let printed = load_generator(&mut command)?;
            let cpu = (server.cpu()? - before).as_secs_f64();
            ask(port, b"SHUTDOWN\r\n")?;
            server.finish()?;
            let rate = of_redis(&printed, test)?;
            Ok(Load {
                requests: f64::from(REQUESTS),
                rate,
                cpu,
            })
        })?;
    }
    Ok(())
}

/// A client that looks up names that none of its caches has, natively with the C library's resolver.
fn lookups(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "look-ups of names, each for the first time";
    if !plan.has(name) {
        return Ok(());
    }
    if let Err(message) = serve_names() {
        report.row(
            name,
            vec![Figure::missing("native / guest", format!("cannot: {message}"))],
        );
        return Ok(());
    }
    let resolv_conf = ResolvConf::new()?;
    let run = |work: &Work, side: &Side| -> Result<(f64, f64)> {
        let mut command = match side {
            Side::Native => resolv_conf.around(&places.command(work, side)),
            _ => {
                let options = [
                    "--allow-net",
                    "--max-lookups",
                    MOST_LOOKUPS,
                    "--dns",
                    &DNS.to_string(),
                ]
                .map(String::from);
                places.command(work, &Side::Guest(options.to_vec()))
            }
        };
        command
            .args(&work.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let used = ended(&mut child)?;
        Ok((used.cpu.as_secs_f64(), began.elapsed().as_secs_f64()))
    };
    let work = work("lookups", &[], LOOKUPS, Peer::None);
    compare(plan, report, name, "look-up", |side| {
        // What it takes to start, which natively is also what makes the file the resolver's.
        let (start_cpu, start_wall) = run(&start(), side)?;
        let (cpu, wall) = run(&work, side)?;
        let requests = operations(LOOKUPS);
        Ok(Load {
            requests,
            rate: requests / (wall - start_wall),
            cpu: cpu - start_cpu,
        })
    })
}

/// Starts the DNS server, on the processor of peers.
fn serve_names() -> Result<()> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::pin(PEER_CPU).map_err(|error| error.to_string())?;
            dns::start(DNS).map(drop)
        });
        thread.join().unwrap_or_else(|_| Err("panicked".into()))
    })
}

/// A file that a program finds in the place of /etc/resolv.conf. Needs root.
struct ResolvConf(PathBuf);

impl ResolvConf {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("guestnet-bench-{}.resolv", std::process::id()));
        std::fs::write(&path, format!("nameserver {}\n", DNS.ip()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// The same program with the file, in a mount namespace of its own.
    fn around(&self, command: &Command) -> Command {
        let mut around = Command::new("unshare");
        around.args([
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
        ]);
        around.arg(&self.0).arg(command.get_program());
        around.args(command.get_args());
        around
    }
}

impl Drop for ResolvConf {
    fn drop(&mut self) {
        // The next measurement would write it anew.
        let _ = std::fs::remove_file(Path::new(&self.0));
    }
}

/// Runs a load generator to its end on the processor of peers; gives what it printed.
fn load_generator(command: &mut Command) -> Result<String> {
    let mut bounded = Command::new("timeout");
    bounded
        .arg(DEADLINE)
        .arg(command.get_program())
        .args(command.get_args());
    let program = command.get_program().to_string_lossy().into_owned();
    let output = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::pin(PEER_CPU)?;
            bounded.stdin(Stdio::null()).output()
        });
        thread
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("panicked")))
    });
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program}: {}: {text}{errors}", output.status))
    }
}

/// Sends a request that needs no answer, and waits for the end of the connection.
fn ask(port: u16, request: &[u8]) -> Result<()> {
    let named = |error: std::io::Error| format!("port {port}: {error}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(named)?;
    stream.write_all(request).map_err(named)?;
    stream.read_to_end(&mut Vec::new()).map(drop).map_err(named)
}

/// Requests in all and a second, as wrk prints them. Answers that are no success are an error.
fn of_wrk(printed: &str) -> Result<(f64, f64)> {
    let failed = || format!("wrk printed:\n{printed}");
    if printed.contains("Non-2xx") || printed.contains("Socket errors") {
        return Err(failed());
    }
    let requests = printed.lines().find_map(|line| {
        let (number, _) = line.trim().split_once(" requests in ")?;
        number.parse::<f64>().ok()
    });
    let rate = printed
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse::<f64>().ok());
    requests.zip(rate).ok_or_else(failed)
}

/// Requests a second, as redis-benchmark prints them with `--csv`.
fn of_redis(printed: &str, test: &str) -> Result<f64> {
    let line = printed.lines().find_map(|line| {
        let mut words = line.split(',').map(|word| word.trim_matches('"'));
        let is_this = words.next()?.eq_ignore_ascii_case(test);
        let rate = words.next()?;
        is_this.then(|| rate.parse::<f64>().ok())?
    });
    line.ok_or_else(|| format!("redis-benchmark printed:\n{printed}"))
}

#[cfg(test)]
mod tests {
    use super::{of_redis, of_wrk};

    #[test]
    fn what_load_generators_print_is_read() {
        let wrk = "Running 2s test @ http://127.0.0.1:1/\n  30000 requests in 2.00s, 4MB read\nRequests/sec:  15000.50\n";
        let (requests, rate) = of_wrk(wrk).expect("readable");
        assert!((requests - 30_000.0).abs() < 0.1 && (rate - 15_000.5).abs() < 0.1);
        assert!(of_wrk(&format!("{wrk}  Non-2xx or 3xx responses: 3\n")).is_err());
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"GET\",\"90909.09\",\"0.3\"\n";
        assert!((of_redis(csv, "get").expect("readable") - 90_909.09).abs() < 0.01);
        assert!(of_redis(csv, "set").is_err());
    }
}
