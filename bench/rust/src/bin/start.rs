//! Does nothing: what a program costs before its first instruction and after its last.

fn main() {}
