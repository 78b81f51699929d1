//! Hostile guests (guests/c/attack_*.c, guests/rust/attacks) under the real command, a real policy and the real kernel: what is forbidden
//! does not happen, its peers see nothing of it, and the host goes on.
//!
//! The attacks are numbered as docs/policy.md numbers them; each file names its own, and tests/README.md has the table.

mod answers;
mod bounds;
mod buffers;
mod bulk;
mod compile;
mod components;
mod components_bounds;
mod components_memory;
mod confine;
mod descriptors;
mod epoll;
mod etc;
mod files;
mod groups;
mod limits;
mod listen;
mod log;
mod memory;
mod modules;
mod names;
mod random;
mod reach;
mod receive;
mod scripts;
mod spin;
mod stub;
mod support;
mod table;
mod text;
mod threads;
mod unix;
mod watched;
