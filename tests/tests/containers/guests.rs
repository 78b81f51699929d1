//! Every kind of guest as a container, and two of them that talk to each other.

use crate::{Test, World, get};
use guestnet_tests::containers::{Image, Network, Pod, Runtime, Spec, eventually};
use guestnet_tests::{docs, guest, native_guest};
use std::fs;

pub(crate) const TESTS: &[Test] = &[
    ("a_go_program_serves_http_in_its_network", go),
    (
        "a_component_is_reached_by_a_script_in_the_same_network",
        component,
    ),
    ("a_script_serves_the_files_of_its_image", script),
    ("a_container_of_runc_and_one_of_ours_share_a_network", with_runc),
    ("a_trap_is_134", trap),
    ("what_is_no_guest_is_a_failed_start", no_guest),
    ("a_timeout_is_124", timeout),
    ("exec_is_refused_in_one_sentence", exec),
    ("pause_and_checkpoint_are_refused_in_one_sentence", pause),
    ("a_memory_limit_is_the_most_that_a_guest_gets", memory),
    ("a_sandbox_holds_its_pod_and_runs_nothing", sandbox),
    ("without_a_control_group_there_are_metrics_too", without_group),
    (
        "compiling_takes_no_more_than_the_memory_limit_and_says_so",
        compiled_within,
    ),
];

/// A Go server in a network, and where it serves.
fn go(world: &World) {
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    let image = world.image("http_server.wasm", &guest("go", "http_server"));
    let mut server = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .annotation("allow-listen", "10.1.2.3:8080")
        .args(["10.1.2.3:8080"])
        .start();
    let address = server.line("listening ");
    assert_eq!(address, "10.1.2.3:8080");
    let hello = get(&network, &address, "/hello");
    assert!(hello.starts_with("HTTP/1.1 200 OK"), "{hello}");
    let _ = get(&network, &address, "/quit");
    let output = server.finish();
    assert!(output.status.success(), "{output}");
    assert!(output.stdout.ends_with("bye\n"), "{output}");
}

fn component(world: &World) {
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    let pod = Pod::new(&world.containerd);
    let image = world.image("attacks.wasm", &guest("component", "attacks"));
    let mut server = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .pod(&pod)
        .annotation("allow-listen", "10.1.2.3:0")
        .args(["act", "listen 10.1.2.3 0", "accept"])
        .start();
    let port = server.line("listen 10.1.2.3 0: ok ");
    let script = r#"
        import * as os from "os";
        const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
        const connected = await os.connect(fd, {family: os.AF_INET, addr: "10.1.2.3", port: Number(scriptArgs[1])});
        await os.send(fd, Uint8Array.of(104, 105).buffer);
        os.close(fd);
        console.log("connected", connected);
    "#;
    let image = Image::builder()
        .file("client.js", script.as_bytes())
        .entry_point(&["/client.js"])
        .import(&world.containerd);
    let client = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .pod(&pod)
        .annotation("allow-connect", &format!("10.1.2.3:{port}"))
        .args([port.as_str()])
        .finish();
    assert!(client.stdout.starts_with("connected"), "{client}");
    let output = server.finish();
    assert!(output.stdout.contains("accept: 10.1.2.3 says hi\n"), "{output}");
    assert!(output.status.success(), "{output}");
}

fn script(world: &World) {
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    let server = fs::read(docs::root().join("examples/js/http_server.js")).expect("an example");
    let image = Image::builder()
        .directory("site")
        .file("site/page", b"a page of the image")
        .file("srv/http_server.mjs", &server)
        .entry_point(&["/srv/http_server.mjs", "/site", "10.1.2.3", "8080"])
        .import(&world.containerd);
    let mut server = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .network(&network)
        .annotation("allow-listen", "10.1.2.3:8080")
        .annotation("allow-resolve", "*")
        .flag("--read-only")
        .start();
    let _ = server.line("serving /site");
    let page = get(&network, "10.1.2.3:8080", "/page");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.ends_with("a page of the image"), "{page}");
    server.kill("SIGTERM");
    assert_eq!(server.finish().status.code(), Some(143));
}

fn with_runc(world: &World) {
    let network = Network::new(&world.containerd, &[]);
    let client = world.image("http_client", &native_guest("go", "http_client"));
    let mut transcripts = Vec::new();
    for runtime in [Runtime::Runc, Runtime::Guestnet] {
        let image = match runtime {
            Runtime::Runc => world.image("http_server", &native_guest("go", "http_server")),
            Runtime::Guestnet => world.image("http_server.wasm", &guest("go", "http_server")),
        };
        let spec = Spec::new(&world.containerd, runtime, &image).network(&network);
        let spec = match runtime {
            Runtime::Runc => spec,
            Runtime::Guestnet => spec.annotation("allow-listen", "127.0.0.1:0"),
        };
        let mut server = spec.start();
        let url = format!("http://{}", server.line("listening "));
        let client = Spec::new(&world.containerd, Runtime::Runc, &client).network(&network);
        transcripts.push(client.args([url.as_str(), "quit"]).finish().success());
        assert!(server.finish().status.success());
    }
    assert!(transcripts[0].lines().count() > 5, "{transcripts:?}");
    assert_eq!(transcripts[0], transcripts[1]);
}

/// A module whose `_start` traps.
const TRAP: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x03\x02\x01\0\
    \x05\x03\x01\0\x01\
    \x07\x13\x02\x06memory\x02\0\x06_start\0\0\
    \x0a\x05\x01\x03\0\0\x0b";

fn trap(world: &World) {
    let image = Image::builder()
        .file("trap.wasm", TRAP)
        .entry_point(&["/trap.wasm"])
        .import(&world.containerd);
    let output = Spec::new(&world.containerd, Runtime::Guestnet, &image).finish();
    assert_eq!(output.status.code(), Some(134), "{output}");
    assert!(output.stderr.starts_with("guestnet: "), "{output}");
    assert!(output.stderr.contains("unreachable"), "{output}");
}

fn no_guest(world: &World) {
    let image = Image::builder()
        .file("text.wasm", b"this is no module")
        .file("native", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0")
        .directory("directory.wasm")
        .entry_point(&["/text.wasm"])
        .import(&world.containerd);
    for name in ["/text.wasm", "/native", "/directory.wasm"] {
        let output = Spec::new(&world.containerd, Runtime::Guestnet, &image)
            .entry_point(&[name])
            .finish();
        assert!(!output.status.success(), "{output}");
        assert!(output.stderr.contains(name.trim_start_matches('/')), "{output}");
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
    }
}

fn timeout(world: &World) {
    for word in ["wait", "spin"] {
        let output = world
            .program(Runtime::Guestnet)
            .annotation("timeout", "300ms")
            .args([word])
            .finish();
        assert_eq!(output.status.code(), Some(124), "{output}");
    }
}

fn exec(world: &World) {
    let mut container = world.program(Runtime::Guestnet).args(["wait"]).start();
    let _ = container.line("waiting");
    let exec = world
        .containerd
        .ctr()
        .args(["task", "exec", "--exec-id", "another"]);
    let refused = exec.arg(container.id()).arg("/container.wasm").finish();
    assert!(!refused.status.success(), "{refused}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused}");
    assert!(refused.stderr.contains("exec"), "{refused}");
    // The container does not mind.
    assert_eq!(container.state().expect("a task").1, "RUNNING");
    container.kill("SIGTERM");
    assert_eq!(container.finish().status.code(), Some(143));
}

fn pause(world: &World) {
    let mut container = world.program(Runtime::Guestnet).args(["wait"]).start();
    let _ = container.line("waiting");
    for words in [&["checkpoint"], &["pause"]] {
        let refused = container.task(words);
        // runc's shim can pause, by a group; ours may.
        if words == &["pause"] && refused.status.success() {
            assert_eq!(container.state().expect("a task").1, "PAUSED");
            let _ = container.task(&["resume"]).success();
            continue;
        }
        assert!(!refused.status.success(), "{refused}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused}");
    }
    assert_eq!(container.state().expect("a task").1, "RUNNING");
    container.kill("SIGTERM");
    assert_eq!(container.finish().status.code(), Some(143));
}

fn memory(world: &World) {
    // Compiled without a limit, which is not what this is about.
    let compiled = world.program(Runtime::Guestnet).args(["exit", "0"]).finish();
    assert!(compiled.status.success(), "{compiled}");
    let with = |mebibytes: &str| {
        world
            .program(Runtime::Guestnet)
            .option("--memory-limit", &(256 << 20).to_string())
            .args(["fill", mebibytes, "exit", "0"])
            .finish()
    };
    let fits = with("32");
    assert_eq!(fits.stdout, "filled 32\n", "{fits}");
    assert!(fits.status.success(), "{fits}");
    let too_much = with("300");
    // Go ends with 2 when it gets no memory; the kernel has not had to kill anything.
    assert_eq!(too_much.status.code(), Some(2), "{too_much}");
    assert!(too_much.stderr.contains("out of memory"), "{too_much}");
    // An annotation may ask for less.
    let less = world
        .program(Runtime::Guestnet)
        .annotation("max-memory", "64MiB")
        .args(["fill", "100"])
        .finish();
    assert!(less.stderr.contains("out of memory"), "{less}");
}

fn compiled_within(world: &World) {
    // A section that says nothing, and makes of it a module that was never compiled.
    let mut module = fs::read(guest("go", "container")).expect("a built guest");
    let unique = format!("{:?} {}", std::time::SystemTime::now(), std::process::id());
    let length = u8::try_from(unique.len() + 1).expect("a short name");
    assert!(length < 128);
    module.extend([0, length, length - 1]);
    module.extend(unique.as_bytes());
    let image = Image::builder()
        .file("container.wasm", &module)
        .entry_point(&["/container.wasm"])
        .import(&world.containerd);
    let output = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .option("--memory-limit", &(64 << 20).to_string())
        .args(["say", "compiled"])
        .finish();
    assert_eq!(output.status.code(), Some(1), "{output}");
    assert_eq!(
        output.stderr,
        "guestnet: /container.wasm needs more than --max-compile-memory 64 MiB to be compiled\n",
        "{output}"
    );
    // With enough it is compiled and kept.
    let output = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .option("--memory-limit", &(1 << 30).to_string())
        .args(["say", "compiled"])
        .finish();
    assert_eq!(output.success(), "compiled\n");
}

fn sandbox(world: &World) {
    let network = Network::new(&world.containerd, &[]);
    let image = Image::builder()
        .file("pause", b"what is here does not matter")
        .entry_point(&["/pause"])
        .import(&world.containerd);
    let sandbox = Spec::new(&world.containerd, Runtime::Guestnet, &image)
        .sandbox()
        .network(&network)
        .flag("--null-io")
        .detach();
    sandbox.await_state("RUNNING");
    let pod = Pod::of(&sandbox);
    let program = world.program(Runtime::Guestnet).pod(&pod).network(&network);
    let output = program.args(["say", "in the pod"]).finish();
    assert_eq!(output.success(), "in the pod\n");
    assert_eq!(world.containerd.shims(&[pod.id()]).len(), 1);
    assert_eq!(sandbox.state().expect("a task").1, "RUNNING");
    sandbox.kill("SIGTERM");
    sandbox.await_state("STOPPED");
    assert_eq!(sandbox.remove(), Some(143));
    assert!(eventually(|| world.containerd.shims(&[pod.id()]).is_empty()));
}

fn without_group(world: &World) {
    let program = world.program(Runtime::Guestnet).option("--cgroup", "");
    let mut container = program.args(["fill", "16", "wait"]).start();
    let _ = container.line("waiting");
    let traces = world.containerd.traces(container.id());
    assert!(
        !traces.iter().any(|trace| trace.starts_with("group ")),
        "{traces:?}"
    );
    let printed = container.task(&["metrics"]).success();
    let words: Vec<&str> = printed.split_whitespace().collect();
    let memory = words
        .windows(2)
        .find(|pair| ["memory.usage_in_bytes", "memory.usage"].contains(&pair[0]))
        .and_then(|pair| pair[1].parse::<u64>().ok());
    assert!(memory.is_some_and(|memory| memory >= 16 << 20), "{printed}");
    container.kill("SIGTERM");
    assert_eq!(container.finish().status.code(), Some(143));
}
