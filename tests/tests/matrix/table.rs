//! What the matrix is made of: its columns, its guests, and what is known to differ. Nothing is run here.
//!
//! `main.rs` asserts it and `page.rs` writes it down, so that the page says what the tests hold.

use guestnet_tests::chromium::Place;
use guestnet_tests::emscripten::{Engine, Variant};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A way to run a C guest in the sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sandbox: Sandbox,
    /// How a program gets there, for the page.
    pub(crate) about: &'static str,
    /// Which behaviours it cannot have, for the page; empty if it can have all.
    pub(crate) lacks: &'static str,
}

/// What runs it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sandbox {
    Wasip1,
    /// The same behaviour written again, with the calls of `os`: those of guests/c that JavaScript can say.
    Js,
    Emscripten(Variant, Engine),
    /// An Isolated Web App.
    Chromium(Place),
}

pub(crate) const COLUMNS: [Column; 15] = [
    Column {
        name: "wasip1",
        sandbox: Sandbox::Wasip1,
        about: "C with guest-libs/c, for WASI preview 1",
        lacks: "what needs calls of Linux that WASI has not: threads, pipes, control data",
    },
    Column {
        name: "js",
        sandbox: Sandbox::Js,
        about: "a script of guests/js, on QuickJS",
        lacks: "what no script says: much of it is what JavaScript cannot say, such as readv and select",
    },
    Column {
        name: "emscripten-node20",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Node20),
        about: "Emscripten, Node 20",
        lacks: "threads",
    },
    Column {
        name: "emscripten-node26",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Node26),
        about: "Emscripten, Node 26",
        lacks: "threads",
    },
    Column {
        name: "emscripten-bun",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Bun),
        about: "Emscripten, Bun",
        lacks: "threads",
    },
    Column {
        name: "emscripten-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Node20),
        about: "Emscripten with `-pthread`, Node 20",
        lacks: "",
    },
    Column {
        name: "emscripten-jspi",
        sandbox: Sandbox::Emscripten(Variant::Jspi, Engine::Node26),
        about: "Emscripten with `-sJSPI`, Node 26",
        lacks: "threads",
    },
    Column {
        name: "emscripten-jspi-pthread",
        sandbox: Sandbox::Emscripten(Variant::JspiPthread, Engine::Node26),
        about: "Emscripten with `-sJSPI -pthread`, Node 26",
        lacks: "",
    },
    Column {
        name: "emscripten-deno",
        sandbox: Sandbox::Emscripten(Variant::Module, Engine::Deno),
        about: "Emscripten as an ES module, Deno",
        lacks: "threads",
    },
    Column {
        name: "emscripten-deno-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Deno),
        about: "Emscripten with `-pthread`, Deno",
        lacks: "what `emscripten-deno` has",
    },
    Column {
        name: "emscripten-bun-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Bun),
        about: "Emscripten with `-pthread`, Bun",
        lacks: "what `emscripten-bun` has",
    },
    Column {
        name: "emscripten-proxy",
        sandbox: Sandbox::Emscripten(Variant::Proxy, Engine::Node20),
        about: "Emscripten with `-pthread -sPROXY_TO_PTHREAD`, Node 20",
        lacks: "",
    },
    Column {
        name: "chromium-page",
        sandbox: Sandbox::Chromium(Place::Page),
        about: "Emscripten with `-sJSPI`, on a page of an Isolated Web App in Chromium",
        lacks: "threads",
    },
    Column {
        name: "chromium-worker",
        sandbox: Sandbox::Chromium(Place::Worker),
        about: "the same in a worker",
        lacks: "threads",
    },
    Column {
        name: "chromium-pthread",
        sandbox: Sandbox::Chromium(Place::Pthread),
        about: "Emscripten with `-pthread -sPROXY_TO_PTHREAD`, on a page of an Isolated Web App in Chromium",
        lacks: "",
    },
];

impl Column {
    /// Whether it can have this guest at all.
    pub(crate) fn can_have(self, guest: &Guest) -> bool {
        match self.sandbox {
            Sandbox::Wasip1 => guest.source == Source::Everywhere,
            Sandbox::Js => guest.source == Source::Everywhere && script(&guest.name).is_file(),
            // All others are in a column of the engine without threads.
            Sandbox::Emscripten(Variant::Pthread, Engine::Deno | Engine::Bun) => {
                guest.name.starts_with("thread_")
            }
            Sandbox::Emscripten(variant, _) => variant.has_threads() || !guest.name.starts_with("thread_"),
            Sandbox::Chromium(place) => place == Place::Pthread || !guest.name.starts_with("thread_"),
        }
    }

    /// Whether it runs what is known to differ. In a browser many of these wait for what never comes, and others depend on how fast
    /// something is.
    pub(crate) fn runs_what_differs(self) -> bool {
        !matches!(self.sandbox, Sandbox::Chromium(_))
    }

    /// Whether an entry for `abi` is about this column: its own name, or the family that it begins with.
    pub(crate) fn is_of(self, abi: &str) -> bool {
        self.name
            .strip_prefix(abi)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// guests/js/NAME.js.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../guests/js")
        .join(format!("{name}.js"))
}

/// A program of guests/c or guests/linux.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Where a guest's source is, which says who can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// guests/c.
    Everywhere,
    /// guests/linux.
    Linux,
}

impl Guest {
    /// Its file, from the root of the repository.
    pub(crate) fn path(&self) -> String {
        let directory = match self.source {
            Source::Everywhere => "c",
            Source::Linux => "linux",
        };
        format!("guests/{directory}/{}.c", self.name)
    }
}

/// Why this guest is known to differ in this column; `None` if it must not.
pub(crate) fn reason<'a>(differences: &'a [Difference], guest: &Guest, column: Column) -> Option<&'a str> {
    differences
        .iter()
        .find(|entry| entry.guest == guest.name && column.is_of(&entry.abi))
        .map(|entry| entry.reason.as_str())
}

/// expectations.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    #[serde(default)]
    differs: Vec<Difference>,
}

/// A guest that is known to differ in one column, or in all of a family.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    pub(crate) guest: String,
    pub(crate) abi: String,
    pub(crate) reason: String,
}

/// guests/c/*.c and guests/linux/*.c. Those that begin with `app_` or `attack_` are programs for other tests.
pub(crate) fn guests() -> Vec<Guest> {
    let mut guests = Vec::new();
    for (directory, source) in [("c", Source::Everywhere), ("linux", Source::Linux)] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../guests")
            .join(directory);
        let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let sources = entries.map(|entry| entry.expect("read a directory of guests").path());
        let before = guests.len();
        guests.extend(
            sources
                .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
                .filter_map(|path: PathBuf| Some(path.file_stem()?.to_str()?.to_string()))
                .filter(|name| !["app_", "attack_"].iter().any(|prefix| name.starts_with(prefix)))
                .map(|name| Guest { name, source }),
        );
        assert!(guests.len() > before, "{} has no guests", dir.display());
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        guests.is_sorted_by(|a, b| a.name < b.name),
        "two guests have one name"
    );
    guests
}

pub(crate) fn expectations() -> Vec<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed: Expectations =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parsed.differs
}
