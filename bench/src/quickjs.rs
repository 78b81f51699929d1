//! The rows of `bench quickjs`: scripts in guestnet against the same work on Node, Deno and Bun with their own sockets.

use crate::contest::{Contest, Entrant, Starts, begin, start};
use crate::peer::Peer;
use crate::run::{Engine, Places, Side};
use crate::stats::Spread;
use crate::work::{BULK, DATAGRAMS, ECHOES, work};
use crate::{Plan, Result};

/// No other may take less CPU time.
const BAR: f64 = 1.0;

/// Measures every row of the plan and prints it.
///
/// # Errors
/// The first program that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let places = begin(plan)?;
    start_rows(&places, plan)?;
    let contests = contests();
    if !contests.iter().any(|contest| plan.has(contest.name)) {
        return Ok(());
    }
    println!(
        "\nCPU time of the program under test an operation, its start subtracted; ratio = CPU time of the other / \
         ours, more is better"
    );
    let sides: Vec<Side> = entrants().into_iter().map(|entrant| entrant.side).collect();
    let starts = Starts::of(&places, plan, &sides)?;
    for contest in contests.iter().filter(|contest| plan.has(contest.name)) {
        contest.measure(&places, plan, &starts)?;
    }
    Ok(())
}

fn entrants() -> Vec<Entrant> {
    vec![
        Entrant::new("guestnet", Side::QuickJs),
        Entrant::new("native C", Side::Native),
        Entrant::new("Node 26", Side::Script(Engine::Node)).bar(BAR),
        Entrant::new("Deno", Side::Script(Engine::Deno)).bar(BAR),
        Entrant::new("Bun", Side::Script(Engine::Bun)).bar(BAR),
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
fn start_rows(places: &Places, plan: &Plan) -> Result<()> {
    let name = "start and end of an empty program";
    if !plan.has(name) {
        return Ok(());
    }
    println!("{name}: wall-clock time, CPU time and the largest resident set");
    let entrants = entrants();
    let mut figures: Vec<[Vec<f64>; 3]> = entrants.iter().map(|_| Default::default()).collect();
    for round in 0..=plan.rounds {
        for (entrant, [wall, cpu, memory]) in entrants.iter().zip(&mut figures) {
            let outcome = places.run(&start(), &entrant.side)?;
            // The first run fills caches.
            if round > 0 {
                wall.push(outcome.wall.as_secs_f64() * 1e3);
                cpu.push(outcome.cpu.as_secs_f64() * 1e3);
                let kib = u32::try_from(outcome.memory / 1024).unwrap_or(u32::MAX);
                memory.push(f64::from(kib) / 1024.0);
            }
        }
    }
    for (entrant, [wall, cpu, memory]) in entrants.iter().zip(&figures) {
        let (wall, cpu, memory) = (Spread::of(wall), Spread::of(cpu), Spread::of(memory));
        println!(
            "    {:<20} {wall:.1} ms {cpu:.1} ms {memory:.1} MiB",
            entrant.label
        );
    }
    Ok(())
}
