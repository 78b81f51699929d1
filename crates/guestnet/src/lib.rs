//! guestnet: real POSIX sockets for sandboxed programs, in a program of yours.
//!
//! [`Options`] say what a guest is given and may do: a policy, directories, listeners, an environment, an observer. They
//! become a guest of one of four kinds, each on the sockets of the operating system ([`OsHost`]):
//!
//! * a WebAssembly module for WASI preview 1, on Wasmtime: [`Options::wasi`], or [`Options::wasi_parts`] for who has an
//!   engine, stores and imports of their own;
//! * a WebAssembly component for WASI 0.2, on Wasmtime: [`Options::component`], or [`Options::component_parts`];
//! * a script on QuickJS: [`Options::script`], or [`Options::script_parts`] to run it on another thread;
//! * a program with threads of another ABI: [`Options::threads`], on which an adapter is built.
//!
//! Not here: hosts that are not the operating system's. An embedder with one joins it with `guestnet-wasi` or
//! `guestnet-quickjs` directly.
//!
//! # A module under a policy
#![cfg_attr(feature = "wasi", doc = "```")]
#![cfg_attr(not(feature = "wasi"), doc = "```ignore")]
//! use guestnet::policy::Policy;
//! use guestnet::wasmtime::Module;
//! use guestnet::{End, Options, WasiRuntime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Opens a TCP socket, and connects it to 127.0.0.1:80. The exit code is the errno: 2 is WASI's EACCES.
//! let text = r#"
//!     (module
//!       (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
//!       (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
//!       (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
//!       (memory (export "memory") 1)
//!       (data (i32.const 16) "\20\00\00\00\04\00\00\00")  ;; 4 bytes at 32
//!       (data (i32.const 32) "\7f\00\00\01")              ;; 127.0.0.1
//!       (func (export "_start")
//!         (drop (call $open (i32.const 1) (i32.const 2) (i32.const 8)))
//!         (call $exit (call $connect (i32.load (i32.const 8)) (i32.const 16) (i32.const 80)))))"#;
//!
//! let runtime = WasiRuntime::new()?;
//! let module = Module::new(runtime.engine(), text)?;
//! let policy = Policy::from_toml("[connect]\nallow = [\"db.example:5432\"]", "app.toml")?;
//!
//! let guest = Options::new().policy(policy).arg("app.wasm").wasi(&runtime)?;
//! assert_eq!(guest.run(&module)?, End::Exit(2));
//! # Ok(())
//! # }
//! ```
//!
//! One runtime serves any number of guests, each with options of its own. A guest takes a thread while it runs:
//! [`GuestHandle::stop`] ends it from another one.
//!
//! # A component
#![cfg_attr(feature = "wasi", doc = "```")]
#![cfg_attr(not(feature = "wasi"), doc = "```ignore")]
//! use guestnet::wasmtime::component::Component;
//! use guestnet::{ComponentRuntime, End, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What rustc makes for wasm32-wasip2 exports this interface, too.
//! let text = r#"
//!     (component
//!       (core module $program (func (export "run") (result i32) (i32.const 1)))
//!       (core instance $program (instantiate $program))
//!       (func $run (result (result)) (canon lift (core func $program "run")))
//!       (instance $command (export "run" (func $run)))
//!       (export "wasi:cli/run@0.2.0" (instance $command)))"#;
//!
//! let runtime = ComponentRuntime::new()?;
//! let component = Component::new(runtime.engine(), text)?;
//! let guest = Options::new().arg("app.wasm").component(&runtime)?;
//! assert_eq!(guest.run(&component)?, End::Exit(1));
//! # Ok(())
//! # }
//! ```
//!
//! # A script
#![cfg_attr(feature = "quickjs", doc = "```")]
#![cfg_attr(not(feature = "quickjs"), doc = "```ignore")]
//! use guestnet::policy::Policy;
//! use guestnet::{End, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let source = r#"
//!     import * as os from "os";
//!     import * as std from "std";
//!     const listener = os.socket(os.AF_INET, os.SOCK_STREAM);
//!     os.bind(listener, { family: os.AF_INET, addr: "127.0.0.1", port: 0 });
//!     os.listen(listener);
//!     std.exit(3);"#;
//! let policy = Policy::from_toml("[listen]\nallow = [\"127.0.0.1:0\"]", "app.toml")?;
//!
//! let mut guest = Options::new().policy(policy).max_memory(64 << 20).script()?;
//! assert_eq!(guest.run("app.js", source), End::Exit(3));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `wasi` and `quickjs` bring the two kinds of guests, `dns` the owner's DNS servers and hosts files. All are on by default.
//! `module-options` reads options as programs in JavaScript have them (`Module.guestnet`, `GUESTNET_OPTIONS`).
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

#[cfg(feature = "wasi")]
mod component_guest;
mod end;
mod error;
#[cfg(all(feature = "dns", feature = "wasi"))]
mod etc;
mod handle;
#[cfg(feature = "dns")]
mod hosts;
#[cfg(feature = "wasi")]
mod limit;
#[cfg(feature = "module-options")]
mod module_options;
mod options;
mod reporting;
#[cfg(feature = "wasi")]
mod run;
#[cfg(feature = "wasi")]
mod run_component;
#[cfg(feature = "quickjs")]
mod script;
mod setup;
mod threads;
#[cfg(feature = "wasi")]
mod wasi_guest;

#[cfg(feature = "wasi")]
pub use component_guest::{
    ComponentGuest, ComponentParts, ComponentRuntime, ComponentState, limit_component,
};
pub use end::End;
pub use error::{Error, reason};
#[cfg(all(feature = "dns", feature = "wasi"))]
pub use etc::Etc;
pub use guestnet_core::{self as core, MetricsSnapshot, Traffic, policy};
#[cfg(feature = "module-options")]
pub use guestnet_emscripten::{Environment, ModuleOptionsError, OptionValue};
pub use guestnet_host_os::{
    self as host_os, MetricsExporter, OsHost, ReportTo, ReportToError, RunningExporter, TraceTo, Upstream,
    UpstreamError,
};
#[cfg(feature = "quickjs")]
pub use guestnet_quickjs as quickjs;
#[cfg(feature = "wasi")]
pub use guestnet_wasi as wasi;
pub use handle::GuestHandle;
#[cfg(feature = "dns")]
pub use hosts::HostsFile;
#[cfg(feature = "wasi")]
pub use limit::{DEFAULT_MAX_MEMORY, MemoryLimit, MemoryRefusal};
pub use options::{Options, add_policy_file};
pub use reporting::Reporting;
#[cfg(feature = "wasi")]
pub use run::{RunError, check, run};
#[cfg(feature = "wasi")]
pub use run_component::{check_component, run_component};
#[cfg(feature = "quickjs")]
pub use script::{ScriptGuest, ScriptParts};
pub use threads::ThreadedGuest;
#[cfg(feature = "wasi")]
pub use wasi_guest::{WasiGuest, WasiParts, WasiRuntime, WasiState};
#[cfg(feature = "wasi")]
pub use wasmtime;
