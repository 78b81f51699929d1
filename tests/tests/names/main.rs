//! Names, by guests that ask in different ways: C by getaddrinfo, Go by its own resolver, which speaks DNS, and by
//! getaddrinfo. All see the same, under the same policy.

mod dnsmasq;
mod same_with_dnsmasq;
mod scripted;
mod time;

use guestnet_tests::Guestnet;
use guestnet_tests::peers::ScriptedDns;
use std::time::Duration;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A guest that may look up everything below `example`, at these servers.
pub(crate) fn asking(servers: &[&ScriptedDns]) -> Guestnet {
    let servers: Vec<String> = servers.iter().map(|server| server.addr().to_string()).collect();
    Guestnet::run()
        .option("--dns")
        .option(servers.join(","))
        .option("--hosts=/dev/null")
        .option("--allow-resolve=*.example")
}
