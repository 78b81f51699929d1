//! app_lookup NAME...: the addresses of each name, of both families, sorted; the lines are those of guests/c/app_lookup.c with `-46`.
//! Not a transcript test: it needs a server.

use std::io;

use std_net::net::ToSocketAddrs;

fn main() {
    for name in std::env::args().skip(1) {
        match (name.as_str(), 0).to_socket_addrs() {
            Ok(addresses) => {
                let mut texts: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
                texts.sort();
                println!("{name}: {}", texts.join(" "));
            }
            Err(error) => println!("{name}: {}", code(&error)),
        }
    }
}

/// The `EAI_*` of getaddrinfo(3).
#[cfg(all(target_os = "wasi", target_env = "p1"))]
fn code(error: &io::Error) -> String {
    let inner = error.get_ref();
    let found = inner.and_then(|inner| inner.downcast_ref::<guestnet_guest::LookupError>());
    match found {
        Some(code) => format!("EAI_{}", format!("{code:?}").to_uppercase()),
        None => format!("{:?}", error.kind()),
    }
}

/// The `EAI_*` of getaddrinfo(3): std has one kind for all of them, and the C library's text.
#[cfg(not(all(target_os = "wasi", target_env = "p1")))]
fn code(error: &io::Error) -> String {
    let text = error.to_string();
    let codes = [
        ("EAI_AGAIN", "Try again"),
        ("EAI_FAIL", "Non-recoverable error"),
        ("EAI_NODATA", "Name has no usable address"),
        ("EAI_NONAME", "Name does not resolve"),
    ];
    let found = codes.iter().find(|(_, part)| text.contains(part));
    found.map_or(text.clone(), |(code, _)| (*code).to_owned())
}
