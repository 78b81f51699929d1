//! Components of WASI 0.2: the programs of guests/rust/std_net print in the sandbox what they print natively, and the options of
//! `guestnet run` hold for them.
//!
//! Not here: what the host's functions do with calls that std never makes (the tests of `crates/guest-wasi`).

mod calls;
mod churn;
mod files;
mod limits;
mod options;
mod transcripts;
