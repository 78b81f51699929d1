//! guestnet for JavaScript on QuickJS: the modules `os` and `std` as qjs has them, with real sockets.
//!
//! A [`ScriptBuilder`] puts a guest, its arguments and its directories together; [`Script::run`] evaluates a module and
//! turns the event loop until nothing is pending. Sockets, waiting, names and the policy are the core's; the engine is
//! quickjs-ng through [`rquickjs`]. docs/quickjs.md lists what scripts can call.
//!
//! A script that may connect to one port, and whose exit code is its own:
//!
//! ```
//! use std::net::TcpListener;
//! use std::sync::Arc;
//!
//! use guestnet_core::policy::{PolicyBuilder, Use};
//! use guestnet_core::{Capacity, Guest};
//! use guestnet_host_os::OsHost;
//! use guestnet_quickjs::{End, ScriptBuilder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let allowed = server.local_addr()?;
//! let mut policy = PolicyBuilder::new();
//! policy.allow(Use::Connect, &format!("tcp://{allowed}"))?;
//!
//! let guest = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(OsHost::new()?);
//! let mut builder = ScriptBuilder::new(guest);
//! builder.arg("main.js").arg(allowed.port().to_string());
//! let mut script = builder.build()?;
//! let end = script.run(
//!     "main.js",
//!     br#"
//!         import * as os from "os";
//!         import * as std from "std";
//!         const connect = port => os.connect(os.socket(os.AF_INET, os.SOCK_STREAM), { addr: "127.0.0.1", port });
//!         const port = Number(scriptArgs[1]);
//!         const first = await connect(port);
//!         const second = await connect(port ^ 1).catch(errno => errno);
//!         std.exit(first === 0 && second === -std.Error.EACCES ? 7 : 1);
//!     "#,
//! );
//! assert_eq!(end, End::Exit(7));
//! # Ok(())
//! # }
//! ```
//!
//! # Modules of an embedder's own
//! [`ScriptBuilder::module`] adds one, and [`Script::with`] gives the engine's context before and after the script.
//!
//! # Stopping a script
//! [`ScriptBuilder::stop_flag`] ends one that computes; the host's stopper (`OsHost::stopper` of guestnet-host-os) ends one
//! that waits. Set the flag first.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]

// The layers, of which no module names one above it: `sys` (all unsafe code) is at the bottom. Next come the data of a
// script (`event_loop`, `operation`, `promise`, `ports`, `session`, `signals`, `os/dir`, `os/address`, `std/stream`), which `state`
// joins. The calls of `os` and `std` use the state; `turn` and `loader` use the calls, and `script` uses all of them.
mod abi;
mod abort;
mod argument;
mod atomics;
mod budget;
mod buffer;
mod builder;
mod call_site;
mod convert;
mod copyable;
mod embedder;
mod errno;
mod event_loop;
mod file;
mod interactive;
mod library;
mod loader;
mod module_name;
mod native;
mod native_modules;
mod operation;
mod os;
mod ports;
mod print;
mod printf;
mod promise;
mod rejections;
mod report;
mod script;
mod session;
mod signals;
mod state;
#[path = "std/mod.rs"]
mod std_module;
mod sys;
mod text;
mod thread;
mod turn;
mod wait;
mod waiters;
mod web;

pub use builder::{BuildError, ScriptBuilder};
pub use file::File;
pub use interactive::Evaluation;
/// The engine: what [`ScriptBuilder::module`] and [`Script::with`] are given is of this version of it.
pub use rquickjs;
pub use script::{End, Script};
pub use session::SessionHandle;
pub use signals::SignalAction;
pub use thread::ThreadHost;
