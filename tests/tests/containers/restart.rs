//! containerd itself is killed and comes back: shims and containers go on without it, as they do under runc.
//!
//! It is another one than that of the other tests, which would notice.

use crate::{Behaviour, World};
use guestnet_tests::containers::{Containerd, Runtime};

pub(crate) const BEHAVIOURS: &[Behaviour] = &[("containers_outlive_a_containerd_that_is_killed", outlive)];

fn outlive(_: &World, runtime: Runtime) {
    let world = World::new(Containerd::start().unwrap_or_else(|error| panic!("{error}")));
    let start = || world.program(runtime).flag("--null-io").args(["wait"]).detach();
    let (stays, ends) = (start(), start());
    let before = stays.state().expect("a task");
    let (ending, _) = ends.state().expect("a task");
    world.containerd.restart(|| {
        let kill = world
            .containerd
            .program("kill")
            .args(["-TERM", &ending.to_string()]);
        let _ = kill.finish().success();
    });
    assert_eq!(before.1, "RUNNING");
    assert_eq!(stays.state(), Some(before));
    // What happened meanwhile it learns from the shim.
    ends.await_state("STOPPED");
    assert_eq!(ends.remove(), Some(143));
    stays.kill("SIGTERM");
    stays.await_state("STOPPED");
    assert_eq!(stays.remove(), Some(143));
    let next = world.program(runtime).args(["say", "next"]).finish();
    assert_eq!(next.success(), "next\n");
    world.containerd.stop().unwrap_or_else(|left| panic!("{left}"));
}
