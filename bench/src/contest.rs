//! One work done by several sides in alternating rounds, each compared with ours.

use crate::peer::Peer;
use crate::record::Figure;
use crate::report::Report;
use crate::run::{CPU, Places, Side, Work};
use crate::stats::Spread;
use crate::{Plan, Result, sys};

/// Takes a processor for the program under test, with all its threads; its peer has [`PEER_CPU`](crate::run::PEER_CPU).
///
/// # Errors
/// What is to be measured is not there.
pub(crate) fn begin() -> Result<Places> {
    let places = Places::find()?;
    sys::pin(CPU).map_err(|error| format!("cannot choose a processor: {error}"))?;
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
    /// Lets all of them run in each round, and reports the time of each and its ratio to ours.
    ///
    /// # Errors
    /// An entrant that must not fail has failed.
    pub(crate) fn measure(
        &self,
        places: &Places,
        plan: &Plan,
        starts: &Starts,
        report: &mut Report,
    ) -> Result<()> {
        // Once beforehand: what is compiled is in its cache then, and it is known which entrants cannot do it.
        let mut able = Vec::new();
        let mut unable = Vec::new();
        for entrant in &self.entrants {
            match starts.work(places, &self.work, &entrant.side) {
                Ok(_) => able.push((entrant, Vec::new())),
                Err(message) if entrant.may_fail => {
                    unable.push(Figure::missing(entrant.label, format!("cannot: {message}")));
                }
                Err(message) => return Err(message),
            }
        }
        for _ in 0..plan.rounds {
            for (entrant, times) in &mut able {
                times.push(starts.work(places, &self.work, &entrant.side)?);
            }
        }
        let Some(((first, ours), others)) = able.split_first() else {
            return Ok(());
        };
        let each =
            |times: &[f64]| -> Vec<f64> { times.iter().map(|time| time / operations(self.count)).collect() };
        let mut figures = vec![Figure::time(first.label, &each(ours))];
        for (entrant, times) in others {
            let ratio = format!("{} / ours", entrant.label);
            figures.push(Figure::time(entrant.label, &each(times)));
            figures.push(Figure::ratio(ratio, times, ours).at_least(entrant.bar));
        }
        figures.extend(unable);
        report.row(self.name, figures);
        Ok(())
    }
}
