//! Lifetimes: what is remembered, for how long, and what is not. The tests wait until a server is asked again.

use super::{PATIENCE, asking};
use guestnet_tests::Guestnet;
use guestnet_tests::act::Actor;
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::{Answer, Query, code};
use std::time::Instant;

/// A server that answers the first time with `first`, and from then on that the address is 192.0.2.2.
fn changing(first: fn(&Query) -> Answer) -> ScriptedDns {
    ScriptedDns::answering(move |asked| match asked.before {
        0 => first(asked),
        _ => asked.address([192, 0, 2, 2], 60),
    })
}

/// Looks up until the server has been asked a second time; returns how often the guest got the first answer.
fn until_asked_again(server: &ScriptedDns, first: &str) -> usize {
    let mut guest = Actor::start(asking(&[server]));
    let deadline = Instant::now() + PATIENCE;
    let mut times = 0;
    while server.times("x.example") < 2 {
        let result = guest.act("resolve x.example 4");
        if server.times("x.example") < 2 {
            assert_eq!(result, first);
            times += 1;
        }
        assert!(Instant::now() < deadline, "it was asked once only");
    }
    assert_eq!(guest.act("resolve x.example 4"), "192.0.2.2");
    assert_eq!(
        server.times("x.example"),
        2,
        "the second answer lives for a minute"
    );
    let _ = guest.finish().success();
    times
}

#[test]
fn an_answer_lives_for_as_long_as_its_server_says() {
    let server = changing(|asked| asked.address([192, 0, 2, 1], 1));
    until_asked_again(&server, "192.0.2.1");
}

#[test]
fn a_name_that_is_not_there_is_remembered_for_as_long_as_its_zone_says() {
    let server = changing(|asked| asked.answer().code(code::NXDOMAIN).soa("example", 1));
    until_asked_again(&server, "EAI_NONAME");
    remembered(
        |asked| asked.answer().code(code::NXDOMAIN).soa("example", 60),
        "EAI_NONAME",
    );
}

#[test]
fn a_name_without_an_address_is_remembered_for_as_long_as_its_zone_says() {
    let server = changing(|asked| asked.answer().soa("example", 1));
    until_asked_again(&server, "EAI_NODATA");
    remembered(|asked| asked.answer().soa("example", 60), "EAI_NODATA");
}

/// The guest gets the first answer again and again, and the server is asked once.
fn remembered(answer: fn(&Query) -> Answer, result: &str) {
    let server = changing(answer);
    let mut guest = Actor::start(asking(&[&server]));
    for _ in 0..10 {
        assert_eq!(guest.act("resolve x.example 4"), result);
    }
    assert_eq!(server.times("x.example"), 1);
    let _ = guest.finish().success();
}

#[test]
fn an_answer_without_a_lifetime_is_asked_for_each_time() {
    let server = changing(|asked| asked.address([192, 0, 2, 1], 0));
    assert_eq!(until_asked_again(&server, "192.0.2.1"), 1);
    // NXDOMAIN without the zone's record says nothing of how long.
    let server = changing(|asked| asked.answer().code(code::NXDOMAIN));
    assert_eq!(until_asked_again(&server, "EAI_NONAME"), 1);
}

#[test]
fn the_shortest_lifetime_of_a_chain_is_that_of_the_whole() {
    let server = changing(|asked| {
        let answer = asked.answer().cname("x.example", 1, "y.example");
        answer.ip("y.example", 3600, [192, 0, 2, 1])
    });
    until_asked_again(&server, "192.0.2.1");
}

#[test]
fn a_thousand_look_ups_of_one_name_are_one_query_and_cost_no_rate() {
    let server = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 3600));
    let run: Guestnet = asking(&[&server]).option("--max-lookups=1");
    let mut guest = Actor::start(run);
    for _ in 0..1000 {
        assert_eq!(guest.act("resolve x.example 4"), "192.0.2.1");
    }
    assert_eq!(server.times("x.example"), 1);
    let _ = guest.finish().success();
}
