//! Looks names up, and then reaches by every call for what came.
//!
//! ```text
//! names WAY PORT NAME...   WAY is component, or component-udp or component-tcp: DNS to the server that guestnet gives to every
//!                          guest. @ADDRESS is not looked up, only reached for; ?NAME is only looked up. \xNN in a name is a byte;
//!                          in DNS, \x2e is a dot within a label
//! ```

use crate::{dns, look_up, named, number, reach};
use std::net::IpAddr;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::Network;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let port = number(words, 1);
    for text in words.get(2..).unwrap_or_default() {
        if let Some(address) = text.strip_prefix('@') {
            reach::reach(&network, address, port);
            continue;
        }
        let (is_only_looked_up, name) = match text.strip_prefix('?') {
            Some(name) => (true, name),
            None => (false, *text),
        };
        let (result, found) = look(&network, words[0], name);
        print!("{} {name}: {result}", words[0]);
        for address in &found {
            print!(" {address}");
        }
        println!();
        if !is_only_looked_up {
            for address in found {
                reach::reach(&network, &address.to_string(), port);
            }
        }
    }
}

fn look(network: &Network, way: &str, name: &str) -> (String, Vec<IpAddr>) {
    if way != "component" {
        let labels = name.strip_suffix('.').unwrap_or(name).split('.').map(plain);
        return dns::look_up(network, way.ends_with("-tcp"), &labels.collect::<Vec<_>>());
    }
    // A string of WASI is UTF-8.
    let name = String::from_utf8(plain(name)).expect("UTF-8");
    let found = look_up(network, &name);
    let result = named(found.as_ref().map_err(|error| *error)).to_owned();
    (result, found.unwrap_or_default())
}

/// The bytes that a text stands for.
fn plain(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    bytes
}
