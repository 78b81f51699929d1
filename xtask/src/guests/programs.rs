//! Real programs from Debian's sources, built with emcc and the npm package `guestnet`: nothing of them is changed.
//!
//! Their objects are compiled once on a machine and kept in the cache; what is linked here is a program for tests.
//! Configure scripts are not run, they would take minutes: the headers that they generate are in guests/programs.

use super::package::{Package, Platform};
use super::stamp::Inputs;
use super::{Job, files};
use crate::Result;
use crate::process::{capture, capture_both, progress};
use crate::project::Project;
use crate::tools::{Emscripten, Tools};
use std::fs;
use std::path::{Path, PathBuf};

/// A program and how it is built.
struct Program {
    name: &'static str,
    /// Debian's source package.
    source: &'static str,
    parts: &'static [Part],
    /// Flags of the link, in addition to those of the package.
    link: &'static [&'static str],
}

/// Sources that are compiled with the same flags.
#[derive(Debug)]
struct Part {
    /// Files, or directories of which every C file is taken.
    sources: &'static [&'static str],
    /// Names of files that are left out: programs of their own.
    without: &'static [&'static str],
    /// Directories of the source to search for headers.
    include: &'static [&'static str],
    flags: &'static [&'static str],
}

const PROGRAMS: [Program; 4] = [
    Program {
        name: "redis-cli",
        source: "redis",
        parts: &[Part {
            sources: &[
                "src/anet.c",
                "src/adlist.c",
                "src/dict.c",
                "src/redis-cli.c",
                "src/zmalloc.c",
                "src/release.c",
                "src/ae.c",
                "src/redisassert.c",
                "src/crcspeed.c",
                "src/crc64.c",
                "src/siphash.c",
                "src/crc16.c",
                "src/monotonic.c",
                "src/cli_common.c",
                "src/mt19937-64.c",
                "deps/hiredis/alloc.c",
                "deps/hiredis/async.c",
                "deps/hiredis/hiredis.c",
                "deps/hiredis/net.c",
                "deps/hiredis/read.c",
                "deps/hiredis/sds.c",
                "deps/hiredis/sockcompat.c",
                "deps/linenoise/linenoise.c",
            ],
            without: &[],
            include: &[
                "deps/hiredis",
                "deps/linenoise",
                "deps/hdr_histogram",
                "deps/lua/src",
            ],
            flags: &["-D_GNU_SOURCE"],
        }],
        link: &["-sNODERAWFS=1"],
    },
    Program {
        name: "curl",
        source: "curl",
        parts: &[
            Part {
                sources: &["lib", "lib/vauth", "lib/vquic", "lib/vssh", "lib/vtls"],
                without: &[],
                include: &["include", "lib"],
                flags: &["-DHAVE_CONFIG_H", "-DBUILDING_LIBCURL", "-DCURL_STATICLIB"],
            },
            Part {
                // The tool has a copy of this file of the library, under other names.
                sources: &["src", "lib/dynbuf.c"],
                without: &[],
                include: &["include", "lib", "src"],
                flags: &["-DHAVE_CONFIG_H", "-DCURL_STATICLIB"],
            },
        ],
        link: &["-sNODERAWFS=1", "-sALLOW_MEMORY_GROWTH=1"],
    },
    Program {
        name: "socat",
        source: "socat",
        parts: &[Part {
            sources: &["."],
            without: &["filan_main.c", "procan.c", "procan_main.c"],
            include: &["."],
            flags: &["-D_GNU_SOURCE"],
        }],
        // Emscripten's libc has no initgroups, which only the option su calls.
        link: &[
            "-sNODERAWFS=1",
            "-sERROR_ON_UNDEFINED_SYMBOLS=0",
            "-Wno-undefined",
            "-Wno-js-compiler",
        ],
    },
    Program {
        name: "civetweb",
        source: "civetweb",
        parts: &[Part {
            sources: &["src/civetweb.c", "src/main.c"],
            without: &[],
            include: &["include"],
            flags: &["-pthread", "-DNO_SSL", "-DNO_CGI", "-DUSE_IPV6", "-DLINUX"],
        }],
        // Its threads: main, master, timer and four workers.
        link: &[
            "-sNODERAWFS=1",
            "-pthread",
            "-sPROXY_TO_PTHREAD=1",
            "-sPTHREAD_POOL_SIZE=8",
        ],
    },
];

/// Flags of every compilation. What authors of other programs are warned of is not our business.
const COMPILE: [&str; 2] = ["-O1", "-w"];

/// Flags of every link.
const LINK: [&str; 4] = [
    "-O1",
    "-sEXIT_RUNTIME=1",
    "-sSTACK_SIZE=1MB",
    "-sDEFAULT_PTHREAD_STACK_SIZE=1MB",
];

/// The jobs of all programs.
pub(super) fn jobs(project: &Project, tools: &Tools, package: &Package) -> Result<Vec<Job>> {
    let emscripten = tools.emscripten()?;
    let mut jobs = Vec::new();
    for program in &PROGRAMS {
        let (directory, compiled) = compile(project, tools, &emscripten, program)?;
        let mut inputs = Inputs::default();
        inputs
            .text(&compiled.to_string())
            .text(&package.hash().to_string())
            .text(&format!("{LINK:?} {:?}", program.link));
        let output = project
            .guests()
            .join("emscripten-programs")
            .join(format!("{}.cjs", program.name));
        let (emscripten, package, to) = (emscripten.clone(), package.clone(), output.clone());
        jobs.push(Job {
            name: format!("program {}", program.name),
            output,
            inputs: Some(inputs.hash()),
            make: Box::new(move || {
                let mut emcc = emscripten.emcc();
                emcc.args(LINK)
                    .args(program.link)
                    .args(package.flags(program.link, Platform::Node));
                emcc.current_dir(&directory);
                for part in 0..program.parts.len() {
                    for object in files(&directory.join(part.to_string()), Some("o"))? {
                        emcc.arg(object.strip_prefix(&directory).unwrap_or(&object));
                    }
                }
                let (_, warnings) = capture_both(emcc.arg("-o").arg(&to), "emcc")?;
                Ok(warnings)
            }),
        });
    }
    Ok(jobs)
}

/// The directory of a program's objects, in it one directory a part, and a hash of what they are made from.
fn compile(
    project: &Project,
    tools: &Tools,
    emscripten: &Emscripten,
    program: &Program,
) -> Result<(PathBuf, u64)> {
    let source = tools.source(program.source)?;
    let headers = project.root.join("guests/programs").join(program.source);
    let mut inputs = Inputs::default();
    inputs
        .text(&emscripten.version)
        .text(program.source)
        .files(&files(&headers, Some("h"))?)?;
    inputs.text(&format!("{COMPILE:?}"));
    for part in program.parts {
        inputs.text(&format!("{part:?}"));
    }
    let hash = inputs.hash();
    let directory = tools.compiled(&format!("emscripten-{}-{hash:016x}", program.name), |directory| {
        progress("guests", &format!("compiling {} with emcc (once)", program.name));
        for (number, part) in program.parts.iter().enumerate() {
            // Objects go to the directory that emcc runs in.
            let objects = directory.join(number.to_string());
            fs::create_dir(&objects).map_err(|error| format!("{}: {error}", objects.display()))?;
            let mut emcc = emscripten.emcc();
            emcc.current_dir(&objects)
                .arg("-c")
                .args(COMPILE)
                .args(part.flags)
                .arg("-I")
                .arg(&headers);
            for include in part.include {
                emcc.arg("-I").arg(source.join(include));
            }
            emcc.args(expand(&source, part)?);
            capture(&mut emcc, "emcc")?;
        }
        Ok(())
    })?;
    Ok((directory, hash))
}

/// The C files of a part.
fn expand(source: &Path, part: &Part) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in part.sources {
        let path = source.join(name);
        let kind = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if kind.is_dir() {
            found.extend(files(&path, Some("c"))?);
        } else {
            found.push(path);
        }
    }
    found.retain(|path| !part.without.iter().any(|name| path.ends_with(name)));
    Ok(found)
}
