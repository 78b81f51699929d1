//! Looks names up, and then reaches by every call for what came.
//!
//! ```text
//! names PORT NAME...   @ADDRESS is not looked up, only reached for; ?NAME is only looked up. \xNN in a name is a byte
//! ```

use crate::{look_up, named, number, reach};
use wasi::sockets::instance_network::instance_network;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let port = number(words, 0);
    for text in words.get(1..).unwrap_or_default() {
        if let Some(address) = text.strip_prefix('@') {
            reach::reach(&network, address, port);
            continue;
        }
        let (is_only_looked_up, name) = match text.strip_prefix('?') {
            Some(name) => (true, name),
            None => (false, *text),
        };
        let found = look_up(&network, &plain(name));
        print!(
            "component {name}: {}",
            named(found.as_ref().map_err(|error| *error))
        );
        let found = found.unwrap_or_default();
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

/// The name that a text stands for. A string of WASI is UTF-8.
fn plain(text: &str) -> String {
    let mut parts = text.split("\\x");
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        name.push(char::from(u8::from_str_radix(byte, 16).expect("two digits")));
        name.push_str(rest);
    }
    name
}
