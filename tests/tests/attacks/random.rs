//! Calls at random: what the other tests did not think of.

use super::support::{attack, component};
use guestnet_tests::Guestnet;
use std::time::Duration;

/// Calls of one run, and the runs. More of them are for a developer who changes the adapter: the seed is an argument.
const CALLS: &str = "10000";
const SEEDS: std::ops::RangeInclusive<u32> = 1..=6;

#[test]
fn calls_with_arguments_drawn_at_random_neither_end_the_guest_nor_stop_the_host() {
    for seed in SEEDS {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // At an address of its own: what it sends reaches itself at most.
        let run = Guestnet::run()
            .option("--max-memory=64MiB")
            .option("--allow-connect=127.0.0.2")
            .option("--allow-listen=127.0.0.2")
            .option("--allow-resolve=localhost")
            .option("--allow-unix=/tmp/*")
            .tmp(directory.path());
        let finished = attack(run, "random")
            .arg(seed.to_string())
            .arg(CALLS)
            .deadline(Duration::from_secs(120))
            .finish();
        // Not 1 or 134: no argument of a socket's or a file's call ends a guest.
        assert_eq!(finished.status.code(), Some(0), "seed {seed}\n{finished}");
    }
}

#[test]
fn calls_of_a_component_in_any_order_neither_end_it_nor_stop_the_host() {
    for seed in SEEDS {
        // At an address of its own: what it sends reaches itself at most.
        let run = Guestnet::run()
            .option("--max-memory=64MiB")
            .option("--allow-connect=127.0.0.2")
            .option("--allow-listen=127.0.0.2")
            .option("--allow-resolve=localhost");
        let finished = component(run, "random")
            .arg(seed.to_string())
            .arg(CALLS)
            // It ends by itself, with connections to itself that are full both ways.
            .deadline(Duration::from_secs(50))
            .finish();
        assert_eq!(finished.status.code(), Some(0), "seed {seed}\n{finished}");
        assert_eq!(finished.stdout, "end\n", "seed {seed}");
    }
}
