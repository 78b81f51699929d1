//! A16 huge numbers, and guests that take all they can get: the host's memory stays bounded and no other work stops.

use super::support::{attack, measured};
use guestnet_tests::{Guestnet, Program, guest};
use std::fs;

/// What a hostile guest may make the host take beyond what it weighs when it does nothing, KiB. Its own memory, which
/// attack_bounds grows by 5 MiB, is a part of it.
const EXTRA: u64 = 48 * 1024;

fn bounds(mode: &str, run: Guestnet) -> Program {
    attack(run, "bounds").arg(mode)
}

fn bounded(mode: &str, run: impl Fn() -> Guestnet) -> String {
    let (_, least) = measured(bounds("nothing", run()));
    let (printed, peak) = measured(bounds(mode, run()));
    assert!(peak < least + EXTRA, "{peak} KiB against {least} KiB\n{printed}");
    printed
}

#[test]
fn counts_lengths_and_backlogs_as_large_as_can_be_said_cost_the_host_no_memory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let printed = bounded("numbers", || Guestnet::run().allow_net().tmp(directory.path()));
    let results: Vec<_> = printed
        .lines()
        .map(|line| line.rsplit(": ").next().unwrap_or(line))
        .collect();
    assert_eq!(
        results[..10],
        [
            "EAGAIN", "EINVAL", "EMSGSIZE", "EAGAIN", "EMSGSIZE", "EAGAIN", "EINVAL", "EINVAL", "ok", "yes"
        ],
        "{printed}"
    );
    assert!(
        printed.contains("base, MAX, base, MAX, base, o, MAX, o2): EINVAL\n"),
        "{printed}"
    );
    assert!(printed.contains("length: 4\n"), "{printed}");
}

#[test]
fn a_full_table_is_emfile_for_every_abi_and_as_large_again_afterwards() {
    let printed = bounded("sockets", || Guestnet::run().option("--max-sockets=50"));
    assert_eq!(
        printed,
        "sockets: 50 each time yes, then EMFILE, EMFILE EMFILE EMFILE\n"
    );
}

#[test]
fn a_connection_that_finds_the_table_full_waits_for_room() {
    let (printed, _) = measured(bounds(
        "accept",
        Guestnet::run().allow_net().option("--max-sockets=10"),
    ));
    let expected = "accept: EMFILE\naccept v1: EMFILE\nrenumber does not help: ok\nclose one: ok\naccept: ok\n\
        the lowest number: yes\n";
    assert_eq!(printed, expected);
}

#[test]
fn thousands_of_look_ups_leave_nothing_behind() {
    let printed = bounded("lookups", || Guestnet::run().option("--allow-connect=127.0.0.1"));
    assert_eq!(printed, "denied 1000, found 2000\n");
}

#[test]
fn memory_that_grows_between_calls_is_where_it_was_and_ends_where_it_ends() {
    let (printed, _) = measured(bounds("grow", Guestnet::run().allow_net()));
    assert_eq!(printed, "right: 100\nbeyond the end: EFAULT\n");
}

#[test]
fn a_process_without_descriptors_left_still_answers_and_polls() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("file"), "").expect("write a file");
    // The limit of the process, not guestnet's: a guest meets it where an owner set it low.
    let cache = guestnet_tests::paths::target_dir().join("guestnet-cache");
    let shell = Program::new("/bin/sh".as_ref())
        .env("GUESTNET_CACHE", cache)
        .arg("-c")
        .arg("ulimit -n 64; exec \"$@\"")
        .arg("sh")
        .arg(guestnet_tests::paths::guestnet_bin())
        .arg("run")
        .arg("--allow-net")
        // By itself guestnet would keep half of them for other purposes.
        .arg("--max-descriptors=1000")
        .arg("--dir")
        .arg(format!("{}::/tmp", directory.path().display()))
        .arg(guest("wasip1", "attack_bounds"))
        .arg("files");
    let (printed, _) = measured(shell);
    // wasmtime-wasi has no word for EMFILE and says EIO.
    let expected = "files: some yes, then EIO\nsock_open: EMFILE\nclose: ok\npoll of 600: ok\nevents: 600\n";
    assert_eq!(printed, expected);
}
