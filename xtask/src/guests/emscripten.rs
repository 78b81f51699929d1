//! C guests built with emcc and the npm package `guestnet`: the sources of guests/c, guests/linux and guests/emscripten,
//! once for each way to link.

use super::package::{Package, Platform};
use super::stamp::Inputs;
use super::{Job, files, stem, together};
use crate::Result;
use crate::process::capture_both;
use crate::project::Project;
use crate::tools::{Emscripten, Engine, Tools};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Guests that only ABIs with Linux's own calls can have.
const LINUX: &str = "guests/linux";

/// Flags of every build. Some guests have 64 KiB on the stack, which is all of Emscripten's default; all end when main
/// returns, as a native program does.
const COMMON: [&str; 4] = [
    "-Wall",
    "-sSTACK_SIZE=1MB",
    "-sDEFAULT_PTHREAD_STACK_SIZE=1MB",
    "-sEXIT_RUNTIME=1",
];

/// And on Node.
const ON_NODE: &str = "-sNODERAWFS=1";

/// A way to link the programs of a directory.
pub(super) struct Variant {
    sources: &'static [&'static str],
    /// The directory of the products.
    products: &'static str,
    /// Chooses CommonJS or an ES module. Deno refuses CommonJS in a `.js`.
    extension: &'static str,
    /// Whether it is linked with the package.
    package: bool,
    /// Whether all programs become one, which runs the one that its first argument names.
    together: bool,
    platform: Platform,
    flags: &'static [&'static str],
}

/// A way to link the guests.
const fn guests(products: &'static str, extension: &'static str, flags: &'static [&'static str]) -> Variant {
    Variant {
        sources: &["guests/c", LINUX, "guests/emscripten"],
        products,
        extension,
        package: true,
        together: true,
        platform: Platform::Node,
        flags,
    }
}

/// A way to link the programs that are measured.
const fn bench(products: &'static str, package: bool, flags: &'static [&'static str]) -> Variant {
    Variant {
        sources: &["bench/c"],
        products,
        extension: "cjs",
        package,
        together: false,
        platform: Platform::Node,
        flags,
    }
}

/// A way to link the guests for Isolated Web Apps.
const fn web(products: &'static str, flags: &'static [&'static str]) -> Variant {
    Variant {
        platform: Platform::Browser,
        ..guests(products, "mjs", flags)
    }
}

/// What the developer's loop runs. Here each guest is a program of its own, which shows that it gets all it needs of the
/// package; in the other variants all of them are in one program, which is linked in a thousandth of the time.
pub(super) const PLAIN: &[Variant] = &[Variant {
    together: false,
    ..guests("emscripten-plain", "cjs", &["-O1", "-sALLOW_MEMORY_GROWTH=1"])
}];

/// Memory for the static data of all guests, and for those that want much.
const ROOM: &str = "-sINITIAL_MEMORY=256MB";

/// The other ways to link the guests.
pub(super) const VARIANTS: &[Variant] = &[
    guests("emscripten-module", "mjs", &["-O1", ROOM]),
    // A main thread that blocks cannot start a thread, so they are there beforehand. Memory grows here and not below.
    guests(
        "emscripten-pthread",
        "cjs",
        &[
            "-O1",
            "-pthread",
            "-sPTHREAD_POOL_SIZE=4",
            "-sINITIAL_MEMORY=64MB",
            "-sALLOW_MEMORY_GROWTH=1",
            "-Wno-pthreads-mem-growth",
        ],
    ),
    guests(
        "emscripten-proxy",
        "cjs",
        &["-O1", "-pthread", "-sPROXY_TO_PTHREAD=1", ROOM],
    ),
    guests(
        "emscripten-jspi",
        "cjs",
        &["-O1", "-sJSPI=1", "-Wno-experimental", ROOM],
    ),
    guests(
        "emscripten-jspi-pthread",
        "cjs",
        &[
            "-O1",
            "-sJSPI=1",
            "-Wno-experimental",
            "-pthread",
            "-sPTHREAD_POOL_SIZE=4",
            ROOM,
        ],
    ),
    web(
        "emscripten-web-jspi",
        &["-O1", "-sJSPI=1", "-Wno-experimental", WEB_ROOM],
    ),
    web(
        "emscripten-web-proxy",
        &[
            "-O1",
            "-pthread",
            "-sPROXY_TO_PTHREAD=1",
            WEB_ROOM,
            "-sALLOW_MEMORY_GROWTH=1",
            "-Wno-pthreads-mem-growth",
        ],
    ),
];

/// The same in a browser, where one page has many of them one after the other.
const WEB_ROOM: &str = "-sINITIAL_MEMORY=64MB";

/// The measured programs: with the package, also on a thread, and with what Emscripten has itself.
pub(super) const BENCH: &[Variant] = &[
    bench("bench-emscripten", true, &["-O2"]),
    bench(
        "bench-emscripten-threads",
        true,
        &["-O2", "-pthread", "-sPTHREAD_POOL_SIZE=1"],
    ),
    bench("bench-emscripten-raw", false, &["-O2", "-sNODERAWSOCKETS=1"]),
    bench(
        "bench-emscripten-raw-threads",
        false,
        &["-O2", "-sNODERAWSOCKETS=1", "-pthread", "-sPROXY_TO_PTHREAD=1"],
    ),
];

/// Programs of bench/c that call sendfile and splice, for which Emscripten has not even headers.
const WITH_THE_PACKAGE: [&str; 2] = ["tcp_file", "tcp_proxy"];

/// The programs that the demonstration runs and a user reads, blocking and with threads: on Node, Deno and Bun, and in Isolated Web
/// Apps.
pub(super) const EXAMPLES: &[Variant] = &[
    Variant {
        sources: EXAMPLE_SOURCES,
        ..guests("examples-emscripten", "cjs", &["-O1"])
    },
    Variant {
        sources: EXAMPLE_SOURCES,
        ..guests(
            "examples-emscripten-pthread",
            "cjs",
            &["-O1", "-pthread", "-sPTHREAD_POOL_SIZE=4"],
        )
    },
    Variant {
        sources: EXAMPLE_SOURCES,
        ..web(
            "examples-emscripten-web-jspi",
            &["-O1", "-sJSPI=1", "-Wno-experimental"],
        )
    },
    Variant {
        sources: EXAMPLE_SOURCES,
        ..web(
            "examples-emscripten-web-proxy",
            &["-O1", "-pthread", "-sPROXY_TO_PTHREAD=1"],
        )
    },
];

const EXAMPLE_SOURCES: &[&str] = &["examples/c", "examples/emscripten"];

/// The measured programs for Isolated Web Apps.
pub(super) const BENCH_WEB: &[Variant] = &[
    Variant {
        sources: &["bench/c"],
        ..web(
            "bench-emscripten-web-jspi",
            &["-O2", "-sJSPI=1", "-Wno-experimental"],
        )
    },
    Variant {
        sources: &["bench/c"],
        ..web(
            "bench-emscripten-web-proxy",
            &["-O2", "-pthread", "-sPROXY_TO_PTHREAD=1"],
        )
    },
];

/// The jobs of these variants.
pub(super) fn jobs(
    project: &Project,
    tools: &Tools,
    package: &Package,
    variants: &'static [Variant],
) -> Result<Vec<Job>> {
    let emscripten = tools.emscripten()?;
    let mut jobs = Vec::new();
    for variant in variants {
        let mut common = Inputs::default();
        common.text(&emscripten.version).text(&format!(
            "{COMMON:?} {ON_NODE} {:?} {} {:?}",
            variant.flags, variant.together, variant.platform
        ));
        if variant.package {
            common.text(&package.hash().to_string());
        }
        let mut sources = Vec::new();
        for directory in variant.sources {
            let directory = project.root.join(directory);
            common.files(&files(&directory, Some("h"))?)?;
            sources.extend(files(&directory, Some("c"))?);
        }
        sources.retain(|source| can_have(variant, &stem(source)));
        let groups: Vec<(String, Vec<PathBuf>)> = if variant.together {
            vec![("guests".to_owned(), sources)]
        } else {
            sources
                .into_iter()
                .map(|source| (stem(&source), vec![source]))
                .collect()
        };
        for (name, sources) in groups {
            let to = project
                .guests()
                .join(variant.products)
                .join(format!("{name}.{}", variant.extension));
            let mut inputs = common.clone();
            inputs.files(&sources)?;
            let (emscripten, package) = (emscripten.clone(), package.clone());
            jobs.push(Job {
                name: format!("{} {name}", variant.products),
                output: to.clone(),
                inputs: Some(inputs.hash()),
                make: Box::new(move || link(&emscripten, &package, variant, &sources, &to)),
            });
        }
    }
    Ok(jobs)
}

/// Whether a guest of this name can be linked so.
fn can_have(variant: &Variant, name: &str) -> bool {
    let threads = variant.flags.contains(&"-pthread");
    // The first call a WASI host directly; the second are run by tests that take the plain variant; the last want calls
    // that only the package has.
    let cannot = name.starts_with("attack_")
        || (variant.together && name.starts_with("app_"))
        || (!threads && name.starts_with("thread_"))
        || (!variant.package && WITH_THE_PACKAGE.contains(&name));
    !cannot
}

/// The oracles of guests/linux.
pub(super) fn native_jobs(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    tools.c_compiler()?;
    let mut common = Inputs::default();
    // t.h is the other directory's.
    for directory in ["guests/c", LINUX] {
        common.files(&files(&project.root.join(directory), Some("h"))?)?;
    }
    let mut jobs = Vec::new();
    for source in files(&project.root.join(LINUX), Some("c"))? {
        let name = stem(&source);
        let output = project.guests().join("native-linux").join(&name);
        let mut inputs = common.clone();
        inputs.file(&source)?;
        let to = output.clone();
        jobs.push(Job {
            name: format!("linux {name} native"),
            output,
            inputs: Some(inputs.hash()),
            make: Box::new(move || {
                let mut command = Command::new("cc");
                command
                    .args(["-O1", "-Wall", "-pthread"])
                    .arg(&source)
                    .arg("-o")
                    .arg(&to);
                Ok(capture_both(&mut command, "cc")?.1)
            }),
        });
    }
    Ok(jobs)
}

/// Links straight to its place: the JavaScript names the wasm file in its own directory.
fn link(
    emscripten: &Emscripten,
    package: &Package,
    variant: &Variant,
    sources: &[PathBuf],
    output: &Path,
) -> Result<String> {
    let mut emcc = emscripten.emcc();
    emcc.args(COMMON).args(variant.flags);
    if variant.platform == Platform::Node {
        emcc.arg(ON_NODE);
    }
    if variant.package {
        emcc.args(package.flags(variant.flags, variant.platform));
    }
    let mut warnings = String::new();
    if variant.together {
        // Of the package's words the headers.
        let words = package
            .flags(variant.flags, variant.platform)
            .iter()
            .map(String::as_str);
        let flags: Vec<&str> = variant.flags.iter().copied().chain(words).collect();
        let (objects, said) = together::compile(emscripten, &flags, sources, output)?;
        warnings += &said;
        emcc.args(objects);
    } else {
        emcc.args(sources);
    }
    warnings += &capture_both(emcc.arg("-o").arg(output), "emcc")?.1;
    Ok(warnings)
}

/// `<target>/engines/NAME` leads to the program of each of these engines, which is where the tests look.
///
/// # Errors
/// One of them cannot be fetched.
pub(crate) fn engines(project: &Project, tools: &Tools, wanted: &[Engine]) -> Result<()> {
    let directory = project.engines();
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for &engine in wanted {
        let program = tools.engine(engine)?;
        let link = directory.join(engine.name());
        if fs::read_link(&link).is_ok_and(|target| target == program) {
            continue;
        }
        drop(fs::remove_file(&link));
        symlink(&program, &link).map_err(|error| format!("{}: {error}", link.display()))?;
    }
    Ok(())
}
