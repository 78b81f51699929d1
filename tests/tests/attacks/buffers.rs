//! A32 memory of the kernel that a guest holds without any permission: nothing is allowed in these tests.

use super::support::{ABIS, Abi, app, numbers};

const MIB: u64 = 1 << 20;

/// What a guest that may do nothing printed under these limits.
fn printed(abi: Abi, options: &[&str], mode: &str) -> String {
    // Without any option of a policy the npm package allows everything. With this one it allows a port without a
    // server.
    let policy = (abi == Abi::Emscripten).then_some("--allow-connect=127.0.0.1:9");
    let options: Vec<&str> = policy.into_iter().chain(options.iter().copied()).collect();
    app(abi, "buffers", &options, &[mode]).finish().success()
}

/// How many it got, and why no more.
fn got(abi: Abi, options: &[&str], mode: &str) -> (u64, String) {
    let line = printed(abi, options, mode);
    let error = line.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
    (numbers(&line)[0], error)
}

/// The ABIs that have pipes.
const PIPED: [Abi; 3] = [Abi::Wasi, Abi::Emscripten, Abi::Script];

/// Those that have pairs too.
const PAIRED: [Abi; 2] = [Abi::Emscripten, Abi::Script];

#[test]
fn pairs_end_where_the_budget_of_buffers_does_and_sockets_without_a_peer_hold_nothing() {
    for abi in PAIRED {
        let (pairs, error) = got(abi, &["--max-buffers=8MiB"], "pairs");
        assert_eq!(error, "ENOBUFS", "{abi:?}");
        // Each end may hold what its send buffer takes: 4 KiB at the least that a kernel begins with.
        assert!((1..=1024).contains(&pairs), "{abi:?}: {pairs}");
    }
    for abi in ABIS {
        let (count, error) = got(abi, &["--max-buffers=0", "--max-sockets=100"], "sockets");
        assert_eq!((count, error.as_str()), (100, "EMFILE"), "{abi:?}");
    }
}

#[test]
fn pipes_count_until_both_ends_are_closed() {
    for abi in PIPED {
        let room = (4 * MIB / (64 << 10), "ENFILE".to_owned());
        assert_eq!(got(abi, &["--max-buffers=4MiB"], "pipes"), room, "{abi:?}");
        assert_eq!(got(abi, &["--max-buffers=4MiB"], "half"), room, "{abi:?}");
    }
}

#[test]
fn pipes_count_as_sockets_and_everything_as_descriptors() {
    let (count, error) = got(Abi::Emscripten, &["--max-sockets=0"], "pipes");
    assert_eq!((count, error.as_str()), (0, "EMFILE"));
    for abi in PIPED {
        assert_eq!(got(abi, &["--max-sockets=0"], "pipes").0, 0, "{abi:?}");
        assert_eq!(got(abi, &["--max-sockets=9"], "pipes").0, 4, "{abi:?}");
    }
    for abi in PAIRED {
        assert_eq!(
            got(abi, &["--max-sockets=9"], "pairs"),
            (4, "EMFILE".to_owned()),
            "{abi:?}"
        );
    }
    for abi in ABIS {
        let (count, error) = got(abi, &["--max-descriptors=20"], "sockets");
        assert_eq!(error, "EMFILE", "{abi:?}");
        // The standard streams and what the program has open are among them; Emscripten's are its own file system's.
        let most = if abi == Abi::Emscripten { 20 } else { 17 };
        assert!((10..=most).contains(&count), "{abi:?}: {count}");
    }
}

#[test]
fn what_is_asked_for_by_options_counts() {
    for abi in ABIS {
        let line = printed(abi, &["--max-buffers=16MiB"], "raised");
        assert!(line.ends_with(" then ENOBUFS\n"), "{abi:?}: {line}");
        let bytes = numbers(&line)[0];
        assert!((MIB..=16 * MIB).contains(&bytes), "{abi:?}: {line}");
    }
}

#[test]
fn raising_filling_and_lowering_a_buffer_gains_nothing() {
    for abi in PAIRED {
        let line = printed(abi, &["--max-buffers=16MiB"], "again");
        let held = numbers(&line)[0];
        // Twice: the kernel counts a buffer's bytes with its own overhead, of which large blocks have less.
        assert!((MIB..=32 * MIB).contains(&held), "{abi:?}: {held}");
    }
}

#[test]
fn without_a_word_about_them_all_is_a_bounded_sum() {
    for abi in PAIRED {
        let held = numbers(&printed(abi, &[], "again"))[0];
        assert!(held <= 256 * MIB, "{abi:?}: {held}");
        assert!(got(abi, &[], "half").0 <= 2048, "{abi:?}");
    }
}
