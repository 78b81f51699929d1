//! A16 and A31 for components: huge numbers, and all that there is of sockets, files, streams, pollables and instances. What the host
//! keeps for them stays bounded.

use super::support::{component, measured};
use guestnet_tests::{Guestnet, Program};
use std::fs;

/// What a component may make the host take beyond what it weighs when it does nothing, KiB. Its own memory, of some MiB, is a part
/// of it.
const EXTRA: u64 = 64 * 1024;

fn bounded(mode: &str, run: impl Fn() -> Guestnet) -> String {
    // So many, whatever this process may have.
    let run = || run().option("--max-descriptors=8192");
    let (_, least) = measured(component(run(), "bounds").arg("nothing"));
    let (printed, peak) = measured(component(run(), "bounds").arg(mode));
    assert!(peak < least + EXTRA, "{peak} KiB against {least} KiB\n{printed}");
    printed
}

#[test]
fn lengths_counts_and_times_as_large_as_can_be_said_cost_the_host_no_memory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let printed = bounded("numbers", || Guestnet::run().allow_net().tmp(directory.path()));
    let expected = "\
read: Some(0)
skip: Some(0)
splice: Some(0)
permit: Some(65536)
read by one call or some: 1000
backlog: invalid-state
buffer: ok
idle time: ok
count: ok
receive: Some(0)
large datagrams sent: true
a piece of them: true
too large: EMSGSIZE
a long name: EINVAL
ready: 60000
random: 1048576
file: Some(65536)
stream: Some(65536)
splice: Some(65536)
behind the end: true
";
    assert_eq!(printed, expected);
}

#[test]
fn sockets_are_as_many_as_the_limit_says_whatever_they_are() {
    let printed = bounded("sockets", || Guestnet::run().option("--max-sockets=50"));
    let each = r#"["EMFILE", "EMFILE", "EMFILE", "EMFILE"]"#;
    assert_eq!(printed, format!("sockets: [50, 50, 50, 50] then {each}\n"));
}

#[test]
fn thousands_of_look_ups_of_a_component_leave_nothing_behind() {
    let printed = bounded("lookups", || {
        Guestnet::run()
            .option("--allow-connect=127.0.0.1")
            .option("--max-lookups=100000")
    });
    assert_eq!(printed, "denied 1000, found 1000\n");
}

#[test]
fn thousands_of_pollables_of_one_socket_go_in_any_order() {
    let printed = bounded("pollables", || {
        Guestnet::run().option("--allow-listen=127.0.0.1:0")
    });
    assert_eq!(
        printed,
        "round 0: false true\nround 1: false true\nround 2: false true\n"
    );
}

#[test]
fn a_component_that_has_both_ends_of_many_connections_fills_them_and_empties_them() {
    let printed = bounded("pairs", || Guestnet::run().allow_net());
    assert_eq!(
        printed,
        "40 pairs, all of it came: true\na datagram to itself: ok\n"
    );
    // Under a rate it goes on, too, and is stopped like any other.
    let run = Guestnet::run()
        .allow_net()
        .option("--max-rate=10MiB")
        .option("--timeout=1s");
    let finished = component(run, "bounds").arg("pairs").finish();
    assert_eq!(finished.status.code(), Some(124), "{finished}");
}

#[test]
fn what_a_component_passes_in_one_call_is_no_more_than_its_memory() {
    let run = |count: &str| {
        let run = Guestnet::run()
            .option("--allow-listen=127.0.0.1:0")
            .option("--max-memory=16MiB");
        component(run, "bounds").args(["overlap", count]).finish()
    };
    for (count, why) in [
        // WASI's own limit, when the list has been read.
        ("20", "argument exceeds permitted size"),
        ("40", "too much data is being copied"),
        ("200", "too much data is being copied"),
    ] {
        let finished = run(count);
        assert_eq!(finished.status.code(), Some(134), "{finished}");
        assert!(finished.stderr.contains(why), "{count}: {finished}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
    }
}

fn files(how: &[&str], options: &[&str]) -> Program {
    let run = options
        .iter()
        .fold(Guestnet::run(), |run, option| run.option(option));
    component(run, "files").args(how)
}

#[test]
fn open_files_and_sockets_of_a_component_are_descriptors_together() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let dir = format!("--dir={}::/d", directory.path().display());
    // 0, 1, 2 and the directory.
    let room = 40 - 4;
    for how in ["descriptors", "readers", "writers", "appenders", "all"] {
        let printed = files(&["open", how], &[&dir, "--max-descriptors=40"])
            .finish()
            .success();
        let expected =
            format!("{room} {how} then insufficient-memory, 0 sockets then EMFILE\nagain {room}\n");
        assert_eq!(printed, expected);
    }
    // They come back one after the other as well.
    let printed = files(&["again", "1000"], &[&dir, "--max-descriptors=6"])
        .finish()
        .success();
    assert_eq!(printed, "again ok\n");
}

#[test]
fn the_names_in_a_components_lists_of_directories_are_bounded_together() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let dir = format!("--dir={}::/d", directory.path().display());
    let printed = files(&["lists", "5000"], &[&dir]).finish().success();
    let most = (1 << 18) / 5000;
    let expected = format!("{most} lists then insufficient-memory, again {most}, with 5000 names\n");
    assert_eq!(printed, expected);
}

#[test]
fn the_kernel_has_no_more_files_open_for_a_component_than_the_limit_says() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let dir = format!("--dir={}::/d", directory.path().display());
    let mut guest = files(&["hold", "readers"], &[&dir, "--max-descriptors=100"]).start();
    assert_eq!(guest.line("holds "), "96");
    let open = fs::read_dir(format!("/proc/{}/fd", guest.id())).expect("its descriptors");
    let open = open.count();
    assert!((96..150).contains(&open), "{open}");
}

/// The most core instances that a component may have.
const INSTANCES: usize = 256;

#[test]
fn many_instances_take_no_memory_that_no_limit_counts() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = |module: &str, instances: usize| {
        let path = directory.path().join("guest.wat");
        let text = format!(
            r#"(component (core module $m {module})
                 {}
                 (core module $program (func (export "run") (result i32) (i32.const 0)))
                 (core instance $i (instantiate $program))
                 (func $run (result (result)) (canon lift (core func $i "run")))
                 (instance $r (export "run" (func $run)))
                 (export "wasi:cli/run@0.2.0" (instance $r)))"#,
            "(core instance (instantiate $m))".repeat(instances)
        );
        fs::write(&path, text).expect("write a component");
        let run = Guestnet::run().option("--max-memory=16MiB");
        run.guest(&path)
            .env("GUESTNET_CACHE", directory.path().join("cache"))
            .finish()
    };
    let page = "(memory 1)";
    // Fifteen pages and more fit into 16 MiB; all memories count together.
    assert_eq!(run(page, INSTANCES - 1).status.code(), Some(0));
    let refused = run("(memory 2)", INSTANCES - 1);
    assert_eq!(refused.status.code(), Some(1), "{refused}");
    assert!(refused.stderr.contains("--max-memory"), "{refused}");
    assert_eq!(run("", INSTANCES).status.code(), Some(1));
    // Global variables are in no memory.
    let globals = |count: usize| "(global (mut i64) (i64.const 7))".repeat(count);
    assert_eq!(run(&globals(10_000), 200).status.code(), Some(0));
    let refused = run(&globals(30_000), 200);
    assert_eq!(refused.status.code(), Some(1), "{refused}");
    assert!(
        refused
            .stderr
            .contains("its instances would take more than 64 MiB outside of their memories"),
        "{refused}"
    );
    // Tables are bounded together, too.
    let refused = run("(table 100000 funcref)", 100);
    assert_eq!(refused.status.code(), Some(1), "{refused}");
}
