//! The rows of `bench emscripten`: programs that emcc built, with guestnet on Node, Deno and Bun, against native C, against
//! Emscripten's own sockets on Node, and against programs on node:net and node:dgram.

use crate::contest::{Contest, Entrant, Starts, begin};
use crate::peer::Peer;
use crate::run::{Engine, Places, Side, Work};
use crate::stats::Spread;
use crate::stats::verdict_at_most;
use crate::work::{ACCEPTS, BULK, DATAGRAMS, ECHOES, numbers, work};
use crate::{Plan, Result};

/// Linked with the package.
const OURS: &str = "bench-emscripten";
/// The same with `-pthread`.
const OURS_THREADS: &str = "bench-emscripten-threads";
/// `-sNODERAWSOCKETS`, with which no call blocks.
const RAW: &str = "bench-emscripten-raw";
/// `-sNODERAWSOCKETS -pthread -sPROXY_TO_PTHREAD`: main and the sockets are on a thread that may block.
const RAW_THREADS: &str = "bench-emscripten-raw-threads";

/// How much more CPU time node:net and node:dgram may be expected to take.
const BAR: f64 = 1.5;

/// How much longer than native a data call on a thread may take, in nanoseconds.
const CALL_BAR: f64 = 1000.0;

/// Calls between two looks at the clock, and fewer where one takes long.
const CALLS: u32 = 20_000;
const SLOW_CALLS: u32 = 200;

/// Measures every row of the plan and prints it.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let places = begin(plan)?;
    println!(
        "CPU time of the program under test an operation, its start subtracted; ratio = CPU time of the other / ours, \
         more is better"
    );
    let contests = contests();
    if contests.iter().any(|contest| plan.has(contest.name)) {
        let sides: Vec<Side> = entrants(false).into_iter().map(|entrant| entrant.side).collect();
        let starts = Starts::of(&places, plan, &sides)?;
        for contest in contests.iter().filter(|contest| plan.has(contest.name)) {
            contest.measure(&places, plan, &starts)?;
        }
    }
    calls(&places, plan)
}

fn entrants(datagrams: bool) -> Vec<Entrant> {
    let own = if datagrams {
        "node:dgram, Node 26"
    } else {
        "node:net, Node 26"
    };
    vec![
        Entrant::new("guestnet, Node 26", Side::Emscripten(OURS, Engine::Node)),
        Entrant::new("native C", Side::Native),
        Entrant::new(own, Side::Script(Engine::Node)).bar(BAR),
        Entrant::new(
            "NODERAWSOCKETS on a thread, Node 26",
            Side::Emscripten(RAW_THREADS, Engine::Node),
        )
        .may_fail(),
        Entrant::new("guestnet, Deno", Side::Emscripten(OURS, Engine::Deno)),
        Entrant::new("guestnet, Bun", Side::Emscripten(OURS, Engine::Bun)),
    ]
}

fn contests() -> Vec<Contest> {
    let segments = BULK / 65_536;
    let contest = |name, count, work, datagrams| Contest {
        name,
        work,
        count,
        entrants: entrants(datagrams),
    };
    vec![
        contest(
            "TCP bulk send, 64 KiB",
            segments,
            work("tcp_bulk", &["send", "PORT"], BULK, Peer::TcpSink(BULK)),
            false,
        ),
        contest(
            "TCP bulk receive, 64 KiB",
            segments,
            work("tcp_bulk", &["recv", "PORT"], BULK, Peer::TcpSource(BULK)),
            false,
        ),
        contest(
            "TCP echo 64 B",
            ECHOES,
            work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
            false,
        ),
        contest(
            "TCP accept and close",
            ACCEPTS,
            work("tcp_accept", &["blocking"], ACCEPTS, Peer::TcpConnect(ACCEPTS)),
            false,
        ),
        contest(
            "UDP send 1200 B",
            DATAGRAMS,
            work("udp", &["send", "PORT"], DATAGRAMS, Peer::UdpSink),
            true,
        ),
        contest(
            "UDP receive 1200 B",
            DATAGRAMS,
            work("udp", &["recv"], DATAGRAMS, Peer::UdpSource(DATAGRAMS)),
            true,
        ),
    ]
}

/// One data call that moves nothing, on the main thread and on another.
fn calls(places: &Places, plan: &Plan) -> Result<()> {
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
    println!("\n{name}: nanoseconds, less is better");
    let native = times.first().map_or(f64::NAN, |times| Spread::of(times).median);
    for ((label, how, side, _), times) in sides.iter().zip(&times) {
        let time = Spread::of(times);
        let verdict = if *how == "thread" && *side == ours(OURS_THREADS) {
            verdict_at_most(time.median - native, CALL_BAR, "ns more than native")
        } else {
            String::new()
        };
        println!("    {label:<36} {time:.0} ns  {verdict}");
    }
    Ok(())
}
