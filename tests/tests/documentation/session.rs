//! Runs the commands of one block in a directory of its own, as a user who pastes them.

use guestnet_tests::emscripten::{self, Variant};
use guestnet_tests::markdown::{ANYTHING, Block, Fixture, Mark, shows};
use guestnet_tests::{Program, Running, docs, guest, paths};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one command may take. It covers the compilation of a guest by an unoptimised compiler on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often a block is tried, because another program can take a free port before the command does.
const ATTEMPTS: usize = 4;

/// Runs the block of this index among those of its page.
///
/// # Errors
/// What a command printed that the page does not show, or why it failed.
pub(crate) fn run(blocks: &[Block], index: usize) -> Result<(), String> {
    let mut outcome = Ok(());
    for _ in 0..ATTEMPTS {
        outcome = attempt(blocks, index);
        let in_use = |text: &String| text.contains("in use");
        if !outcome.as_ref().is_err_and(in_use) {
            break;
        }
    }
    outcome
}

fn attempt(blocks: &[Block], index: usize) -> Result<(), String> {
    let block = blocks.get(index).ok_or("there is no such block")?;
    let fixtures = match &block.mark {
        Mark::Run(fixtures) => fixtures.as_slice(),
        _ => &[],
    };
    let place = Place::new(fixtures, blocks)?;
    let text = place.with_ports(&block.text);
    if block.language == "console" {
        return session(&place, &text);
    }
    let finished = place.shell(&format!("set -e\n{text}")).finish();
    if finished.status.success() {
        Ok(())
    } else {
        Err(finished.to_string())
    }
}

/// Commands behind `$`, each followed by what it prints. One that ends with `&` goes on until the block is over.
fn session(place: &Place, text: &str) -> Result<(), String> {
    let mut servers: Vec<Running> = Vec::new();
    for step in format!("\n{text}").split("\n$ ").skip(1) {
        let (command, shown) = step.split_once('\n').unwrap_or((step, ""));
        if let Some(command) = command.strip_suffix('&') {
            // exec: what is ended at the end is the program itself.
            let mut server = place.shell(&format!("exec {command} 2>&1")).start();
            for line in shown.lines() {
                let start = line.split(ANYTHING).next().unwrap_or_default();
                let _ = server.line(start);
            }
            servers.push(server);
            continue;
        }
        let finished = place.shell(&format!("{{ {command}\n}} 2>&1")).finish();
        // A page has no carriage returns, as HTTP has them.
        let printed = finished.stdout.trim_end().replace('\r', "");
        if !shows(shown.trim_end(), &printed) {
            return Err(format!(
                "$ {command}\n--- the page\n{shown}\n--- it printed\n{printed}"
            ));
        }
    }
    Ok(())
}

/// The directory that commands run in.
struct Place {
    dir: tempfile::TempDir,
    /// Ports of the page, and those that have their places.
    ports: Vec<(String, String)>,
}

impl Place {
    /// A new directory with what the block needs, and with the files that its page shows.
    fn new(fixtures: &[Fixture], blocks: &[Block]) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut place = Self {
            dir,
            ports: Vec::new(),
        };
        let failed = |error: std::io::Error| error.to_string();
        fs::create_dir(place.bin()).map_err(failed)?;
        symlink(paths::guestnet_bin(), place.bin().join("guestnet")).map_err(failed)?;
        for fixture in fixtures {
            match fixture {
                Fixture::Guest {
                    name,
                    kind,
                    guest: built,
                } => {
                    // The engine follows the link, and finds the program's WebAssembly next to what it leads to.
                    let product = match kind.as_str() {
                        "emscripten-plain" => emscripten::guest(Variant::Plain, built),
                        kind => guest(kind, built),
                    };
                    symlink(product, place.path(name)).map_err(failed)?;
                }
                Fixture::File { name, path } => {
                    let text =
                        fs::read(docs::root().join(path)).map_err(|error| format!("{path}: {error}"))?;
                    fs::write(place.path(name), text).map_err(failed)?;
                }
                Fixture::Port(port) => place.ports.push((port.clone(), free_port().map_err(failed)?)),
                Fixture::Node => {
                    let engine = paths::target_dir().join("engines/node26");
                    symlink(engine, place.bin().join("node")).map_err(failed)?;
                }
            }
        }
        for block in blocks {
            if let Mark::File(name) = &block.mark {
                fs::write(place.path(name), place.with_ports(&block.text)).map_err(failed)?;
            }
        }
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bin(&self) -> PathBuf {
        self.path(".bin")
    }

    /// The text with other ports in the places of those that the page names.
    fn with_ports(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (shown, port) in &self.ports {
            text = text.replace(shown, port);
        }
        text
    }

    /// A shell in this directory that finds `guestnet`.
    fn shell(&self, script: &str) -> Program {
        let path = std::env::var("PATH").unwrap_or_default();
        Program::new(Path::new("/bin/sh"))
            .args(["-c", script])
            .current_dir(self.dir.path())
            .env("PATH", format!("{}:{path}", self.bin().display()))
            .env("GUESTNET_CACHE", paths::target_dir().join("guestnet-cache"))
            .deadline(DEADLINE)
    }
}

fn free_port() -> std::io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port().to_string())
}
