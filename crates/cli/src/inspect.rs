//! `guestnet inspect`: the imports of a guest, and which ABI answers each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use guestnet::core::visible;
use guestnet::reason;

use crate::engine::engine;
use crate::failure::{FAILED, Failure};
use crate::kind::Kind;
use crate::module::Program;
use crate::run::adapter;
use crate::run_args::CompileBudget;
use crate::{component, module, say};

/// What stands in place of an ABI.
const MISSING: &str = "MISSING: no ABI of guestnet has it";

/// Prints the table; the exit code is 0 if the guest can run.
pub(crate) fn inspect(path: &Path) -> Result<i32, Failure> {
    let guest = module::read(path)?;
    let engine = engine(false)?;
    if Kind::of(&guest) == Kind::Component {
        // What an interface has in it only a compiled component says; it is compiled as for a run.
        return match module::load(&engine, path, path, &CompileBudget::default())? {
            Program::Component(component) => component::inspect(path, &engine, &component),
            Program::Module(_) => Err(Failure::failed(format!(
                "{} has changed while it was read",
                path.display()
            ))),
        };
    }
    let name = path.display().to_string();
    let name = visible(&name);
    // Nothing is compiled: what a guest costs to compile is a matter of running it.
    let inspection = adapter(&engine)?
        .inspect(&engine, &guest)
        .map_err(|error| Failure::failed(format!("{name} cannot be run: {}", reason(error.as_ref()))))?;
    let rows: Vec<Row> = inspection
        .imports
        .into_iter()
        .map(|import| Row {
            import: visible(&format!("{}.{}", import.module, import.name)).into_owned(),
            ty: visible(&signature(&import.ty)).into_owned(),
            abi: import.abi,
        })
        .collect();
    let missing = rows.iter().filter(|row| row.abi.is_none()).count();
    let program = inspection.is_command;
    let mut text = table(&rows);
    let _ = writeln!(text, "{}", summary(&rows));
    let verdict = match (missing, program) {
        (0, true) => format!("guestnet can run {name}"),
        (0, false) => {
            format!("guestnet cannot run {name}: it has no `_start`, so it is a library and not a program")
        }
        (1, _) => format!("guestnet cannot run {name}: 1 import is missing"),
        (count, _) => format!("guestnet cannot run {name}: {count} imports are missing"),
    };
    let _ = writeln!(text, "{verdict}");
    say::print(text);
    Ok(if missing == 0 && program { 0 } else { FAILED })
}

#[derive(Debug)]
struct Row {
    import: String,
    ty: String,
    abi: Option<&'static str>,
}

/// Three columns, as wide as they need to be.
fn table(rows: &[Row]) -> String {
    let width = |column: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(|row| &row.import), width(|row| &row.ty));
    let mut text = String::new();
    for Row { import, ty, abi } in rows {
        let _ = writeln!(text, "{import:first$}  {ty:second$}  {}", abi.unwrap_or(MISSING));
    }
    text
}

/// How many imports each ABI answers.
fn summary(rows: &[Row]) -> String {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.abi).or_insert(0_usize) += 1;
    }
    let part = |(abi, count): (&Option<&str>, &usize)| match abi {
        Some(abi) => format!("{count} of {abi}"),
        None => format!("{count} missing"),
    };
    let parts: Vec<_> = counts.iter().rev().map(part).collect();
    match rows.len() {
        0 => "no imports".to_owned(),
        1 => format!("1 import: {}", parts.join(", ")),
        count => format!("{count} imports: {}", parts.join(", ")),
    }
}

/// `(param i32) (result i32)` of `(func (param i32) (result i32))`.
fn signature(ty: &str) -> String {
    let inner = ty.strip_prefix("(func").and_then(|rest| rest.strip_suffix(")"));
    inner.map_or(ty, str::trim_start).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_aligned_and_the_abis_counted() {
        let row = |import: &str, ty: &str, abi| Row {
            import: import.into(),
            ty: ty.into(),
            abi,
        };
        let rows = [
            row(
                "wasi_snapshot_preview1.fd_write",
                "(func)",
                Some("WASI preview 1"),
            ),
            row("env.foo", "(func (param i32))", None),
        ];
        let expected = "\
wasi_snapshot_preview1.fd_write  (func)              WASI preview 1
env.foo                          (func (param i32))  MISSING: no ABI of guestnet has it
";
        assert_eq!(table(&rows), expected);
        assert_eq!(summary(&rows), "2 imports: 1 of WASI preview 1, 1 missing");
        assert_eq!(summary(&[]), "no imports");
        assert_eq!(
            signature("(func (param i32) (result i32))"),
            "(param i32) (result i32)"
        );
        assert_eq!(signature("(func)"), "");
        assert_eq!(signature("(memory)"), "(memory)");
    }
}
