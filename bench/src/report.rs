//! A family's measurements on their way: each row is printed when it is done, and kept for the family's file.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::record::{Figure, Record, Row, Run};
use crate::stats::{load, machine};

/// What has been measured of one family.
pub(crate) struct Report {
    record: Record,
    failures: Vec<String>,
}

impl Report {
    /// Begins with a family: says where and how often it is measured; 0 rounds for a soak.
    pub(crate) fn new(family: &str, rounds: usize) -> Report {
        let (machine, load) = (machine(), load());
        println!("{family}: {machine}, load {load:.2}");
        if rounds > 0 {
            println!("{rounds} rounds, all sides in turn; median (smallest..largest)\n");
        }
        let mut versions = BTreeMap::new();
        versions.insert("guestnet".to_owned(), own_version());
        let build = if cfg!(debug_assertions) {
            "for development"
        } else {
            "for release"
        };
        versions.insert("build".to_owned(), build.to_owned());
        Report {
            record: Record {
                family: family.to_owned(),
                runs: vec![Run {
                    date: date(since_1970()),
                    machine,
                    load: [load, load],
                    rounds,
                    versions,
                }],
                rows: Vec::new(),
            },
            failures: Vec::new(),
        }
    }

    /// Says the version of a program that takes part.
    pub(crate) fn version(&mut self, name: &str, version: impl Into<String>) {
        if let Some(run) = self.record.runs.first_mut() {
            run.versions.insert(name.to_owned(), version.into());
        }
    }

    /// Says the version of a program as it does itself: the first line of what it prints.
    pub(crate) fn version_of(&mut self, name: &str, command: &mut Command) {
        if let Some(line) = first_line(command) {
            self.version(name, line);
        }
    }

    /// Prints and keeps a row.
    pub(crate) fn row(&mut self, name: impl Into<String>, figures: Vec<Figure>) {
        let name = name.into();
        println!("{name}");
        for figure in &figures {
            let verdict = figure
                .bar
                .zip(figure.verdict())
                .map_or_else(String::new, |(bar, verdict)| {
                    format!("  bar {}: {}", bar.value(), verdict.replace("misses", "MISSES"))
                });
            println!("    {:<44} {}{verdict}", figure.label, figure.text());
        }
        self.record.rows.push(Row {
            name,
            run: 0,
            figures,
        });
    }

    /// Notes a row that failed, and lets the next ones be measured.
    pub(crate) fn attempt(&mut self, name: &str, outcome: Result<()>) {
        if let Err(message) = outcome {
            println!("{name}\n    FAILED: {message}");
            self.failures.push(format!("{name}: {message}"));
        }
    }

    /// What was measured, and what failed.
    pub(crate) fn finish(mut self) -> (Record, Vec<String>) {
        if let Some(run) = self.record.runs.first_mut() {
            run.load[1] = load();
        }
        (self.record, self.failures)
    }
}

/// The version of the workspace, and the commit where git knows it.
fn own_version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--exclude=*"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    match first_line(&mut git) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    }
}

/// What a program prints first, when it ends well.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The day in UTC, as year-month-day (the algorithm is Howard Hinnant's `civil_from_days`).
fn date(since_1970: Duration) -> String {
    const DAY: u64 = 86_400;
    // Days since 1 March of the year 0, with which a year ends in its leap day.
    let days = since_1970.as_secs() / DAY + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::date;
    use std::time::Duration;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_798_675_199, "2026-12-30"),
            (1_798_761_600, "2027-01-01"),
        ] {
            assert_eq!(date(Duration::from_secs(seconds)), day);
        }
    }
}
