//! A19: what a hostile DNS server says, and what a guest gets of it: nothing that was not asked for, in bounded time;
//! and no address of it can be reached.

use super::names::{WAYS, asking, attempts, attempts_by, result, transcript};
use guestnet_tests::guest;
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::{Answer, Query, encoded, kind};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The address in the hostile answers. No server is there; a dial of it would not be EACCES.
const EVIL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
const GOOD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A look-up ends within this time, whatever the server does: 10 s is the documented most, twice for two families that
/// are asked for one after the other, and a busy machine needs some too.
const SOON: Duration = Duration::from_secs(60);

type Hostile = fn(&Query) -> Vec<u8>;

/// Answers that are not one to the question, or not one at all.
const LIES: [(&str, Hostile); 18] = [
    ("another identifier", |asked| evil(asked).wrong_id().bytes()),
    ("another name", |asked| {
        let mut other = asked.clone();
        other.message[13] ^= 3;
        evil(&other).bytes()
    }),
    ("another type", |asked| {
        let mut other = asked.clone();
        let at = 12 + encoded(&asked.name).len() + 1;
        other.message[at] = 16;
        evil(&other).bytes()
    }),
    ("another class", |asked| {
        let mut message = evil(asked).bytes();
        let at = 12 + encoded(&asked.name).len() + 3;
        message[at] = 3;
        message
    }),
    ("no question", |asked| {
        let mut message = evil(asked).bytes();
        message[5] = 0;
        let end = 12 + encoded(&asked.name).len() + 4;
        message.drain(12..end);
        message
    }),
    ("a query and no answer", |asked| {
        let mut message = evil(asked).bytes();
        message[2] &= 0x7f;
        message
    }),
    ("a name that points at itself", |asked| {
        let at = u8::try_from(asked.answer().bytes().len()).expect("a short message");
        asked
            .answer()
            .raw(&[0xc0, at], kind::A, 60, &EVIL.octets())
            .bytes()
    }),
    ("two names that point at each other", |asked| {
        let at = u8::try_from(asked.answer().bytes().len()).expect("a short message");
        let answer = asked.answer();
        answer
            .raw(&[0xc0, at + 2, 0xc0, at], kind::A, 60, &EVIL.octets())
            .bytes()
    }),
    ("a pointer beyond the end", |asked| {
        asked
            .answer()
            .raw(&[0xff, 0xff], kind::A, 60, &EVIL.octets())
            .bytes()
    }),
    ("a pointer into the header", |asked| {
        asked
            .answer()
            .raw(&[0xc0, 0], kind::A, 60, &EVIL.octets())
            .bytes()
    }),
    ("a label longer than the message", |asked| {
        asked
            .answer()
            .raw(&[63, b'a'], kind::A, 60, &EVIL.octets())
            .bytes()
    }),
    ("an address of 3 bytes", |asked| {
        asked
            .answer()
            .record(&asked.name, kind::A, 60, &[127, 0, 0])
            .bytes()
    }),
    ("an address of 5 bytes", |asked| {
        asked
            .answer()
            .record(&asked.name, kind::A, 60, &[127, 0, 0, 66, 66])
            .bytes()
    }),
    ("more records than there are", |asked| {
        let mut message = evil(asked).bytes();
        message[6] = 0xff;
        message[7] = 0xff;
        message
    }),
    ("data longer than the message", |asked| {
        let mut message = evil(asked).bytes();
        let at = message.len() - 6;
        message[at] = 0xff;
        message
    }),
    ("an NSEC3 of 65535 rounds, and its salt cut off", |asked| {
        let data = [1, 1, 0xff, 0xff, 255, b's'];
        asked.answer().record(&asked.name, 50, 60, &data).bytes()
    }),
    ("three bytes", |_| vec![0xff; 3]),
    ("4 KiB of zeros", |_| vec![0; 4096]),
];

fn evil(asked: &Query) -> Answer {
    asked.answer().ip(&asked.name, 60, EVIL)
}

/// The guest knows no address but `GOOD`, and can dial no other.
fn believes_nothing(what: &str, way: &str, seen: &str) {
    let said = result(seen, way, "x.example");
    assert!(!said.contains("127.0.0.66"), "{what}: {seen}");
    let found = said.strip_prefix("ok");
    assert!(
        found.is_none_or(
            |found| found.trim().is_empty() || found.split_whitespace().all(|ip| ip == "192.0.2.1")
        ),
        "{what}: {seen}"
    );
    let ends = attempts(seen, "127.0.0.66");
    assert_eq!(ends.len(), attempts_by(way), "{what}: {seen}");
    assert!(ends.iter().all(|end| *end == "EACCES"), "{what}: {seen}");
}

#[test]
fn a_lie_before_the_answer_is_not_believed_whatever_way_the_guest_asks() {
    for (what, lie) in LIES {
        let server = ScriptedDns::start(move |asked| vec![lie(asked), asked.address(GOOD, 60).bytes()]);
        for way in WAYS {
            let run = asking(&server).option("--allow-connect=x.example");
            let started = Instant::now();
            let seen = transcript(run, way, 9, &["?x.example", "@127.0.0.66"]);
            assert!(started.elapsed() < SOON, "{what}, {way}: {:?}", started.elapsed());
            believes_nothing(what, way, &seen);
        }
    }
}

/// Tries every way at once: most of the time goes into waiting for a server that says nothing true.
fn in_every_way(check: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for way in WAYS {
            scope.spawn(|| check(way));
        }
    });
}

/// Answers that are well made, and are not true of what was asked.
const STORIES: [(&str, Hostile); 7] = [
    ("an address of another name", |asked| {
        asked.answer().ip("bank.example", 60, EVIL).bytes()
    }),
    ("an address of another name behind the right one", |asked| {
        asked.address(GOOD, 60).ip("bank.example", 60, EVIL).bytes()
    }),
    ("an address in addition to the answer", |asked| {
        asked.address(GOOD, 60).additional("x.example", 60, EVIL).bytes()
    }),
    ("an alias of itself", |asked| {
        asked.answer().cname(&asked.name, 60, &asked.name).bytes()
    }),
    ("two aliases of each other", |asked| {
        let answer = asked.answer().cname(&asked.name, 60, "y.example");
        answer.cname("y.example", 60, &asked.name).bytes()
    }),
    (
        "an alias, and an address of a name outside of the chain",
        |asked| {
            let answer = asked.answer().cname(&asked.name, 60, "y.example");
            answer.ip("bank.example", 60, EVIL).bytes()
        },
    ),
    ("each name another alias, for ever", |asked| {
        // x.example is n1, n1 is n2, and so on: no answer ends it.
        let number: u32 = asked
            .name
            .split('.')
            .next()
            .and_then(|label| label[1..].parse().ok())
            .unwrap_or(0);
        asked
            .answer()
            .cname(&asked.name, 60, &format!("n{}.example", number + 1))
            .bytes()
    }),
];

#[test]
fn a_story_of_other_names_is_not_believed_whatever_way_the_guest_asks() {
    for (what, story) in STORIES {
        let server = ScriptedDns::start(move |asked| vec![story(asked)]);
        in_every_way(|way| {
            let run = asking(&server).option("--allow-connect=x.example");
            let started = Instant::now();
            let seen = transcript(run, way, 9, &["?x.example", "@127.0.0.66"]);
            assert!(started.elapsed() < SOON, "{what}, {way}: {:?}", started.elapsed());
            believes_nothing(what, way, &seen);
        });
        // A chain without an end is followed for a while, and not for ever.
        let queries = server.asked().len();
        assert!(queries < 64 * WAYS.len(), "{what}: {queries} queries");
    }
}

/// A message as large as can be, whose names are pointers to pointers to pointers: cheap to send, dear to read.
fn bomb(asked: &Query) -> Vec<u8> {
    let mut answer = asked.answer();
    let mut last = 12_u16;
    for _ in 0..4000 {
        let at = u16::try_from(answer.clone().bytes().len()).expect("within a message");
        if at > 60_000 {
            break;
        }
        let pointer = (0xc000 | last).to_be_bytes();
        answer = answer.raw(&[&[1, b'a'][..], &pointer].concat(), kind::A, 60, &EVIL.octets());
        // A pointer has 14 bits.
        if at < 0x3fff {
            last = at;
        }
    }
    answer.bytes()
}

#[test]
fn an_answer_of_pointers_to_pointers_costs_little_and_gives_nothing() {
    let whole = std::sync::OnceLock::new();
    let server = ScriptedDns::start(move |asked| {
        if !asked.tcp {
            return vec![asked.answer().truncated().bytes()];
        }
        let whole: &Vec<u8> = whole.get_or_init(|| bomb(asked));
        let mut message = asked.answer().bytes();
        // The same with this query's identifier and question.
        let end = message.len();
        message.extend(&whole[end.min(whole.len())..]);
        message[4..12].copy_from_slice(&whole[4..12]);
        vec![message]
    });
    in_every_way(|way| {
        let run = asking(&server).option("--allow-connect=x.example");
        let started = Instant::now();
        let seen = transcript(run, way, 9, &["?x.example", "@127.0.0.66"]);
        assert!(started.elapsed() < SOON, "{way}: {:?}", started.elapsed());
        believes_nothing("a bomb", way, &seen);
    });
}

#[test]
fn an_answer_of_thousands_of_addresses_is_cut_to_what_a_guest_can_hold() {
    let server = ScriptedDns::start(|asked| {
        if !asked.tcp {
            return vec![asked.answer().truncated().bytes()];
        }
        let mut answer = asked.answer();
        if asked.kind == kind::A {
            // The name as a pointer to the question: 16 bytes a record, 64 kB in all.
            for number in 0..4000_u16 {
                let [high, low] = number.to_be_bytes();
                answer = answer.raw(&[0xc0, 12], kind::A, 60, &[10, 1, high, low]);
            }
        }
        vec![answer.bytes()]
    });
    // Of the guests without a number of addresses to take, Go's has room for all that it is sent.
    let run = asking(&server).option("--allow-resolve=x.example");
    let seen = run
        .guest(&guest("go", "names"))
        .arg("x.example")
        .finish()
        .success();
    let found = |seen: &str| {
        let words = seen.split_whitespace();
        words.filter(|word| word.starts_with("10.1.")).count()
    };
    assert_eq!(found(&seen), 64, "{seen}");
    // So has a component.
    let run = asking(&server).option("--allow-resolve=x.example");
    let seen = transcript(run, "component", 9, &["?x.example"]);
    assert_eq!(found(&seen), 64, "{seen}");
}

#[test]
fn a_server_that_only_lies_is_none() {
    let server = ScriptedDns::start(|asked| LIES.iter().map(|(_, lie)| lie(asked)).collect());
    for way in ["wasmedge", "component"] {
        let run = asking(&server).option("--allow-connect=x.example");
        let started = Instant::now();
        let seen = transcript(run, way, 9, &["?x.example", "@127.0.0.66"]);
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        assert_eq!(result(&seen, way, "x.example"), "EAI_AGAIN", "{seen}");
        believes_nothing("lies", way, &seen);
    }
}
