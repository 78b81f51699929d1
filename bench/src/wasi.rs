//! The rows of `bench wasi`: which programs with how much work, and what they must reach.

use std::time::Duration;

use crate::contest::{Starts, begin, operations, start};
use crate::peer::Peer;
use crate::run::{Places, Side, Work};
use crate::stats::{Spread, verdict_at_least, verdict_at_most};
use crate::work::{ACCEPTS, BULK, DATAGRAMS, ECHOES, numbers, work};
use crate::{Plan, Result, embed};

/// How many rules the rows with a policy have.
const RULES: u8 = 100;

/// A row that compares CPU time.
struct Row {
    name: &'static str,
    work: Work,
    /// Operations in a run, for the time of one.
    count: u64,
    /// The least ratio of A's CPU time to B's; `None` for a row that is there for information.
    bar: Option<f64>,
    a: Side,
    b: Side,
}

/// Measures every row of the plan and prints it.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let places = begin(plan)?;
    start_rows(&places, plan)?;
    embed::measure(&places, plan)?;
    println!(
        "\nCPU time of the program under test, its start subtracted; ratio = native / guest, more is better"
    );
    let rows = rows();
    if rows.iter().any(|row| plan.has(row.name)) {
        let starts = Starts::of(&places, plan, &[Side::Native, open()])?;
        for row in rows.iter().filter(|row| plan.has(row.name)) {
            compare(&places, plan, row, &starts)?;
        }
    }
    println!("\nOne call that waits for idle sockets and 1 that is active, in microseconds, less is better");
    poll_rows(&places, plan)
}

fn open() -> Side {
    Side::Guest(vec!["--allow-net".into()])
}

/// [`RULES`] rules to connect or send, of which one covers loopback, and leave to listen there.
fn ruled() -> Side {
    let rules = (1..RULES)
        .map(|host| format!("10.1.2.{host}:1000-2000"))
        .chain(["127.0.0.1:*".to_owned()]);
    let mut options: Vec<String> = rules
        .flat_map(|rule| ["--allow-connect".to_owned(), rule])
        .collect();
    options.extend(["--allow-listen".to_owned(), "127.0.0.1:*".to_owned()]);
    Side::Guest(options)
}

/// [`ruled`], and [`RULES`] rules about who may send to it, so that each sender is judged.
fn judged() -> Side {
    let Side::Guest(mut options) = ruled() else {
        return ruled();
    };
    let rules = (1..RULES)
        .map(|host| format!("10.1.2.{host}:*"))
        .chain(["127.0.0.1:*".to_owned()]);
    options.extend(rules.flat_map(|rule| ["--allow-accept".to_owned(), rule]));
    Side::Guest(options)
}

/// Every decision becomes a line; the lines go nowhere, so that no disk is measured.
fn audited() -> Side {
    Side::Guest(["--allow-net", "--audit", "/dev/null"].map(String::from).to_vec())
}

fn rows() -> Vec<Row> {
    let against_native = |name, bar, count, work| Row {
        name,
        work,
        count,
        bar: Some(bar),
        a: Side::Native,
        b: open(),
    };
    let segments = BULK / 65_536;
    let udp_send = work("udp", &["send", "PORT"], DATAGRAMS, Peer::UdpSink);
    let udp_recv = work("udp", &["recv"], DATAGRAMS, Peer::UdpSource(DATAGRAMS));
    let ruled_row = |name, bar, work: &Work, b| Row {
        name,
        work: work.clone(),
        count: DATAGRAMS,
        bar,
        a: open(),
        b,
    };
    vec![
        against_native(
            "TCP bulk send, 64 KiB",
            0.98,
            segments,
            work("tcp_bulk", &["send", "PORT"], BULK, Peer::TcpSink(BULK)),
        ),
        against_native(
            "TCP bulk receive, 64 KiB",
            0.98,
            segments,
            work("tcp_bulk", &["recv", "PORT"], BULK, Peer::TcpSource(BULK)),
        ),
        against_native(
            "TCP echo 64 B, blocking",
            0.95,
            ECHOES,
            work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
        ),
        against_native(
            "TCP echo 64 B, polled",
            0.95,
            ECHOES,
            work("tcp_echo", &["polled", "PORT"], ECHOES, Peer::TcpEcho),
        ),
        against_native(
            "TCP accept and close, blocking",
            0.95,
            ACCEPTS,
            work("tcp_accept", &["blocking"], ACCEPTS, Peer::TcpConnect(ACCEPTS)),
        ),
        against_native(
            "TCP accept and close, polled",
            0.95,
            ACCEPTS,
            work("tcp_accept", &["polled"], ACCEPTS, Peer::TcpConnect(ACCEPTS)),
        ),
        against_native("UDP send 1200 B", 0.97, DATAGRAMS, udp_send.clone()),
        against_native("UDP receive 1200 B", 0.97, DATAGRAMS, udp_recv.clone()),
        ruled_row(
            "UDP send, --allow-net / 100 connect rules",
            Some(0.98),
            &udp_send,
            ruled(),
        ),
        ruled_row(
            "UDP receive, --allow-net / 100 connect rules",
            Some(0.98),
            &udp_recv,
            ruled(),
        ),
        ruled_row(
            "UDP receive, --allow-net / 100 accept rules",
            None,
            &udp_recv,
            judged(),
        ),
        ruled_row("UDP send, --allow-net / with --audit", None, &udp_send, audited()),
        ruled_row(
            "UDP receive, --allow-net / with --audit",
            None,
            &udp_recv,
            audited(),
        ),
    ]
}

fn compare(places: &Places, plan: &Plan, row: &Row, starts: &Starts) -> Result<()> {
    let once = |side: &Side| starts.work(places, &row.work, side);
    let (mut ratios, mut a_times, mut b_times) = (Vec::new(), Vec::new(), Vec::new());
    // Once beforehand, so that the compiled module is in the cache.
    once(&row.b)?;
    for _ in 0..plan.rounds {
        let (a, b) = (once(&row.a)?, once(&row.b)?);
        ratios.push(a / b);
        a_times.push(a);
        b_times.push(b);
    }
    let ratio = Spread::of(&ratios);
    let each = |times: &[f64]| Spread::of(times).median * 1e9 / operations(row.count);
    let verdict = row
        .bar
        .map_or_else(String::new, |bar| verdict_at_least(ratio.median, bar));
    println!(
        "{:<46} {ratio:.3}  {:>7.0} / {:<7.0} ns  {verdict}",
        row.name,
        each(&a_times),
        each(&b_times)
    );
    Ok(())
}

/// From the start of the process to the first instruction of `main`.
fn start_rows(places: &Places, plan: &Plan) -> Result<()> {
    let name = "start: guestnet run to the guest's first instruction";
    if !plan.has(name) {
        return Ok(());
    }
    let once = |side: &Side| -> Result<f64> {
        let before = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let before = Duration::new(
            before.tv_sec.cast_unsigned(),
            u32::try_from(before.tv_nsec).unwrap_or(0),
        );
        let outcome = places.run(&start(), side)?;
        let first = Duration::from_nanos(numbers(&outcome)?.first().copied().unwrap_or_default());
        Ok(first.saturating_sub(before).as_secs_f64() * 1e3)
    };
    once(&open())?;
    let (mut native, mut guest) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        native.push(once(&Side::Native)?);
        guest.push(once(&open())?);
    }
    let (native, guest) = (Spread::of(&native), Spread::of(&guest));
    println!(
        "{name:<48} {guest:.1} ms  {}",
        verdict_at_most(guest.median, 15.0, "ms")
    );
    println!("    a native program {native:.1} ms");
    Ok(())
}

/// A guest with more sockets than there may be by default.
fn roomy() -> Side {
    let options = ["--allow-net", "--max-sockets=20000", "--max-descriptors=20000"];
    Side::Guest(options.map(String::from).to_vec())
}

fn poll_rows(places: &Places, plan: &Plan) -> Result<()> {
    for (idle, rounds, bar) in [(1_u32, 20_000_u32, 5.0), (1_000, 2_000, 8.0), (10_000, 300, 30.0)] {
        let name = format!("poll of {idle} idle sockets");
        if !plan.has(&name) {
            continue;
        }
        let once = |how: &str, side: &Side| -> Result<f64> {
            let work = Work {
                program: "poll_many",
                args: vec![how.into(), idle.to_string(), rounds.to_string()],
                peer: Peer::None,
            };
            let outcome = places.run(&work, side)?;
            let median = numbers(&outcome)?.get(1).copied().unwrap_or(u64::MAX);
            Ok(Duration::from_nanos(median).as_secs_f64() * 1e6)
        };
        let sides = [
            ("native poll(2)", "poll", Side::Native, None),
            ("guest, poll_oneoff itself", "oneoff", roomy(), Some(bar)),
            ("guest, the same, two have changed", "changing", roomy(), None),
            ("guest, poll() of the C overlay", "poll", roomy(), None),
            ("native epoll(7)", "epoll", Side::Native, None),
            ("guest, epoll of the C overlay", "epoll", roomy(), Some(6.0)),
        ];
        let mut times: [Vec<f64>; 6] = Default::default();
        for _ in 0..plan.rounds {
            for ((_, how, side, _), times) in sides.iter().zip(&mut times) {
                times.push(once(how, side)?);
            }
        }
        println!("{name}");
        for ((what, _, _, bar), times) in sides.iter().zip(&times) {
            let time = Spread::of(times);
            let verdict = bar.map_or_else(String::new, |bar| verdict_at_most(time.median, bar, "us"));
            println!("    {what:<42} {time:.1} us  {verdict}");
        }
    }
    Ok(())
}
