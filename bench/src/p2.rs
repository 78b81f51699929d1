//! The rows of `bench p2`: components of bench/rust against the same source built natively, and against the same component on wasmtime's
//! own WASI ([`own`]).

use crate::contest::{Contest, Entrant, Starts, begin};
use crate::peer::Peer;
use crate::run::Side;
use crate::work::{BULK, ECHOES, work};
use crate::{Plan, Result, embed, own};

/// How much of a native program's CPU time a component may take at most, as native / ours.
const NATIVE: f64 = 0.85;

/// Small writes of one run.
const WRITES: u64 = 200_000;

/// The programs of bench/rust.
const PROGRAMS: [&str; 2] = ["start", "std_tcp"];

/// Measures every row of the plan and prints it.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let rows: Vec<Contest> = contests().into_iter().filter(|row| plan.has(row.name)).collect();
    let has_instances = embed::OF_COMPONENTS.iter().any(|row| plan.has(row));
    if rows.is_empty() && !has_instances {
        return Ok(());
    }
    let places = begin(plan)?;
    embed::measure_component(&places, plan)?;
    if rows.is_empty() {
        return Ok(());
    }
    for program in PROGRAMS {
        own::compile(&places.component(program), &places.own(program))?;
    }
    println!("CPU time of the program under test, its start subtracted; less is better");
    let starts = Starts::of(
        &places,
        plan,
        &[Side::Component, Side::ComponentNative, Side::Wasmtime],
    )?;
    for row in rows {
        row.measure(&places, plan, &starts)?;
    }
    Ok(())
}

fn contests() -> Vec<Contest> {
    let row = |name, what: &str, count: u64, operations: u64, peer, native: Entrant| Contest {
        name,
        work: work("std_tcp", &[what, "PORT"], count, peer),
        count: operations,
        entrants: vec![
            Entrant::new("guestnet, a component", Side::Component),
            native,
            Entrant::new("wasmtime's own sockets", Side::Wasmtime).bar(1.0),
        ],
    };
    let native = || Entrant::new("native", Side::ComponentNative);
    let segments = BULK / 65_536;
    vec![
        row(
            "p2: TCP echo 64 B",
            "echo",
            ECHOES,
            ECHOES,
            Peer::TcpEcho,
            native().bar(NATIVE),
        ),
        row(
            "p2: TCP write 64 B",
            "write",
            WRITES,
            WRITES,
            Peer::TcpSink(64 * WRITES),
            native().bar(NATIVE),
        ),
        row(
            "p2: TCP send 64 KiB",
            "send",
            BULK,
            segments,
            Peer::TcpSink(BULK),
            native().bar(NATIVE),
        ),
        row(
            "p2: TCP receive 64 KiB",
            "recv",
            BULK,
            segments,
            Peer::TcpSource(BULK),
            native(),
        ),
    ]
}
