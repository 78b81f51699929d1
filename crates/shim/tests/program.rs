//! The program by itself. What it does for containerd is tested with containerd: `tests/tests/containers`, which runs the program
//! that cargo builds for this test.

use std::process::{Command, Stdio};

#[test]
fn it_says_which_runtime_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_containerd-shim-guestnet-v1"))
        .arg("-v")
        .stdin(Stdio::null())
        .output()
        .expect("run the shim");
    assert!(output.status.success(), "{output:?}");
    let expected = format!("io.containerd.guestnet.v1 {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
