//! The `guestnet` command. What it does is in the library beside it.

fn main() {
    guestnet_cli::main();
}
