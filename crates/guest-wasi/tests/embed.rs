//! What an embedder does with a guest: its exit code, its end from outside, what is seen of it, and many at a time.
#![expect(
    clippy::disallowed_methods,
    reason = "an embedder has threads, and the guests' peers are sockets of this process"
)]

mod counting_host;

use std::fmt;
use std::net::TcpListener;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread;

use counting_host::{CountingHost, Counts};
use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{Capacity, Denial, GuestThread, Host, Observer, Result, ResultLine};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, File, GuestCtx, GuestCtxBuilder, I32Exit, InstancePre, StopTrap};
use wasmtime::{Engine, Instance, Module, Store};

/// `open` makes a TCP socket; `connect` makes one and connects it to a port of 127.0.0.1; both return an errno. `_start`
/// exits with the errno of a socket that cannot be, plus 40.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "\20\00\00\00\04\00\00\00")
    (data (i32.const 32) "\7f\00\00\01")
    (func $socket (export "open") (result i32) (call $open (i32.const 1) (i32.const 2) (i32.const 8)))
    (func (export "connect") (param $port i32) (result i32)
      (drop (call $socket))
      (call $connect (i32.load (i32.const 8)) (i32.const 16) (local.get $port)))
    (func (export "accept") (result i32) (call $accept (i32.const 3) (i32.const 0) (i32.const 8)))
    (func (export "_start")
      (call $exit (i32.add (i32.const 40) (call $open (i32.const 99) (i32.const 2) (i32.const 8))))))"#;

const EACCES: i32 = 2;
const EINVAL: i32 = 28;

fn guest(policy: Policy) -> GuestThread<OsHost, File> {
    GuestThread::new(OsHost::new().unwrap(), Arc::new(policy), Capacity::default())
}

fn allowing(port: u16) -> Policy {
    let mut builder = PolicyBuilder::new();
    builder
        .allow(Use::Connect, &format!("tcp://127.0.0.1:{port}"))
        .unwrap();
    builder.build()
}

fn prepared<H: Host + Send + 'static>(text: &str) -> InstancePre<GuestCtx<H>>
where
    H::Io: Send,
    GuestCtx<H>: Send,
{
    let engine = Engine::default();
    let adapter = Adapter::new(&engine, |ctx: &mut GuestCtx<H>| ctx).unwrap();
    let module = Module::new(&engine, text).unwrap();
    adapter.instantiate_pre(&module).unwrap()
}

fn start<H: Host + Send + 'static>(
    pre: &InstancePre<GuestCtx<H>>,
    guest: GuestThread<H, File>,
) -> (Store<GuestCtx<H>>, Instance)
where
    GuestCtx<H>: Send,
{
    start_ctx(pre, GuestCtxBuilder::new(guest))
}

fn start_ctx<H: Host + Send + 'static>(
    pre: &InstancePre<GuestCtx<H>>,
    builder: GuestCtxBuilder<H>,
) -> (Store<GuestCtx<H>>, Instance)
where
    GuestCtx<H>: Send,
{
    let mut store = Store::new(pre.module().engine(), builder.build().unwrap());
    let instance = pre.instantiate(&mut store).unwrap();
    (store, instance)
}

fn connect<T: 'static>(store: &mut Store<T>, instance: &Instance, port: u16) -> i32 {
    let function = instance
        .get_typed_func::<i32, i32>(&mut *store, "connect")
        .unwrap();
    function.call(store, i32::from(port)).unwrap()
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn the_exit_code_of_start_is_that_of_proc_exit_or_0() {
    let returns = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    for (text, code) in [(GUEST, 40 + EINVAL), (returns, 0)] {
        let (mut store, instance) = start(&prepared(text), guest(Policy::deny_all()));
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
        let exit = match start.call(&mut store, ()) {
            Ok(()) => 0,
            Err(error) => error.downcast_ref::<I32Exit>().unwrap().0,
        };
        assert_eq!(exit, code);
    }
}

#[test]
fn a_guest_that_blocks_in_a_socket_call_is_stopped_from_another_thread() {
    let pre = prepared::<CountingHost>(GUEST);
    let mut host = OsHost::new().unwrap();
    let stopper = host.stopper();
    let listener = host.listener("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let (host, counts) = CountingHost::new(host);
    let guest = GuestThread::new(host, Arc::new(Policy::deny_all()), Capacity::default());
    let mut builder = GuestCtxBuilder::new(guest);
    builder.listener(listener, false);
    let (mut store, instance) = start_ctx(&pre, builder);
    let accept = instance.get_typed_func::<(), i32>(&mut store, "accept").unwrap();
    let ended = thread::spawn(move || accept.call(&mut store, ()));
    while counts.waits.load(SeqCst) == 0 {
        thread::yield_now();
    }
    stopper.stop().unwrap();
    let error = ended.join().unwrap().unwrap_err();
    assert!(error.is::<StopTrap>(), "{error:#}");
}

#[derive(Default)]
struct Records {
    calls: Vec<String>,
    denials: Vec<String>,
}

struct Recorder(Arc<Mutex<Records>>);

impl Observer for Recorder {
    fn wants_calls(&self) -> bool {
        true
    }

    fn call(&mut self, name: &'static str, args: fmt::Arguments<'_>, result: Result<u64>) {
        let call = format!("{name}({args}) = {}", ResultLine(result));
        self.0.lock().unwrap().calls.push(call);
    }

    fn denied(&mut self, denial: &Denial<'_>) {
        let flag = denial.flag.map(ToString::to_string).unwrap_or_default();
        let denial = format!("{} {} {flag}", denial.call, denial.target);
        self.0.lock().unwrap().denials.push(denial);
    }
}

#[test]
fn an_observer_of_the_embedders_sees_a_call_and_a_denial() {
    let records = Arc::new(Mutex::new(Records::default()));
    let mut guest = guest(Policy::deny_all());
    guest.observe(Box::new(Recorder(Arc::clone(&records))));
    let (mut store, instance) = start(&prepared(GUEST), guest);
    assert_eq!(connect(&mut store, &instance, 5432), EACCES);
    let records = records.lock().unwrap();
    // Before them are the numbers of the streams that the guest was not given.
    let [.., socket, connect] = &records.calls[..] else {
        panic!("{:?}", records.calls);
    };
    assert!(
        socket.starts_with("socket(") && socket.ends_with(" = 0"),
        "{socket}"
    );
    assert!(
        connect.starts_with("connect(0, ") && connect.contains(" = -1 EACCES"),
        "{connect}"
    );
    let denial = "connect 127.0.0.1:5432 --allow-connect 127.0.0.1:5432";
    assert_eq!(records.denials, [denial]);
}

#[test]
fn a_host_of_the_embedders_makes_the_calls_that_the_policy_allows() {
    let (listener, port) = listener();
    let (host, counts): (_, Arc<Counts>) = CountingHost::new(OsHost::new().unwrap());
    let guest = GuestThread::new(host, Arc::new(allowing(port)), Capacity::default());
    let (mut store, instance) = start(&prepared(GUEST), guest);
    assert_eq!(connect(&mut store, &instance, port), 0);
    listener.accept().unwrap();
    let calls = counts.calls.load(SeqCst);
    assert!(calls >= 2, "socket and connect at least: {calls}");
}

#[test]
fn a_hundred_guests_of_one_module_have_a_policy_each() {
    const GUESTS: usize = 100;
    let pre = prepared::<OsHost>(GUEST);
    let listeners: Vec<_> = (0..GUESTS).map(|_| listener()).collect();
    let ports: Vec<u16> = listeners.iter().map(|(_, port)| *port).collect();
    let run = &|index: usize| {
        let (own, next) = (ports[index], ports[(index + 1) % GUESTS]);
        let (mut store, instance) = start(&pre, guest(allowing(own)));
        assert_eq!(connect(&mut store, &instance, next), EACCES, "guest {index}");
        assert_eq!(connect(&mut store, &instance, own), 0, "guest {index}");
        store
    };
    thread::scope(|scope| {
        for first in 0..4 {
            // All guests of a thread exist at the same time.
            scope.spawn(move || (first..GUESTS).step_by(4).map(run).collect::<Vec<_>>());
        }
    });
    for (listener, _) in listeners {
        listener.accept().unwrap();
    }
}
