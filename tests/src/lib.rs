//! What the tests share: the built guests, a way to run one under a deadline, and real servers to talk to.
//!
//! The tests themselves are in `tests/`. Nothing here skips: what is missing is a panic that says how to get it.

pub mod act;
pub mod chromium;
pub mod containers;
pub mod docs;
pub mod emscripten;
pub mod markdown;
pub mod paths;
pub mod peers;
pub mod run;

pub use paths::{guest, native_guest};
pub use run::{Guestnet, Program, ProgramOutput, Running};
