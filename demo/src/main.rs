//! The demonstration: programs in C, Go, Rust and JavaScript, sandboxed, on real sockets, against each other and against real
//! servers and clients; on Wasmtime and QuickJS, and built with Emscripten on Node, Deno and Bun and in Chromium.
//!
//! `cargo xtask demo` builds what it runs and then runs this. Each row is a check: it panics, as a test does, when
//! what it shows does not hold. The exit status is 0 only if every row holds.
#![expect(
    clippy::print_stdout,
    reason = "the table on stdout is what this program is for"
)]

mod c;
mod chromium;
mod emscripten;
mod go;
mod js;
mod native;
mod policy;
mod rust;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Instant;

/// One line of the table.
struct Row {
    guest: &'static str,
    language: &'static str,
    /// The socket ABI that the guest imports, or the system that it is built for.
    abi: &'static str,
    what: &'static str,
    /// Gives what came of it in a few words.
    ///
    /// # Panics
    ///
    /// When it does not hold.
    run: fn() -> String,
}

fn main() -> ExitCode {
    // A panic is a row that does not hold: it is shown below, without the place in this source.
    panic::set_hook(Box::new(|_| {}));
    let families = [
        c::rows(),
        go::rows(),
        rust::rows(),
        js::rows(),
        policy::rows(),
        emscripten::rows(),
        chromium::rows(),
    ];
    let rows: Vec<Row> = families.into_iter().flatten().collect();
    let mut table = vec![["guest", "language", "ABI", "what it did", "result"].map(str::to_owned)];
    let mut failures = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let began = Instant::now();
        println!("[{:2}/{}] {}: {} …", number + 1, rows.len(), row.guest, row.what);
        let result = match panic::catch_unwind(AssertUnwindSafe(row.run)) {
            Ok(result) => format!("ok: {result} ({:.1} s)", began.elapsed().as_secs_f64()),
            Err(payload) => {
                let message = message(payload.as_ref());
                println!("{message}");
                failures.push((row, message));
                "FAILED".to_owned()
            }
        };
        println!("        {result}");
        table.push([
            row.guest.into(),
            row.language.into(),
            row.abi.into(),
            row.what.into(),
            result,
        ]);
    }
    println!();
    print_table(&table);
    for (row, message) in &failures {
        println!("\n--- {}: {} ---\n{message}", row.guest, row.what);
    }
    println!("\n{} of {} rows hold", rows.len() - failures.len(), rows.len());
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
        .to_owned()
}

/// Columns as wide as their widest cell; the last one as it is.
fn print_table(table: &[[String; 5]]) {
    let mut widths = [0; 5];
    for row in table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for (number, row) in table.iter().enumerate() {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        if number == 0 {
            println!(
                "{}",
                "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1))
            );
        }
    }
}
