//! The image of guestnet itself (`cargo xtask image`), as an ordinary container under runc: what it has is enough for every kind of guest.

use crate::{Test, World, get};
use guestnet_tests::containers::{Containerd, Network};
use guestnet_tests::{Guestnet, Program, docs, guest, paths};
use std::fs;
use std::sync::OnceLock;

pub(crate) const TESTS: &[Test] = &[
    ("without_arguments_it_prints_the_help", help),
    ("a_guest_of_a_mount_is_denied_and_confined_as_outside", denied),
    ("a_script_of_a_mount_serves_the_network_of_the_container", serves),
    ("it_runs_as_a_user_that_keeps_compiled_guests", compiled),
];

/// What it is called by.
const NAME: &str = concat!("localhost/guestnet:", env!("CARGO_PKG_VERSION"));

/// The program in it.
const GUESTNET: &str = "/usr/local/bin/guestnet";

/// `ctr run` of the image, as a container of this name. `options` are ctr's, `words` the command, or none for the image's own.
fn run(containerd: &Containerd, id: &str, options: &[&str], words: &[&str]) -> Program {
    static IMPORTED: OnceLock<()> = OnceLock::new();
    IMPORTED.get_or_init(|| {
        let archive = paths::target_dir().join("image/guestnet-debug.tar");
        let file = fs::File::open(&archive).unwrap_or_else(|error| {
            panic!("{}: {error}; run `cargo xtask image --debug`", archive.display())
        });
        let import = containerd
            .ctr()
            .args(["images", "import", "--snapshotter", "native", "-"]);
        let _ = import.stdin(file).finish().success();
    });
    let ctr = containerd.ctr().args(["run", "--rm", "--snapshotter", "native"]);
    ctr.args(options).args([NAME, id]).args(words)
}

/// A directory that is mounted as `/app`, with one file in it, and the option for that.
fn app(containerd: &Containerd, name: &str, content: &[u8]) -> String {
    let directory = containerd.directory();
    fs::write(containerd.path(&format!("{directory}/{name}")), content).expect("write the guest");
    format!("type=bind,src={directory},dst=/app,options=rbind:ro")
}

fn help(world: &World) {
    let outside = Guestnet::command("help").finish().success();
    assert_eq!(
        run(&world.containerd, "image-help", &[], &[]).finish().success(),
        outside
    );
}

fn denied(world: &World) {
    let fetch = guest("examples", "fetch");
    let words = ["run", "--trace", "--allow-connect", "192.0.2.1:80"];
    let outside = Guestnet::command("run").args(&words[1..]).arg(&fetch);
    let outside = outside.args(["10.0.0.5", "5432", "/"]).finish();
    let confined = outside.stderr.lines().next().expect("the trace");
    assert!(confined.starts_with("--- confined: "), "{outside}");

    let mount = app(
        &world.containerd,
        "fetch.wasm",
        &fs::read(fetch).expect("a built guest"),
    );
    let mut words = words.to_vec();
    words.insert(0, GUESTNET);
    words.extend(["/app/fetch.wasm", "10.0.0.5", "5432", "/"]);
    // As it is, with the engine's own filter of system calls, and with nothing that can be written. Then it says so.
    let kept = "guestnet: compiled guests are not kept, /var/cache/guestnet/modules: Read-only file system\n";
    for (option, before) in [(None, ""), (Some("--seccomp"), ""), (Some("--read-only"), kept)] {
        let mut options = vec!["--mount", mount.as_str()];
        options.extend(option);
        let inside = run(&world.containerd, "image-denied", &options, &words).finish();
        assert_eq!(inside.status.code(), Some(1), "{inside}");
        let trace = inside.stderr.strip_prefix(before);
        assert_eq!(trace, Some(outside.stderr.as_str()), "{option:?}: {inside}");
    }
}

fn serves(world: &World) {
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    let script = fs::read(docs::root().join("examples/js/http_server.js")).expect("the example");
    let mount = app(&world.containerd, "http_server.js", &script);
    let namespace = format!("network:{}", network.path());
    let options = ["--mount", &mount, "--with-ns", &namespace, "--read-only"];
    let words = [
        GUESTNET,
        "run",
        "--dir",
        "/app",
        "--listen",
        "tcp://10.1.2.3:8080",
    ];
    let mut words = words.to_vec();
    words.extend(["/app/http_server.js", "/app"]);
    let mut server = run(&world.containerd, "image-serves", &options, &words).start();
    let _ = server.line("serving");
    let answer = get(&network, "10.1.2.3:8080", "/http_server.js");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.as_bytes().ends_with(&script), "{answer}");
    // It is the first process of the container, to which the kernel gives no signal that it does not handle.
    let kill = world.containerd.ctr().args(["task", "kill", "image-serves"]);
    let _ = kill.finish().success();
    let ended = server.finish();
    assert_eq!(ended.status.code(), Some(143), "{ended}");
    assert_eq!(ended.stderr, "guestnet: stopped: SIGTERM\n", "{ended}");
}

fn compiled(world: &World) {
    let mount = app(
        &world.containerd,
        "tcp_echo.wasm",
        &fs::read(guest("component", "tcp_echo")).expect("a built guest"),
    );
    let cache = world.containerd.directory();
    // As a volume that belongs to the group of the pod.
    let owner = world.containerd.program("chown").args(["65532:65532", &cache]);
    let _ = owner.finish().success();
    let kept = format!("type=bind,src={cache},dst=/var/cache/guestnet,options=rbind:rw");
    let words = [GUESTNET, "run", "--trace", "/app/tcp_echo.wasm"];
    let output = run(
        &world.containerd,
        "image-compiled",
        &["--mount", &mount, "--mount", &kept],
        &words,
    )
    .finish();
    assert!(output.stderr.starts_with("--- confined: "), "{output}");
    let list = world
        .containerd
        .program("stat")
        .args(["--format", "%u %a", &format!("{cache}/modules")]);
    assert_eq!(list.finish().success(), "65532 700\n");
}
