//! From the start of a container to its end: what does not depend on who runs it. runc is the oracle.

use crate::{Behaviour, World};
use guestnet_tests::containers::{Pod, Runtime, eventually};
use std::io::Write;
use std::time::Duration;

pub(crate) const BEHAVIOURS: &[Behaviour] = &[
    (
        "what_a_program_exits_with_is_what_the_container_exits_with",
        exit_code,
    ),
    ("sigterm_is_143", |world, runtime| {
        ends_by(world, runtime, "SIGTERM", 143)
    }),
    ("sigint_is_130", |world, runtime| {
        ends_by(world, runtime, "SIGINT", 130)
    }),
    ("sigkill_is_137", |world, runtime| {
        ends_by(world, runtime, "SIGKILL", 137)
    }),
    ("a_program_that_computes_is_killed_too", spinning),
    (
        "arguments_variables_and_the_working_directory_are_those_of_the_spec",
        environment,
    ),
    ("what_is_typed_is_read_and_its_end_is_an_end", stdin),
    ("a_mebibyte_goes_in_and_out_whole", much),
    ("a_log_has_standard_output_and_standard_error", log),
    ("a_task_runs_and_then_has_stopped", states),
    (
        "a_task_that_runs_is_not_deleted_and_one_that_has_ended_not_killed",
        wrong_moment,
    ),
    ("events_are_create_start_exit_and_delete", events),
    ("metrics_have_the_memory_and_the_processes", metrics),
    ("processes_are_those_of_the_container", processes),
    ("a_program_that_is_not_there_is_a_failed_start", not_there),
    ("two_containers_of_one_pod_have_one_shim", one_shim),
    ("twenty_containers_at_once", twenty),
    ("a_shim_that_is_killed_leaves_nothing", killed_shim),
    ("a_process_that_is_killed_by_the_machine_is_137", killed_process),
    ("a_terminal_shows_what_is_printed", terminal),
];

fn exit_code(world: &World, runtime: Runtime) {
    for code in [0, 1, 7, 255] {
        let program = world.program(runtime);
        let output = program
            .args(["say", "hello", "complain", "oh", "exit", &code.to_string()])
            .finish();
        assert_eq!(output.status.code(), Some(code), "{output}");
        assert_eq!(output.stdout, "hello\n", "{output}");
        assert_eq!(output.stderr, "oh\n", "{output}");
    }
}

fn ends_by(world: &World, runtime: Runtime, signal: &str, code: i32) {
    let mut container = world.program(runtime).args(["wait"]).start();
    let _ = container.line("waiting");
    let traces = world.containerd.traces(container.id());
    for kind in ["process ", "file ", "group "] {
        assert!(traces.iter().any(|trace| trace.starts_with(kind)), "{traces:?}");
    }
    container.kill(signal);
    let output = container.finish();
    assert_eq!(output.status.code(), Some(code), "{output}");
}

fn spinning(world: &World, runtime: Runtime) {
    let mut container = world.program(runtime).args(["spin"]).start();
    let _ = container.line("spinning");
    container.kill("SIGTERM");
    let output = container.finish();
    assert_eq!(output.status.code(), Some(143), "{output}");
}

fn environment(world: &World, runtime: Runtime) {
    let program = world.program(runtime);
    let output = program
        .option("--env", "GREETING=hello world")
        .option("--env", "EMPTY=")
        .option("--cwd", "/tmp")
        .args(["environment", "directory", "say", "--policy", "say", "a b"])
        .finish();
    let printed = output.success();
    let (variables, rest) = printed.split_once('\n').expect("lines");
    for variable in ["GREETING=hello world", "EMPTY=", "OF_THE_IMAGE=yes"] {
        assert!(variables.contains(variable), "{variables}");
    }
    // Nothing of the machine's comes along.
    for variable in ["GUESTNET", "CONFIG", "LISTEN", "TTRPC", "NAMESPACE"] {
        assert!(!variables.contains(variable), "{variables}");
    }
    assert_eq!(rest, "directory /tmp\n--policy\na b\n");
}

fn stdin(world: &World, runtime: Runtime) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut container = world.program(runtime).args(["echo"]).stdin(reader).start();
    for word in ["one", "two"] {
        writeln!(writer, "{word}").expect("ctr reads");
        assert_eq!(container.line("echo "), word);
    }
    drop(writer);
    let output = container.finish();
    assert!(output.stdout.ends_with("end of input\n"), "{output}");
    assert!(output.status.success(), "{output}");
}

fn much(world: &World, runtime: Runtime) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let container = world.program(runtime).args(["echo"]).stdin(reader).start();
    let lines: Vec<String> = (0..10_000).map(|n| format!("{n:0100}")).collect();
    let input = lines.join("\n");
    let all = std::thread::spawn(move || writer.write_all(input.as_bytes()));
    let output = container.finish();
    all.join().expect("the writer").expect("ctr reads");
    let mut printed: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(printed.pop(), Some("end of input"));
    assert_eq!(printed.len(), lines.len());
    for (printed, line) in printed.iter().zip(&lines) {
        assert_eq!(printed.strip_prefix("echo "), Some(line.as_str()));
    }
}

fn log(world: &World, runtime: Runtime) {
    let log = format!("{}/log", world.containerd.directory());
    let program = world
        .program(runtime)
        .option("--log-uri", &format!("file://{log}"));
    let container = program
        .args(["say", "hello", "complain", "oh", "exit", "3"])
        .detach();
    container.await_state("STOPPED");
    assert_eq!(container.remove(), Some(3));
    // runc's shim copies it, and may be a moment behind.
    let read = || {
        let log = std::fs::read_to_string(world.containerd.path(&log)).expect("the log");
        let mut lines: Vec<String> = log.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert!(eventually(|| read().len() == 2), "{:?}", read());
    assert_eq!(read(), ["hello", "oh"]);
}

fn states(world: &World, runtime: Runtime) {
    let container = world.program(runtime).flag("--null-io").args(["wait"]).detach();
    let (pid, state) = container.state().expect("a task");
    assert_eq!(state, "RUNNING");
    assert!(
        world
            .containerd
            .processes()
            .iter()
            .any(|(found, _)| *found == pid)
    );
    let again = container.task(&["start", "--null-io"]);
    assert!(
        !again.status.success() && again.stderr.contains("already exists"),
        "{again}"
    );
    container.kill("SIGKILL");
    container.await_state("STOPPED");
    assert_eq!(container.remove(), Some(137));
}

fn wrong_moment(world: &World, runtime: Runtime) {
    let container = world.program(runtime).flag("--null-io").args(["wait"]).detach();
    let deleted = container.task(&["delete"]);
    assert!(!deleted.status.success(), "{deleted}");
    assert!(
        deleted.stderr.contains("must be stopped before deletion"),
        "{deleted}"
    );
    container.await_state("RUNNING");
    container.kill("SIGKILL");
    container.await_state("STOPPED");
    let killed = container.task(&["kill"]);
    assert!(!killed.status.success(), "{killed}");
    assert!(killed.stderr.contains("not found"), "{killed}");
    assert_eq!(container.remove(), Some(137));
}

fn events(world: &World, runtime: Runtime) {
    let mut events = world.containerd.ctr().arg("events").start();
    // Until the first event arrives it is not known that they do.
    let listening = eventually(|| {
        let container = world.program(runtime).args(["exit", "0"]).finish();
        assert!(container.status.success(), "{container}");
        events.line_within(Duration::from_millis(100)).is_some()
    });
    assert!(listening);
    let container = world.program(runtime).args(["exit", "5"]).start();
    let id = container.id().to_owned();
    let output = container.finish();
    assert_eq!(output.status.code(), Some(5), "{output}");
    let mut topics = Vec::new();
    while topics.last().is_none_or(|topic| topic != "/containers/delete") {
        let line = events
            .line_within(Duration::from_secs(30))
            .unwrap_or_else(|| panic!("after {topics:?} nothing comes"));
        if !line.contains(&format!("\"{id}\"")) {
            continue;
        }
        let topic = line
            .split(' ')
            .find(|word| word.starts_with('/'))
            .expect("a topic");
        if topic == "/tasks/exit" {
            assert!(line.contains("\"exit_status\":5"), "{line}");
        }
        topics.push(topic.to_owned());
    }
    let expected = [
        "/containers/create",
        "/tasks/create",
        "/tasks/start",
        "/tasks/exit",
        "/tasks/delete",
        "/containers/delete",
    ];
    topics.retain(|topic| topic.starts_with("/tasks/") || topic.starts_with("/containers/"));
    assert_eq!(topics, expected);
    drop(events);
}

fn metrics(world: &World, runtime: Runtime) {
    let mut container = world.program(runtime).args(["fill", "16", "wait"]).start();
    let _ = container.line("waiting");
    let printed = container.task(&["metrics"]).success();
    let number = |name: &str| -> u64 {
        let line = printed
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in\n{printed}"))
    };
    // Version 1 and version 2 of cgroups have different words.
    let version_1 = printed.contains("memory.usage_in_bytes");
    let memory = number(if version_1 {
        "memory.usage_in_bytes"
    } else {
        "memory.usage"
    });
    assert!(memory >= 16 << 20, "{printed}");
    assert!(number("pids.current") >= 1, "{printed}");
    assert!(
        number(if version_1 {
            "cpuacct.usage"
        } else {
            "cpu.usage_usec"
        }) > 0,
        "{printed}"
    );
    container.kill("SIGKILL");
    assert_eq!(container.finish().status.code(), Some(137));
}

fn processes(world: &World, runtime: Runtime) {
    let mut container = world.program(runtime).args(["wait"]).start();
    let _ = container.line("waiting");
    let (pid, _) = container.state().expect("a task");
    let list = container.task(&["ps"]).success();
    let pids: Vec<&str> = list
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(pids.contains(&pid.to_string().as_str()), "{list}");
    container.kill("SIGKILL");
    assert_eq!(container.finish().status.code(), Some(137));
}

fn not_there(world: &World, runtime: Runtime) {
    let output = world.program(runtime).entry_point(&["/nothing.wasm"]).finish();
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.contains("nothing.wasm"), "{output}");
    let reason = match runtime {
        Runtime::Runc => "no such file or directory",
        Runtime::Guestnet => "is not in the container",
    };
    assert!(output.stderr.contains(reason), "{output}");
}

fn one_shim(world: &World, runtime: Runtime) {
    let pod = Pod::new(&world.containerd);
    let mut first = world.program(runtime).pod(&pod).args(["wait"]).start();
    let _ = first.line("waiting");
    let mut second = world.program(runtime).pod(&pod).args(["wait"]).start();
    let _ = second.line("waiting");
    let other = world.program(runtime).args(["say", "another"]).start();
    let shims = |ids: &[&str]| world.containerd.shims(ids);
    let ids = [first.id(), second.id(), pod.id()];
    let before = shims(&ids);
    assert_eq!(before.len(), 1, "{:?}", world.containerd.processes());
    assert_eq!(other.finish().success(), "another\n");
    // The end of one container is not that of its shim.
    second.kill("SIGKILL");
    assert_eq!(second.finish().status.code(), Some(137));
    assert_eq!(shims(&[first.id(), pod.id()]), before);
    first.kill("SIGKILL");
    assert_eq!(first.finish().status.code(), Some(137));
    assert!(eventually(|| shims(&[pod.id()]).is_empty()));
}

fn twenty(world: &World, runtime: Runtime) {
    std::thread::scope(|scope| {
        for n in 0..20 {
            scope.spawn(move || {
                let program = world.program(runtime);
                let mut container = program.args(["say", &n.to_string(), "wait"]).start();
                let _ = container.line("waiting");
                container.kill("SIGTERM");
                let output = container.finish();
                assert_eq!(output.status.code(), Some(143), "{output}");
                assert_eq!(output.stdout, format!("{n}\nwaiting\n"), "{output}");
            });
        }
    });
}

fn killed_shim(world: &World, runtime: Runtime) {
    let container = world.program(runtime).flag("--null-io").args(["wait"]).detach();
    let (pid, _) = container.state().expect("a task");
    let shims = world.containerd.shims(&[container.id()]);
    assert_eq!(shims.len(), 1, "{:?}", world.containerd.processes());
    let socket = container.socket();
    assert!(socket.exists(), "{}", socket.display());
    let kill = world
        .containerd
        .program("kill")
        .args(["-KILL", &shims[0].to_string()]);
    let _ = kill.finish().success();
    let is_there = || {
        world
            .containerd
            .processes()
            .iter()
            .any(|(found, _)| *found == pid)
    };
    assert!(eventually(|| !is_there()), "the container runs on");
    assert!(
        eventually(|| container.state().is_none()),
        "containerd keeps its task"
    );
    let _ = container.remove();
    match runtime {
        // runc's shim forgets its socket when it is killed.
        Runtime::Runc => std::fs::remove_file(&socket).expect("remove the socket"),
        Runtime::Guestnet => assert!(!socket.exists(), "{}", socket.display()),
    }
    // The machine goes on: the next container is as good as the first.
    let next = world.program(runtime).args(["say", "next"]).finish();
    assert_eq!(next.success(), "next\n");
}

fn killed_process(world: &World, runtime: Runtime) {
    let pod = Pod::new(&world.containerd);
    let mut first = world.program(runtime).pod(&pod).args(["wait"]).start();
    let _ = first.line("waiting");
    let mut second = world.program(runtime).pod(&pod).args(["wait"]).start();
    let _ = second.line("waiting");
    let (pid, _) = second.state().expect("a task");
    let kill = world.containerd.program("kill").args(["-KILL", &pid.to_string()]);
    let _ = kill.finish().success();
    assert_eq!(second.finish().status.code(), Some(137));
    // The other one of the pod goes on.
    assert_eq!(first.state().expect("a task").1, "RUNNING");
    first.kill("SIGTERM");
    assert_eq!(first.finish().status.code(), Some(143));
}

fn terminal(world: &World, runtime: Runtime) {
    let program = world.program(runtime);
    let output = program
        .args(["say", "hello", "complain", "oh", "exit", "3"])
        .at_a_terminal();
    // A terminal is one stream, and ends lines in its own way; so does the one that ctr itself is at.
    assert_eq!(output.stdout, "hello\r\r\noh\r\r\n", "{output}");
    assert_eq!(output.status.code(), Some(3), "{output}");
}
