//! A hundred guests of one module in one process, each with a policy of its own: guest N may connect to port 9000 + N of
//! 127.0.0.1, and to nothing else. A guest whose number is odd tries its neighbour's port.
//!
//! ```sh
//! cargo run -p guestnet --example hundred_guests
//! ```

use std::error::Error;
use std::thread;

use guestnet::policy::{PolicyBuilder, Use};
use guestnet::wasmtime::Module;
use guestnet::{End, Options, WasiRuntime};

/// Connects to the port of 127.0.0.1 that its first argument is, and exits with the errno.
const MODULE: &str = r#"
    (module
      (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "\20\00\00\00\04\00\00\00")
      (data (i32.const 32) "\7f\00\00\01")
      ;; The number of a text of digits, which ends with a NUL.
      (func $number (param $at i32) (result i32) (local $sum i32)
        (loop $digits
          (if (i32.load8_u (local.get $at)) (then
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10))
                                     (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $digits))))
        (local.get $sum))
      (func (export "_start")
        (drop (call $args (i32.const 64) (i32.const 128)))
        (drop (call $open (i32.const 1) (i32.const 2) (i32.const 8)))
        (call $exit (call $connect (i32.load (i32.const 8)) (i32.const 16)
                                   (call $number (i32.load (i32.const 68)))))))"#;

/// WASI's number of `EACCES`.
const EACCES: i32 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = WasiRuntime::new()?;
    let module = Module::new(runtime.engine(), MODULE)?;
    let (runtime, module) = (&runtime, &module);
    let ends = thread::scope(|scope| {
        let guests: Vec<_> = (0..100u16)
            .map(|number| {
                scope.spawn(move || run(runtime, module, number).map_err(|error| error.to_string()))
            })
            .collect();
        let ends = guests.into_iter().map(thread::ScopedJoinHandle::join);
        ends.map(|end| end.unwrap_or_else(|_| Err("a guest's thread panicked".to_owned())))
            .collect::<Result<Vec<End>, String>>()
    })?;
    let refused = ends.iter().filter(|end| **end == End::Exit(EACCES)).count();
    let text = format!("{} guests ended, {refused} of them with EACCES\n", ends.len());
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

fn run(runtime: &WasiRuntime, module: &Module, number: u16) -> Result<End, Box<dyn Error>> {
    let own = 9000 + number;
    let other = own ^ (number & 1);
    let mut policy = PolicyBuilder::new();
    policy.allow(Use::Connect, &format!("tcp://127.0.0.1:{own}"))?;
    let guest = Options::new()
        .policy(policy.build())
        .args(["connect", &other.to_string()])
        .wasi(runtime)?;
    Ok(guest.run(module)?)
}
