//! The sockets of scripts, on the kernel's: the API, scripts that mean harm, the examples, and what an embedder adds.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests are the other side: they open, listen and start threads"
)]

mod abort;
mod api;
mod embedder;
mod examples;
mod hostile;
mod in_call;
mod settled;
mod support;
