//! Names in their one form.

use crate::policy::{MAX_NAME_INPUT, Name, NameError, NamePattern};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn case_the_trailing_dot_and_unicode_make_no_difference() {
    for spelling in [
        "example.com",
        "EXAMPLE.com",
        "Example.Com.",
        "ｅxample。com",
        "example．com",
    ] {
        assert_eq!(name(spelling).as_str(), "example.com", "{spelling}");
    }
    for spelling in [
        "bücher.example",
        "BÜCHER.example",
        "bu\u{308}cher.example",
        "xn--bcher-kva.example",
    ] {
        assert_eq!(name(spelling).as_str(), "xn--bcher-kva.example", "{spelling}");
    }
}

#[test]
fn names_that_are_in_use_are_read() {
    for text in [
        "db",
        "my_host",
        "_dmarc.example.com",
        "r3---sn.example",
        "a-.b",
        "1and1.com",
        "xn--p1ai",
        "0xyz",
    ] {
        assert_eq!(name(text).as_str(), text);
    }
}

#[test]
fn what_is_no_name_is_distinguished() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name(&longest).as_str().len(), 253);
    assert_eq!(name(&format!("{longest}.")).as_str().len(), 253);
    for (text, error) in [
        ("", NameError::Empty),
        (".", NameError::Empty),
        ("..", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a.b..", NameError::EmptyLabel),
        (&*format!("a{label}"), NameError::TooLong),
        (&*format!("{longest}a"), NameError::TooLong),
        (&*"ü".repeat(63), NameError::TooLong),
        (&*"a".repeat(MAX_NAME_INPUT + 1), NameError::TooLong),
        ("a\0b", NameError::Character),
        ("a\nb", NameError::Character),
        ("a b", NameError::Character),
        ("a/b", NameError::Character),
        ("a:80", NameError::Character),
        ("*.a", NameError::Character),
        ("a%1", NameError::Character),
        ("a@b", NameError::Character),
        ("xn--a", NameError::Idna),
        ("a\u{200b}\u{fffd}", NameError::Idna),
        ("127.0.0.1", NameError::Numeric),
        ("256.1.1.1", NameError::Numeric),
        ("1.2.3.4.5", NameError::Numeric),
        ("a.1", NameError::Numeric),
        ("a.0x1f", NameError::Numeric),
        ("127.1.", NameError::Numeric),
        ("１２７.１", NameError::Numeric),
    ] {
        assert_eq!(Name::parse(text), Err(error), "{text:?}");
    }
    assert_eq!(Name::from_bytes(b"a\xff"), Err(NameError::Idna));
}

#[test]
fn unicode_cannot_bring_in_characters_that_a_name_does_not_have() {
    // Each of these becomes forbidden ASCII under UTS 46: a fullwidth slash, percent sign, and an a/c ligature.
    for text in ["a／b", "a％00b", "a℀b", "a：80"] {
        assert_eq!(Name::parse(text), Err(NameError::Character), "{text}");
    }
}

#[test]
fn a_wildcard_covers_what_is_below_and_not_the_apex_nor_a_longer_word() {
    let pattern = NamePattern::Below(name("example.com"));
    assert!(pattern.covers(&name("a.example.com")));
    assert!(pattern.covers(&name("a.b.c.example.com")));
    assert!(!pattern.covers(&name("example.com")));
    assert!(!pattern.covers(&name("evilexample.com")));
    assert!(!pattern.covers(&name("example.com.evil.org")));
}

#[test]
fn loopback_and_local_names_are_known() {
    assert!(
        name("localhost").is_loopback()
            && name("LOCALHOST.").is_loopback()
            && name("a.b.localhost").is_loopback()
    );
    assert!(!name("localhost.example.com").is_loopback() && !name("notlocalhost").is_loopback());
    for local in [
        "db",
        "printer.local",
        "db.internal",
        "nas.home.arpa",
        "a.localhost",
    ] {
        assert!(name(local).is_local(), "{local}");
    }
    for public in [
        "example.com",
        "internal.example",
        "arpa.home",
        "x.arpa",
        "db.test",
        "local.com",
    ] {
        assert!(!name(public).is_local(), "{public}");
    }
}

#[test]
fn names_compare_and_hash_by_their_text() {
    use std::collections::HashSet;
    let set: HashSet<Name> = ["a.b", "A.b.", "a.c"].into_iter().map(name).collect();
    assert_eq!(set.len(), 2);
    assert!(name("a.b") < name("a.c"));
    assert_eq!(format!("{:?} {}", name("A.b"), name("A.b")), "Name(\"a.b\") a.b");
}

#[test]
fn a_text_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    // IDNA ignores soft hyphens, which are two bytes long.
    let padded = |start: &str| format!("{start}{}", "\u{ad}".repeat((MAX_NAME_INPUT - 2) / 2));
    assert_eq!(name(&padded("ab")), name("ab"));
    assert_eq!(Name::parse(&padded("abc")), Err(NameError::TooLong));
    assert_eq!(Name::parse(&padded("abcd")), Err(NameError::TooLong));
}

#[test]
fn a_name_is_the_same_text_however_it_is_asked() {
    let name = Name::parse("DB.Example").unwrap();
    let text: &str = name.as_ref();
    assert_eq!((text, name.as_str()), ("db.example", "db.example"));
}

#[test]
fn names_that_differ_are_hashed_apart() {
    use std::hash::BuildHasher;
    let hasher = std::hash::RandomState::new();
    let hashes: std::collections::HashSet<u64> = (0..64)
        .map(|number| hasher.hash_one(Name::parse(&format!("n{number}.example")).unwrap()))
        .collect();
    assert_eq!(hashes.len(), 64);
}

#[test]
fn a_pattern_covers_what_its_rule_does() {
    let exact = NamePattern::Exact(name("db.example"));
    assert!(exact.covers(&name("db.example")) && !exact.covers(&name("x.db.example")));
    let below = NamePattern::Below(name("db.example"));
    assert!(below.covers(&name("x.db.example")) && below.covers(&name("y.x.db.example")));
    assert!(!below.covers(&name("db.example")) && !below.covers(&name("xdb.example")));
    assert!(NamePattern::Any.covers(&name("z")));
}

/// The table of names takes its place from the lowest bits of the hash and a tag from the highest seven.
#[test]
fn the_hashes_of_similar_names_are_spread() {
    let hashes: Vec<u64> = (0..256)
        .map(|number| name(&format!("n{number}.example")).suffix_hash())
        .collect();
    let distinct = |part: fn(u64) -> u64| {
        let parts: std::collections::HashSet<u64> = hashes.iter().map(|hash| part(*hash)).collect();
        parts.len()
    };
    assert_eq!(distinct(|hash| hash), 256);
    assert!(distinct(|hash| hash & 0xff) > 128);
    assert!(distinct(|hash| hash >> 57) > 64);
}
