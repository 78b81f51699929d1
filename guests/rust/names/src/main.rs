//! names NAME...: the IPv4 addresses of each name, sorted; the lines are those of guests/c/app_lookup.c.
//!
//! With DNS_SERVER in the environment the crate speaks DNS over TCP itself. It then calls every failure EAI_NODATA.

use std::net::SocketAddr;

/// What WasmEdge's sock_getaddrinfo returns for a failed look-up, in its order.
const FIRST_EAI: i32 = 77;
const EAI: [&str; 11] = [
    "ADDRFAMILY",
    "AGAIN",
    "BADFLAGS",
    "FAIL",
    "FAMILY",
    "MEMORY",
    "NODATA",
    "NONAME",
    "SERVICE",
    "SOCKTYPE",
    "SYSTEM",
];

fn main() {
    for name in std::env::args().skip(1) {
        match wasmedge_wasi_socket::nslookup(&name, "") {
            Ok(addresses) => {
                let mut texts: Vec<String> = addresses
                    .iter()
                    .map(SocketAddr::ip)
                    .map(|ip| ip.to_string())
                    .collect();
                texts.sort();
                // One for each type of socket.
                texts.dedup();
                println!("{name}: {}", texts.join(" "));
            }
            Err(error) => {
                let code = error.raw_os_error().unwrap_or(0) - FIRST_EAI;
                match usize::try_from(code).ok().and_then(|code| EAI.get(code)) {
                    Some(code) => println!("{name}: EAI_{code}"),
                    None => println!("{name}: {error}"),
                }
            }
        }
    }
}
