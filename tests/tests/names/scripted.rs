//! Against servers that the tests script: failures, silence, slowness, chains, truncation, and answers that change.

use super::{PATIENCE, asking};
use guestnet_tests::act::{Actor, acts};
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::{code, kind};
use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, guest};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What docs/names.md gives one look-up in all, and as much again for a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn guests() -> [PathBuf; 2] {
    [guest("wasip1", "app_lookup"), guest("go", "names")]
}

/// Sees to it that the guests are compiled: that takes longer than what a test measures.
fn compiled() {
    for guest in guests() {
        let _ = Guestnet::run().guest(&guest).finish().success();
    }
    let _ = acts(Guestnet::run(), ["sockets"]).finish().success();
}

/// What C and Go say of a name.
fn both_say(run: impl Fn() -> Guestnet, name: &str) -> [String; 2] {
    guests().map(|guest| {
        let seen = run().guest(&guest).arg(name).finish().success();
        let result = seen
            .strip_prefix(&format!("{name}: "))
            .expect("a line of the name");
        result.trim_end().to_owned()
    })
}

/// A server that fails in each way that there is.
fn failing() -> ScriptedDns {
    ScriptedDns::answering(|asked| match asked.name.as_str() {
        "servfail.example" => asked.answer().code(code::SERVFAIL),
        "refused.example" => asked.answer().code(code::REFUSED),
        "none.example" => asked.answer().code(code::NXDOMAIN).soa("example", 60),
        "unsaid.example" => asked.answer().code(code::NXDOMAIN),
        "empty.example" => asked.answer().soa("example", 60),
        _ => asked.address([192, 0, 2, 1], 60),
    })
}

#[test]
fn rust_is_told_the_failures_of_a_server_apart_too() {
    let server = failing();
    let names = ["servfail", "refused", "none", "unsaid", "empty", "there"];
    let seen = |kind: &str| {
        let program = asking(&[&server]).guest(&guest(kind, "app_lookup"));
        let names = names.map(|name| format!("{name}.example"));
        program.args(&names).arg("denied.test").finish().success()
    };
    let by_crate = "servfail.example: EAI_AGAIN\nrefused.example: EAI_FAIL\nnone.example: EAI_NONAME\n\
         unsaid.example: EAI_NONAME\nempty.example: EAI_NODATA\nthere.example: 192.0.2.1\ndenied.test: EAI_FAIL\n";
    assert_same_transcript(by_crate, &seen("rust"));
    // WASI 0.2 has one error for no name and no address.
    assert_same_transcript(&by_crate.replace("EAI_NODATA", "EAI_NONAME"), &seen("component"));
}

#[test]
fn the_failures_of_a_server_are_distinguished() {
    let server = failing();
    for (name, c, go) in [
        ("servfail.example", "EAI_AGAIN", "EAI_AGAIN"),
        ("refused.example", "EAI_FAIL", "EAI_FAIL"),
        ("none.example", "EAI_NONAME", "EAI_NONAME"),
        ("unsaid.example", "EAI_NONAME", "EAI_NONAME"),
        ("empty.example", "EAI_NODATA", "EAI_NONAME"),
        ("there.example", "192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(both_say(|| asking(&[&server]), name), [c, go], "{name}");
    }
}

#[test]
fn a_server_that_fails_once_is_asked_again_the_next_time() {
    let server = ScriptedDns::answering(|asked| {
        // Each server is asked twice by one look-up.
        if asked.before < 4 {
            asked.answer().code(code::SERVFAIL)
        } else {
            asked.address([192, 0, 2, 1], 60)
        }
    });
    let mut guest = Actor::start(asking(&[&server]));
    assert_eq!(guest.act("resolve x.example 4"), "EAI_AGAIN");
    let deadline = Instant::now() + PATIENCE;
    while guest.act("resolve x.example 4") != "192.0.2.1" {
        assert!(Instant::now() < deadline, "the guest still gets the failure");
    }
    let _ = guest.finish().success();
}

#[test]
fn a_silent_server_costs_its_time_and_the_next_one_answers() {
    let silent = ScriptedDns::start(|_| Vec::new());
    let good = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
    compiled();
    let started = Instant::now();
    let said = both_say(|| asking(&[&silent, &good]), "x.example");
    assert_eq!(said, ["192.0.2.1", "192.0.2.1"]);
    assert!(started.elapsed() < 2 * SOON, "{:?}", started.elapsed());
    assert_ne!((silent.times("x.example"), good.times("x.example")), (0, 0));
}

#[test]
fn a_server_that_is_not_there_is_passed_over() {
    let gone = ScriptedDns::start(|_| Vec::new()).addr();
    let good = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
    let run = || {
        Guestnet::run()
            .option("--dns")
            .option(format!("{gone},{}", good.addr()))
            .option("--hosts=/dev/null")
            .option("--allow-resolve=*.example")
    };
    assert_eq!(both_say(run, "x.example"), ["192.0.2.1", "192.0.2.1"]);
}

#[test]
fn servers_that_are_all_silent_are_eai_again_in_bounded_time() {
    let (one, two) = (
        ScriptedDns::start(|_| Vec::new()),
        ScriptedDns::start(|_| Vec::new()),
    );
    compiled();
    let started = Instant::now();
    let mut guest = Actor::start(asking(&[&one, &two]));
    assert_eq!(guest.act("resolve x.example 4"), "EAI_AGAIN");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    // Both were asked, so that it was not one of them that was given up for both.
    assert_ne!(one.times("x.example"), 0);
    assert_ne!(two.times("x.example"), 0);
    let _ = guest.finish().success();
}

#[test]
fn a_guest_that_waits_for_a_silent_server_can_be_ended() {
    let server = ScriptedDns::start(|_| Vec::new());
    for guest in guests() {
        let before = server.times("x.example");
        let running = asking(&[&server]).guest(&guest).arg("x.example").start();
        // The question has come: the guest waits.
        server.wait_for("x.example", before + 1);
        let mut kill = std::process::Command::new("kill");
        let kill = kill.arg("-TERM").arg(running.id().to_string()).status();
        assert!(kill.expect("kill(1)").success());
        let finished = running.finish();
        assert_eq!(finished.status.code(), Some(143), "{finished}");
        let run = asking(&[&server]).option("--timeout=300ms");
        let finished = run.guest(&guest).arg("x.example").finish();
        assert_eq!(finished.status.code(), Some(124), "{finished}");
    }
}

#[test]
fn an_answer_that_comes_too_late_is_not_one_to_the_next_question() {
    // The first server answers the first question when the second server has been asked, or was not.
    let good = std::sync::Arc::new(ScriptedDns::answering(|asked| asked.address([192, 0, 2, 2], 60)));
    let other = std::sync::Arc::clone(&good);
    let slow = ScriptedDns::answering(move |asked| {
        if asked.name == "first.example" {
            other.wait_for("first.example", 1);
        }
        asked.address([192, 0, 2, 1], 60)
    });
    let mut guest = Actor::start(asking(&[&slow, &good]));
    let first = guest.act("resolve first.example 4");
    assert!(["192.0.2.1", "192.0.2.2"].contains(&first.as_str()), "{first}");
    for name in ["second", "third"] {
        let result = guest.act(&format!("resolve {name}.example 4"));
        assert!(["192.0.2.1", "192.0.2.2"].contains(&result.as_str()), "{result}");
    }
    assert_eq!(guest.act("resolve first.example 4"), first, "it is in the cache");
    let _ = guest.finish().success();
}

#[test]
fn a_chain_of_aliases_is_followed_over_as_many_answers_as_it_takes() {
    // Each answer has one alias and nothing of the next name.
    let server = ScriptedDns::answering(|asked| {
        let number: Option<u32> = asked
            .name
            .strip_prefix('n')
            .and_then(|rest| rest.split('.').next()?.parse().ok());
        match number {
            Some(number @ 0..4) => asked
                .answer()
                .cname(&asked.name, 60, &format!("n{}.example", number + 1)),
            _ if asked.kind == kind::AAAA => asked.answer().ip(
                &asked.name,
                60,
                "2001:db8::1".parse::<std::net::Ipv6Addr>().expect("an address"),
            ),
            _ => asked.address([192, 0, 2, 1], 60),
        }
    });
    let mut guest = Actor::start(asking(&[&server]));
    assert_eq!(guest.act("resolve n0.example 4"), "192.0.2.1");
    assert_eq!(guest.act("resolve n0.example 6"), "2001:db8::1");
    assert_eq!(guest.act("canonical n0.example"), "n4.example");
    let _ = guest.finish().success();
    assert_eq!(
        both_say(|| asking(&[&server]), "n1.example"),
        ["192.0.2.1", "192.0.2.1"]
    );
}

#[test]
fn a_truncated_answer_is_fetched_over_tcp_and_a_server_without_tcp_fails() {
    let whole = ScriptedDns::answering(|asked| {
        if !asked.tcp {
            return asked.answer().truncated();
        }
        (1..=40).fold(asked.answer(), |answer, last| {
            answer.ip(&asked.name, 60, Ipv4Addr::new(192, 0, 2, last))
        })
    });
    for said in both_say(|| asking(&[&whole]), "x.example") {
        assert_eq!(said.split(' ').count(), 40, "{said}");
    }
    assert!(whole.asked().iter().any(|asked| asked.tcp));
    let cut = ScriptedDns::start(|asked| match asked.tcp {
        true => Vec::new(),
        false => vec![asked.answer().truncated().bytes()],
    });
    compiled();
    let started = Instant::now();
    let mut guest = Actor::start(asking(&[&cut]));
    assert_eq!(guest.act("resolve x.example 4"), "EAI_AGAIN");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let _ = guest.finish().success();
}

/// A2 of `attacks` by a program that means no harm.
#[test]
fn a_go_guest_dials_the_address_that_it_was_given_and_not_the_next_one() {
    let server =
        ScriptedDns::answering(|asked| asked.address([127, 0, 0, if asked.before == 0 { 1 } else { 2 }], 0));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    let seen = asking(&[&server])
        .option(format!("--allow-connect=db:{port}"))
        .guest(&guest("go", "names"))
        .arg("dial")
        .arg("tcp")
        .arg(format!("db:{port}"))
        .finish()
        .success();
    assert_eq!(seen, "dial db: ok\n");
    assert!(
        server.asked().iter().all(|asked| asked.before == 0),
        "{:?}",
        server.asked()
    );
}
