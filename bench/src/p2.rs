//! The rows of `bench p2`: components of bench/rust against the same source built natively, and against the same component on wasmtime's
//! own WASI ([`own`]).

use crate::contest::{Contest, Entrant, Starts, begin};
use crate::peer::Peer;
use crate::report::Report;
use crate::run::Side;
use crate::work::{BULK, ECHOES, work};
use crate::{Plan, Result, bars, embed, own};

/// Small writes of one run.
const WRITES: u64 = 200_000;

/// The programs of bench/rust.
const PROGRAMS: [&str; 2] = ["start", "std_tcp"];

/// Measures every row of the plan.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let rows: Vec<Contest> = contests().into_iter().filter(|row| plan.has(row.name)).collect();
    let has_instances = embed::OF_COMPONENTS.iter().any(|row| plan.has(row));
    if rows.is_empty() && !has_instances {
        return Ok(());
    }
    let places = begin()?;
    embed::measure_component(&places, plan, report)?;
    if rows.is_empty() {
        return Ok(());
    }
    for program in PROGRAMS {
        own::compile(&places.component(program), &places.own(program))?;
    }
    let starts = Starts::of(
        &places,
        plan,
        &[Side::Component, Side::ComponentNative, Side::Wasmtime],
    )?;
    for row in rows {
        let outcome = row.measure(&places, plan, &starts, report);
        report.attempt(row.name, outcome);
    }
    Ok(())
}

fn contests() -> Vec<Contest> {
    let row = |name, what: &str, count: u64, operations: u64, peer| Contest {
        name,
        work: work("std_tcp", &[what, "PORT"], count, peer),
        count: operations,
        entrants: vec![
            Entrant::new("guestnet, a component", Side::Component),
            Entrant::new("native", Side::ComponentNative).bar(bars::COMPONENT),
            Entrant::new("wasmtime's own sockets", Side::Wasmtime).bar(bars::COMPONENT_WASMTIME),
        ],
    };
    let segments = BULK / 65_536;
    vec![
        row("p2: TCP echo 64 B", "echo", ECHOES, ECHOES, Peer::TcpEcho),
        row(
            "p2: TCP write 64 B",
            "write",
            WRITES,
            WRITES,
            Peer::TcpBusySink(64 * WRITES),
        ),
        row("p2: TCP send 64 KiB", "send", BULK, segments, Peer::TcpSink(BULK)),
        row(
            "p2: TCP receive 64 KiB",
            "recv",
            BULK,
            segments,
            Peer::TcpSource(BULK),
        ),
    ]
}
