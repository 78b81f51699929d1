//! What one policy decision costs: `cargo run --release -p guestnet-core --example policy_cost`.
//!
//! Prints a line for each shape of policy and number of rules: `SHAPE RULES NANOSECONDS`, the fastest of 25 rounds of
//! decisions about random destinations, half of which a rule covers: others on the machine only ever make a round
//! slower. Measures nothing but [`Policy::decide`].
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for people to read: it prints, and reads the clock"
)]

use guestnet_core::policy::{MAX_PINS, Name, Pins, Policy, PolicyBuilder, Protocol, Use};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

const DESTINATIONS: usize = 4096;
const ROUNDS: usize = 25;
const REPEATS: usize = 20;

fn main() {
    println!("{:<28} {:>6} {:>8}", "shape", "rules", "ns");
    report("allow-net", 0, &Policy::allow_all(), &hosts(1), &Pins::new());
    for rules in [1, 100, 10_000] {
        report(
            "IPv4 hosts",
            rules,
            &policy(rules, |i| format!("{}:443", host(i))),
            &hosts(rules),
            &Pins::new(),
        );
        report(
            "IPv4 ranges and hosts",
            rules,
            &policy(rules, nested),
            &hosts(rules),
            &Pins::new(),
        );
        report(
            "IPv6 hosts",
            rules,
            &policy(rules, |i| format!("[{}]:443", host6(i))),
            &hosts6(rules),
            &Pins::new(),
        );
        report(
            "ports of one range",
            rules,
            &policy(rules, ports),
            &hosts(rules),
            &Pins::new(),
        );
        let (names, pins) = (policy(rules, |i| format!("*.s{i}.example.com:443")), pins(rules));
        // Only so many names are held as there is room for, and only those are dialled.
        let looked_up = rules.min(MAX_PINS / 2);
        report("names, looked up", rules, &names, &hosts(looked_up), &pins);
        report(
            "allow-net, deny hosts",
            rules,
            &denials(rules),
            &hosts(rules),
            &Pins::new(),
        );
    }
}

fn report(shape: &str, rules: usize, policy: &Policy, destinations: &[SocketAddr], pins: &Pins) {
    let lookup = pins.at(Duration::ZERO);
    let fastest = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..REPEATS {
                for destination in destinations {
                    black_box(
                        policy
                            .decide(Use::Connect, Protocol::Udp, black_box(*destination), &lookup)
                            .is_allowed(),
                    );
                }
            }
            let decisions = f64::from(u32::try_from(REPEATS * destinations.len()).unwrap_or(u32::MAX));
            start.elapsed().as_secs_f64() * 1e9 / decisions
        })
        .fold(f64::INFINITY, f64::min);
    println!("{shape:<28} {rules:>6} {fastest:>8.1}");
}

fn policy(rules: usize, target: impl Fn(usize) -> String) -> Policy {
    let mut builder = PolicyBuilder::new();
    for index in 0..rules {
        builder.allow(Use::Connect, &target(index)).expect("a target");
    }
    builder.build()
}

fn denials(rules: usize) -> Policy {
    let mut builder = PolicyBuilder::new();
    builder.allow_net();
    for index in 0..rules {
        builder
            .deny(Use::Connect, &host(index).to_string())
            .expect("a target");
    }
    builder.build()
}

fn nested(index: usize) -> String {
    let [a, b, c, _] = host(index).octets();
    match index % 4 {
        0 => format!("{a}.{b}.{c}.0/24:443"),
        1 => format!("{a}.{b}.0.0/16:1-1023"),
        2 => format!("{a}.0.0.0/8:8080"),
        _ => format!("{}:443", host(index)),
    }
}

fn ports(index: usize) -> String {
    format!("0.0.0.0/0:{}", index * 6 + 1)
}

/// A public address, a different one for each index.
fn host(index: usize) -> Ipv4Addr {
    let index = u32::try_from(index).expect("a small number");
    Ipv4Addr::from_bits(0x2000_0000 | (index.wrapping_mul(2_654_435_761) >> 3))
}

fn host6(index: usize) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2600 << 112 | u128::from(host(index).to_bits()) << 32)
}

/// Destinations of which every second one is covered by one of so many rules about hosts.
fn hosts(rules: usize) -> Vec<SocketAddr> {
    spread(rules, |index| IpAddr::V4(host(index)))
}

fn hosts6(rules: usize) -> Vec<SocketAddr> {
    spread(rules, |index| IpAddr::V6(host6(index)))
}

fn spread(rules: usize, address: impl Fn(usize) -> IpAddr) -> Vec<SocketAddr> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    (0..DESTINATIONS)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let index = usize::try_from(random >> 33).expect("31 bits") % (rules * 2);
            SocketAddr::new(address(index), 443)
        })
        .collect()
}

/// Each of the hosts behind a name of its own, as far as pins go.
fn pins(rules: usize) -> Pins {
    let mut pins = Pins::new();
    for index in 0..(rules * 2).min(MAX_PINS) {
        let name = Name::parse(&format!("www.s{index}.example.com")).expect("a name");
        pins.insert(&name, IpAddr::V4(host(index)), Duration::from_secs(60));
    }
    pins
}
