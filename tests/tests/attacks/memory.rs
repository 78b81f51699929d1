//! Arguments that lie over each other in the guest's memory, and addresses that lie about their length and family (A25).

use super::support::{Abi, app, attack};
use guestnet_tests::Guestnet;

#[test]
fn no_pointer_length_or_count_out_of_bounds_is_taken_by_any_call() {
    let printed = app(Abi::Wasi, "hostile", &["--allow-net"], &[])
        .finish()
        .success();
    // The program itself ends with 1 where a call took what is out of bounds.
    assert!(
        printed.ends_with("taken out of bounds: 0\nsurvived\n"),
        "{printed}"
    );
}

#[test]
fn arguments_that_lie_over_each_other_lose_nothing_and_write_nowhere_else() {
    let transcript = attack(Guestnet::run().allow_net(), "overlap").finish().success();
    let expected = "\
into the iovec array: ok
received: 16 \"0123456789abcdef\"
into one iovec: ok
received: 8 \"ABCDEFGH\"
the result in the buffer: ok
the count: 8
the result in the array: ok
received: 8 \"12345678\"
version 1, over the address's header: ok, 8 bytes, from loopback yes
the address over the data: ok, 8 bytes, family 1
version 2, over the address's header: ok, 8 bytes, from loopback yes
the address over the data: ok, 8 bytes, family 1
IPv6 into 4 bytes: ENOMEM
the datagram: 4 \"kept\"
overlapping buffers: ok
received: 10
memory: 8 \"abghij..\"
poll over itself: ok
events: 8, right: 8
poll over itself: ok
events: 8, right: 8
poll over itself: ok
events: 8, right: 8
the count over the subscription: ok
events: 1
";
    assert_eq!(transcript, expected);
}

#[test]
fn an_address_that_lies_about_its_length_or_family_is_refused_or_judged_as_what_it_is() {
    let denied = attack(Guestnet::run(), "address").finish().success();
    let allowed = attack(Guestnet::run().allow_net(), "address").finish().success();
    // Malformed in every policy; what is an address after all is judged before anything else happens.
    let malformed = |transcript: &str| {
        let lines = transcript.lines().filter(|line| line.starts_with("malformed "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(malformed(&denied), malformed(&allowed));
    assert_eq!(malformed(&allowed).len(), 36, "{allowed}");
    for line in malformed(&allowed) {
        let refused = [": EINVAL", ": EAFNOSUPPORT", ": EFAULT", ": EILSEQ"];
        assert!(refused.iter().any(|errno| line.ends_with(errno)), "{line}");
    }
    let judged = |transcript: &str, ending: &str| {
        let lines: Vec<_> = transcript
            .lines()
            .filter(|line| line.starts_with("judged "))
            .collect();
        assert_eq!(lines.len(), 4, "{transcript}");
        assert!(lines.iter().all(|line| line.ends_with(ending)), "{transcript}");
    };
    judged(&denied, ": EACCES");
    judged(&allowed, ": ok");
    assert!(allowed.ends_with("the socket still works: ok\n"), "{allowed}");
}
