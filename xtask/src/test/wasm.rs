//! The core, and the adapter and the host that browsers need, run where there is no operating system: each builds for
//! wasm32-unknown-unknown and imports nothing.
//!
//! A library of its own never shows an undefined symbol, and a program that links one takes only what it calls. So
//! each is linked as a cdylib with dead code kept: whatever any function of it needs from outside becomes an import.
//!
//! Crates that are nothing on this machine, or something else, are read with clippy for their targets.

use crate::Result;
use crate::process::{self, progress};
use crate::project::Project;
use crate::tools::Tools;
use std::fs;

const TARGET: &str = "wasm32-unknown-unknown";

/// What has to run without a system.
const PACKAGES: [&str; 3] = ["guestnet-core", "guestnet-emscripten", "guestnet-host-direct"];

/// Builds each of them and looks at its imports.
pub(super) fn check(project: &Project, tools: &Tools) -> Result<()> {
    tools.rust_targets()?;
    PACKAGES
        .iter()
        .try_for_each(|package| check_package(project, package))?;
    check_web(project)?;
    check_guest_library(project)
}

/// The crate for guests is another one on each of its targets. What it does there is tested by guests; this is for what is not read on
/// this machine.
fn check_guest_library(project: &Project) -> Result<()> {
    for target in ["wasm32-wasip1", "wasm32-wasip2"] {
        let mut cargo = project.cargo();
        cargo.args(["clippy", "-p", "guestnet-guest", "--target", target]);
        process::run(
            cargo.args(["--", "-D", "warnings"]),
            &format!("cargo clippy of guestnet-guest for {target}"),
        )?;
    }
    Ok(())
}

/// The module for browsers is nothing on this machine, so that only this step reads it with clippy.
fn check_web(project: &Project) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["clippy", "-p", "guestnet-web", "--target", TARGET]);
    process::run(
        cargo.args(["--", "-D", "warnings"]),
        "cargo clippy of guestnet-web",
    )
}

fn check_package(project: &Project, package: &str) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args([
        "rustc",
        "-p",
        package,
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        TARGET,
    ]);
    process::run(
        cargo.args(["--", "-Clink-dead-code", "-Clink-arg=--no-gc-sections"]),
        "cargo rustc for wasm32-unknown-unknown",
    )?;
    let name = package.replace('-', "_");
    let path = project
        .target
        .join(TARGET)
        .join("debug")
        .join(format!("{name}.wasm"));
    let module = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let Module { functions, imports } =
        read(&module).ok_or_else(|| format!("{} is not a module this check can read", path.display()))?;
    // The names in the module's name section show that it is this crate that was linked, not an empty shell.
    let is_it = module.windows(name.len()).any(|window| window == name.as_bytes());
    if functions == 0 || !is_it {
        return Err(format!(
            "{} holds no function of {package}: the check checks nothing",
            path.display()
        ));
    }
    if !imports.is_empty() {
        return Err(format!(
            "{package} must not need anything from outside, but imports {}",
            imports.join(", ")
        ));
    }
    progress("wasm32", &format!("{package}: {functions} functions, no import"));
    Ok(())
}

/// What this check wants to know of a module.
#[derive(Debug, PartialEq, Eq)]
struct Module {
    /// Functions defined in it.
    functions: u32,
    /// `module.name` of each import.
    imports: Vec<String>,
}

/// Reads the import section (2) and the function section (3) of a core module.
fn read(module: &[u8]) -> Option<Module> {
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0")?;
    let mut found = Module {
        functions: 0,
        imports: Vec::new(),
    };
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        let size = number(&mut rest)?;
        let mut body = take(&mut rest, size)?;
        match id {
            2 => {
                for _ in 0..number(&mut body)? {
                    found.imports.push(import(&mut body)?);
                }
            }
            3 => found.functions = number(&mut body)?,
            _ => {}
        }
    }
    Some(found)
}

/// One entry: two names, then the kind and a description whose length depends on it.
fn import(body: &mut &[u8]) -> Option<String> {
    let module = name(body)?;
    let field = name(body)?;
    match take(body, 1)? {
        [0] => drop(number(body)?),
        [1] => {
            take(body, 1)?;
            limits(body)?;
        }
        [2] => limits(body)?,
        [3] => drop(take(body, 2)?),
        [4] => {
            take(body, 1)?;
            number(body)?;
        }
        _ => return None,
    }
    Some(format!("{module}.{field}"))
}

fn limits(body: &mut &[u8]) -> Option<()> {
    let flags = take(body, 1)?.first()?;
    number(body)?;
    if flags & 1 != 0 {
        number(body)?;
    }
    Some(())
}

fn name(body: &mut &[u8]) -> Option<String> {
    let length = number(body)?;
    Some(String::from_utf8_lossy(take(body, length)?).into_owned())
}

/// An unsigned LEB128 number of at most 32 bits.
fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: u32) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::{Module, read};

    const MAGIC: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn imports_of_every_kind_are_seen() {
        let imports: &[&[u8]] = &[
            b"\x03env\x05clock\x00\x00",
            b"\x03env\x01t\x01\x70\x00\x01",
            b"\x03env\x01m\x02\x01\x01\x80\x80\x01",
            b"\x03env\x01g\x03\x7f\x00",
        ];
        let mut body = vec![4];
        body.extend(imports.concat());
        let mut module = [
            MAGIC,
            b"\x01\x04\x01\x60\x00\x00",
            &[2, u8::try_from(body.len()).expect("short")],
        ]
        .concat();
        module.extend(body);
        module.extend(b"\x03\x03\x02\x00\x00");
        let expected = ["env.clock", "env.t", "env.m", "env.g"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            read(&module),
            Some(Module {
                functions: 2,
                imports: expected
            })
        );
    }

    #[test]
    fn what_is_not_a_module_is_refused() {
        assert_eq!(read(b"\0asm\x0d\0\x01\0"), None);
        assert_eq!(read(&[MAGIC, b"\x02\x7f\x01"].concat()), None);
        assert_eq!(
            read(MAGIC),
            Some(Module {
                functions: 0,
                imports: Vec::new()
            })
        );
    }
}
