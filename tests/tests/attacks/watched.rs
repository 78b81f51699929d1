//! A43: what the owner watches a guest by: lines of the guest's at the collector of its audit, names of its own in its metrics.

use super::support::script;
use guestnet_tests::Guestnet;
use guestnet_tests::act::{acts, component_acts, results};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener};

/// Tries to connect to these, and prints what came of each.
fn script_text(addrs: &[SocketAddr]) -> String {
    let mut text = String::from("import * as os from 'os'; import * as std from 'std';\n");
    for addr in addrs {
        let family = if addr.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        text += &format!(
            "{{ const fd = os.socket(os.{family}, os.SOCK_STREAM);
               let outcome;
               try {{ outcome = await os.connect(fd, {{ family: os.{family}, addr: '{}', port: {} }}); }} catch (error) {{ outcome = error; }}
               os.close(fd);
               print(`tcp: ${{outcome === -std.Error.EACCES ? 'EACCES' : outcome === 0 ? 'ok' : outcome}}`); }}\n",
            addr.ip(),
            addr.port()
        );
    }
    text
}

#[test]
fn no_guest_writes_to_the_collector_of_its_own_audit() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let collector = TcpListener::bind(listen).expect("bind");
        let to = collector.local_addr().expect("local_addr");
        // As another address that leads there.
        let zeros: IpAddr = if to.is_ipv4() { "0.0.0.0" } else { "::" }
            .parse()
            .expect("an address");
        let addrs = [to, SocketAddr::new(zeros, to.port())];
        let actions = addrs.map(|addr| format!("tcp {} {}", addr.ip(), addr.port()));
        let actions = || actions.iter().map(String::as_str);
        let run = || {
            Guestnet::run()
                .option("--allow-net")
                .option(format!("--audit=tcp://{to}"))
        };
        for guest in 0..3 {
            let finished = match guest {
                0 => acts(run(), actions()).finish(),
                1 => component_acts(run(), actions()).finish(),
                _ => script(run(), &script_text(&addrs)),
            };
            // WASI 0.2 refuses the unspecified address itself: no policy is asked.
            let (zeros, decided) = if guest == 1 { ("EINVAL", 1) } else { ("EACCES", 2) };
            assert_eq!(results(&finished.stdout), ["EACCES", zeros], "{finished}");
            let denial = format!("denied by --audit \"tcp://{to}\"");
            assert!(finished.stderr.contains(&denial), "{finished}");
            // One connection, which has what was decided and nothing else.
            let mut lines = String::new();
            let (mut connection, _) = collector.accept().expect("accept");
            connection.read_to_string(&mut lines).expect("read");
            assert!(
                lines.lines().count() == decided
                    && lines.lines().all(|line| line.contains("\"outcome\":\"denied\"")),
                "{lines}"
            );
            collector.set_nonblocking(true).expect("set_nonblocking");
            assert!(collector.accept().is_err(), "a guest was there");
            collector.set_nonblocking(false).expect("set_nonblocking");
        }
    }
}

/// So many different things that are denied.
const MANY: u8 = 200;

#[test]
fn metrics_have_nothing_of_a_guest_in_them_and_are_no_longer_for_all_that_it_tries() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("metrics");
    let run = || Guestnet::run().option(format!("--metrics={}", path.display()));
    let metrics = || fs::read_to_string(&path).expect("read");
    let addrs: Vec<SocketAddr> = (1..=MANY)
        .map(|host| SocketAddr::from(([10, 77, 77, host], u16::from(host))))
        .collect();
    let one = |addrs: &[SocketAddr]| {
        let actions: Vec<_> = addrs
            .iter()
            .map(|addr| format!("tcp {} {}", addr.ip(), addr.port()))
            .collect();
        let actions = || actions.iter().map(String::as_str);
        let mut texts = Vec::new();
        for guest in 0..3 {
            let finished = match guest {
                0 => acts(run(), actions()).finish(),
                1 => component_acts(run(), actions()).finish(),
                _ => script(run(), &script_text(addrs)),
            };
            let _ = finished.success();
            texts.push(metrics());
        }
        texts
    };
    let (few, many) = (one(&addrs[..1]), one(&addrs));
    for (few, many) in few.iter().zip(&many) {
        assert_eq!(few.lines().count(), many.lines().count(), "{many}");
        assert!(!many.contains("10.77"), "{many}");
        let line = format!("guestnet_denials_total{{use=\"connect\"}} {MANY}");
        assert!(many.lines().any(|each| each == line), "{many}");
    }
}
