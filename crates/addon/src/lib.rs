//! The Node-API addon of the npm package `guestnet`: it joins Emscripten's calls with the kernel's sockets.
//!
//! One library for Node, Deno and Bun. `open` starts a program and returns its number; `attach` gives each of its threads
//! the system calls as functions of (memory, integers), and readiness for JavaScript's own loop; `stop` ends it. What the
//! calls mean is `guestnet-emscripten`'s, what they look like to a program is `libguestnet.js`'s.
//!
//! Nothing of a thread is shared with another: each has hosts of its own, around the program's one table.

mod instance;
mod lookup;
mod napi;
mod options;
mod thread;
mod watch;
