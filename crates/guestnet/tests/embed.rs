//! What an embedder does: many guests with policies of their own, stopping, observing, listening, a store of its own.

use std::error::Error as _;
use std::fmt;
use std::io::{Read, Write, pipe};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use guestnet::core::{Denial, Errno, Observer};
use guestnet::policy::{Policy, PolicyBuilder, Use};
use guestnet::wasi::{Adapter, GuestCtx};
use guestnet::wasmtime::component::{Component, Linker as ComponentLinker};
use guestnet::wasmtime::{Config, Engine, Linker, Module, Store};
use guestnet::{
    ComponentRuntime, End, Error, HostsFile, MemoryLimit, MetricsExporter, Options, OsHost, ReportTo,
    Reporting, RunError, WasiRuntime, reason,
};

/// A module with some functions of WASI and a body for `_start`.
fn module(runtime: &WasiRuntime, body: &str) -> Module {
    Module::new(runtime.engine(), text(body)).unwrap()
}

fn text(body: &str) -> String {
    format!(
        r#"(module
             (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (data (i32.const 16) "\20\00\00\00\04\00\00\00")
             (data (i32.const 32) "\7f\00\00\01")
             (data (i32.const 64) "\48\00\00\00\03\00\00\00")
             (data (i32.const 72) "hi\0a")
             {body})"#
    )
}

/// Exits with the errno of a connection to this port.
fn connects(port: u16) -> String {
    format!(
        r#"(func (export "_start")
             (drop (call $open (i32.const 1) (i32.const 2) (i32.const 8)))
             (call $exit (call $connect (i32.load (i32.const 8)) (i32.const 16) (i32.const {port}))))"#
    )
}

const SPINS: &str = r#"(func (export "_start") (loop (br 0)))"#;
const READS: &str = r#"(func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 80))))"#;
/// Exits with the errno of a write to standard output.
const WRITES: &str = r#"(func (export "_start")
    (call $exit (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 80))))"#;

/// WASI's numbers.
const EACCES: i32 = 2;
const EBADF: i32 = 8;

fn may_connect(target: &str) -> Policy {
    let mut policy = PolicyBuilder::new();
    policy.allow(Use::Connect, target).unwrap();
    policy.build()
}

#[test]
fn a_hundred_guests_of_one_runtime_have_policies_of_their_own() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let runtime = WasiRuntime::new().unwrap();
    let module = module(&runtime, &connects(port));
    let (runtime, module) = (&runtime, &module);
    thread::scope(|scope| {
        let run = |number: u16| {
            let target = match number % 2 {
                0 => format!("127.0.0.1:{port}"),
                _ => "127.0.0.2".to_owned(),
            };
            let guest = Options::new().policy(may_connect(&target)).wasi(runtime);
            guest.unwrap().run(module).unwrap()
        };
        let guests: Vec<_> = (0..100)
            .map(|number| (number, scope.spawn(move || run(number))))
            .collect();
        for (number, guest) in guests {
            let expected = if number % 2 == 0 { 0 } else { EACCES };
            assert_eq!(guest.join().unwrap(), End::Exit(expected), "{number}");
        }
    });
}

#[test]
fn a_guest_that_computes_is_stopped_and_others_of_its_engine_go_on() {
    let runtime = WasiRuntime::new().unwrap();
    let (spins, reads) = (module(&runtime, SPINS), module(&runtime, READS));
    let (stdin, mut input) = pipe().unwrap();
    let other = Options::new().stdin(stdin).wasi(&runtime).unwrap();
    let guest = Options::new().wasi(&runtime).unwrap();
    let handle = guest.handle();
    thread::scope(|scope| {
        let guest = scope.spawn(|| guest.run(&spins).unwrap());
        let other = scope.spawn(|| other.run(&reads).unwrap());
        handle.stop();
        assert_eq!(guest.join().unwrap(), End::Stop);
        // It goes on after the engine's epoch was counted up.
        input.write_all(b"x").unwrap();
        assert_eq!(other.join().unwrap(), End::Exit(0));
    });
}

#[test]
fn a_guest_that_waits_is_stopped_and_so_is_one_that_was_stopped_before_it_began() {
    let runtime = WasiRuntime::new().unwrap();
    let (spins, reads) = (module(&runtime, SPINS), module(&runtime, READS));
    let (stdin, _input) = pipe().unwrap();
    let guest = Options::new().stdin(stdin).wasi(&runtime).unwrap();
    let handle = guest.handle();
    thread::scope(|scope| {
        let guest = scope.spawn(|| guest.run(&reads).unwrap());
        handle.stop();
        assert_eq!(guest.join().unwrap(), End::Stop);
    });
    let guest = Options::new().wasi(&runtime).unwrap();
    guest.handle().stop();
    assert_eq!(guest.run(&spins).unwrap(), End::Stop);
}

#[test]
fn a_script_is_stopped_from_another_thread() {
    for source in ["for (;;) {}", "import * as os from 'os'; os.sleep(1e9);"] {
        let mut guest = Options::new().script().unwrap();
        let handle = guest.handle();
        let stopper = thread::spawn(move || handle.stop());
        assert_eq!(guest.run("main.js", source), End::Stop, "{source}");
        stopper.join().unwrap();
    }
}

/// An observer of an embedder's.
#[derive(Clone, Default)]
struct Denials(Arc<Mutex<Vec<String>>>);

impl Observer for Denials {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: fmt::Arguments<'_>, _: Result<u64, Errno>) {}

    fn denied(&mut self, denial: &Denial<'_>) {
        let text = format!("{} {}", denial.call, denial.target);
        self.0.lock().unwrap().push(text);
    }
}

#[test]
fn an_observer_of_the_embedders_hears_of_denials() {
    let runtime = WasiRuntime::new().unwrap();
    let denials = Denials::default();
    let guest = Options::new().observer(denials.clone()).wasi(&runtime).unwrap();
    let end = guest.run(&module(&runtime, &connects(9))).unwrap();
    assert_eq!(end, End::Exit(EACCES));
    let denied = denials.0.lock().unwrap();
    assert_eq!(*denied, ["connect 127.0.0.1:9"]);
}

#[test]
fn a_guest_has_metrics_that_its_embedder_reads_and_offers_to_others() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let runtime = WasiRuntime::new().unwrap();
    let at = ReportTo::Tcp((Ipv4Addr::LOCALHOST, 0).into());
    let exporter = MetricsExporter::open(&at).unwrap();
    let addr = exporter.local_addr().unwrap();
    let policy = may_connect(&format!("127.0.0.1:{port}"));
    let guest = Options::new().policy(policy).wasi(&runtime).unwrap();
    let handle = guest.handle();
    let running = handle.export_metrics(exporter).unwrap();
    assert_eq!(handle.metrics().tcp.connected, 0);
    assert_eq!(
        guest.run(&module(&runtime, &connects(port))).unwrap(),
        End::Exit(0)
    );
    // The handle outlives the guest, and so do the numbers.
    assert_eq!(handle.metrics().tcp.connected, 1);
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (_, text) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(text, handle.metrics().to_string());
    drop(running);
    assert!(TcpStream::connect(addr).is_err());
    let taken = MetricsExporter::open(&ReportTo::Tcp(listener.local_addr().unwrap())).unwrap_err();
    assert_eq!(
        Error::from(taken).to_string(),
        format!("cannot write the metrics to tcp://127.0.0.1:{port}: Address already in use")
    );
}

#[test]
fn an_audit_goes_to_a_collector_and_ends_with_the_guest() {
    let collector = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let reporting = Reporting {
        audit: Some(ReportTo::Tcp(collector.local_addr().unwrap())),
        ..Reporting::default()
    };
    let runtime = WasiRuntime::new().unwrap();
    let policy = may_connect("10.0.0.1");
    let reporter = reporting.open(&policy).unwrap();
    let guest = Options::new()
        .policy(policy)
        .observer(reporter)
        .wasi(&runtime)
        .unwrap();
    let handle = guest.handle();
    let end = guest.run(&module(&runtime, &connects(9))).unwrap();
    assert_eq!(end, End::Exit(EACCES));
    // It is the handle that keeps the observer.
    drop(handle);
    let mut text = String::new();
    collector.accept().unwrap().0.read_to_string(&mut text).unwrap();
    assert!(
        text.lines().count() == 1 && text.contains("\"outcome\":\"denied\""),
        "{text}"
    );
}

#[test]
fn streams_are_what_was_given_and_closed_otherwise() {
    let runtime = WasiRuntime::new().unwrap();
    let module = module(&runtime, WRITES);
    let (mut output, stdout) = pipe().unwrap();
    let guest = Options::new().stdout(stdout).wasi(&runtime).unwrap();
    assert_eq!(guest.run(&module).unwrap(), End::Exit(0));
    let mut printed = String::new();
    output.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "hi\n");
    let closed = Options::new().wasi(&runtime).unwrap();
    assert_eq!(closed.run(&module).unwrap(), End::Exit(EBADF));
}

#[test]
fn a_listener_of_the_options_needs_no_rule_and_says_its_port() {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut guest = Options::new().listen(any).script().unwrap();
    let [addr] = guest.listening() else {
        panic!("one listener")
    };
    let peer = TcpStream::connect(addr).unwrap();
    let source = "
        import * as os from 'os';
        import * as std from 'std';
        if (std.getenv('LISTEN_FDS') !== '1') throw new Error('LISTEN_FDS');
        const [fd] = await os.accept(3);
        os.close(fd);
        std.exit(7);";
    assert_eq!(guest.run("main.js", source), End::Exit(7));
    drop(peer);
}

#[test]
fn names_come_from_the_hosts_file_of_the_options() {
    let mut policy = PolicyBuilder::new();
    policy.allow(Use::Resolve, "db.test").unwrap();
    let source = "
        import * as os from 'os';
        import * as std from 'std';
        const [{ addr }] = await os.getaddrinfo('db.test', '80');
        std.exit(addr === '192.0.2.7' ? 0 : 1);";
    let mut guest = Options::new()
        .policy(policy.build())
        .hosts("192.0.2.7 db.test\n")
        .script()
        .unwrap();
    assert_eq!(guest.run("main.js", source), End::Exit(0));
}

#[test]
fn a_store_of_the_embedders_takes_the_parts() {
    struct State {
        calls: u32,
        wasi: GuestCtx<OsHost>,
    }
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let adapter: Adapter<State> = Adapter::new(&engine, |state: &mut State| &mut state.wasi).unwrap();
    let spins = Module::new(&engine, text(SPINS)).unwrap();
    let parts = Options::new().wasi_parts().unwrap();
    let state = State {
        calls: 1,
        wasi: parts.wasi,
    };
    let mut store = Store::new(&engine, state);
    parts.handle.interrupt(&mut store);
    guestnet::check(&adapter, &spins).unwrap();
    let handle = parts.handle;
    thread::scope(|scope| {
        scope.spawn(|| handle.stop());
        let end = guestnet::run(&adapter, &spins, &mut store, |_| None);
        assert_eq!(end.unwrap(), End::Stop);
    });
    assert_eq!(store.data().calls, 1);
}

#[test]
fn a_module_finds_the_embedders_functions_and_those_of_the_abis() {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "twice", |value: i32| value * 2).unwrap();
    let runtime = WasiRuntime::with_linker(&linker).unwrap();
    let module = r#"
        (module
          (import "env" "twice" (func $twice (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start") (call $exit (call $twice (i32.const 21)))))"#;
    let module = Module::new(runtime.engine(), module).unwrap();
    let guest = Options::new().wasi(&runtime).unwrap();
    assert_eq!(guest.run(&module).unwrap(), End::Exit(42));
}

#[test]
fn a_module_that_cannot_run_says_why() {
    let runtime = WasiRuntime::new().unwrap();
    let run = |text: &str, memory: u64| {
        let module = Module::new(runtime.engine(), text).unwrap();
        let guest = Options::new().max_memory(memory).wasi(&runtime).unwrap();
        guest.run(&module).unwrap_err()
    };
    let error = run(r#"(module (import "env" "f" (func)))"#, 0);
    assert!(matches!(&error, RunError::Import { module, name } if module == "env" && name == "f"));
    assert!(matches!(run("(module)", 0), RunError::Library));
    let error = run(
        r#"(module (memory 2) (func (export "_start") unreachable))"#,
        65_536,
    );
    assert_eq!(
        error.to_string(),
        "needs 131072 bytes of memory to start, and may have 65536"
    );
    let error = run(
        r#"(module (func $inner unreachable) (func (export "_start") (call $inner)))"#,
        0,
    );
    assert!(
        error.to_string().starts_with("trapped: ") && error.to_string().ends_with(", in function inner"),
        "{error}"
    );
    assert!(error.source().is_some());
    assert_eq!(MemoryLimit::new(0).refusal(), None);
}

#[test]
fn an_option_that_cannot_be_done_is_an_error_with_what_the_system_says() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let error = Options::new().listen(addr).wasi_parts().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Listen {
                source: Errno::EADDRINUSE,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.source().is_some());

    let error = Options::new()
        .directory("/no/such/directory", "/data")
        .script_parts()
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("cannot open the directory /no/such/directory: ENOENT"),
        "{text}"
    );
    // Its files are no data.
    let error = Options::new()
        .directory("/proc", "/data")
        .wasi_parts()
        .unwrap_err();
    assert!(matches!(error, Error::Directory { .. }), "{error:?}");

    let error = HostsFile::read("/no/such/file").unwrap_err();
    assert_eq!(reason(error.source().unwrap()), "No such file or directory");
    let mut options = Options::new();
    assert!(matches!(
        options.policy_file("/no/such/file"),
        Err(Error::PolicyFile { .. })
    ));
}

#[test]
fn a_guest_takes_the_options_and_leaves_none() {
    let mut options = Options::new();
    options.policy(Policy::allow_all()).arg("a");
    let runtime = WasiRuntime::new().unwrap();
    let module = module(&runtime, &connects(0));
    let first = options.wasi(&runtime).unwrap().run(&module).unwrap();
    assert_ne!(first, End::Exit(EACCES));
    let second = options.wasi(&runtime).unwrap().run(&module).unwrap();
    assert_eq!(second, End::Exit(EACCES));
}

/// A component whose `wasi:cli/run` does what the function's body says. It has an interface of the embedder's.
fn component(runtime: &ComponentRuntime, body: &str) -> Component {
    let text = format!(
        r#"(component
             (import "acme:app/host" (instance $host (export "seven" (func (result u32)))))
             (core func $seven (canon lower (func $host "seven")))
             (core module $program
               (import "host" "seven" (func $seven (result i32)))
               (func (export "run") (result i32) {body}))
             (core instance $program (instantiate $program
               (with "host" (instance (export "seven" (func $seven))))))
             (func $run (result (result)) (canon lift (core func $program "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    );
    Component::new(runtime.engine(), text).unwrap()
}

/// A runtime that has this interface.
fn component_runtime() -> ComponentRuntime {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let mut linker = ComponentLinker::new(&Engine::new(&config).unwrap());
    linker
        .instance("acme:app/host")
        .unwrap()
        .func_wrap("seven", |_, (): ()| Ok((7_u32,)))
        .unwrap();
    ComponentRuntime::with_linker(linker).unwrap()
}

#[test]
fn a_component_finds_the_embedders_interface_and_ends_as_its_run_says() {
    let runtime = component_runtime();
    let run = |body: &str| {
        let guest = Options::new().component(&runtime).unwrap();
        guest.run(&component(&runtime, body))
    };
    assert_eq!(run("(i32.ne (call $seven) (i32.const 7))").unwrap(), End::Exit(0));
    assert_eq!(run("(i32.eq (call $seven) (i32.const 7))").unwrap(), End::Exit(1));
    assert!(matches!(run("unreachable"), Err(RunError::Trap { .. })));
    let bare = ComponentRuntime::new().unwrap();
    let error = Options::new()
        .component(&bare)
        .unwrap()
        .run(&component(&bare, "(i32.const 0)"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "imports acme:app/host, which guestnet does not have"
    );
}

#[test]
fn a_component_that_computes_is_stopped_and_others_of_its_engine_go_on() {
    let runtime = component_runtime();
    let spins = component(&runtime, "(loop (br 0)) unreachable");
    let ends = component(&runtime, "(i32.const 0)");
    let guest = Options::new().component(&runtime).unwrap();
    let handle = guest.handle();
    thread::scope(|scope| {
        let spinning = scope.spawn(|| guest.run(&spins));
        assert_eq!(
            Options::new().component(&runtime).unwrap().run(&ends).unwrap(),
            End::Exit(0)
        );
        handle.stop();
        assert_eq!(spinning.join().unwrap().unwrap(), End::Stop);
    });
}

#[test]
fn a_component_takes_no_listeners() {
    let runtime = ComponentRuntime::new().unwrap();
    let refused = Options::new()
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .component(&runtime)
        .unwrap_err();
    assert!(matches!(refused, Error::Listeners), "{refused:?}");
}

/// A component with so many instances of a core module.
fn instances(count: usize) -> String {
    let instances = "(core instance (instantiate $module))".repeat(count);
    format!("(component (core module $module (global (mut i64) (i64.const 0))) {instances})")
}

#[test]
fn a_component_has_no_more_core_instances_than_the_limit() {
    let runtime = ComponentRuntime::new().unwrap();
    let instantiate = |count| {
        let component = Component::new(runtime.engine(), instances(count)).unwrap();
        let mut guest = Options::new().component(&runtime).unwrap();
        let instance = runtime.linker().instantiate(guest.store_mut(), &component);
        instance.map(drop)
    };
    instantiate(256).unwrap();
    let error = instantiate(257).unwrap_err();
    assert!(
        format!("{error:?}").contains("instance count too high"),
        "{error:?}"
    );
}
