//! The limits of `guestnet run`, and what it gives besides the network: a component gets what a module of the same source gets.

use guestnet_tests::peers::script::code;
use guestnet_tests::peers::{ScriptedDns, sink};
use guestnet_tests::{Guestnet, ProgramOutput, guest};
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What guests/rust/std_net/src/bin/limits.rs prints for these actions, under these options: of the module and of the component.
fn both(options: &[&str], actions: &[&str]) -> [ProgramOutput; 2] {
    ["rust", "component"].map(|kind| {
        let run = options
            .iter()
            .fold(Guestnet::run(), |run, option| run.option(option));
        run.guest(&guest(kind, "limits")).args(actions).finish()
    })
}

/// The lines of both, which have to be the same.
fn same(options: &[&str], actions: &[&str]) -> Vec<String> {
    let [module, component] = both(options, actions).map(ProgramOutput::success);
    assert_eq!(module, component, "of the module and of the component");
    let results = component.lines().zip(actions).map(|(line, action)| {
        let result = line.strip_prefix(&format!("{action}: "));
        result.unwrap_or_else(|| panic!("{line}")).to_owned()
    });
    let results: Vec<String> = results.collect();
    assert_eq!(results.len(), actions.len());
    results
}

#[test]
fn a_component_asks_the_servers_of_dns_for_the_names_it_may_look_up() {
    let server = ScriptedDns::answering(|asked| match asked.name.as_str() {
        "one.example" => asked.address([192, 0, 2, 1], 60),
        "six.example" => asked.address([0x2001, 0xdb8, 0, 0, 0, 0, 0, 6], 60),
        _ => asked.answer().code(code::NXDOMAIN),
    });
    let dns = server.addr().to_string();
    let options = ["--dns", &dns, "--hosts=/dev/null", "--allow-resolve=*.example"];
    let found = same(
        &options,
        &[
            "look-up one.example",
            "look-up six.example",
            "look-up one.example",
        ],
    );
    assert_eq!(found, ["[\"192.0.2.1\"]", "[\"2001:db8::6\"]", "[\"192.0.2.1\"]"]);
    // Each guest has a cache of its own.
    assert_eq!(
        server.times("one.example"),
        4,
        "a query for each family and guest"
    );

    for finished in both(&options, &["look-up none.example", "look-up other.test"]) {
        let printed = finished.stdout.clone();
        assert_eq!(printed.lines().count(), 2, "{finished}");
        assert!(!printed.contains('['), "{finished}");
        assert!(
            finished.stderr.contains("--allow-resolve other.test"),
            "{finished}"
        );
    }
    assert!(server.times("none.example") > 0);
    assert_eq!(server.times("other.test"), 0, "what is denied is not asked");
}

#[test]
fn look_ups_beyond_the_rate_fail_and_do_not_leave() {
    let server = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
    let dns = server.addr().to_string();
    let began = Instant::now();
    let run = Guestnet::run()
        .option("--dns")
        .option(&dns)
        .option("--hosts=/dev/null");
    let run = run.option("--allow-resolve=*.example").option("--max-lookups=2");
    let component = run.guest(&guest("component", "limits")).arg("look-ups 50");
    let component = component.finish().success();
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a short time") + 1;
    let found = component
        .strip_prefix("look-ups 50: ")
        .and_then(|rest| rest.trim().parse().ok());
    let found: usize = found.unwrap_or_else(|| panic!("{component}"));
    assert!((2..=2 + 2 * seconds).contains(&found), "{found} in {seconds} s");
    let asked = (0..50)
        .map(|index| server.times(&format!("n{index}.example")))
        .sum::<usize>();
    assert_eq!(asked, 2 * found, "a query for each family of each that was found");
}

#[test]
fn memory_ends_at_its_limit_and_the_component_goes_on() {
    let actions = ["grow 16", "grow 128", "grow 16"];
    assert_eq!(
        same(&["--max-memory=64MiB"], &actions),
        ["()", "OutOfMemory", "()"]
    );
    // The program has dealt with it: there is nothing for the owner to read.
    for finished in both(&["--max-memory=64MiB"], &actions) {
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn a_component_that_needs_more_memory_than_it_may_have_is_told_so_in_one_sentence() {
    for kind in ["rust", "component"] {
        let run = Guestnet::run().option("--max-memory=64KiB");
        let finished = run.guest(&guest(kind, "limits")).finish();
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        let message = &finished.stderr;
        assert!(
            message.lines().count() == 1
                && message.contains("limits.wasm needs ")
                && message.contains(" of memory to start, and --max-memory allows it 64"),
            "{finished}"
        );
    }
}

#[test]
fn sockets_end_at_their_limit_and_closed_ones_leave_room() {
    let options = ["--allow-net", "--max-sockets=20"];
    assert_eq!(same(&options, &["sockets"]), ["20, then true; 20, then true"]);
}

#[test]
fn bytes_in_all_end_at_their_limit() {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = peer.local_addr().expect("an address").port();
    let options = ["--allow-net", "--max-bytes=5500"];
    let actions = [format!("datagrams {port} 20"), format!("datagrams {port} 20")];
    let actions = actions.each_ref().map(String::as_str);
    assert_eq!(same(&options, &actions), ["5", "0"]);
    let (port, received) = sink();
    let action = format!("stream {port} 100000");
    let [module, component] = both(&options, &[&action]).map(ProgramOutput::success);
    assert_eq!(module, format!("{action}: 5500\n"));
    // A component's stream takes more than it may send: the interface wants an answer before there is one. No more goes out.
    assert_ne!(component, format!("{action}: 100000\n"));
    for _ in 0..2 {
        assert_eq!(received.recv_timeout(PATIENCE), Ok(5500));
    }
}

#[test]
fn a_rate_makes_a_component_wait() {
    let (port, received) = sink();
    let action = format!("stream {port} 65536");
    let began = Instant::now();
    let run = Guestnet::run().allow_net().option("--max-rate=64KiB");
    let finished = run.guest(&guest("component", "limits")).arg(&action).finish();
    assert_eq!(finished.success(), format!("{action}: 65536\n"));
    assert_eq!(received.recv_timeout(PATIENCE), Ok(65536));
    // Beyond the 16 KiB that may be saved up, at 64 KiB a second.
    assert!(
        began.elapsed() >= Duration::from_millis(750),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_component_reads_and_writes_in_its_directories_and_nowhere_else() {
    let scratch = tempfile::tempdir().expect("a directory");
    let given = scratch.path().join("given");
    fs::create_dir(&given).expect("a directory");
    fs::write(scratch.path().join("secret"), "secret").expect("write");
    fs::write(given.join("file"), "text").expect("write");
    std::os::unix::fs::symlink("../secret", given.join("link")).expect("a link");
    let directory = format!("--dir={}::/data", given.display());
    let outside = format!("read {}", scratch.path().join("secret").display());
    for kind in ["rust", "component"] {
        let actions = [
            "read /data/file",
            "write /data/new",
            "read /data/new",
            "remove /data/new",
            "read /data/link",
            "read /data/../secret",
            "write /elsewhere",
            "read /etc/resolv.conf",
            &outside,
        ];
        let run = Guestnet::run().allow_net().option(&directory);
        let printed = run.guest(&guest(kind, "limits")).args(actions).finish().success();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "read /data/file: \"text\"",
                "write /data/new: ()",
                "read /data/new: \"written\"",
                "remove /data/new: ()"
            ],
            "{kind}"
        );
        for line in &lines[4..] {
            // The files that resolvers read are a module's: a component has no resolver of its own.
            let may = kind == "rust" && line.starts_with("read /etc/");
            assert_eq!(
                line.contains('"') || line.ends_with("()"),
                may,
                "{kind}: {printed}"
            );
        }
        assert_eq!(lines.len(), actions.len(), "{kind}");
    }
    assert!(!given.join("new").exists());
}
