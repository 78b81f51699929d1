//! A33 groups and broadcasts, whose receivers may include a denied one, and datagrams that choose their interface. A41
//! ranges that are IPv4 in another spelling.

use super::support::{Victim, script};
use guestnet_tests::Guestnet;
use guestnet_tests::act::{acts, component_acts};
use guestnet_tests::emscripten::{Engine, Variant, program};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 34);

/// A receiver on this machine of the group, and of broadcasts of loopback's network.
struct Member(UdpSocket);

impl Member {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
        socket
            .join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)
            .expect("join");
        socket.set_nonblocking(true).expect("set_nonblocking");
        Self(socket)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("local_addr").port()
    }

    /// How many datagrams have come, once their sender has ended.
    fn received(&self) -> usize {
        std::iter::from_fn(|| match self.0.recv(&mut [0; 64]) {
            Ok(_) => Some(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("recv: {error}"),
        })
        .count()
    }
}

/// The last word of each line.
fn results(transcript: &str) -> Vec<&str> {
    let word = |line: &'_ str| line.rfind(": ").map_or(0, |at| at + 2);
    transcript.lines().map(|line| &line[word(line)..]).collect()
}

/// What each kind of guest can say of it: the actions of the C guest, and their results.
fn by_wasi(options: &[String], actions: &[String]) -> Vec<String> {
    let run = options
        .iter()
        .fold(Guestnet::run(), |run, option| run.option(option));
    let seen = acts(run, actions.iter().map(String::as_str)).finish().success();
    results(&seen).into_iter().map(str::to_owned).collect()
}

/// The same for a component, whose sockets of UDP must be bound before they send.
fn by_component(options: &[String], actions: &[String]) -> Vec<String> {
    let run = options
        .iter()
        .fold(Guestnet::run(), |run, option| run.option(option))
        .option("--allow-listen=udp://0.0.0.0:0")
        .option("--allow-listen=udp://[::]:0");
    let seen = component_acts(run, actions.iter().map(String::as_str))
        .finish()
        .success();
    results(&seen).into_iter().map(str::to_owned).collect()
}

fn by_emscripten(options: &[String], actions: &[String]) -> Vec<String> {
    let program = program(Variant::Plain, Engine::Node20, "act");
    let program = program.env("GUESTNET_OPTIONS", options.join(" "));
    let seen = program.args(actions).finish().success();
    results(&seen).into_iter().map(str::to_owned).collect()
}

fn by_script(options: &[String], group: Ipv4Addr, port: u16) -> Vec<String> {
    let run = options
        .iter()
        .fold(Guestnet::run(), |run, option| run.option(option));
    let text = format!(
        r#"
        import * as os from "os";
        import * as std from "std";
        const show = (what, value) => print(`${{what}}: ${{value === -std.Error.EACCES ? "EACCES" : value}}`);
        const tried = async promise => {{ try {{ return await promise; }} catch (error) {{ return error; }} }};
        const send = (fd, addr) =>
            tried(os.sendto(fd, {{family: os.AF_INET, addr, port: {port}}}, new Uint8Array(5)));
        const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
        const loopback = Uint8Array.of(127, 0, 0, 1);
        show("multicast", await tried(os.setsockopt(fd, os.IPPROTO_IP, os.IP_MULTICAST_IF, loopback)));
        show("group", await send(fd, "{group}"));
        show("option", await tried(os.setsockopt(fd, os.SO_BROADCAST, 1)));
        show("broadcast", await send(fd, "127.255.255.255"));
        "#
    );
    let seen = script(run, &text).success();
    results(&seen).into_iter().map(str::to_owned).collect()
}

fn options(options: &[&str]) -> Vec<String> {
    options.iter().map(|&option| option.to_owned()).collect()
}

#[test]
fn no_guest_reaches_a_denied_member_by_its_group() {
    let member = Member::new();
    let port = member.port();
    let actions = [
        format!("group {GROUP} {port}"),
        format!("send {GROUP} {port}"),
        format!("send ::ffff:{GROUP} {port}"),
        format!("send 64:ff9b::{GROUP} {port}"),
        format!("udp {GROUP} {port}"),
        format!("send ff01::1 {port}"),
        format!("send 255.255.255.255 {port}"),
        format!("broadcast 255.255.255.255 {port}"),
        format!("broadcast 127.255.255.255 {port}"),
    ];
    // The last of these is a broadcast address that looks like any other, and is allowed as such.
    for rules in [
        options(&["--allow-net", "--deny-connect=127.0.0.0/8"]),
        options(&[
            "--allow-connect=*",
            "--deny-connect=127.0.0.1",
            "--deny-connect=::1",
        ]),
        options(&["--allow-connect=127.255.255.255"]),
    ] {
        assert_eq!(by_wasi(&rules, &actions), ["EACCES"; 9], "{rules:?}");
        assert_eq!(by_emscripten(&rules, &actions), ["EACCES"; 9], "{rules:?}");
        // A mapped address is none in WASI 0.2.
        let by_component = by_component(&rules, &actions);
        let denied = by_component.iter().filter(|result| *result == "EACCES").count();
        let impossible = by_component.iter().filter(|result| *result == "EINVAL").count();
        assert_eq!((denied, impossible), (8, 1), "{rules:?}: {by_component:?}");
        assert_eq!(
            by_script(&rules, GROUP, port),
            ["0", "EACCES", "0", "EACCES"],
            "{rules:?}"
        );
        assert_eq!(member.received(), 0, "{rules:?}");
    }
}

#[test]
fn a_member_is_reached_by_a_group_that_a_rule_names() {
    let member = Member::new();
    let port = member.port();
    let rules = options(&[
        "--allow-net",
        "--deny-connect=127.0.0.1",
        "--allow-connect=239.0.0.0/8",
        "--allow-connect=255.255.255.255",
    ]);
    let actions = [
        format!("group {GROUP} {port}"),
        format!("broadcast 127.255.255.255 {port}"),
    ];
    assert_eq!(by_emscripten(&rules, &actions), ["ok"; 2]);
    assert_eq!(member.received(), 2);
    assert_eq!(by_script(&rules, GROUP, port), ["0", "5", "0", "5"]);
    assert_eq!(member.received(), 2);
    // WASI cannot choose loopback for a group, and goes where the routes lead.
    assert_eq!(by_wasi(&rules, &actions)[1], "ok");
    assert_eq!(member.received(), 1);
    // Nor has it an option that lets a component broadcast; the system refuses it.
    assert_eq!(by_component(&rules, &actions)[1], "EACCES");
    assert_eq!(member.received(), 0);
}

#[test]
fn a_datagram_chooses_no_interface_under_rules() {
    let victim = Victim::new();
    let actions = [
        format!("by 1 127.0.0.1 {}", victim.port()),
        "by 1 ::1 9".to_owned(),
        format!("by 0 127.0.0.1 {}", victim.port()),
    ];
    let free = options(&["--allow-net"]);
    assert_eq!(by_emscripten(&free, &actions), ["ok"; 3]);
    assert_eq!(victim.reached(), (0, 2));
    for rules in [
        options(&["--allow-net", "--deny-connect=10.0.0.1"]),
        options(&["--allow-connect=127.0.0.0/8", "--allow-connect=::1"]),
    ] {
        assert_eq!(by_emscripten(&rules, &actions), ["EACCES", "EACCES", "ok"]);
        assert_eq!(victim.reached(), (0, 1));
    }
}

/// An index that no interface has.
const NO_INDEX: &str = "1000000007";

/// The addresses of IPv4 that this machine has in addition to loopback, by the address that a datagram elsewhere would come from.
/// A machine without a route has none.
fn other_address() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
    // Nothing is sent by it.
    socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).ok()?;
    match socket.local_addr().expect("local_addr").ip() {
        std::net::IpAddr::V4(ip) if !ip.is_loopback() => Some(ip),
        _ => None,
    }
}

#[test]
fn an_interface_that_the_policy_hides_is_as_one_that_does_not_exist() {
    let hidden = other_address();
    let mut actions = vec![
        "through 198.51.100.7".to_owned(),
        "through 127.0.0.1".to_owned(),
        format!("through {NO_INDEX}"),
        "through 1".to_owned(),
        format!("join plain {GROUP} 198.51.100.7"),
        format!("join plain {GROUP} 127.0.0.1"),
    ];
    let mut expected = vec!["EADDRNOTAVAIL", "ok", "ENODEV", "ok", "ENODEV", "ok"];
    if let Some(hidden) = hidden {
        actions.extend([
            format!("through {hidden}"),
            format!("join plain {GROUP} {hidden}"),
            format!("join source {GROUP} {hidden}"),
        ]);
        expected.extend(["EADDRNOTAVAIL", "ENODEV", "ENODEV"]);
    }
    let rules = options(&["--allow-connect=*", &format!("--allow-listen={GROUP}")]);
    assert_eq!(by_emscripten(&rules, &actions), expected);
    // Nor is it in a list.
    let list = by_emscripten(&rules, &options(&["interfaces"]));
    let listed: Vec<_> = list[0].split(' ').collect();
    assert_eq!(&listed[..2], ["lo/link", "lo/127.0.0.1"]);
    assert!(listed.iter().all(|each| each.starts_with("lo/")), "{listed:?}");
    // A rule that lets the guest listen there shows the interface, with that address.
    if let Some(hidden) = hidden {
        let rule = format!("--allow-listen=tcp://{hidden}:0");
        let rules = options(&[&rule, &format!("--allow-listen={GROUP}")]);
        assert_eq!(by_emscripten(&rules, &actions[6..]), ["ok"; 3]);
        let list = by_emscripten(&rules, &options(&["interfaces"]));
        let addresses = list[0]
            .split(' ')
            .filter(|each| !each.starts_with("lo/") && !each.ends_with("/link"));
        let addresses: Vec<_> = addresses.map(|each| each.split('/').next_back()).collect();
        assert_eq!(addresses, [Some(&*hidden.to_string())]);
    }
}

#[test]
fn no_way_to_join_a_group_goes_round_the_rules_for_listen() {
    let ways = |group: &str, address: &str, index: &str| -> Vec<String> {
        let by_address = ["plain", "source"].map(|how| format!("join {how} {group} {address}"));
        let by_index = ["index", "group", "group-source"].map(|how| format!("join {how} {group} {index}"));
        by_address.into_iter().chain(by_index).collect()
    };
    let six = |group: &str, index: &str| -> Vec<String> {
        let ways = ["plain", "group", "group-source"];
        ways.map(|how| format!("join {how} {group} {index}")).to_vec()
    };
    let [allowed, denied] = [GROUP.to_string(), "239.255.77.35".to_owned()];
    let rules = options(&[
        &format!("--allow-listen={allowed}"),
        "--allow-listen=[ff15::77:34]",
        "--allow-connect=*",
    ]);
    let join = |actions: Vec<String>| by_emscripten(&rules, &actions);
    assert_eq!(join(ways(&allowed, "127.0.0.1", "1")), ["ok"; 5]);
    assert_eq!(join(ways(&denied, "127.0.0.1", "1")), ["EACCES"; 5]);
    assert_eq!(join(ways(&allowed, "198.51.100.7", NO_INDEX)), ["ENODEV"; 5]);
    assert_eq!(join(six("ff15::77:34", "1")), ["ok"; 3]);
    assert_eq!(join(six("ff15::77:35", "1")), ["EACCES"; 3]);
    assert_eq!(join(six("ff15::77:34", NO_INDEX)), ["ENODEV"; 3]);
}

#[test]
fn a_deny_rule_for_all_of_ipv6_has_no_hole_where_ipv4_is_written_in_it() {
    let victim = Victim::new();
    let port = victim.port();
    let spellings = [
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "2002:7f00:1::",
        "::",
    ];
    let actions: Vec<String> = spellings
        .iter()
        .flat_map(|spelling| ["tcp", "udp", "send"].map(|how| format!("{how} {spelling} {port}")))
        .collect();
    let rules = options(&["--allow-net", "--deny-connect=::/0"]);
    assert_eq!(by_wasi(&rules, &actions), ["EACCES"; 15]);
    assert_eq!(by_emscripten(&rules, &actions), ["EACCES"; 15]);
    // A mapped address and the wildcard are no peers in WASI 0.2.
    let by_component = by_component(&rules, &actions);
    for (result, action) in by_component.iter().zip(&actions) {
        let is_none = action.contains("::ffff:") || action.contains(" :: ");
        assert_eq!(result, if is_none { "EINVAL" } else { "EACCES" }, "{action}");
    }
    assert_eq!(victim.reached(), (0, 0));
    let plain = [format!("tcp 127.0.0.1 {port}")];
    assert_eq!(by_wasi(&rules, &plain), ["ok"]);
    let text = format!(
        r#"
        import * as os from "os";
        import * as std from "std";
        const fd = os.socket(os.AF_INET6, os.SOCK_DGRAM);
        const addr = {{family: os.AF_INET6, addr: "::ffff:127.0.0.1", port: {port}}};
        let outcome;
        try {{ outcome = await os.sendto(fd, addr, new Uint8Array(5)); }} catch (error) {{ outcome = error; }}
        print(outcome === -std.Error.EACCES);
        "#
    );
    let run = rules.iter().fold(Guestnet::run(), |run, rule| run.option(rule));
    assert_eq!(script(run, &text).success(), "true\n");
}

#[test]
fn a_rule_that_would_allow_all_of_ipv4_in_another_spelling_is_a_mistake() {
    for (range, plain) in [
        ("2002::/16", "0.0.0.0/0"),
        ("64:ff9b::/96", "0.0.0.0/0"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/96", "0.0.0.0/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ] {
        for usage in ["connect", "listen", "accept"] {
            let finished = acts(
                Guestnet::run().option(format!("--allow-{usage}={range}")),
                ["sockets"],
            )
            .finish();
            assert_eq!(finished.status.code(), Some(2), "{finished}");
            let says = format!(
                "guestnet: --allow-{usage} {range}: this range is one of IPv4 in another spelling; write {plain} (column 1)\n"
            );
            assert_eq!(finished.stderr, says);
        }
    }
}
