//! Runs a WebAssembly module under a policy, and stops it when its time is over.
//!
//! ```sh
//! cargo run -p guestnet --example module -- app.toml app.wasm 30 [ARGS]...
//! ```

use std::error::Error;
use std::process::exit;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use guestnet::wasmtime::Module;
use guestnet::{End, Options, Reporting, WasiRuntime};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [policy, path, seconds, args @ ..] = arguments.as_slice() else {
        return Err("usage: module POLICY.toml MODULE SECONDS [ARGS]...".into());
    };
    let text = std::fs::read_to_string(policy)?;
    let policy = guestnet::policy::Policy::from_toml(&text, policy)?;
    let time = Duration::from_secs(seconds.parse()?);

    let runtime = WasiRuntime::new()?;
    let module = Module::from_file(runtime.engine(), path)?;
    // Prints the first denial, with the rule that would allow it.
    let reporter = Reporting::default().open(&policy)?;
    let guest = Options::new()
        .policy(policy)
        .observer(reporter)
        .inherit_stdio()
        .arg(path)
        .args(args)
        .wasi(&runtime)?;

    let handle = guest.handle();
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if end.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
            handle.stop();
        }
    });
    let outcome = guest.run(&module);
    drop(ended);
    watchdog.join().map_err(|_| "the watchdog panicked")?;
    match outcome? {
        End::Exit(code) => exit(code),
        End::Stop => Err("stopped: its time is over".into()),
    }
}
