//! Guests built with emcc and the npm package, and the engines that run them.
//!
//! The engines are fetched, and the guests built, by `cargo xtask guests emscripten emscripten-variants`.

use crate::paths;
use crate::run::Program;
use std::path::{Path, PathBuf};

/// A way to link a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// CommonJS, one thread.
    Plain,
    /// An ES module, one thread.
    Module,
    /// `-pthread`, main on the main thread.
    Pthread,
    /// `-pthread -sPROXY_TO_PTHREAD`, main on a thread of its own.
    Proxy,
    /// `-sJSPI`: blocking calls suspend.
    Jspi,
    /// `-sJSPI -pthread`: blocking calls of the main thread suspend, those of others block.
    JspiPthread,
}

impl Variant {
    /// Whether it is linked with `-pthread`.
    #[must_use]
    pub fn has_threads(self) -> bool {
        matches!(self, Self::Pthread | Self::Proxy | Self::JspiPthread)
    }

    /// Whether every guest is a program of its own. In the others there is one for all, whose first argument says which.
    fn is_one_each(self) -> bool {
        self == Self::Plain
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Plain => "emscripten-plain",
            Self::Module => "emscripten-module",
            Self::Pthread => "emscripten-pthread",
            Self::Proxy => "emscripten-proxy",
            Self::Jspi => "emscripten-jspi",
            Self::JspiPthread => "emscripten-jspi-pthread",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Module => "mjs",
            Self::Plain | Self::Pthread | Self::Proxy | Self::Jspi | Self::JspiPthread => "cjs",
        }
    }
}

/// What runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The oldest Node that is supported.
    Node20,
    /// A Node with JSPI.
    Node26,
    /// Deno.
    Deno,
    /// Bun.
    Bun,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Node20 => "node20",
            Self::Node26 => "node26",
            Self::Deno => "deno",
            Self::Bun => "bun",
        }
    }
}

/// The JavaScript of a guest, or of all of them.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn guest(variant: Variant, name: &str) -> PathBuf {
    let path = paths::target_dir()
        .join("guests")
        .join(variant.directory())
        .join(format!(
            "{}.{}",
            if variant.is_one_each() { name } else { "guests" },
            variant.extension()
        ));
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask guests emscripten emscripten-variants`",
        path.display()
    );
    path
}

/// A guest under an engine; what is added from here on are the guest's arguments.
///
/// # Panics
///
/// When one of them is not there.
#[must_use]
pub fn program(variant: Variant, engine: Engine, name: &str) -> Program {
    let path = guest(variant, name);
    let program = if variant == Variant::Module {
        // An ES module does nothing by itself: it exports a function that runs the program.
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/run.mjs");
        script(engine, &runner).arg(path)
    } else {
        script(engine, &path)
    };
    if variant.is_one_each() {
        program
    } else {
        program.arg(name)
    }
}

/// A program of examples/ under an engine, which is linked as one program with the others; what is added from here on are its arguments.
///
/// # Panics
///
/// When one of them is not there.
#[must_use]
pub fn example(engine: Engine, has_threads: bool, name: &str) -> Program {
    let directory = if has_threads {
        "examples-emscripten-pthread"
    } else {
        "examples-emscripten"
    };
    let path = paths::target_dir()
        .join("guests")
        .join(directory)
        .join("guests.cjs");
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask guests examples-emscripten`",
        path.display()
    );
    script(engine, &path).arg(name)
}

/// A script of tests/js that runs programs of the ES module of all guests, which is its first argument.
///
/// # Panics
///
/// When one of them is not there.
#[must_use]
pub fn module_script(engine: Engine, name: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("js").join(name);
    script(engine, &path).arg(guest(Variant::Module, ""))
}

/// A script of tests/js that calls the addon, which is its first argument.
///
/// # Panics
///
/// When one of them is not there.
#[must_use]
pub fn addon_script(engine: Engine, name: &str) -> Program {
    let addon = paths::target_dir().join("npm/guestnet/guestnet.node");
    assert!(
        addon.is_file(),
        "{} is not there: run `cargo xtask guests emscripten`",
        addon.display()
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("js").join(name);
    script(engine, &path).arg(addon)
}

/// Any script under an engine.
///
/// # Panics
///
/// When the engine is not there.
#[must_use]
pub fn script(engine: Engine, script: &Path) -> Program {
    let target = paths::target_dir();
    let path = target.join("engines").join(engine.name());
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask guests emscripten`",
        path.display()
    );
    let program = Program::new(&path);
    match engine {
        Engine::Node20 | Engine::Node26 => program,
        // Neither asks the network for anything nor writes to the user's home.
        Engine::Deno => program
            .env("DENO_DIR", target.join("deno"))
            .env("DENO_NO_UPDATE_CHECK", "1")
            .env("NO_COLOR", "1")
            .arg("run")
            .args([
                "--allow-all",
                "--no-prompt",
                // It has been seen to hold the code of a program that was built anew since, under the same name.
                "--no-code-cache",
                "--no-config",
                "--no-lock",
                "--cached-only",
            ]),
        Engine::Bun => program
            .env("BUN_RUNTIME_TRANSPILER_CACHE_PATH", "0")
            .env("DO_NOT_TRACK", "1")
            .args(["run", "--no-install"]),
    }
    .arg(script)
}
