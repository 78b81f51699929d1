//! Addresses that were looked up.

use crate::policy::{MAX_NAMES_PER_ADDRESS, MAX_PINS, Name, Pins};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn ip(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(
        0x0800_0000 + u32::try_from(number).expect("a small number"),
    ))
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn names(pins: &Pins, addr: IpAddr, now: u64) -> Vec<String> {
    let mut names: Vec<String> = pins.names(addr, at(now)).map(Name::to_string).collect();
    names.sort();
    names
}

#[test]
fn a_pin_lives_until_it_expires() {
    let mut pins = Pins::new();
    assert!(pins.is_empty());
    pins.insert(&name("a.b"), ip(1), at(10));
    assert_eq!(names(&pins, ip(1), 9), ["a.b"]);
    assert!(names(&pins, ip(1), 10).is_empty());
    assert!(names(&pins, ip(2), 0).is_empty());
}

#[test]
fn several_names_may_lead_to_one_address_and_the_later_expiry_counts() {
    let mut pins = Pins::new();
    pins.insert(&name("a.b"), ip(1), at(10));
    pins.insert(&name("c.d"), ip(1), at(20));
    pins.insert(&name("a.b"), ip(1), at(30));
    pins.insert(&name("a.b"), ip(1), at(5));
    assert_eq!(pins.len(), 2);
    assert_eq!(names(&pins, ip(1), 0), ["a.b", "c.d"]);
    assert_eq!(names(&pins, ip(1), 25), ["a.b"]);
}

#[test]
fn an_alias_is_pinned_as_the_address_that_it_reaches() {
    let mut pins = Pins::new();
    pins.insert(
        &name("a.b"),
        "64:ff9b::8.0.0.1".parse().expect("an address"),
        at(10),
    );
    assert_eq!(names(&pins, ip(1), 0), ["a.b"]);
    assert_eq!(
        names(&pins, "::ffff:8.0.0.1".parse().expect("an address"), 0),
        ["a.b"]
    );
}

#[test]
fn expired_pins_can_be_forgotten() {
    let mut pins = Pins::new();
    pins.insert(&name("a.b"), ip(1), at(10));
    pins.insert(&name("c.d"), ip(1), at(20));
    pins.insert(&name("e.f"), ip(2), at(5));
    pins.purge(at(10));
    assert_eq!(pins.len(), 1);
    assert_eq!(names(&pins, ip(1), 10), ["c.d"]);
}

#[test]
fn the_number_of_pins_has_an_end_and_the_ones_that_expire_soonest_make_room() {
    let mut pins = Pins::new();
    for number in 0..MAX_PINS * 3 {
        pins.insert(
            &name("a.b"),
            ip(number),
            at(u64::try_from(number).expect("a small number")),
        );
        assert!(pins.len() <= MAX_PINS);
    }
    assert!(pins.len() > MAX_PINS / 2);
    let now = u64::try_from(MAX_PINS * 3 - MAX_PINS / 2).expect("a small number");
    for number in MAX_PINS * 3 - MAX_PINS / 2 + 1..MAX_PINS * 3 {
        assert_eq!(
            names(&pins, ip(number), now),
            ["a.b"],
            "{number} is among the last"
        );
    }
}

#[test]
fn pins_of_equal_expiry_make_room_too() {
    let mut pins = Pins::new();
    for number in 0..=MAX_PINS {
        pins.insert(&name("a.b"), ip(number), at(10));
    }
    assert_eq!(pins.len(), MAX_PINS - MAX_PINS / 8 + 1);
}

#[test]
fn the_names_of_one_address_have_an_end() {
    let mut pins = Pins::new();
    for number in 0..100 {
        pins.insert(&name(&format!("n{number}.example")), ip(1), at(number));
    }
    assert_eq!(pins.len(), MAX_NAMES_PER_ADDRESS);
    assert_eq!(names(&pins, ip(1), 98), ["n99.example"]);
    assert_eq!(names(&pins, ip(1), 0).len(), MAX_NAMES_PER_ADDRESS);
}

#[test]
fn as_many_pins_as_there_may_be_are_all_held() {
    let mut pins = Pins::new();
    for number in 0..MAX_PINS {
        pins.insert(&name("a.b"), ip(number), at(10));
    }
    assert_eq!((pins.len(), pins.is_empty()), (MAX_PINS, false));
    for number in 0..MAX_PINS {
        assert_eq!(names(&pins, ip(number), 9), ["a.b"], "{number}");
    }
}

/// Those that expire soonest go, and of those that expire together no more than it takes.
#[test]
fn no_more_pins_make_room_than_an_eighth() {
    let mut pins = Pins::new();
    for number in 0..=MAX_PINS {
        let expires = if number < 10 { 10 } else { 20 };
        pins.insert(&name("a.b"), ip(number), at(expires));
    }
    let surplus = (MAX_PINS + 1) / 8;
    assert!(surplus > 10);
    assert_eq!(pins.len(), MAX_PINS + 1 - surplus);
    for number in 0..10 {
        assert!(names(&pins, ip(number), 0).is_empty(), "{number}");
    }
}
