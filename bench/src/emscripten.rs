//! The rows of `bench emscripten`: programs that emcc built, with guestnet on Node, Deno and Bun, against native C, against
//! Emscripten's own sockets on Node, and against programs on node:net and node:dgram.

use crate::contest::{Contest, Entrant, Starts, begin};
use crate::peer::Peer;
use crate::record::Figure;
use crate::report::Report;
use crate::run::{Engine, Places, Side, Work};
use crate::work::{ACCEPTS, BULK, DATAGRAMS, ECHOES, numbers, work};
use crate::{Plan, Result, bars};

/// Linked with the package.
const OURS: &str = "bench-emscripten";
/// The same with `-pthread`.
const OURS_THREADS: &str = "bench-emscripten-threads";
/// `-sNODERAWSOCKETS`, with which no call blocks.
const RAW: &str = "bench-emscripten-raw";
/// `-sNODERAWSOCKETS -pthread -sPROXY_TO_PTHREAD`: main and the sockets are on a thread that may block.
const RAW_THREADS: &str = "bench-emscripten-raw-threads";

/// Calls between two looks at the clock, and fewer where one takes long.
const CALLS: u32 = 20_000;
const SLOW_CALLS: u32 = 200;

/// Measures every row of the plan.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let places = begin()?;
    places.engine_versions(report);
    let contests = contests();
    if contests.iter().any(|contest| plan.has(contest.name)) {
        let sides: Vec<Side> = entrants(false, None)
            .into_iter()
            .map(|entrant| entrant.side)
            .collect();
        let starts = Starts::of(&places, plan, &sides)?;
        for contest in contests.iter().filter(|contest| plan.has(contest.name)) {
            let outcome = contest.measure(&places, plan, &starts, report);
            report.attempt(contest.name, outcome);
        }
    }
    calls(&places, plan, report)
}

/// `bar`: the least ratio of native C's CPU time to ours.
fn entrants(datagrams: bool, bar: Option<f64>) -> Vec<Entrant> {
    let own = if datagrams {
        "node:dgram, Node 26"
    } else {
        "node:net, Node 26"
    };
    vec![
        Entrant::new("guestnet, Node 26", Side::Emscripten(OURS, Engine::Node)),
        Entrant {
            bar,
            ..Entrant::new("native C", Side::Native)
        },
        Entrant::new(own, Side::Script(Engine::Node)),
        Entrant::new(
            "NODERAWSOCKETS on a thread, Node 26",
            Side::Emscripten(RAW_THREADS, Engine::Node),
        )
        .may_fail(),
        Entrant::new("guestnet, Deno", Side::Emscripten(OURS, Engine::Deno)),
        Entrant::new("guestnet, Bun", Side::Emscripten(OURS, Engine::Bun)),
    ]
}

/// How many times more of the short calls than elsewhere: an engine compiles what it runs often, and loads the addon with the first socket, which
/// would be a tenth of the time otherwise and is no part of `start`.
const LONG: u64 = 5;

fn contests() -> Vec<Contest> {
    let segments = BULK / 65_536;
    let (accepts, datagrams) = (LONG * ACCEPTS, LONG * DATAGRAMS);
    let contest = |name, count, work, of_datagrams, bar| Contest {
        name,
        work,
        count,
        entrants: entrants(of_datagrams, bar),
    };
    vec![
        contest(
            "TCP bulk send, 64 KiB",
            segments,
            work("tcp_bulk", &["send", "PORT"], BULK, Peer::TcpSink(BULK)),
            false,
            None,
        ),
        contest(
            "TCP bulk receive, 64 KiB",
            segments,
            work("tcp_bulk", &["recv", "PORT"], BULK, Peer::TcpSource(BULK)),
            false,
            None,
        ),
        contest(
            "TCP echo 64 B",
            ECHOES,
            work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
            false,
            None,
        ),
        contest(
            "TCP accept and close",
            accepts,
            work("tcp_accept", &["blocking"], accepts, Peer::TcpConnect(accepts)),
            false,
            Some(bars::EMSCRIPTEN_ACCEPT),
        ),
        contest(
            "UDP send 1200 B",
            datagrams,
            work("udp", &["send", "PORT"], datagrams, Peer::UdpSink),
            true,
            None,
        ),
        contest(
            "UDP receive 1200 B",
            datagrams,
            work("udp", &["recv"], datagrams, Peer::UdpSource(datagrams)),
            true,
            Some(bars::EMSCRIPTEN_UDP_RECEIVE),
        ),
    ]
}

/// One data call that moves nothing, on the main thread and on another.
fn calls(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "one call: recv that finds nothing";
    if !plan.has(name) {
        return Ok(());
    }
    let ours = |products| Side::Emscripten(products, Engine::Node);
    let sides = [
        ("native C", "main", Side::Native, CALLS),
        ("guestnet, main thread", "main", ours(OURS), CALLS),
        (
            "guestnet, -pthread, main thread",
            "main",
            ours(OURS_THREADS),
            CALLS,
        ),
        (
            "guestnet, -pthread, a pthread",
            "thread",
            ours(OURS_THREADS),
            CALLS,
        ),
        ("NODERAWSOCKETS, main thread", "main", ours(RAW), CALLS),
        ("NODERAWSOCKETS, a pthread", "main", ours(RAW_THREADS), SLOW_CALLS),
    ];
    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..plan.rounds {
        for ((_, how, side, count), times) in sides.iter().zip(&mut times) {
            let work = Work {
                program: "call",
                args: vec![(*how).into(), count.to_string()],
                peer: Peer::None,
            };
            let median = numbers(&places.run(&work, side)?)?;
            let median = median.get(1).copied().and_then(|time| u32::try_from(time).ok());
            times.push(median.map_or(f64::NAN, f64::from));
        }
    }
    let native = times.first().cloned().unwrap_or_default();
    let mut figures = Vec::new();
    for ((label, how, side, _), times) in sides.iter().zip(&times) {
        figures.push(Figure::new(*label, "ns", times));
        if *how == "thread" && *side == ours(OURS_THREADS) {
            let more: Vec<f64> = times
                .iter()
                .zip(&native)
                .map(|(time, native)| time - native)
                .collect();
            figures
                .push(Figure::new("a pthread, more than native", "ns", &more).at_most(bars::EMSCRIPTEN_CALL));
        }
    }
    report.row(name, figures);
    Ok(())
}
