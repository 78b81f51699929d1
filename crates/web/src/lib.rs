//! guestnet in a browser: the core, Emscripten's calls and the host over Direct Sockets, as one WebAssembly module that a page or a
//! worker of an Isolated Web App loads.
//!
//! An instance is one program. JavaScript (`guestnet.js` in the npm package) gives it the sockets, the program's memory and the
//! console, and makes of it the table of functions that the addon gives `libguestnet.js` on Node. Everything that crosses is a
//! number; a text is bytes in this module's memory. Nothing here waits: a call that would have to says so.
//!
//! From the bottom: `imports` is what JavaScript gives; `sockets` and `memory` are that as the host and the adapter want it; `log`
//! and `options` become the guest; `lookups` and `watch` are what a program does not wait for in a call; `program` is all of it, and
//! `exports` what JavaScript calls.
#![cfg(target_family = "wasm")]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

mod exports;
mod imports;
mod log;
mod lookups;
mod memory;
mod options;
mod program;
mod sockets;
mod text;
mod watch;
