//! A16, A17 guestnet's own sendfile, pipe and splice of WASI preview 1.

use super::support::attack;
use guestnet_tests::Guestnet;

const ARGUMENTS: &str = "\
the count far away: EFAULT
the count over the end: EFAULT
the count not aligned: EFAULT
an offset of -2: EINVAL
the smallest offset: EINVAL
an end beyond all numbers: EINVAL
to -1: EBADF
from -1: EBADF
from itself: EINVAL
from standard input: EINVAL
from a directory that was open before: EINVAL
to a directory: ENOTSOCK
to the file: ENOTSOCK
the position is where it was: yes
more than there is: ok
sent 8, position 10
received: 8 \"23456789\"
from a position behind all files: EINVAL
from what was closed: EBADF
a pipe far away: EFAULT
a pipe over the end: EFAULT
no number was taken: yes
the count far away: EFAULT
all flags: EINVAL
from -1: EBADF
to -1: EBADF
to a directory: EINVAL
more than there is: ok
moved: 3 \"abc\"
a closed end: EBADF
";

#[test]
fn arguments_of_sendfile_and_splice_that_lie_are_an_errno_and_move_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = Guestnet::run().allow_net().tmp(directory.path());
    assert_eq!(attack(run, "bulk").arg("/tmp").finish().success(), ARGUMENTS);
}
