//! What a container may do on the network: annotations, policy files, and the lines on its standard error.

use crate::{Test, World};
use guestnet_tests::Guestnet;
use guestnet_tests::containers::{Network, Runtime, Spec};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::thread;

pub(crate) const TESTS: &[Test] = &[
    ("no_annotation_denies_everything", nothing),
    (
        "what_annotations_allow_is_reached_and_all_else_denied_on_standard_error",
        some,
    ),
    ("a_list_has_white_space_between_its_rules", lists),
    ("a_denial_beats_a_permission", deny),
    ("the_whole_network_is_a_switch", all),
    ("the_network_is_the_pods_and_no_other", another_network),
    ("a_policy_is_text_or_a_file_of_the_image_or_of_a_mount", policies),
    (
        "a_mistake_in_a_rule_is_a_failed_start_with_the_message_of_the_command",
        mistakes,
    ),
    ("an_annotation_that_there_is_not_is_a_failed_start", unknown),
    ("annotations_of_others_mean_nothing", others),
    ("listeners_of_an_annotation_are_open_from_the_start", listeners),
    ("an_audit_is_a_file_of_the_container", audit),
    ("a_full_disk_of_the_audit_is_the_end_of_the_audit_alone", full),
    ("a_trace_is_on_standard_error", trace),
    ("a_limit_by_annotation_holds", limit),
    ("the_first_denial_is_in_the_log", log),
    ("what_an_annotation_says_does_not_act_on_a_terminal", control),
];

/// Addresses of each network, besides that of loopback.
const ADDRESSES: [&str; 2] = ["10.1.2.3/32", "10.1.2.4/32"];

/// Listens in a network, at an address.
fn listen(network: &Network, address: &str) -> (TcpListener, SocketAddr) {
    let listener = network.within(|| TcpListener::bind((address, 0)).expect("listen"));
    let addr = listener.local_addr().expect("its address");
    (listener, addr)
}

/// What app_act does with each action, in a network.
fn acting<'a>(world: &'a World, network: &Network) -> Spec<'a> {
    Spec::new(&world.containerd, Runtime::Guestnet, world.act()).network(network)
}

/// The action that connects to an address.
fn tcp(to: SocketAddr) -> String {
    format!("tcp {} {}", to.ip(), to.port())
}

fn nothing(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, addr) = listen(&network, "10.1.2.3");
    let output = acting(world, &network)
        .args([
            tcp(addr).as_str(),
            "listen 127.0.0.1 0",
            "udp 10.1.2.3 53",
            "resolve a.example",
        ])
        .finish();
    let expected = format!(
        "{}: EACCES\nlisten 127.0.0.1 0: EACCES\nudp 10.1.2.3 53: EACCES\nresolve a.example: EAI_FAIL\n",
        tcp(addr)
    );
    assert_eq!(output.stdout, expected, "{output}");
    assert_eq!(
        output.stderr,
        format!("guestnet: connect {addr}: denied because no rule allows it; --allow-connect {addr} would\n")
    );
}

fn some(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (listener, allowed) = listen(&network, "10.1.2.3");
    let (_other, denied) = listen(&network, "10.1.2.4");
    let taken = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a connection");
        let mut said = String::new();
        peer.read_to_string(&mut said).expect("read");
        said
    });
    let output = acting(world, &network)
        .annotation("allow-connect", &allowed.to_string())
        .args([tcp(allowed), tcp(denied)].each_ref().map(String::as_str))
        .finish();
    assert_eq!(
        output.stdout,
        format!("{}: ok\n{}: EACCES\n", tcp(allowed), tcp(denied)),
        "{output}"
    );
    assert_eq!(
        output.stderr,
        format!(
            "guestnet: connect {denied}: denied because no rule allows it; --allow-connect {denied} would\n"
        )
    );
    assert_eq!(taken.join().expect("the peer"), "hello");
}

fn lists(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, first) = listen(&network, "10.1.2.3");
    let (_other, second) = listen(&network, "10.1.2.4");
    let output = acting(world, &network)
        .annotation("allow-connect", &format!(" {first}\n\t{second} "))
        .args([tcp(first), tcp(second)].each_ref().map(String::as_str))
        .finish();
    assert_eq!(
        output.stdout,
        format!("{}: ok\n{}: ok\n", tcp(first), tcp(second)),
        "{output}"
    );
}

fn deny(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, first) = listen(&network, "10.1.2.3");
    let (_other, second) = listen(&network, "10.1.2.4");
    let output = acting(world, &network)
        .annotation("allow-connect", "10.1.0.0/16")
        .annotation("deny-connect", "10.1.2.4")
        .args([tcp(first), tcp(second)].each_ref().map(String::as_str))
        .finish();
    assert_eq!(
        output.stdout,
        format!("{}: ok\n{}: EACCES\n", tcp(first), tcp(second)),
        "{output}"
    );
    assert_eq!(
        output.stderr,
        format!("guestnet: connect {second}: denied by --deny-connect 10.1.2.4\n")
    );
}

fn all(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, addr) = listen(&network, "10.1.2.3");
    for (value, result) in [("true", "ok"), ("false", "EACCES")] {
        let output = acting(world, &network)
            .annotation("allow-net", value)
            .args([tcp(addr).as_str()])
            .finish();
        assert_eq!(output.stdout, format!("{}: {result}\n", tcp(addr)), "{output}");
    }
    let output = acting(world, &network)
        .annotation("allow-net", "yes")
        .args(["sockets"])
        .finish();
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.contains("dev.guestnet.allow-net"), "{output}");
    assert!(output.stderr.contains("neither true nor false"), "{output}");
}

fn another_network(world: &World) {
    // The same address, in the network of the machine that the tests are on and in the container's.
    let machine = TcpListener::bind(("127.0.0.1", 0)).expect("listen");
    let addr = machine.local_addr().expect("its address");
    let network = Network::new(&world.containerd, &[]);
    let allowed = |spec: Spec<'_>| {
        spec.annotation("allow-net", "true")
            .args([tcp(addr).as_str()])
            .finish()
            .stdout
    };
    let refused = format!("{}: ECONNREFUSED\n", tcp(addr));
    assert_eq!(allowed(acting(world, &network)), refused);
    // Without a network it has one with nothing but itself.
    let alone = Spec::new(&world.containerd, Runtime::Guestnet, world.act());
    assert_eq!(allowed(alone), refused);
    // And the machine's only if it is said so.
    let host = Spec::new(&world.containerd, Runtime::Guestnet, world.act()).flag("--net-host");
    assert_eq!(allowed(host), format!("{}: ok\n", tcp(addr)));
}

fn policies(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, addr) = listen(&network, "10.1.2.3");
    let (_other, denied) = listen(&network, "10.1.2.4");
    // The image has one that allows 10.1.2.3, and so has the mount.
    let directory = world.containerd.directory();
    fs::write(
        world.containerd.path(&format!("{directory}/mine.toml")),
        crate::POLICY,
    )
    .expect("write");
    let with = |name: &str, value: &str| {
        acting(world, &network)
            .bind(&directory, "/policies", "ro")
            .annotation(name, value)
            .args([tcp(addr), tcp(denied)].each_ref().map(String::as_str))
            .finish()
    };
    let expected = format!("{}: ok\n{}: EACCES\n", tcp(addr), tcp(denied));
    for (name, value) in [
        ("policy", crate::POLICY),
        ("policy-file", "/etc/policy.toml"),
        ("policy-file", "/policies/mine.toml"),
    ] {
        let output = with(name, value);
        assert_eq!(output.stdout, expected, "{output}");
    }
    // Of two files with one name both count.
    let deny = format!("{directory}/deny");
    fs::create_dir(world.containerd.path(&deny)).expect("a directory");
    let text = format!("[connect]\ndeny = [\"{addr}\"]\n");
    fs::write(world.containerd.path(&format!("{deny}/mine.toml")), text).expect("write");
    let output = with("policy-file", "/policies/deny/mine.toml /policies/mine.toml");
    assert_eq!(output.stdout.matches(": EACCES\n").count(), 2, "{output}");
    let output = with("policy-file", "/etc/nothing.toml");
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.contains("/etc/nothing.toml"), "{output}");
    // The machine's own files are none of a container's.
    let output = with("policy-file", &format!("{directory}/mine.toml"));
    assert!(!output.status.success(), "{output}");
    for (name, value) in [("policy", "[connect]\nallow = [3]\n"), ("policy", "nonsense")] {
        let output = with(name, value);
        assert!(!output.status.success(), "{output}");
        assert!(output.stderr.contains("dev.guestnet.policy"), "{output}");
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
    }
}

fn mistakes(world: &World) {
    for (name, value) in [
        ("allow-connect", "10.0.0.0/99"),
        ("allow-connect", "db:70000"),
        ("allow-listen", "nonsense::"),
        ("deny-resolve", "a..b"),
        ("max-sockets", "many"),
        ("timeout", "soon"),
        ("listen", "127.0.0.1:80"),
    ] {
        let module = guestnet_tests::guest("wasip1", "app_act");
        let own = Guestnet::run()
            .option(format!("--{name}={value}"))
            .guest(&module)
            .finish();
        let message = own.stderr.trim().trim_start_matches("guestnet: ");
        assert!(!own.status.success() && !message.is_empty(), "{own}");
        let output = Spec::new(&world.containerd, Runtime::Guestnet, world.act())
            .annotation(name, value)
            .finish();
        assert!(!output.status.success(), "{output}");
        assert!(output.stderr.contains(message), "{own}\n{output}");
        assert_eq!(output.stdout, "", "{output}");
    }
}

fn unknown(world: &World) {
    for name in ["allow-conect", "dir", "env", "no-confine", ""] {
        let output = Spec::new(&world.containerd, Runtime::Guestnet, world.act())
            .annotation(name, "x")
            .finish();
        assert!(!output.status.success(), "{output}");
        assert!(
            output.stderr.contains(&format!("dev.guestnet.{name}")),
            "{output}"
        );
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
    }
}

fn others(world: &World) {
    let output = Spec::new(&world.containerd, Runtime::Guestnet, world.act())
        .option("--annotation", "dev.guestnet=x")
        .option("--annotation", "dev.guestnets.allow-net=true")
        .option("--annotation", "allow-net=true")
        .args(["listen 127.0.0.1 0"])
        .finish();
    assert_eq!(output.stdout, "listen 127.0.0.1 0: EACCES\n", "{output}");
}

fn listeners(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let image = world.image("preopened.wasm", &guestnet_tests::guest("go", "preopened"));
    let mut server = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .annotation("listen", "tcp://10.1.2.3:8080")
        .start();
    assert_eq!(server.line("LISTEN_FDS "), "1");
    let _ = server.line("serving");
    let hello = crate::get(&network, "10.1.2.3:8080", "/hello");
    assert!(hello.starts_with("HTTP/1.1 200 OK"), "{hello}");
    let _ = crate::get(&network, "10.1.2.3:8080", "/quit");
    let output = server.finish();
    assert!(output.status.success(), "{output}");
    // An address that is taken is a failed container, with the reason.
    let (_listener, addr) = listen(&network, "10.1.2.4");
    let output = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .annotation("listen", &format!("tcp://{addr}"))
        .finish();
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.contains(&addr.to_string()), "{output}");
}

fn audit(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let (_listener, addr) = listen(&network, "10.1.2.3");
    let directory = world.containerd.directory();
    let output = acting(world, &network)
        .bind(&directory, "/audits", "rw")
        .annotation("allow-connect", "10.1.2.3")
        .annotation("audit", "/audits/audit.json")
        .args([tcp(addr).as_str(), "tcp 10.1.2.4 1"])
        .finish();
    assert!(output.stdout.contains(": ok\n"), "{output}");
    let audit =
        fs::read_to_string(world.containerd.path(&format!("{directory}/audit.json"))).expect("the audit");
    let outcomes: Vec<&str> = audit
        .lines()
        .map(|line| {
            if line.contains(r#""outcome":"allowed""#) {
                "allowed"
            } else {
                "denied"
            }
        })
        .collect();
    assert_eq!(outcomes, ["allowed", "denied"], "{audit}");
    assert!(audit.contains(&format!(r#""target":"{addr}""#)), "{audit}");
    // Where it cannot be made, the container does not start without it.
    for (mode, path) in [
        ("ro", "/audits/another.json"),
        ("rw", "/no/directory/audit.json"),
        ("rw", "/audits"),
    ] {
        let output = acting(world, &network)
            .bind(&directory, "/audits", mode)
            .annotation("audit", path)
            .args(["sockets"])
            .finish();
        assert!(!output.status.success(), "{output}");
        assert!(output.stderr.contains(path), "{output}");
    }
}

fn full(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let directory = world.containerd.directory();
    let mount = ["-t", "tmpfs", "-o", "size=4096", "tmpfs", directory.as_str()];
    let _ = world.containerd.program("mount").args(mount).finish().success();
    // Each decision is another line; together they are more than the disk holds.
    let actions: Vec<String> = (1..=60).map(|port| format!("tcp 10.1.2.4 {port}")).collect();
    let output = acting(world, &network)
        .bind(&directory, "/audits", "rw")
        .annotation("audit", "/audits/audit.json")
        .args(actions.iter().map(String::as_str))
        .finish();
    let audit =
        fs::read_to_string(world.containerd.path(&format!("{directory}/audit.json"))).expect("the audit");
    let unmounted = world.containerd.program("umount").arg(&directory).finish();
    let _ = unmounted.success();
    assert!(output.status.success(), "{output}");
    assert_eq!(output.stdout.lines().count(), actions.len(), "{output}");
    assert!(
        output.stdout.lines().all(|line| line.ends_with(": EACCES")),
        "{output}"
    );
    let lines: Vec<&str> = audit.lines().collect();
    assert!(lines.len() > 10 && lines.len() < actions.len(), "{audit}");
    // The owner learns of it.
    assert!(output.stderr.contains("audit"), "{output}");
}

fn trace(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let output = acting(world, &network)
        .annotation("trace", "true")
        .args(["tcp 10.1.2.4 9"])
        .finish();
    // Descriptor 3 is the root.
    assert!(output.stderr.contains("socket(Inet, Stream) = 4"), "{output}");
    assert!(output.stderr.contains("10.1.2.4:9) = -1 EACCES"), "{output}");
    // Every container is confined.
    assert!(output.stderr.contains("seccomp"), "{output}");
}

fn limit(world: &World) {
    let network = Network::new(&world.containerd, &ADDRESSES);
    let output = acting(world, &network)
        .annotation("max-sockets", "5")
        .args(["sockets"])
        .finish();
    assert_eq!(output.stdout, "sockets: 5 then EMFILE\n", "{output}");
}

fn log(world: &World) {
    let log = format!("{}/log", world.containerd.directory());
    let container = Spec::new(&world.containerd, Runtime::Guestnet, world.act())
        .option("--log-uri", &format!("file://{log}"))
        .args(["listen 127.0.0.1 80", "listen 127.0.0.1 81"])
        .detach();
    container.await_state("STOPPED");
    assert_eq!(container.remove(), Some(0));
    let log = fs::read_to_string(world.containerd.path(&log)).expect("the log");
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "guestnet: bind 127.0.0.1:80: denied because no rule allows it; --allow-listen 127.0.0.1:80 would",
            "listen 127.0.0.1 80: EACCES",
            "listen 127.0.0.1 81: EACCES",
        ]
    );
}

fn control(world: &World) {
    for (name, value) in [
        ("allow-connect", "\u{1b}[31mred"),
        ("allow-\u{1b}[31mred", "x"),
        ("policy", "\u{1b}[31mred"),
        ("policy-file", "/\u{1b}[31mred"),
        ("audit", "/\u{1b}[31mred/audit"),
        ("listen", "\u{1b}[31m"),
        ("timeout", "1\n2"),
    ] {
        let output = Spec::new(&world.containerd, Runtime::Guestnet, world.act())
            .annotation(name, value)
            .finish();
        assert!(!output.status.success(), "{output}");
        assert!(!output.stderr.contains('\u{1b}'), "{name:?} {:?}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
    }
}
