//! The tools the repository needs beyond cargo: pinned, fetched into the cache, or installed by apt-get.
//!
//! Everything here is idempotent and quick when there is nothing to do. A tool that cannot be had is an error that
//! names it and says how to get it.

mod apt;
mod emscripten;
mod go;
mod mirror;
mod npm;
mod python;
mod rust;
mod size;
mod zig;

pub(crate) use emscripten::Emscripten;
pub(crate) use go::Go;
pub(crate) use npm::Engine;
pub(crate) use zig::{OPTIMISE, Zig};

use crate::Result;
use crate::cache::Cache;
use crate::process::progress;
use crate::project::{Project, host_triple};
use size::Pinned;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The typos wheel on PyPI holds the released binary.
const TYPOS: Pinned = Pinned {
    name: "typos",
    version: "1.52.0",
    megabytes: 8,
};

/// cargo-mutants, which changes the code to see whether a test notices.
const MUTANTS: &str = "27.1.0";

/// Gives tools, fetching them on first use.
#[derive(Debug)]
pub(crate) struct Tools {
    cache: Cache,
    root: PathBuf,
    apt: apt::Apt,
}

impl Tools {
    /// Opens the cache; fetches nothing yet.
    pub(crate) fn new(project: &Project) -> Result<Self> {
        Ok(Self {
            cache: Cache::open()?,
            root: project.root.clone(),
            apt: apt::Apt::default(),
        })
    }

    /// Fetches everything, for `cargo xtask tools`.
    pub(crate) fn all(&self) -> Result<()> {
        self.rust_targets()?;
        self.c_compiler()?;
        self.zig()?;
        self.go()?;
        self.emscripten()?;
        self.cmake()?;
        for engine in Engine::ALL {
            self.engine(engine)?;
        }
        self.typescript()?;
        self.node_types()?;
        self.typos()?;
        self.valgrind()?;
        self.peers()?;
        self.load_generators()?;
        self.browser()?;
        progress("tools", "all there");
        Ok(())
    }

    /// The Rust targets that the tests build for.
    pub(crate) fn rust_targets(&self) -> Result<()> {
        rust::targets(&self.root)
    }

    /// The crates that the workspace depends on.
    pub(crate) fn crates(&self, project: &Project) -> Result<()> {
        rust::crates(&self.root, &host_triple(project)?, rust::WORKSPACE)
    }

    /// The crates that a guest in Rust depends on.
    pub(crate) fn guest_crates(&self, directory: &Path, triple: &str) -> Result<()> {
        rust::crates(directory, triple, rust::GUEST)
    }

    /// The crates that the examples in Rust depend on.
    pub(crate) fn example_crates(&self, directory: &Path, triple: &str) -> Result<()> {
        rust::crates(directory, triple, rust::EXAMPLES)
    }

    /// The C and C++ compilers: the native builds of the guests, and libFuzzer.
    pub(crate) fn c_compiler(&self) -> Result<()> {
        self.apt
            .programs(&self.cache, &[("cc", "gcc libc6-dev"), ("c++", "g++")])
    }

    /// What counts instructions.
    pub(crate) fn valgrind(&self) -> Result<()> {
        self.apt.programs(&self.cache, &[("valgrind", "valgrind")])
    }

    /// The C compiler for wasip1, with its libc built.
    pub(crate) fn zig(&self) -> Result<Zig> {
        zig::zig(&self.cache, &self.apt)
    }

    /// Go, the machine's own if it is new enough.
    pub(crate) fn go(&self) -> Result<Go> {
        go::go(&self.cache, &self.apt)
    }

    /// Emscripten, with its system libraries built.
    pub(crate) fn emscripten(&self) -> Result<Emscripten> {
        let node = self.engine(Engine::Node20)?;
        emscripten::emscripten(&self.cache, &self.apt, &node)
    }

    /// CMake, and the make that it writes files for.
    pub(crate) fn cmake(&self) -> Result<()> {
        self.apt
            .programs(&self.cache, &[("cmake", "cmake"), ("make", "make")])
    }

    /// The program of an engine that runs Emscripten's output.
    pub(crate) fn engine(&self, engine: Engine) -> Result<PathBuf> {
        npm::engine(&self.cache, &self.apt, engine)
    }

    /// npm.
    pub(crate) fn npm(&self) -> Result<Command> {
        npm::npm(&self.cache, &self.apt)
    }

    /// The TypeScript compiler, a script for Node.
    pub(crate) fn typescript(&self) -> Result<PathBuf> {
        npm::typescript(&self.cache, &self.apt)
    }

    /// The directory with the types of Node, for the TypeScript compiler.
    pub(crate) fn node_types(&self) -> Result<PathBuf> {
        npm::node_types(&self.cache, &self.apt)
    }

    /// The unpacked source of one of Debian's packages.
    pub(crate) fn source(&self, package: &str) -> Result<PathBuf> {
        mirror::source(&self.cache, &self.apt, package)
    }

    /// A directory in the cache for what is compiled once on a machine, made by `build` if it is not there.
    pub(crate) fn compiled(&self, name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        self.cache.tool(name, build)
    }

    /// The spelling checker.
    pub(crate) fn typos(&self) -> Result<PathBuf> {
        Ok(python::wheel(&self.cache, &self.apt, TYPOS)?.join("bin/typos"))
    }

    /// The program `cargo-mutants`, compiled by cargo.
    pub(crate) fn cargo_mutants(&self) -> Result<PathBuf> {
        let directory = self
            .cache
            .tool(&format!("cargo-mutants-{MUTANTS}"), |directory| {
                progress("cargo-mutants", "compiling it with cargo install: some minutes");
                let mut cargo = crate::project::cargo();
                cargo
                    .args([
                        "install",
                        "cargo-mutants",
                        "--locked",
                        "--version",
                        MUTANTS,
                        "--root",
                    ])
                    .arg(directory);
                crate::process::run(&mut cargo, "cargo install cargo-mutants")
            })?;
        Ok(directory.join("bin/cargo-mutants"))
    }

    /// The real servers and clients that guests talk to in the demo.
    pub(crate) fn demo_peers(&self) -> Result<()> {
        self.apt.programs(
            &self.cache,
            &[
                ("dnsmasq", "dnsmasq-base"),
                ("redis-server", "redis-server"),
                ("redis-cli", "redis-tools"),
                ("mariadbd", "mariadb-server"),
                ("mariadb-install-db", "mariadb-server"),
                ("nginx", "nginx-light"),
                ("curl", "curl"),
            ],
        )
    }

    /// Those of the tests.
    pub(crate) fn peers(&self) -> Result<()> {
        self.demo_peers()?;
        self.containers()?;
        let more = [
            ("mosquitto", "mosquitto"),
            ("openssl", "openssl"),
            ("systemd-analyze", "systemd"),
            ("systemd-socket-activate", "systemd"),
        ];
        self.apt.programs(&self.cache, &more)?;
        // Debian has its server outside of PATH, in a directory for each version.
        let has_postgres = || {
            let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
            let mut versions = versions.filter_map(std::result::Result::ok);
            versions.any(|version| version.path().join("bin/postgres").is_file())
        };
        apt::unless(
            &self.apt,
            &self.cache,
            "the server of PostgreSQL",
            &["postgresql"],
            has_postgres,
        )
    }

    /// What puts load on the applications that are measured.
    pub(crate) fn load_generators(&self) -> Result<()> {
        self.apt
            .programs(&self.cache, &[("wrk", "wrk"), ("redis-benchmark", "redis-tools")])
    }

    /// containerd, what it runs native programs with, and what makes networks for them.
    pub(crate) fn containers(&self) -> Result<()> {
        self.apt.programs(
            &self.cache,
            &[
                ("containerd", "containerd"),
                ("ctr", "containerd"),
                ("runc", "runc"),
                ("ip", "iproute2"),
            ],
        )
    }

    /// The browser that Direct Sockets are tested in.
    pub(crate) fn browser(&self) -> Result<()> {
        self.apt.programs(&self.cache, &[("chromium", "chromium")])
    }
}
