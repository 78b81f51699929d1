//! Runs the `guestnet` command on small guests in the text format, from the outside: what it prints and how it exits.

mod cache;
mod descriptors;
mod exit;
mod given;
mod network;
mod repl;
mod report;
mod scratch;
mod script;
mod signal;
mod stop;
mod terminal;
