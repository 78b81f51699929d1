//! docs/benchmarks.md, made from the families' files and nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::families::{FAMILIES, Family};
use crate::record::{Figure, Record, Run};
use crate::{files, plot};

/// What stands before the figures.
const HEAD: &str = "\
# Benchmarks

<!-- Written by `cargo xtask bench`: a change by hand is lost, and fails a test. -->

All figures, as `cargo xtask bench` has measured them. [performance.md](performance.md) says how they are measured, and why a row misses its bar.

A figure is the median of the rounds, with the smallest and the largest. The bar is what the median must reach. A machine's processors are shared:
where smallest and largest lie far apart, something else was running. Every sample is in the families' JSON files, whose form
[files.rs](../bench/src/files.rs) describes.

<!-- not run: it takes half an hour, and needs a machine that is idle -->
```sh
cargo xtask bench                       # all families but the last one: writes this page
cargo xtask bench wasi                  # prints one family
cargo xtask bench wasi --write \"UDP\"    # measures the rows whose name contains UDP, and writes them into this page
cargo xtask soak scale --write          # the last family: an hour
```
";

/// A file that the figures are rendered into.
#[derive(Debug, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The page and the plots of the families whose files are in a directory: the page lies beside the directory and has its name.
///
/// # Errors
/// A file has another form, or there is none.
pub(crate) fn render(directory: &Path) -> Result<Vec<Rendered>> {
    let mut page = HEAD.to_owned();
    let mut all = Vec::new();
    for family in &FAMILIES {
        let Some(record) = files::read(directory, family.name)? else {
            continue;
        };
        section(&mut page, directory, family, &record);
        if let Some(text) = plot::svg(family.plot, &record) {
            let path = directory.join(family.name).with_extension("svg");
            all.push(Rendered { path, text });
            let (files, name) = (file_name(directory), family.name);
            line(&mut page, &format!("\n![{}]({files}/{name}.svg)", family.title));
        }
    }
    if page == HEAD {
        return Err(format!("{}: no figures", directory.display()));
    }
    all.push(Rendered {
        path: directory.with_extension("md"),
        text: page,
    });
    Ok(all)
}

/// [`render`]s into files.
///
/// # Errors
/// As of [`render`], and when a file cannot be written.
pub(crate) fn write(directory: &Path) -> Result<()> {
    for Rendered { path, text } in render(directory)? {
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn section(page: &mut String, directory: &Path, family: &Family, record: &Record) {
    line(page, &format!("\n## {}\n\n{}\n", family.title, family.about));
    let several = record.runs.len() > 1;
    for (index, run) in record.runs.iter().enumerate() {
        let number = if several {
            format!("({}) ", index + 1)
        } else {
            String::new()
        };
        line(page, &format!("* {number}{}", described(run)));
    }
    let (files, name) = (file_name(directory), family.name);
    line(page, &format!("* [{name}.json]({files}/{name}.json)\n"));
    line(page, "| row | figure | median (smallest..largest) | bar | |");
    line(page, "|---|---|---|---|---|");
    for row in &record.rows {
        let mut name = cell(&row.name);
        if several {
            let _ = write!(name, " ({})", row.run + 1);
        }
        for figure in &row.figures {
            line(page, &format!("| {name} {}", cells(figure)));
            // Once a row.
            name.clear();
        }
    }
}

/// Date, machine, load, rounds and versions.
fn described(run: &Run) -> String {
    let versions: Vec<String> = run
        .versions
        .iter()
        .map(|(name, version)| {
            // Many programs begin with their own name.
            let version = version
                .strip_prefix(name.as_str())
                .unwrap_or(version)
                .trim_start();
            format!("{name} {version}")
        })
        .collect();
    let [before, after] = run.load;
    let rounds = match run.rounds {
        0 => String::new(),
        rounds => format!("{rounds} rounds; "),
    };
    format!(
        "{}, {}; load {before:.2} before and {after:.2} after; {rounds}{}",
        run.date,
        cell(&run.machine),
        cell(&versions.join(", "))
    )
}

fn cells(figure: &Figure) -> String {
    let bar = figure.bar.map_or_else(String::new, |bar| match bar {
        crate::bars::Bar::AtLeast(bar) => format!("at least {bar}"),
        crate::bars::Bar::AtMost(bar) => format!("at most {bar} {}", figure.unit),
    });
    let verdict = match figure.verdict() {
        Some(verdict) if verdict == "meets" => verdict,
        Some(verdict) => format!("**{verdict}**"),
        None => String::new(),
    };
    format!(
        "| {} | {} | {bar} | {verdict} |",
        cell(&figure.label),
        cell(&figure.text())
    )
}

/// Text that ends no cell and begins no markup.
fn cell(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;")
}

fn file_name(directory: &Path) -> String {
    directory
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::files;
    use crate::record::tests::record;
    use std::path::Path;

    #[test]
    fn the_page_has_each_row_with_its_spread_its_bar_and_its_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = directory.path().join("benchmarks");
        let first = record("2026-11-29", &[("a | b", &[0.9, 0.94, 1.0]), ("c", &[0.97])]);
        files::write(&first, &files).expect("written");
        files::write(&record("2026-11-30", &[("c", &[0.96])]), &files).expect("written");
        let rendered = render(&files).expect("rendered");
        let names: Vec<_> = rendered.iter().map(|file| file.path.clone()).collect();
        assert_eq!(
            names,
            [files.join("wasi.svg"), directory.path().join("benchmarks.md")]
        );
        let page = &rendered[1].text;
        for expected in [
            "* (1) 2026-11-29, Linux &lt;6.18> & 2 processors; load 0.25 before and 1.50 after; 3 rounds; guestnet 0.1.0\n",
            "| a \\| b (1) | native / guest | 0.94 (0.90..1.00) | at least 0.95 | **misses by 0.010** |\n",
            "| c (2) | native / guest | 0.96 | at least 0.95 | meets |\n",
            "![WASI preview 1](benchmarks/wasi.svg)\n",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
    }

    #[test]
    fn no_figures_are_no_page() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(render(directory.path()).is_err());
    }

    #[test]
    fn the_committed_page_and_plots_are_what_the_committed_files_render() {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
        for file in render(&files).expect("rendered") {
            let committed = std::fs::read_to_string(&file.path).expect("a file");
            assert!(
                committed == file.text,
                "{} is not what the files in docs/benchmarks render: guestnet-bench render",
                file.path.display()
            );
        }
    }
}
