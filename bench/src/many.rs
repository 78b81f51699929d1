//! Many guests in one process of an embedder, each on a thread of its own: what `soak` watches from outside.
//!
//! The process reads orders from standard input. `start` makes the guests and prints the port of each; `stop` waits for the ends of all of them, which
//! the peer has asked for, and prints `ended`.

use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use guestnet_core::policy::{Policy, PolicyBuilder};
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder, InstancePre};
use wasmtime::{Engine, Module, Store};

use crate::Result;

/// The argument with which this program is one of these: behind it a module and the number of guests.
pub(crate) const ARGUMENT: &str = "--guests";

/// The stack of a guest's thread: Wasmtime's own 512 KiB, and the calls around them.
const STACK: usize = 1 << 20;

/// What all guests share.
struct Program {
    engine: Engine,
    module: InstancePre<GuestCtx<OsHost>>,
    policy: Arc<Policy>,
}

/// A guest at work, and what it prints.
struct Guest {
    thread: JoinHandle<wasmtime::Result<()>>,
    printed: BufReader<PipeReader>,
}

/// The longest line of a guest.
const LINE: usize = 64;

/// Follows the orders until there are no more.
///
/// # Errors
/// The module cannot be read, or a guest failed.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let [module, count] = args else {
        return Err(format!("{ARGUMENT} MODULE COUNT"));
    };
    let count = count.parse().map_err(|_| format!("not a number: {count}"))?;
    let program = Program::new(module).map_err(|error| format!("{module}: {error:#}"))?;
    let mut guests: Vec<Guest> = Vec::with_capacity(count);
    say("prepared")?;
    for line in std::io::stdin().lines() {
        match line.map_err(|error| error.to_string())?.as_str() {
            "start" => {
                for _ in 0..count {
                    guests.push(program.start()?);
                }
                guests.iter_mut().try_for_each(|guest| say(&guest.line()?))?;
            }
            "stop" => {
                guests.drain(..).try_for_each(Guest::stop)?;
                say("ended")?;
            }
            other => return Err(format!("no such order: {other}")),
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    written.map_err(|error| error.to_string())
}

impl Program {
    fn new(module: &str) -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let adapter: Adapter<GuestCtx<OsHost>> = Adapter::new(&engine, |ctx| ctx)?;
        let module = adapter.instantiate_pre(&Module::from_file(&engine, module)?)?;
        let policy = Arc::new(PolicyBuilder::new().allow_net().build());
        Ok(Program {
            engine,
            module,
            policy,
        })
    }

    fn start(&self) -> Result<Guest> {
        let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let store = self.store(writer.into()).map_err(|error| format!("{error:#}"))?;
        let module = self.module.clone();
        let thread = Builder::new()
            .stack_size(STACK)
            .spawn(move || serve(&module, store))
            .map_err(|error| format!("a thread: {error}"))?;
        Ok(Guest {
            thread,
            printed: BufReader::with_capacity(LINE, reader),
        })
    }

    fn store(&self, stdout: OwnedFd) -> wasmtime::Result<Store<GuestCtx<OsHost>>> {
        let mut host = OsHost::new()?;
        let stdout = host.adopt_stream(stdout)?;
        let guest = GuestThread::new(host, Arc::clone(&self.policy), Capacity::default());
        let mut builder = GuestCtxBuilder::new(guest);
        builder.arg("guest").stdout(stdout);
        Ok(Store::new(&self.engine, builder.build()?))
    }
}

/// The life of one guest.
fn serve(module: &InstancePre<GuestCtx<OsHost>>, mut store: Store<GuestCtx<OsHost>>) -> wasmtime::Result<()> {
    let instance = module.instantiate(&mut store)?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    start.call(&mut store, ())
}

impl Guest {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.printed.read_line(&mut line) {
            Ok(0) => Err("a guest has ended".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits for its end, at which it says that none of its descriptors is left.
    fn stop(mut self) -> Result<()> {
        lowest(&self.line()?)?;
        let ended = self.thread.join().map_err(|_| "a guest's thread panicked")?;
        ended.map_err(|error| format!("a guest: {error:#}"))
    }
}

/// Whether a program of bench/c has as many descriptors at its end as at its beginning, by its line `lowest A B`.
///
/// # Errors
/// It has not.
pub(crate) fn lowest(line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["lowest", before, after] if before == after => Ok(()),
        _ => Err(format!("descriptors of a guest are left: {line}")),
    }
}

#[cfg(test)]
mod tests {
    use super::lowest;

    #[test]
    fn a_guest_that_has_descriptors_left_is_noticed() {
        assert!(lowest("lowest 3 3").is_ok());
        assert!(lowest("lowest 3 4").is_err() && lowest("").is_err());
    }
}
