//! The sockets of scripts, on the kernel's: the API, scripts that mean harm, and the examples.

mod api;
mod examples;
mod hostile;
mod support;
