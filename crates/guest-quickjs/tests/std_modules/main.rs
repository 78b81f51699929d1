//! The modules `os` and `std` but for sockets: scripts that call every function, rightly and wrongly.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at what scripts have left"
)]

mod atomics;
mod files;
mod harness;
mod interactive;
mod io;
mod library;
mod limits;
mod memory;
mod misc;
mod modules;
mod names;
mod print;
mod signal;
mod types;
mod web;
mod worker;
