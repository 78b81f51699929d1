//! The npm package as its users meet it: npm packs all of it and nothing without its addon, and a link that cannot work is refused
//! with one sentence.

use crate::process::{capture, progress};
use crate::tools::Tools;
use crate::{Result, guests, project::Project};
use std::path::Path;

/// What cannot be linked with the package, and what the linker says of it.
const REFUSED: [(&str, &str); 3] = [
    (
        "-sMEMORY64",
        "guestnet needs a memory of 32-bit addresses: link without -sMEMORY64",
    ),
    (
        "-sWASMFS",
        "guestnet keeps its descriptors in the file system in JavaScript: link without -sWASMFS",
    ),
    (
        "-sFILESYSTEM=0",
        "guestnet keeps its descriptors in the file system: link without -sFILESYSTEM=0",
    ),
];

/// Packs and links.
///
/// # Errors
/// What was accepted and should not have been, or the other way round.
pub(super) fn check(project: &Project, tools: &Tools) -> Result<()> {
    let sources = project.root.join(guests::PACKAGE);
    let without = capture(&mut pack(tools, &sources)?, "npm pack");
    let missing = "is not there; in a checkout, cargo xtask package makes the whole package";
    refused("npm pack without the addon", &without, missing)?;
    let (package, words) = guests::debug_package(project, tools)?;
    let printed = capture(&mut pack(tools, &package)?, "npm pack")?;
    let packed = packed(&printed).ok_or_else(|| format!("npm pack printed\n{printed}"))?;
    for file in guests::files_below(&package)? {
        let name = file.strip_prefix(&package).unwrap_or(&file).to_string_lossy();
        if !packed.iter().any(|packed| *packed == name) {
            return Err(format!(
                "npm does not pack {name}: it is not among the \"files\" of package.json"
            ));
        }
    }
    let directory = project.target.join("package-test");
    let named = |error: std::io::Error| format!("{}: {error}", directory.display());
    std::fs::create_dir_all(&directory).map_err(named)?;
    let program = directory.join("program.c");
    std::fs::write(
        &program,
        "#include <sys/socket.h>\nint main(void) { return socket(0, 0, 0); }\n",
    )
    .map_err(named)?;
    for (flag, sentence) in REFUSED {
        let mut emcc = tools.emscripten()?.emcc();
        // It is found out before libraries matter, and those of such links would take minutes to build.
        emcc.arg(&program).args(&words).args(["-nostdlib", flag, "-o"]);
        let linked = capture(emcc.arg(directory.join("program.cjs")), "emcc");
        refused(flag, &linked, sentence)?;
        let errors = linked.err().unwrap_or_default();
        if errors.lines().filter(|line| line.starts_with("error: ")).count() != 1 {
            return Err(format!(
                "{flag} is refused with more than one sentence:\n{errors}"
            ));
        }
    }
    progress("npm package", &format!("{} files are packed", packed.len()));
    Ok(())
}

/// npm pack, which packs nothing here and prints what it would.
fn pack(tools: &Tools, directory: &Path) -> Result<std::process::Command> {
    let mut npm = tools.npm()?;
    npm.args(["pack", "--dry-run", "--json", "--offline"])
        .current_dir(directory);
    Ok(npm)
}

/// The files that npm packs, by what it printed.
fn packed(printed: &str) -> Option<Vec<String>> {
    // Before it stands what scripts print.
    let list = printed.get(printed.find('[')?..)?;
    let parsed: serde_json::Value = serde_json::from_str(list).ok()?;
    let files = parsed.get(0)?.get("files")?.as_array()?;
    files
        .iter()
        .map(|file| file.get("path")?.as_str().map(str::to_owned))
        .collect()
}

/// Whether something failed with a sentence, and said it once.
fn refused(what: &str, outcome: &Result<String>, sentence: &str) -> Result<()> {
    match outcome {
        Ok(_) => Err(format!("{what} is accepted")),
        Err(message) if message.matches(sentence).count() == 1 => Ok(()),
        Err(message) => Err(format!(
            "{what} is refused, but not with {sentence:?}:\n{message}"
        )),
    }
}
