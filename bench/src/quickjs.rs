//! The rows of `bench quickjs`: scripts in guestnet against the same work on Node, Deno and Bun with their own sockets.

use crate::contest::{Contest, Entrant, Starts, begin, start};
use crate::peer::Peer;
use crate::record::Figure;
use crate::report::Report;
use crate::run::{Engine, Places, Side};
use crate::work::{BULK, DATAGRAMS, ECHOES, work};
use crate::{Plan, Result, bars, resident};

/// Measures every row of the plan.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let places = begin()?;
    places.engine_versions(report);
    start_rows(&places, plan, report)?;
    let contests = contests();
    if !contests.iter().any(|contest| plan.has(contest.name)) {
        return Ok(());
    }
    let sides: Vec<Side> = entrants().into_iter().map(|entrant| entrant.side).collect();
    let starts = Starts::of(&places, plan, &sides)?;
    for contest in contests.iter().filter(|contest| plan.has(contest.name)) {
        let outcome = contest.measure(&places, plan, &starts, report);
        report.attempt(contest.name, outcome);
    }
    Ok(())
}

fn entrants() -> Vec<Entrant> {
    vec![
        Entrant::new("guestnet", Side::QuickJs),
        Entrant::new("native C", Side::Native),
        Entrant::new("Node 26", Side::Script(Engine::Node)).bar(bars::QUICKJS),
        Entrant::new("Deno", Side::Script(Engine::Deno)).bar(bars::QUICKJS),
        Entrant::new("Bun", Side::Script(Engine::Bun)).bar(bars::QUICKJS),
    ]
}

fn contests() -> Vec<Contest> {
    let contest = |name, count, work| Contest {
        name,
        work,
        count,
        entrants: entrants(),
    };
    vec![
        contest(
            "UDP pair 64 B",
            DATAGRAMS,
            work("udp_pair", &[], DATAGRAMS, Peer::None),
        ),
        contest(
            "TCP echo 64 B",
            ECHOES,
            work("tcp_echo", &["blocking", "PORT"], ECHOES, Peer::TcpEcho),
        ),
        contest(
            "TCP bulk receive, 64 KiB",
            BULK / 65_536,
            work("tcp_bulk", &["recv", "PORT"], BULK, Peer::TcpSource(BULK)),
        ),
    ]
}

/// A program that does nothing: how long it takes from start to end, and how much memory it has.
fn start_rows(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "start and end of an empty program";
    if !plan.has(name) {
        return Ok(());
    }
    let entrants = entrants();
    let mut figures: Vec<[Vec<f64>; 3]> = entrants.iter().map(|_| Default::default()).collect();
    for round in 0..=plan.rounds {
        for (entrant, [wall, cpu, memory]) in entrants.iter().zip(&mut figures) {
            let outcome = places.run(&start(), &entrant.side)?;
            // The first run fills caches.
            if round > 0 {
                wall.push(outcome.wall.as_secs_f64() * 1e3);
                cpu.push(outcome.cpu.as_secs_f64() * 1e3);
                let bytes = resident::of(&places.command(&start(), &entrant.side))?;
                let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
                memory.push(f64::from(kib) / 1024.0);
            }
        }
    }
    let mut rows = Vec::new();
    for (entrant, [wall, cpu, memory]) in entrants.iter().zip(&figures) {
        rows.push(Figure::new(
            format!("{}: wall-clock time", entrant.label),
            "ms",
            wall,
        ));
        rows.push(Figure::new(format!("{}: CPU time", entrant.label), "ms", cpu));
        rows.push(Figure::new(
            format!("{}: largest resident set", entrant.label),
            "MiB",
            memory,
        ));
    }
    report.row(name, rows);
    Ok(())
}
