//! The rows of `bench wasi`: which programs with how much work, and what they must reach.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::contest::{Starts, begin, operations, start};
use crate::peer::Peer;
use crate::record::Figure;
use crate::report::Report;
use crate::run::{Places, Side, Work};
use crate::work::{ACCEPTS, BULK, DATAGRAMS, ECHOES, numbers, work};
use crate::{Plan, Result, bars, bulk, embed};

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

impl From<bulk::Bulk> for Row {
    fn from(bulk: bulk::Bulk) -> Self {
        Row {
            name: bulk.name,
            work: bulk.work,
            count: BULK / 65_536,
            bar: Some(bars::BULK),
            a: Side::Native,
            b: bulk.guest,
        }
    }
}

/// Measures every row of the plan.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let places = begin()?;
    let outcome = start_rows(&places, plan, report);
    report.attempt("start", outcome);
    let outcome = embed::measure(&places, plan, report);
    report.attempt("start in an embedder", outcome);
    let bulk = bulk::rows(&places)?.into_iter().map(Row::from);
    let rows: Vec<Row> = rows()
        .into_iter()
        .chain(bulk)
        .filter(|row| plan.has(row.name))
        .collect();
    // Options change nothing about a start: one of each kind of side.
    let sides = [Side::Native, open(), Side::GoNative, Side::Go];
    let sides: Vec<Side> = sides
        .into_iter()
        .filter(|side| {
            let same = |other: &Side| std::mem::discriminant(other) == std::mem::discriminant(side);
            rows.iter().any(|row| same(&row.a) || same(&row.b))
        })
        .collect();
    let starts = Starts::of(&places, plan, &sides)?;
    for row in &rows {
        let outcome = compare(&places, plan, row, &starts, report);
        report.attempt(row.name, outcome);
    }
    poll_rows(&places, plan, report)
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
            bars::TCP_BULK,
            segments,
            work("tcp_bulk", &["send", "PORT"], BULK, Peer::TcpSink(BULK)),
        ),
        against_native(
            "TCP bulk receive, 64 KiB",
            bars::TCP_BULK,
            segments,
            work("tcp_bulk", &["recv", "PORT"], BULK, Peer::TcpSource(BULK)),
        ),
        against_native(
            "TCP echo 64 B, blocking",
            bars::TCP_ECHO,
            ECHOES,
            work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
        ),
        against_native(
            "TCP echo 64 B, polled",
            bars::TCP_ECHO,
            ECHOES,
            work("tcp_echo", &["polled", "PORT"], ECHOES, Peer::TcpEcho),
        ),
        against_native(
            "TCP accept and close, blocking",
            bars::TCP_ACCEPT,
            ACCEPTS,
            work("tcp_accept", &["blocking"], ACCEPTS, Peer::TcpConnect(ACCEPTS)),
        ),
        against_native(
            "TCP accept and close, polled",
            bars::TCP_ACCEPT,
            ACCEPTS,
            work("tcp_accept", &["polled"], ACCEPTS, Peer::TcpConnect(ACCEPTS)),
        ),
        against_native("UDP send 1200 B", bars::UDP_PLAIN, DATAGRAMS, udp_send.clone()),
        against_native("UDP receive 1200 B", bars::UDP_PLAIN, DATAGRAMS, udp_recv.clone()),
        ruled_row(
            "UDP send, --allow-net / 100 connect rules",
            Some(bars::UDP_RULES),
            &udp_send,
            ruled(),
        ),
        ruled_row(
            "UDP receive, --allow-net / 100 connect rules",
            Some(bars::UDP_RULES),
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
        Row {
            name: "Go: TCP echo 64 B",
            work: work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
            count: ECHOES,
            bar: None,
            a: Side::GoNative,
            b: Side::Go,
        },
    ]
}

/// What a row calls a side.
fn label(side: &Side) -> &'static str {
    match side {
        Side::Native => "native",
        Side::GoNative => "native Go",
        Side::Guest(options) if options.iter().any(|option| option == "--audit") => "guest, audited",
        Side::Guest(options) if options.iter().any(|option| option == "--allow-connect") => {
            "guest, with rules"
        }
        _ => "guest",
    }
}

fn compare(places: &Places, plan: &Plan, row: &Row, starts: &Starts, report: &mut Report) -> Result<()> {
    let once =
        |side: &Side| -> Result<f64> { Ok(starts.work(places, &row.work, side)? / operations(row.count)) };
    let (mut a_times, mut b_times) = (Vec::new(), Vec::new());
    // Once beforehand, so that the compiled module is in the cache.
    once(&row.b)?;
    for _ in 0..plan.rounds {
        a_times.push(once(&row.a)?);
        b_times.push(once(&row.b)?);
    }
    let (a, b) = (label(&row.a), label(&row.b));
    report.row(
        row.name,
        vec![
            Figure::ratio(format!("{a} / {b}"), &a_times, &b_times).at_least(row.bar),
            Figure::time(a, &a_times),
            Figure::time(b, &b_times),
        ],
    );
    Ok(())
}

/// From the start of the process to the first instruction of `main`: a small program in C, and a large one in Go.
fn start_rows(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let large = Work {
        program: "large",
        ..start()
    };
    let rows = [
        (
            "start: guestnet run to the guest's first instruction",
            start(),
            [Side::Native, open()],
            bars::START,
        ),
        (
            "start: the same of a Go module of 13 MB",
            large,
            [Side::GoNative, Side::Go],
            bars::START_LARGE,
        ),
    ];
    for (name, work, [native, guest], bar) in rows {
        if !plan.has(name) {
            continue;
        }
        // In milliseconds.
        let once = |side: &Side| -> Result<f64> {
            let before = match work.program {
                "large" => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
                _ => monotonic(),
            };
            let outcome = places.run(&work, side)?;
            let first = Duration::from_nanos(numbers(&outcome)?.first().copied().unwrap_or_default());
            Ok(first.saturating_sub(before).as_secs_f64() * 1e3)
        };
        once(&guest)?;
        let (mut of_native, mut of_guest) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            of_native.push(once(&native)?);
            of_guest.push(once(&guest)?);
        }
        report.row(
            name,
            vec![
                Figure::new(label(&guest), "ms", &of_guest).at_most(bar),
                Figure::new(label(&native), "ms", &of_native),
            ],
        );
    }
    Ok(())
}

/// The clock that a program in C reads.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// A guest with more sockets than there may be by default.
fn roomy() -> Side {
    let options = ["--allow-net", "--max-sockets=20000", "--max-descriptors=20000"];
    Side::Guest(options.map(String::from).to_vec())
}

fn poll_rows(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    for ((idle, bar), rounds) in bars::POLL.into_iter().zip([20_000, 2_000, 300]) {
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
            (
                "guest, epoll of the C overlay",
                "epoll",
                roomy(),
                Some(bars::EPOLL),
            ),
        ];
        let mut times: [Vec<f64>; 6] = Default::default();
        for _ in 0..plan.rounds {
            for ((_, how, side, _), times) in sides.iter().zip(&mut times) {
                times.push(once(how, side)?);
            }
        }
        let figures = sides
            .iter()
            .zip(&times)
            .map(|((what, _, _, bar), times)| Figure::new(*what, "us", times).at_most(*bar))
            .collect();
        report.row(name, figures);
    }
    Ok(())
}
