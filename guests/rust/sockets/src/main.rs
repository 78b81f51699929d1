//! `sockets DIR NAME...`: behaviours of the crate guestnet-guest. DIR is an empty directory for UNIX sockets.
//! `sockets std DIR NAME...`: the same source over std's own types, natively. `sockets list` and `sockets std list` print the names.

#![expect(
    clippy::duplicate_mod,
    reason = "one file of behaviours is compiled over the crate and over std"
)]

mod beyond;
mod bulk;
mod with_crate;
#[cfg(unix)]
mod with_std;

/// A name and what it does.
type Behaviour = (&'static str, fn(&std::path::Path));

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let std = args.first().is_some_and(|first| first == "std");
    if std {
        args.remove(0);
    }
    let behaviours = behaviours(std);
    let (directory, names) = args.split_first().expect("a directory, or the word list");
    if directory == "list" {
        for (name, _) in behaviours {
            println!("{name}");
        }
        return;
    }
    for name in names {
        let found = behaviours.iter().find(|(known, _)| known == name);
        let (_, run) = found.unwrap_or_else(|| panic!("no behaviour of the name {name}"));
        println!("{name}:");
        run(directory.as_ref());
    }
    println!("end");
}

#[cfg(unix)]
fn behaviours(std: bool) -> Vec<Behaviour> {
    if std {
        with_std::behaviours::ALL.to_vec()
    } else {
        all()
    }
}

#[cfg(not(unix))]
fn behaviours(_std: bool) -> Vec<Behaviour> {
    all()
}

fn all() -> Vec<Behaviour> {
    [with_crate::behaviours::ALL, beyond::ALL, bulk::ALL].concat()
}
