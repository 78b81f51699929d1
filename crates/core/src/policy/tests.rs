//! Tests of the policy, by subject.

mod address;
mod attacks;
mod decide;
mod explain;
mod file;
mod model;
mod name;
mod pins;
mod target;
mod unix;

use super::{Decision, Effect, NoPins, Policy, PolicyBuilder, Protocol, Source, Use};
use std::net::SocketAddr;

/// A policy from flags, as people write them: `--allow-connect 10.0.0.1:80 --deny-resolve *.org --allow-net`.
fn policy(flags: &str) -> Policy {
    let mut builder = PolicyBuilder::new();
    let mut words = flags.split_whitespace();
    while let Some(flag) = words.next() {
        if flag == "--allow-net" {
            builder.allow_net();
            continue;
        }
        let (effect, usage) = flag
            .trim_start_matches("--")
            .split_once('-')
            .expect("--EFFECT-USE");
        let effect = if effect == "allow" {
            Effect::Allow
        } else {
            Effect::Deny
        };
        let usage = Use::from_word(usage).expect("a use");
        builder
            .rule(usage, effect, words.next().expect("a target"), Source::Flag)
            .expect("a valid target");
    }
    builder.build()
}

fn addr(text: &str) -> SocketAddr {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is a socket address"))
}

fn tcp<'p>(policy: &'p Policy, usage: Use, to: &str) -> Decision<'p> {
    policy.decide(usage, Protocol::Tcp, addr(to), &NoPins)
}

fn udp<'p>(policy: &'p Policy, usage: Use, to: &str) -> Decision<'p> {
    policy.decide(usage, Protocol::Udp, addr(to), &NoPins)
}

fn connects(policy: &Policy, to: &str) -> bool {
    tcp(policy, Use::Connect, to).is_allowed()
}

fn listens(policy: &Policy, on: &str) -> bool {
    tcp(policy, Use::Listen, on).is_allowed()
}

fn accepts(policy: &Policy, from: &str) -> bool {
    tcp(policy, Use::Accept, from).is_allowed()
}
