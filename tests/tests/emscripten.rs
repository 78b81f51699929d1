//! What only Emscripten programs can do: socket callbacks, asynchronous look-ups, many instances in one process, threads
//! that end in the midst of a call. No other system has them, so what each program prints is written down.

use guestnet_tests::emscripten::{Engine, Variant, addon_script, example, module_script, program, script};
use guestnet_tests::paths::target_dir;
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::{code, encoded, kind};
use guestnet_tests::run::{Program, assert_same_transcript};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long the answer to a client may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// System calls of Linux on x86-64, by number.
const RECVFROM: i64 = 45;
const PPOLL: i64 = 271;

/// Every way to link with every engine that runs it.
const COLUMNS: [(Variant, Engine); 8] = [
    (Variant::Plain, Engine::Node20),
    (Variant::Plain, Engine::Node26),
    (Variant::Plain, Engine::Bun),
    (Variant::Module, Engine::Deno),
    (Variant::Pthread, Engine::Node20),
    (Variant::Proxy, Engine::Node26),
    (Variant::Jspi, Engine::Node26),
    (Variant::JspiPthread, Engine::Node26),
];

/// Those with threads.
const THREADED: [(Variant, Engine); 7] = [
    (Variant::Pthread, Engine::Node20),
    (Variant::Pthread, Engine::Node26),
    (Variant::Pthread, Engine::Deno),
    (Variant::Pthread, Engine::Bun),
    (Variant::Proxy, Engine::Node20),
    (Variant::Proxy, Engine::Node26),
    (Variant::JspiPthread, Engine::Node26),
];

/// A transcript without the order of its lines.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn a_look_up_is_under_way_while_the_program_goes_on_under_every_engine() {
    let transcript = include_str!("transcripts/emscripten_dns_async.txt");
    for (variant, engine) in COLUMNS {
        let printed = program(variant, engine, "dns_async").finish().success();
        // There main is another thread than the one that has the event loop, and may have the result at once.
        let expected: String = transcript
            .lines()
            .filter(|line| variant != Variant::Proxy || !line.starts_with("before it is ready"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_same_transcript(&expected, &printed);
    }
}

#[test]
fn threads_look_names_up_without_waiting() {
    for (variant, engine) in THREADED {
        let printed = program(variant, engine, "thread_dns_async").finish().success();
        assert_same_transcript(
            include_str!("transcripts/emscripten_thread_dns_async.txt"),
            &printed,
        );
    }
}

#[test]
fn callbacks_report_connections_messages_and_ends_under_every_engine() {
    for (variant, engine) in COLUMNS {
        let printed = program(variant, engine, "callbacks").finish().success();
        // Which end of the connection gets its event first is the kernel's choice.
        assert_same_transcript(
            &sorted(include_str!("transcripts/emscripten_callbacks.txt")),
            &sorted(&printed),
        );
    }
}

#[test]
fn callbacks_on_the_main_thread_report_the_sockets_of_all_threads() {
    for (variant, engine) in THREADED {
        let printed = program(variant, engine, "thread_callbacks").finish().success();
        assert_same_transcript(
            include_str!("transcripts/emscripten_thread_callbacks.txt"),
            &printed,
        );
    }
}

#[test]
fn callbacks_that_come_and_go_on_sockets_that_others_close_do_no_harm() {
    for (variant, engine) in THREADED {
        let printed = program(variant, engine, "thread_hostile").finish().success();
        assert_same_transcript("all have ended, on the main thread: yes\n", &printed);
    }
}

#[test]
fn threads_that_block_in_accept_and_recv_serve_native_clients_under_every_engine() {
    const CLIENTS: u8 = 4;
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let mut server = example(engine, true, "thread_server")
            .args(["127.0.0.1", "0", &CLIENTS.to_string()])
            .start();
        let addr = server.line("listening ");
        // All of them are served while none has ended.
        let mut clients: Vec<(u8, TcpStream)> = (0..CLIENTS)
            .map(|number| (number, TcpStream::connect(&addr).expect("connect")))
            .collect();
        for (number, client) in &mut clients {
            client.set_read_timeout(Some(DEADLINE)).expect("a limit");
            client.write_all(&[*number]).expect("send");
            let mut back = [CLIENTS];
            client.read_exact(&mut back).expect("receive");
            assert_eq!(back, [*number], "{engine:?}");
        }
        drop(clients);
        assert_eq!(server.finish().success(), format!("listening {addr}\ndone\n"));
    }
}

#[test]
fn a_suspended_main_thread_leaves_its_event_loop_and_blocked_threads_alone() {
    let printed = program(Variant::JspiPthread, Engine::Node26, "thread_suspended")
        .finish()
        .success();
    assert_same_transcript(
        include_str!("transcripts/emscripten_thread_suspended.txt"),
        &printed,
    );
}

#[test]
fn so_error_in_the_error_callback_has_the_error_and_a_program_that_watches_nothing_ends() {
    for (variant, engine) in COLUMNS
        .into_iter()
        .filter(|(variant, _)| *variant != Variant::Proxy)
    {
        let run = || program(variant, engine, "callback_error");
        assert_eq!(
            run().finish().success(),
            "error: ECONNREFUSED\nSO_ERROR: ECONNREFUSED, then errno 0\n"
        );
        assert_eq!(run().arg("idle").finish().success(), "idle\n");
    }
}

#[test]
fn a_program_with_a_callback_goes_on_when_main_returns_and_without_one_ends() {
    for (variant, engine) in COLUMNS {
        let run = || program(variant, engine, "callback_return");
        // A main() in a pthread that returns calls exit(), which ends the process.
        if variant != Variant::Proxy {
            assert_eq!(run().finish().success(), "main returns\nmessage: 4 \"ping\"\n");
        }
        let finished = run().arg("none").finish();
        assert_eq!(
            finished.status.code(),
            Some(3),
            "{variant:?} on {engine:?}\n{finished}"
        );
        assert_eq!(finished.stdout, "main returns\n");
    }
}

#[test]
fn a_callback_looks_up_what_needs_no_resolver_and_gets_eai_again_for_the_rest_where_nothing_can_suspend() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let hosts = scratch.path().join("hosts");
    std::fs::write(&hosts, "192.0.2.7 hosts.example\n").expect("write the hosts file");
    for variant in [Variant::Jspi, Variant::JspiPthread] {
        let server = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
        let printed = program(variant, Engine::Node26, "callback_lookup")
            .args(["before.example", "hosts.example", "neither.example"])
            .env(
                "GUESTNET_OPTIONS",
                format!("--dns {} --hosts \"{}\"", server.addr(), hosts.display()),
            )
            .finish()
            .success();
        assert_same_transcript(
            include_str!("transcripts/emscripten_callback_lookup.txt"),
            &printed,
        );
        // However often the program tried, each question was asked once, of both families.
        for name in ["before.example", "neither.example", "other.example"] {
            assert!(server.times(name) <= 2, "{name}: {}", server.times(name));
        }
    }
}

#[test]
fn host_entries_have_every_address_the_aliases_of_a_chain_and_the_code_of_a_failure() {
    let server = ScriptedDns::answering(|asked| match asked.name.as_str() {
        "several.example" if asked.kind == kind::A => (1..=3).fold(asked.answer(), |answer, last| {
            answer.ip(&asked.name, 60, Ipv4Addr::new(192, 0, 2, last))
        }),
        "several.example" => asked.address(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 60),
        "alias.example" => asked
            .answer()
            .cname("alias.example", 60, "between.example")
            .cname("between.example", 60, "end.example")
            .ip("end.example", 60, Ipv4Addr::new(192, 0, 2, 9)),
        "six.example" if asked.kind == kind::A => asked.answer().soa("example", 60),
        "six.example" => asked.address(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 6), 60),
        "servfail.example" => asked.answer().code(code::SERVFAIL),
        "1.2.0.192.in-addr.arpa" => {
            asked
                .answer()
                .record(&asked.name, kind::PTR, 60, &encoded("several.example"))
        }
        _ => asked.answer().code(code::NXDOMAIN).soa("example", 60),
    });
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let hosts = scratch.path().join("hosts");
    std::fs::write(
        &hosts,
        "192.0.2.7 hosts.example short more\n192.0.2.8 hosts.example other\n2001:db8::7 hosts.example\n",
    )
    .expect("write the hosts file");
    for (variant, engine) in [(Variant::Plain, Engine::Node20), (Variant::Jspi, Engine::Node26)] {
        let printed = program(variant, engine, "host_entries")
            .args(["4", "several.example", "6", "several.example", "4", "alias.example"])
            .args(["4", "six.example", "6", "six.example", "4", "none.example", "4", "servfail.example"])
            .args(["4", "hosts.example", "4", "short", "6", "short", "6", "other"])
            .args(["by", "192.0.2.1", "by", "192.0.2.2", "by", "192.0.2.7", "by", "2001:db8::7"])
            .env(
                "GUESTNET_OPTIONS",
                format!(
                    "--dns {} --hosts \"{}\" --allow-net --deny-resolve 3.2.0.192.in-addr.arpa --deny-resolve denied.example",
                    server.addr(),
                    hosts.display()
                ),
            )
            .args(["by", "192.0.2.3", "4", "denied.example"])
            .finish()
            .success();
        assert_same_transcript(include_str!("transcripts/emscripten_host_entries.txt"), &printed);
    }
}

/// The program of guests/emscripten/cmake, as one of both ways to link it has made it.
#[test]
fn a_program_in_cpp_links_without_a_warning_by_hand_and_by_cmake_and_runs() {
    for name in ["by-hand", "app"] {
        let path = target_dir()
            .join("guests/emscripten-cpp")
            .join(format!("{name}.js"));
        let printed = script(Engine::Node20, &path).finish().success();
        assert_eq!(printed, "true true true true\n", "{name}");
    }
}

#[test]
fn a_suspended_main_does_not_go_on_when_a_callback_has_ended_the_program() {
    for variant in [Variant::Jspi, Variant::JspiPthread] {
        let finished = program(variant, Engine::Node26, "suspended_end").finish();
        assert_eq!(finished.status.code(), Some(7), "{variant:?}\n{finished}");
        assert_same_transcript("exit\n", &finished.stdout);
    }
}

#[test]
fn a_suspended_batch_looks_at_its_time_after_each_message_and_leaves_an_error_to_the_next_call() {
    for variant in [Variant::Jspi, Variant::JspiPthread] {
        let printed = program(variant, Engine::Node26, "suspended_batch")
            .finish()
            .success();
        assert_same_transcript(
            include_str!("transcripts/emscripten_suspended_batch.txt"),
            &printed,
        );
    }
}

#[test]
fn a_program_ends_while_its_threads_wait_in_calls() {
    for (variant, engine) in THREADED {
        for way in ["exit", "return", "engine", "loop", "insist", "thread"] {
            // A main that is a thread of its own keeps the engine's loop running, which this way waits for.
            if way == "loop" && variant == Variant::Proxy {
                continue;
            }
            let finished = program(variant, engine, "thread_end").arg(way).finish();
            assert_eq!(
                finished.status.code(),
                Some(7),
                "{variant:?} {engine:?} {way}\n{finished}"
            );
            let expected = if way == "thread" { "" } else { "all wait\n" };
            assert_same_transcript(expected, &finished.stdout);
        }
    }
}

#[test]
fn the_end_of_a_program_is_held_up_by_no_thread_that_prints_under_every_engine() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    for (variant, engine) in THREADED {
        let finished = program(variant, engine, "thread_prints").finish();
        assert_eq!(
            finished.status.code(),
            Some(7),
            "{variant:?} {engine:?}\n{finished}"
        );
        assert!(finished.stdout.lines().all(|line| line == "a line"), "{finished}");
        let finished = program(variant, engine, "thread_prints")
            .arg(file.path())
            .finish();
        assert_eq!(
            finished.status.code(),
            Some(7),
            "{variant:?} {engine:?}\n{finished}"
        );
    }
}

#[test]
fn a_worker_is_terminated_while_it_waits_in_a_call() {
    // Deno 2.9 ends no worker before it is back in its event loop, also none that runs JavaScript.
    for engine in [Engine::Node20, Engine::Node26, Engine::Bun] {
        let printed = module_script(engine, "terminate.mjs").finish().success();
        assert_same_transcript(
            "it says: here\nit is terminated\nits descriptors are closed\n",
            &printed,
        );
    }
}

#[test]
fn instances_in_one_process_have_their_own_policies_descriptors_and_ends_under_every_engine() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let printed = module_script(engine, "instances.mjs")
            .arg(scratch.path())
            .finish()
            .success();
        assert_same_transcript(include_str!("transcripts/emscripten_instances.txt"), &printed);
    }
}

#[test]
fn an_instance_that_has_ended_holds_no_descriptor_under_every_engine() {
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let printed = module_script(engine, "many.mjs").finish().success();
        assert_same_transcript("none is left\n", &printed);
    }
}

#[test]
fn a_thread_of_a_program_is_freed_with_its_functions_or_with_its_worker_under_every_engine() {
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let printed = addon_script(engine, "attach.mjs").finish().success();
        assert_same_transcript(
            "each thread holds a descriptor\ncollected: none is left\nin workers that ended: none is left\n",
            &printed,
        );
    }
}

#[test]
fn wild_lengths_counts_and_pointers_get_an_errno() {
    for (variant, engine) in [
        (Variant::Plain, Engine::Node20),
        (Variant::Jspi, Engine::Node26),
        (Variant::Pthread, Engine::Node20),
    ] {
        let printed = program(variant, engine, "wild").finish().success();
        assert_same_transcript(include_str!("transcripts/emscripten_wild.txt"), &printed);
    }
}

#[test]
fn a_memory_that_has_grown_is_where_it_is_also_where_no_javascript_knows_under_every_engine() {
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let printed = program(Variant::Plain, engine, "memory_grows").finish().success();
        assert_same_transcript(include_str!("transcripts/emscripten_memory_grows.txt"), &printed);
    }
}

#[test]
fn a_receive_of_the_only_thread_waits_in_the_kernel_under_every_engine() {
    for engine in [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun] {
        let blocked = program(Variant::Plain, engine, "blocked");
        assert_eq!(waiting_system_call(blocked), RECVFROM);
    }
}

#[test]
fn a_receive_waits_beside_a_stop_where_javascript_handles_the_signal_or_there_are_threads() {
    for engine in [Engine::Node20, Engine::Node26] {
        let handled = module_script(engine, "handles_signal.mjs").arg("blocked");
        assert_eq!(waiting_system_call(handled), PPOLL);
    }
    let threaded = program(Variant::Pthread, Engine::Node26, "blocked");
    assert_eq!(waiting_system_call(threaded), PPOLL);
}

/// The system call in which the main thread of `blocked` waits for what never comes.
fn waiting_system_call(blocked: Program) -> i64 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let running = blocked.arg(port.to_string()).start();
    let (mut peer, _) = listener.accept().expect("a connection");
    let mut here = [0; 4];
    peer.read_exact(&mut here).expect("what it says");
    let path = format!("/proc/{0}/task/{0}/syscall", running.id());
    let end = Instant::now() + DEADLINE;
    loop {
        // "running" while it runs, and "-1" where it waits in none.
        let text = std::fs::read_to_string(&path).expect("the system call of a child");
        let number = text
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok());
        match number {
            Some(number) if [RECVFROM, PPOLL].contains(&number) => {
                running.kill();
                return number;
            }
            _ => assert!(Instant::now() < end, "it does not wait: {text}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
