//! guestnet for JavaScript on QuickJS: the modules `os` and `std` as qjs has them, with real sockets.
//!
//! A [`ScriptBuilder`] puts a guest, its arguments and its directories together; [`Script::run`] evaluates a module and
//! turns the event loop until nothing is pending. Sockets, waiting, names and the policy are the core's; the engine is
//! quickjs-ng through rquickjs. docs/quickjs.md lists what scripts can call.
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

mod abi;
mod argument;
mod budget;
mod buffer;
mod builder;
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
mod signals;
mod state;
#[path = "std/mod.rs"]
mod std_module;
mod sys;
mod text;
mod thread;
mod turn;
mod wait;

pub use builder::{BuildError, ScriptBuilder};
pub use file::File;
pub use interactive::Evaluation;
/// The engine: what [`ScriptBuilder::module`] and [`Script::with`] are given is of this version of it.
pub use rquickjs;
pub use script::{End, Script};
pub use signals::SignalAction;
pub use thread::ThreadHost;
