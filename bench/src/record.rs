//! What was measured: the rows of a family, each with its figures, and when and where that was. [`crate::files`] keeps them.

use std::collections::BTreeMap;

use crate::bars::Bar;
use crate::stats::Spread;

/// The unit of a quotient.
pub(crate) const RATIO: &str = "ratio";

/// A family's rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) family: String,
    pub(crate) runs: Vec<Run>,
    pub(crate) rows: Vec<Row>,
}

/// When and where rows were measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    /// Of its beginning, in UTC: year-month-day.
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) load: [f64; 2],
    /// 0 for a soak, which has none.
    pub(crate) rounds: usize,
    pub(crate) versions: BTreeMap<String, String>,
}

/// What is measured, and its figures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Its index in [`Record::runs`].
    pub(crate) run: usize,
    pub(crate) figures: Vec<Figure>,
}

/// A quantity that was measured in several rounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) unit: String,
    pub(crate) samples: Vec<f64>,
    pub(crate) bar: Option<Bar>,
    pub(crate) note: String,
}

impl Figure {
    /// One for information. Samples are kept with six digits; what is divided by nothing is none.
    pub(crate) fn new(label: impl Into<String>, unit: &str, samples: &[f64]) -> Figure {
        let six = |sample: &f64| format!("{sample:.5e}").parse().unwrap_or(*sample);
        let finite = samples.iter().filter(|sample| sample.is_finite());
        Figure {
            label: label.into(),
            unit: unit.to_owned(),
            samples: finite.map(six).collect(),
            bar: None,
            note: String::new(),
        }
    }

    /// Quotients of two sides, round by round.
    pub(crate) fn ratio(label: impl Into<String>, above: &[f64], below: &[f64]) -> Figure {
        let quotients: Vec<f64> = above
            .iter()
            .zip(below)
            .map(|(above, below)| above / below)
            .collect();
        Figure::new(label, RATIO, &quotients)
    }

    /// Times in seconds, in the unit that suits their median.
    pub(crate) fn time(label: impl Into<String>, seconds: &[f64]) -> Figure {
        let (unit, factor) = match Spread::of(seconds).median {
            median if median < 10e-6 => ("ns", 1e9),
            median if median < 10e-3 => ("us", 1e6),
            _ => ("ms", 1e3),
        };
        let samples: Vec<f64> = seconds.iter().map(|time| time * factor).collect();
        Figure::new(label, unit, &samples)
    }

    /// One that could not be measured.
    pub(crate) fn missing(label: impl Into<String>, note: impl Into<String>) -> Figure {
        Figure {
            note: note.into(),
            ..Figure::new(label, "", &[])
        }
    }

    /// The least that its median must be, if there is such a bar.
    pub(crate) fn at_least(mut self, bar: impl Into<Option<f64>>) -> Figure {
        self.bar = bar.into().map(Bar::AtLeast);
        self
    }

    /// The most that its median may be, if there is such a bar.
    pub(crate) fn at_most(mut self, bar: impl Into<Option<f64>>) -> Figure {
        self.bar = bar.into().map(Bar::AtMost);
        self
    }

    /// Its median, and how far the rounds lie apart.
    pub(crate) fn spread(&self) -> Spread {
        Spread::of(&self.samples)
    }

    /// How many digits behind the point its values have: two for a ratio, three in all for a quantity.
    pub(crate) fn digits(&self) -> usize {
        match self.spread().median.abs() {
            _ if self.unit == RATIO => 2,
            // A count.
            _ if self.unit.is_empty() => 0,
            median if median >= 100.0 => 0,
            median if median >= 10.0 => 1,
            _ => 2,
        }
    }

    /// Median, smallest and largest with the unit; the note where there are none.
    pub(crate) fn text(&self) -> String {
        if self.samples.is_empty() {
            return self.note.clone();
        }
        let Spread { median, min, max } = self.spread();
        let digits = self.digits();
        let unit = if self.unit == RATIO { "" } else { &self.unit };
        let space = if unit.is_empty() { "" } else { " " };
        if self.samples.len() == 1 {
            return format!("{median:.digits$}{space}{unit}");
        }
        format!("{median:.digits$}{space}{unit} ({min:.digits$}..{max:.digits$})")
    }

    /// Whether it meets its bar, in words; nothing for a figure without one.
    pub(crate) fn verdict(&self) -> Option<String> {
        let bar = self.bar?;
        let median = self.spread().median;
        if bar.is_met(median) {
            return Some("meets".to_owned());
        }
        let distance = bar.distance(median);
        let digits = if distance < 0.1 { 3 } else { 2 };
        Some(format!("misses by {distance:.digits$}"))
    }
}

impl Record {
    /// This record with the rows of a newer one in the place of its own of the same names. Runs of which no row is left go.
    pub(crate) fn updated_by(mut self, newer: &Record) -> Record {
        let first = self.runs.len();
        self.runs.extend(newer.runs.iter().cloned());
        for row in &newer.rows {
            let row = Row {
                run: row.run + first,
                ..row.clone()
            };
            match self.rows.iter_mut().find(|old| old.name == row.name) {
                Some(old) => *old = row,
                None => self.rows.push(row),
            }
        }
        self.without_unused_runs()
    }

    fn without_unused_runs(mut self) -> Record {
        let mut kept = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            if !self.rows.iter().any(|row| row.run == index) {
                continue;
            }
            for row in self.rows.iter_mut().filter(|row| row.run == index) {
                row.run = kept.len();
            }
            kept.push(run.clone());
        }
        self.runs = kept;
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BTreeMap, Bar, Figure, RATIO, Record, Row, Run};

    /// A record of these rows, each with a ratio.
    pub(crate) fn record(date: &str, rows: &[(&str, &[f64])]) -> Record {
        let row = |(name, samples): &(&str, &[f64])| Row {
            name: (*name).to_owned(),
            run: 0,
            figures: vec![Figure::new("native / guest", RATIO, samples).at_least(0.95)],
        };
        Record {
            family: "wasi".to_owned(),
            runs: vec![Run {
                date: date.to_owned(),
                machine: "Linux <6.18> & 2 processors".to_owned(),
                load: [0.25, 1.5],
                rounds: 3,
                versions: BTreeMap::from([("guestnet".to_owned(), "0.1.0".to_owned())]),
            }],
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn figures_say_median_spread_and_verdict() {
        let ratio = Figure::new("a", RATIO, &[0.9, 0.94, 1.0]).at_least(0.95);
        assert_eq!(ratio.text(), "0.94 (0.90..1.00)");
        assert_eq!(ratio.verdict().as_deref(), Some("misses by 0.010"));
        let time = Figure::time("a", &[1.234e-3, 1.2e-3, 9e-4]).at_most(2000.0);
        assert_eq!(time.text(), "1200 us (900..1234)");
        assert_eq!(time.verdict().as_deref(), Some("meets"));
        assert_eq!(Figure::time("a", &[5e-7]).text(), "500 ns");
        assert_eq!(Figure::missing("a", "cannot").text(), "cannot");
        assert_eq!(Figure::new("a", "ms", &[1.0]).at_least(None).bar, None);
        assert_eq!(Bar::AtMost(2000.0), time.bar.expect("a bar"));
    }
}
