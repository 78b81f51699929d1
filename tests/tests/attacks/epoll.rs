//! A15, A16, A18, A27, A32 guestnet's own epoll functions of WASI preview 1.

use super::support::{PATIENCE, attack};
use guestnet_tests::Guestnet;

/// What the guest prints in one of its modes, under these options.
fn printed(options: &[&str], mode: &str) -> String {
    let run = options
        .iter()
        .fold(Guestnet::run().allow_net(), |run, option| run.option(option));
    attack(run, "epoll").arg(mode).finish().success()
}

const ARGUMENTS: &str = "\
created with nowhere to put it: EFAULT
created over the end: EFAULT
no number was taken: yes
operation 0: EINVAL
operation 1: ok
operation 2: EINVAL
operation 3: ok
operation 4: EINVAL
operation 5: EINVAL
operation -1: EINVAL
all bits: EINVAL
no bits that mean anything: ok
descriptor -1: EBADF
epoll -1: EBADF
standard output: EINVAL
edge: ok
no room: EINVAL
room for -1: EINVAL
room for 2^31: EINVAL
room that wraps round: EINVAL
events far away: EFAULT
events over the end: EFAULT
count far away: EFAULT
the smallest time: EBADF
count over the event: ok
the count: 1, all of the data: 1
the edge is gone: ok, 0, 0
level: ok
the longest time: ok
the count: 1
";

#[test]
fn arguments_of_an_epoll_that_lie_are_an_errno_and_lose_no_event() {
    assert_eq!(printed(&[], "arguments"), ARGUMENTS);
}

const NUMBERS: &str = "\
ep_ctl(epoll, ADD, one, IN, 1): ok
ep_ctl(epoll, ADD, two, IN, 2): ok
one is ready: ok, 1, 1
its number is another socket's: yes
closed: ok, 0, 0
the other socket is not watched: ok, 0, 0
ep_ctl(epoll, MOD, other, IN, 3): ENOENT
ep_ctl(epoll, DEL, other, 0, 0): ENOENT
p1_renumber(two, moved): ok
moved: ok, 1, 2
ep_ctl(epoll, DEL, two, 0, 0): EBADF
ep_ctl(epoll, MOD, moved, IN, 4): ok
changed by its new number: ok, 1, 4
p1_renumber(epoll, moved): ok
by its old number: EBADF, 99, 0
by its new number: ok, 0, 0
p1_close(moved): ok
closed: EBADF, 99, 0
a socket where an epoll was: EINVAL
a socket where an epoll was: EINVAL
";

#[test]
fn an_epoll_watches_the_socket_and_not_the_number_that_it_had() {
    assert_eq!(printed(&[], "numbers"), NUMBERS);
}

#[test]
fn epolls_end_where_the_budget_of_buffers_or_the_table_does() {
    for (options, expected) in [
        (&["--max-descriptors=8192"][..], "64 then ENOMEM\n"),
        (
            &["--max-descriptors=8192", "--max-buffers=16MiB"],
            "8 then ENOMEM\n",
        ),
        // The standard streams are three of them.
        (&["--max-descriptors=20"], "17 then EMFILE\n"),
    ] {
        assert_eq!(printed(options, "many"), expected.repeat(3), "{options:?}");
    }
}

#[test]
fn a_hundred_epolls_in_each_other_are_no_circle_and_cost_no_time() {
    // More than the default leaves room for.
    let text = printed(&["--max-buffers=256MiB"], "nested");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| {
        !["EEXIST", "EINVAL", "ELOOP"]
            .iter()
            .any(|errno| *line == format!("refused: {errno}"))
    });
    assert_eq!(lines, ["some were taken: 1", "report something: 100"], "{text}");
    assert!(text.contains("refused: ELOOP"), "{text}");
}

#[test]
fn epolls_that_all_watch_the_same_sockets_report_them_all() {
    assert_eq!(printed(&[], "watches"), "events: 10000\n");
}

#[test]
fn a_timeout_ends_who_waits_for_ever_in_an_epoll() {
    let run = Guestnet::run().allow_net().option("--timeout=300ms");
    let finished = attack(run, "epoll").arg("for_ever").deadline(PATIENCE).finish();
    assert_eq!(finished.status.code(), Some(124), "{finished}");
    assert_eq!(finished.stdout, "waiting\n", "{finished}");
}
