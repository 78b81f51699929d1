//! Medians of several rounds and how far they spread, what they must reach, and the machine they were taken on.

use std::{fmt, fs};

/// A quantity that was measured several times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        };
        Spread {
            median,
            min: at(0),
            max: at(sorted.len().wrapping_sub(1)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Spread { median, min, max } = self;
        write!(f, "{median:>8.digits$}  ({min:.digits$}..{max:.digits$})")
    }
}

/// What a row says whose figure must reach its bar.
pub(crate) fn verdict_at_least(value: f64, bar: f64) -> String {
    if value >= bar {
        format!("bar {bar:.2}: meets")
    } else {
        format!("bar {bar:.2}: MISSES by {:.3}", bar - value)
    }
}

/// What a row says whose figure must not exceed its bar.
pub(crate) fn verdict_at_most(value: f64, bar: f64, unit: &str) -> String {
    if value <= bar {
        format!("bar {bar} {unit}: meets")
    } else {
        format!("bar {bar} {unit}: MISSES by {:.2} {unit}", value - bar)
    }
}

/// Kernel, processor and load, without which no figure says anything.
pub(crate) fn machine() -> String {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpus = line("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "Linux {}, {} x {}, load {}",
        line("/proc/sys/kernel/osrelease"),
        count,
        model.map_or("unknown processor", |(_, name)| name),
        line("/proc/loadavg")
    )
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        let of = |values: &[f64]| Spread::of(values).median;
        assert_eq!(of(&[3.0, 1.0, 2.0]).to_bits(), 2.0f64.to_bits());
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5f64.to_bits());
        assert!(of(&[]).is_nan());
    }
}
