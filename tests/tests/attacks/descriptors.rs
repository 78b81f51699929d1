//! A15 moved, stale and reused descriptors, A17 closed and unknown ones, A18 readiness of a number that means something
//! else by now; files and sockets under one another's numbers.

use super::support::attack;
use guestnet_tests::Guestnet;
use std::fmt::Write as _;

/// Socket calls that attack_fds makes on a descriptor.
const CALLS: usize = 31;

#[test]
fn a_descriptor_that_is_none_or_no_socket_fails_in_every_call_and_reuse_shows_no_stale_readiness() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let transcript = attack(Guestnet::run().allow_net().tmp(directory.path()), "fds")
        .finish()
        .success();
    let mut expected = String::new();
    for number in ["closed", "-1", "2^31", "65536"] {
        let _ = writeln!(expected, "{number}: EBADF, {CALLS} of {CALLS} calls");
    }
    for other in ["standard output", "a directory"] {
        let _ = writeln!(expected, "{other}: ENOTSOCK, {CALLS} of {CALLS} calls");
    }
    for number in ["closed", "-1", "2^31", "wasmtime-wasi's own number"] {
        let _ = writeln!(
            expected,
            "{number}: read EBADF, write EBADF, fdstat EBADF, flags EBADF, filestat EBADF, renumber to EBADF, \
             from EBADF, close EBADF, WAMR close EBADF"
        );
    }
    expected += "\
renumber to a number that was never open: EBADF
the socket is still there: ok
renumber to itself: ok
and it is still there: ok
close: ok
close again: EBADF
standard input's number, in a set of 1: ok, EBADF
";
    for set in [1, 50] {
        let _ = write!(
            expected,
            "\
with data, in a set of {set}: ok, ok
closed, in a set of {set}: ok, EBADF
the number is used again: yes
another socket, in a set of {set}: ok
another socket, to write, in a set of {set}: ok, ok
poll: ok
new sockets without data: 0 ready
poll: ok
new sockets with data: 16 ready
before the move, in a set of {set}: ok
renumber: ok
the new number, in a set of {set}: ok, ok
the old number, in a set of {set}: ok, EBADF
the data: 1
after reading, in a set of {set}: ok
its peer: 0
"
        );
    }
    assert_eq!(transcript, expected);
}

#[test]
fn files_and_sockets_that_change_numbers_are_what_was_put_there_last() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // No name may be looked up, so that the guest gets no /etc, which would take a number.
    let mut run = Guestnet::run()
        .option("--allow-connect=127.0.0.1")
        .option("--allow-listen=*");
    for name in ["one", "two"] {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).expect("create a directory");
        std::fs::write(path.join("file"), name).expect("write a file");
        run = run.option("--dir").option(format!("{}::/{name}", path.display()));
    }
    let transcript = attack(run, "files").finish().success();
    let expected = "\
open: ok
the lowest number: yes
open: ok
path_open in 0: ENOTDIR
path_open in 1: ENOTDIR
path_open in 2: ENOTDIR
path_open in 5: ENOTDIR
path_open in 6: ENOTDIR
path_open in 7: ENOTDIR
path_open in 8: ENOTDIR
path_open in 9: EBADF
path_open in 10: EBADF
path_open in 11: EBADF
path_open in -1: EBADF
path_open of an absolute path: EPERM
path_open out of the directory: EPERM
path_open through a file: ENOTDIR
path_open with the result beyond the end: EFAULT
a path beyond the end: EFAULT
the result over the path: ok
it reads: ok \"one\"
close: ok
a file over a socket: ok
the number reads: ok \"one\"
listen on it: ENOTSOCK
the old number: EBADF
a socket over a file: ok
the number reads: EAGAIN \"\"
seek: ESPIPE
bind: ok
close: ok
the other file: ok \"two\"
3: ok, tag 0, ok \"/one\"
4: ok, tag 0, ok \"/two\"
4 over 3: ok
3: ok, tag 0, ok \"/two\"
4: EBADF \"\"
open in 3: ok
it reads: ok \"two\"
open in 4: ENOTDIR
a directory over standard input: ok
0: ok, tag 0, ok \"/two\"
open in 0: ok
the lowest number: yes
it reads: ok \"two\"
close the directory: ok
open in 0: EBADF
open in 3, a file: ENOTDIR
close: ok
close again: EBADF
read the closed one: EBADF \"\"
a file's call on a socket: ENOTDIR
";
    assert_eq!(transcript, expected);
}
