//! The command with a defect in it: `src/planted.rs`. For the test of what confinement holds back, and for nothing else.

fn main() {
    guestnet_cli::main();
}
