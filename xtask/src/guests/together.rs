//! Many C guests in one program: each is compiled as it is, with its `main` under a name of its own, and the program
//! runs the one that its first argument names. A run is a process of one guest, as it is with a program for each.

use super::{files, stem};
use crate::Result;
use crate::process::capture_both;
use crate::tools::Emscripten;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Compiles the guests and what chooses among them, in a directory next to `output`; gives the objects and the warnings.
///
/// # Errors
/// When a guest does not compile. Two guests that define the same global name do not link.
pub(super) fn compile(
    emscripten: &Emscripten,
    flags: &[&str],
    sources: &[PathBuf],
    output: &Path,
) -> Result<(Vec<PathBuf>, String)> {
    let directory = output.with_extension("objects");
    let named = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(named)?;
    }
    fs::create_dir_all(&directory).map_err(named)?;
    let mut units = Vec::new();
    for source in sources {
        let unit = directory.join(format!("{}.c", stem(source)));
        fs::write(&unit, wrapper(source)).map_err(named)?;
        units.push(unit);
    }
    let chooser = directory.join("choose.c");
    fs::write(&chooser, choose(sources)).map_err(named)?;
    units.push(chooser);
    let mut emcc = emscripten.emcc();
    // Of the flags only those of the compiler: emcc warns of others where nothing is linked.
    emcc.current_dir(&directory).args(["-c", "-Wall"]).args(
        flags
            .iter()
            .filter(|flag| flag.starts_with("-O") || flag.starts_with("-isystem") || **flag == "-pthread"),
    );
    let (_, warnings) = capture_both(emcc.arg("-Wno-unused-command-line-argument").args(&units), "emcc")?;
    Ok((files(&directory, Some("o"))?, warnings))
}

/// One guest. Some mains take arguments and some do not; a call by another type than a function's own traps.
fn wrapper(source: &Path) -> String {
    let name = stem(source);
    format!(
        "#define main guest_{name}
#include \"{}\"
#undef main
static int without(int (*run)(void), int argc, char **argv) {{ return (void)argc, (void)argv, run(); }}
static int with(int (*run)(int, char **), int argc, char **argv) {{ return run(argc, argv); }}
int run_{name}(int argc, char **argv) {{
    (void)without, (void)with;
    return _Generic(&guest_{name}, int (*)(void): without, int (*)(int, char **): with)(guest_{name}, argc, argv);
}}
",
        source.display()
    )
}

/// The program's own main.
fn choose(sources: &[PathBuf]) -> String {
    let mut text = String::from("#include <stdio.h>\n#include <string.h>\n");
    let names: Vec<String> = sources.iter().map(|source| stem(source)).collect();
    for name in &names {
        // Writing to a String does not fail.
        let _ = writeln!(text, "int run_{name}(int argc, char **argv);");
    }
    text += "static const struct { const char *name; int (*run)(int, char **); } guests[] = {\n";
    for name in &names {
        let _ = writeln!(text, "    {{\"{name}\", run_{name}}},");
    }
    text += "};
int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof guests / sizeof *guests; i++)
        if (strcmp(guests[i].name, argv[1]) == 0) return guests[i].run(argc - 1, argv + 1);
    fprintf(stderr, \"there is no such guest\\n\");
    return 1;
}
";
    text
}
