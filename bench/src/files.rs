//! The files of figures: JSON, one for each family, with every sample. docs/benchmarks.md has nothing that is not in them.
//!
//! ```json
//! {
//!   "schema": 1,
//!   "family": "wasi",
//!   "runs": [{
//!     "date": "2026-11-30",
//!     "machine": "Linux 6.18, 2 x AMD EPYC",
//!     "load": [0.1, 0.9],
//!     "rounds": 9,
//!     "versions": {"guestnet": "0.1.0"}
//!   }],
//!   "rows": [{
//!     "name": "TCP echo 64 B, blocking",
//!     "run": 0,
//!     "figures": [{
//!       "label": "native / guest",
//!       "unit": "ratio",
//!       "samples": [0.95, 0.96, 0.97],
//!       "bar": {"at_least": 0.95},
//!       "note": ""
//!     }]
//!   }]
//! }
//! ```
//!
//! `load` is the machine's load of one minute before and after. `run` is the index of the run that a row comes from: a row that is measured
//! anew replaces the old one, and the others stay. A sample is one round's, in `unit`; `bar` is absent where a figure is for information,
//! and `note` says why there are no samples.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::Result;
use crate::bars::Bar;
use crate::record::{Figure, Record, Row, Run};

/// The version of the form.
const SCHEMA: u64 = 1;

/// The file of a family in a directory.
pub(crate) fn path(directory: &Path, family: &str) -> PathBuf {
    directory.join(family).with_extension("json")
}

/// Reads a family's file; `None` when there is none.
///
/// # Errors
/// It cannot be read, or has another form.
pub(crate) fn read(directory: &Path, family: &str) -> Result<Option<Record>> {
    let path = path(directory, family);
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(&error)),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| named(&error))?;
    let record = of_json(&value).filter(|record| record.family == family);
    record
        .map(Some)
        .ok_or_else(|| named(&format!("not the figures of {family} in the form {SCHEMA}")))
}

/// Writes a family's file. What is in it already and was not measured now stays.
///
/// # Errors
/// The file that is there has another form, or the new one cannot be written.
pub(crate) fn write(record: &Record, directory: &Path) -> Result<()> {
    let path = path(directory, &record.family);
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let all = match read(directory, &record.family)? {
        Some(before) => before.updated_by(record),
        None => record.clone(),
    };
    fs::create_dir_all(directory).map_err(|error| named(&error))?;
    fs::write(&path, format!("{:#}\n", to_json(&all))).map_err(|error| named(&error))
}

fn to_json(record: &Record) -> Value {
    json!({
        "schema": SCHEMA,
        "family": record.family,
        "runs": record.runs.iter().map(run_to_json).collect::<Vec<_>>(),
        "rows": record.rows.iter().map(row_to_json).collect::<Vec<_>>(),
    })
}

fn run_to_json(run: &Run) -> Value {
    json!({
        "date": run.date,
        "machine": run.machine,
        "load": run.load,
        "rounds": run.rounds,
        "versions": run.versions,
    })
}

fn row_to_json(row: &Row) -> Value {
    json!({
        "name": row.name,
        "run": row.run,
        "figures": row.figures.iter().map(figure_to_json).collect::<Vec<_>>(),
    })
}

fn figure_to_json(figure: &Figure) -> Value {
    let mut value = Map::new();
    value.insert("label".into(), json!(figure.label));
    value.insert("unit".into(), json!(figure.unit));
    value.insert("samples".into(), json!(figure.samples));
    match figure.bar {
        Some(Bar::AtLeast(bar)) => drop(value.insert("bar".into(), json!({ "at_least": bar }))),
        Some(Bar::AtMost(bar)) => drop(value.insert("bar".into(), json!({ "at_most": bar }))),
        None => {}
    }
    if !figure.note.is_empty() {
        value.insert("note".into(), json!(figure.note));
    }
    Value::Object(value)
}

/// `None` for a value of any other form.
fn of_json(value: &Value) -> Option<Record> {
    if value.get("schema")?.as_u64()? != SCHEMA {
        return None;
    }
    let record = Record {
        family: text(value, "family")?,
        runs: list(value, "runs", run_of_json)?,
        rows: list(value, "rows", row_of_json)?,
    };
    let has_runs = record.rows.iter().all(|row| row.run < record.runs.len());
    has_runs.then_some(record)
}

fn run_of_json(value: &Value) -> Option<Run> {
    let versions = value.get("versions")?.as_object()?.iter();
    let versions: Option<BTreeMap<_, _>> = versions
        .map(|(name, version)| Some((name.clone(), version.as_str()?.to_owned())))
        .collect();
    Some(Run {
        date: text(value, "date")?,
        machine: text(value, "machine")?,
        load: list(value, "load", Value::as_f64)?.try_into().ok()?,
        rounds: number(value, "rounds")?,
        versions: versions?,
    })
}

fn row_of_json(value: &Value) -> Option<Row> {
    Some(Row {
        name: text(value, "name")?,
        run: number(value, "run")?,
        figures: list(value, "figures", figure_of_json)?,
    })
}

fn figure_of_json(value: &Value) -> Option<Figure> {
    let bar = match value.get("bar") {
        None => None,
        Some(bar) => Some(match (bar.get("at_least"), bar.get("at_most")) {
            (Some(bar), None) => Bar::AtLeast(bar.as_f64()?),
            (None, Some(bar)) => Bar::AtMost(bar.as_f64()?),
            _ => return None,
        }),
    };
    let note = value.get("note").map_or(Some(""), Value::as_str)?;
    Some(Figure {
        label: text(value, "label")?,
        unit: text(value, "unit")?,
        samples: list(value, "samples", Value::as_f64)?,
        bar,
        note: note.to_owned(),
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn number(value: &Value, key: &str) -> Option<usize> {
    usize::try_from(value.get(key)?.as_u64()?).ok()
}

fn list<T>(value: &Value, key: &str, of: impl FnMut(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.get(key)?.as_array()?.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::{path, read, write};
    use crate::record::Figure;
    use crate::record::tests::record;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut written = record("2026-11-30", &[("a", &[0.1 + 0.2, 1.0 / 3.0]), ("b", &[])]);
        written.rows[1].figures = vec![Figure::missing("other", "cannot: \"no\"")];
        write(&written, directory.path()).expect("written");
        assert_eq!(read(directory.path(), "wasi"), Ok(Some(written)));
        assert_eq!(read(directory.path(), "p2"), Ok(None));
    }

    #[test]
    fn a_row_that_is_measured_anew_replaces_the_old_one_and_the_others_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = record("2026-11-29", &[("a", &[1.0]), ("b", &[2.0])]);
        write(&first, directory.path()).expect("written");
        let second = record("2026-11-30", &[("c", &[4.0]), ("b", &[3.0])]);
        write(&second, directory.path()).expect("written");
        let reread = || read(directory.path(), "wasi").expect("readable").expect("there");
        let all = reread();
        let rows: Vec<_> = all
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.run, row.figures[0].samples[0].to_string()))
            .collect();
        let expected = [("a", 0, "1"), ("b", 1, "3"), ("c", 1, "4")];
        assert_eq!(
            rows,
            expected.map(|(name, run, sample)| (name, run, sample.to_owned()))
        );
        write(&record("2026-12-01", &[("a", &[5.0])]), directory.path()).expect("written");
        let dates: Vec<_> = reread().runs.into_iter().map(|run| run.date).collect();
        assert_eq!(dates, ["2026-11-30", "2026-12-01"]);
    }

    #[test]
    fn a_file_of_another_form_is_refused_and_not_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = path(directory.path(), "wasi");
        for text in [
            r#"{"schema":2,"family":"wasi","runs":[],"rows":[]}"#,
            r#"{"schema":1,"family":"p2","runs":[],"rows":[]}"#,
            r#"{"schema":1,"family":"wasi","runs":[],"rows":[{"name":"a","run":0,"figures":[]}]}"#,
            "{}",
        ] {
            std::fs::write(&path, text).expect("written");
            assert!(
                write(&record("2026-11-30", &[]), directory.path()).is_err(),
                "{text}"
            );
            assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
        }
    }
}
