//! The Node-API addon of the npm package `guestnet`: it joins Emscripten's calls with the kernel's sockets.
//!
//! One library for Node, Deno and Bun. `open` starts a program and returns its number; `attach` gives each of its threads
//! the system calls as functions of (memory, integers), and readiness for JavaScript's own loop; `stop` ends it. What the
//! calls mean is `guestnet-emscripten`'s, what they look like to a program is `libguestnet.js`'s.
//!
//! Threads share the program's one descriptor table and no more: each has hosts of its own. From the bottom: `napi` knows the engine and no
//! program; `subscribers`, `program`, `watch`, `lookup` and `thread` are the program; `exports` is what JavaScript calls. Its options
//! are read, and become its guest, in the crate for embedders, `guestnet`.

mod exports;
mod lookup;
mod napi;
mod program;
mod subscribers;
mod sync;
mod thread;
mod watch;
