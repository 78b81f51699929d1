//! The `guestnet` command. What it does is in the library of the same crate.

fn main() {
    guestnet_cli::main();
}
