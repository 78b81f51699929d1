//! From a path to a program that can run: what kind of file it is, and compiled or from the cache.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use guestnet::host_os::io_reason;
use guestnet::reason;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::cache::{Cache, Key, Mark};
use crate::compile::compile;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::run_args::CompileBudget;
use crate::{say, trust, whole};

/// How much of a guest is read to see what it is.
const HEADER: u64 = 4096;

/// A guest, compiled.
pub(crate) enum Program {
    /// For WASI preview 1.
    Module(Module),
    /// For WASI 0.2.
    Component(Component),
}

fn cached_program(kind: Kind, cache: &Cache, engine: &Engine, key: &Key) -> Option<Program> {
    match kind {
        Kind::Module => cache.load(engine, key).map(Program::Module),
        Kind::Component => cache.load_component(engine, key).map(Program::Component),
    }
}

fn compiled_program(kind: Kind, engine: &Engine, compiled: File) -> wasmtime::Result<Program> {
    match kind {
        Kind::Module => trust::compiled_module(engine, compiled).map(Program::Module),
        Kind::Component => trust::compiled_component(engine, &compiled).map(Program::Component),
    }
}

/// Reads, compiles or finds the program of a guest, whose bytes are in `file`; messages call it by `path`.
///
/// # Errors
/// One sentence that names the file and what to do.
pub(crate) fn load(
    engine: &Engine,
    path: &Path,
    file: &Path,
    budget: &CompileBudget,
) -> Result<Program, Failure> {
    let name = path.display();
    let unreadable = |error| whole::unreadable(path, &error);
    let mut file = File::open(file).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    whole::check(path, metadata.len(), whole::MODULE)?;
    // Anything else, such as a pipe, can be read only once.
    let twice = metadata.is_file();
    let mut bytes = if twice {
        let mut header = Vec::new();
        (&mut file)
            .take(HEADER)
            .read_to_end(&mut header)
            .map_err(unreadable)?;
        header
    } else {
        whole::read(path, &mut file, whole::MODULE)?
    };
    check_kind(path, &bytes)?;
    let mut kind = Kind::of(&bytes);
    let cache = match Cache::open() {
        Ok(cache) => Some(cache),
        Err(reason) => {
            say::complain(format_args!("compiled guests are not kept, {reason}"));
            None
        }
    };
    let mark = Mark::new(engine, &metadata, SystemTime::now());
    if let (Some(cache), Some(mark)) = (&cache, &mark)
        && let Some(key) = cache.recall(mark)
        && let Some(program) = cached_program(kind, cache, engine, &key)
    {
        return Ok(program);
    }
    let mut key = Key::new(engine, &bytes, &mut file).map_err(unreadable)?;
    if let Some(cache) = &cache
        && let Some(program) = cached_program(kind, cache, engine, &key)
    {
        remember(cache, mark.as_ref(), &key);
        return Ok(program);
    }
    if twice {
        file.rewind().map_err(unreadable)?;
        bytes = whole::read(path, &mut file, whole::MODULE)?;
        // The file may have changed since: what is stored must be what the key says.
        key = Key::new(engine, &bytes, std::io::empty()).map_err(unreadable)?;
        kind = Kind::of(&bytes);
    }
    let mut compiled = compile(&name.to_string(), &bytes, budget)?;
    if let Some(cache) = cache {
        let stored = cache.store(&key, &mut compiled);
        if let Err(error) = stored {
            say::complain(format_args!(
                "the compiled guest is not kept: {}",
                io_reason(&error)
            ));
        } else if let Some(program) = cached_program(kind, &cache, engine, &key) {
            remember(&cache, mark.as_ref(), &key);
            // The file that other runs have in memory too.
            return Ok(program);
        }
    }
    compiled_program(kind, engine, compiled)
        .map_err(|error| Failure::failed(format!("{name} cannot be loaded: {}", reason(error.as_ref()))))
}

/// Lets the next start find what was compiled without reading the file. A file that changes meanwhile has another mark then.
fn remember(cache: &Cache, mark: Option<&Mark>, key: &Key) {
    if let Some(mark) = mark {
        // On a read-only file system the next start reads the file again.
        let _ = cache.remember(mark, key);
    }
}

/// Reads a guest that is to be looked at and not to be run.
///
/// # Errors
/// As [`load`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = whole::read_file(path, path, whole::MODULE)?;
    check_kind(path, &bytes)?;
    Ok(bytes)
}

/// A module of guestnet's own, made ready before the process is confined: it can neither read nor write the cache then.
#[derive(Debug)]
pub(crate) enum OwnModule {
    /// An entry of the cache, which is loaded when it is needed.
    Cached(Mutex<Option<File>>),
    Compiled(Module),
}

impl OwnModule {
    /// Finds a module in the cache, or compiles and keeps it. `None` in place of errors: it is compiled when it is needed, and
    /// there was a complaint about a cache that cannot be used before.
    pub(crate) fn find(engine: &Engine, text: &str) -> Option<OwnModule> {
        let key = Key::new(engine, text.as_bytes(), std::io::empty()).ok()?;
        let cache = Cache::open().ok()?;
        if let Some(entry) = cache.entry(&key) {
            return Some(OwnModule::Cached(Mutex::new(Some(entry))));
        }
        let module = Module::new(engine, text).ok()?;
        let _ = cache.store(&key, &mut module.serialize().ok()?.as_slice());
        Some(OwnModule::Compiled(module))
    }
}

/// The module that was made ready; one that was not, or is damaged, is compiled.
///
/// # Errors
/// Wasmtime's.
pub(crate) fn own(engine: &Engine, found: Option<&OwnModule>, text: &[u8]) -> wasmtime::Result<Module> {
    let ready = match found {
        None => None,
        Some(OwnModule::Compiled(module)) => Some(module.clone()),
        Some(OwnModule::Cached(entry)) => {
            let entry = entry.lock().unwrap_or_else(PoisonError::into_inner).take();
            entry.and_then(|entry| trust::cached_module(engine, entry).ok())
        }
    };
    ready.map_or_else(|| Module::new(engine, text), Ok)
}

/// Refuses what is not WebAssembly, in words that say what it is.
fn check_kind(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let name = path.display();
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if matches!(extension, "js" | "mjs" | "cjs") {
        let message = match extension {
            "cjs" => format!(
                "{name} is a CommonJS program, which guestnet does not run: it runs modules, .js or .mjs"
            ),
            _ => format!("{name} is a script and not WebAssembly: there are no imports to look at"),
        };
        return Err(Failure::usage(message));
    }
    if matches!(extension, "ts" | "mts" | "cts") {
        return Err(Failure::usage(format!(
            "{name} is TypeScript, which guestnet does not run: compile it to JavaScript first, for instance with tsc"
        )));
    }
    let is_not = |what: &str, advice: &str| {
        Err(Failure::failed(format!(
            "{name} is {what}, not WebAssembly: {advice}"
        )))
    };
    let build = "build the guest for wasm32-wasip1 or wasm32-wasip2 (Go: GOOS=wasip1 GOARCH=wasm)";
    match bytes {
        // The binary format: magic, version, and the layer, which is another one for components than for modules.
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] | [0, b'a', b's', b'm', 13, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', ..] => Err(Failure::failed(format!(
            "{name} is a WebAssembly file of an unknown version, or one that is cut off: {build}"
        ))),
        [] => is_not("an empty file", build),
        [0x7f, b'E', b'L', b'F', ..] => is_not("a native program", build),
        [b'#', b'!', ..] => is_not("a script", build),
        _ if extension == "wat" || looks_like_text_format(bytes) => Ok(()),
        _ if path == Path::new("/dev/stdin") => {
            is_not("something else", "a script from standard input is guestnet run -")
        }
        _ => is_not("something else", build),
    }
}

/// The text format begins with `(` or a comment.
fn looks_like_text_format(bytes: &[u8]) -> bool {
    matches!(
        bytes.trim_ascii_start(),
        [b'(', b'm' | b'c' | b';', ..] | [b';', b';', ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FAILED, USAGE};

    fn refusal(name: &str, bytes: &[u8]) -> Failure {
        check_kind(Path::new(name), bytes).expect_err("it must be refused")
    }

    #[test]
    fn modules_and_text_are_taken() {
        assert_eq!(check_kind(Path::new("a"), b"\0asm\x01\0\0\0"), Ok(()));
        assert_eq!(check_kind(Path::new("a"), b"\0asm\x0d\0\x01\0"), Ok(()));
        assert_eq!(check_kind(Path::new("a"), b"(component)"), Ok(()));
        assert_eq!(
            check_kind(Path::new("a.wat"), b"nonsense that the parser will explain"),
            Ok(())
        );
        assert_eq!(check_kind(Path::new("a"), b"\n  (module)"), Ok(()));
        assert_eq!(check_kind(Path::new("a"), b";; a comment\n(module)"), Ok(()));
    }

    #[test]
    fn everything_else_is_named() {
        assert_eq!(refusal("a.js", b"1").code, USAGE);
        for (bytes, word) in [
            (&b""[..], "an empty file"),
            (b"\x7fELF\x02", "a native program"),
            (b"#!/bin/sh", "a script"),
            (b"\0asm\x02\0\0\0", "unknown version"),
            (b"\0asm\x0c\0\x01\0", "unknown version"),
            (b"\0asm", "cut off"),
            (b"hello", "something else"),
        ] {
            let failure = refusal("a.wasm", bytes);
            assert_eq!(failure.code, FAILED);
            assert!(
                failure.message.contains(word) && failure.message.starts_with("a.wasm is "),
                "{failure:?}"
            );
        }
    }
}
