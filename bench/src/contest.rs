//! One work done by several sides in alternating rounds, each compared with ours.

use crate::peer::Peer;
use crate::run::{CPU, PEER_CPU, Places, Side, Work};
use crate::stats::Spread;
use crate::stats::{machine, verdict_at_least};
use crate::{Plan, Result, sys};

/// Says what is measured where, and takes a processor for the program under test.
///
/// # Errors
/// What is to be measured is not there.
pub(crate) fn begin(plan: &Plan) -> Result<Places> {
    let places = Places::find()?;
    println!("{}", machine());
    sys::pin(CPU).map_err(|error| format!("cannot choose a processor: {error}"))?;
    println!(
        "{} rounds, all sides in turn; median (smallest..largest). The program under test, with all its threads, runs on \
         processor {CPU}, its peer on {PEER_CPU}.\n",
        plan.rounds
    );
    Ok(places)
}

/// CPU time of the program that does nothing, in seconds, for each side.
pub(crate) struct Starts(Vec<(Side, f64)>);

impl Starts {
    /// Measures it for these sides.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(crate) fn of(places: &Places, plan: &Plan, sides: &[Side]) -> Result<Starts> {
        let one = |side: &Side| -> Result<(Side, f64)> {
            places.run(&start(), side)?;
            let times: Result<Vec<f64>> = (0..plan.rounds)
                .map(|_| Ok(places.run(&start(), side)?.cpu.as_secs_f64()))
                .collect();
            Ok((side.clone(), Spread::of(&times?).median))
        };
        sides.iter().map(one).collect::<Result<_>>().map(Starts)
    }

    /// CPU time of a work without the start, in seconds. Options change nothing about the start that can be seen.
    ///
    /// # Errors
    /// It failed.
    pub(crate) fn work(&self, places: &Places, work: &Work, side: &Side) -> Result<f64> {
        let like = |known: &Side| match (known, side) {
            (Side::Guest(_), Side::Guest(_)) => true,
            (known, side) => known == side,
        };
        let start = self.0.iter().find(|(known, _)| like(known));
        let start = start.map(|(_, time)| *time).ok_or("a start was not measured")?;
        Ok((places.run(work, side)?.cpu.as_secs_f64() - start).max(0.0))
    }
}

/// The program that does nothing.
pub(crate) fn start() -> Work {
    Work {
        program: "start",
        args: Vec::new(),
        peer: Peer::None,
    }
}

/// A count, for a division.
pub(crate) fn operations(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from)
}

/// Who takes part.
#[derive(Clone, Debug)]
pub(crate) struct Entrant {
    pub(crate) label: &'static str,
    pub(crate) side: Side,
    /// The least ratio of its CPU time to ours; `None`: for information.
    pub(crate) bar: Option<f64>,
    /// Whether it may be unable to do this: the row says so then, and the others go on.
    pub(crate) may_fail: bool,
}

impl Entrant {
    /// One that is there for information.
    pub(crate) const fn new(label: &'static str, side: Side) -> Entrant {
        Entrant {
            label,
            side,
            bar: None,
            may_fail: false,
        }
    }

    /// One whose CPU time must be this multiple of ours.
    pub(crate) const fn bar(mut self, bar: f64) -> Entrant {
        self.bar = Some(bar);
        self
    }

    /// One that may be unable to do it.
    pub(crate) const fn may_fail(mut self) -> Entrant {
        self.may_fail = true;
        self
    }
}

/// A work with several entrants, of which the first is ours.
pub(crate) struct Contest {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// Operations in a run, for the time of one.
    pub(crate) count: u64,
    pub(crate) entrants: Vec<Entrant>,
}

impl Contest {
    /// Lets all of them run in each round and prints a line each.
    ///
    /// # Errors
    /// Who must not fail has failed.
    pub(crate) fn measure(&self, places: &Places, plan: &Plan, starts: &Starts) -> Result<()> {
        // Once beforehand: what is compiled is in its cache then, and who cannot do it is known.
        let mut able = Vec::new();
        println!("{}", self.name);
        for entrant in &self.entrants {
            match starts.work(places, &self.work, &entrant.side) {
                Ok(_) => able.push((entrant, Vec::new())),
                Err(message) if entrant.may_fail => println!("    {:<36} cannot: {message}", entrant.label),
                Err(message) => return Err(message),
            }
        }
        for _ in 0..plan.rounds {
            for (entrant, times) in &mut able {
                times.push(starts.work(places, &self.work, &entrant.side)?);
            }
        }
        let Some((_, ours)) = able.first() else {
            return Ok(());
        };
        for (index, (entrant, times)) in able.iter().enumerate() {
            let each = Spread::of(times).median * 1e9 / operations(self.count);
            if index == 0 {
                println!("    {:<36} {each:>9.0} ns", entrant.label);
                continue;
            }
            let ratios: Vec<f64> = times.iter().zip(ours).map(|(time, ours)| time / ours).collect();
            let ratio = Spread::of(&ratios);
            let verdict = entrant
                .bar
                .map_or_else(String::new, |bar| verdict_at_least(ratio.median, bar));
            println!(
                "    {:<36} {each:>9.0} ns  {ratio:.2} of ours  {verdict}",
                entrant.label
            );
        }
        Ok(())
    }
}
