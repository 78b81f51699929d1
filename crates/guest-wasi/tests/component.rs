//! Components by hand: an embedder's own interface, the clock and polls, what a hostile component does to the host, and stopping.

use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::p2::{add_to_linker, component_imports, limit_handles};
use guestnet_wasi::{ComponentCtx, ComponentView, GuestCtxBuilder, StopTrap};
use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Linker, Lower, Resource};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::{sockets, sync};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi::{WasiCtxView, WasiView};

/// Waits, hoards and polls as its exports say.
const CLOCKS: &str = r#"
(component
  (import "wasi:io/poll@0.2.0" (instance $io
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
    (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $io "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance $clock
    (alias outer 1 $pollable (type $own))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (import "foreign" (func $foreign (result (own $pollable))))
  (core module $libc
    (memory (export "memory") 32)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1048576)))
  (core instance $libc (instantiate $libc))
  (core func $now (canon lower (func $clock "now")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $foreign_core (canon lower (func $foreign)))
  (core func $block (canon lower (func $io "[method]pollable.block")))
  (core func $ready (canon lower (func $io "[method]pollable.ready")))
  (core func $poll (canon lower (func $io "poll")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $drop (canon resource.drop $pollable))
  (core module $program
    (import "libc" "memory" (memory 32))
    (import "host" "now" (func $now (result i64)))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "foreign" (func $foreign (result i32)))
    (import "host" "block" (func $block (param i32)))
    (import "host" "ready" (func $ready (param i32) (result i32)))
    (import "host" "poll" (func $poll (param i32 i32 i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "sleep") (param $time i64) (result i64) (local $began i64) (local $pollable i32)
      (local.set $began (call $now))
      (local.set $pollable (call $subscribe (local.get $time)))
      (call $block (local.get $pollable))
      (drop (call $ready (local.get $pollable)))
      (call $drop (local.get $pollable))
      (i64.sub (call $now) (local.get $began)))
    (func (export "hoard") (param $count i32)
      (loop $more
        (drop (call $subscribe (i64.const 0)))
        (br_if $more (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
    (func (export "churn") (param $count i32)
      (loop $more
        (call $drop (call $subscribe (i64.const 0)))
        (br_if $more (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
    (func (export "poll") (param $len i32) (result i32) (local $at i32) (local $pollable i32)
      (local.set $pollable (call $subscribe (i64.const 1000000)))
      (loop $more
        (i32.store (i32.mul (local.get $at) (i32.const 4)) (local.get $pollable))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $at) (local.get $len))))
      (call $poll (i32.const 0) (local.get $len) (i32.const 1048568))
      (call $drop (local.get $pollable))
      (i32.load (i32.const 1048572)))
    (func (export "not-ours") (call $block (call $foreign))))
  (core instance $run (instantiate $program
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "now" (func $now)) (export "subscribe" (func $subscribe)) (export "foreign" (func $foreign_core))
      (export "block" (func $block)) (export "ready" (func $ready)) (export "poll" (func $poll))
      (export "drop" (func $drop))))))
  (func (export "sleep") (param "time" u64) (result u64) (canon lift (core func $run "sleep")))
  (func (export "hoard") (param "count" u32) (canon lift (core func $run "hoard")))
  (func (export "churn") (param "count" u32) (canon lift (core func $run "churn")))
  (func (export "poll") (param "len" u32) (result u32) (canon lift (core func $run "poll")))
  (func (export "not-ours") (canon lift (core func $run "not-ours"))))
"#;

/// Opens one socket of each kind, and says whether that was an error.
const SOCKETS: &str = r#"
(component
  (import "wasi:sockets/network@0.2.0" (instance $network
    (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
      "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $codes)))
    (type $families (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $families)))))
  (alias export $network "error-code" (type $code))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (import "wasi:sockets/udp@0.2.0" (instance $udp (export "udp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (alias export $udp "udp-socket" (type $udp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $new-tcp
    (alias outer 1 $family (type $family))
    (alias outer 1 $code (type $code))
    (alias outer 1 $tcp-socket (type $socket))
    (export "create-tcp-socket"
      (func (param "address-family" $family) (result (result (own $socket) (error $code)))))))
  (import "wasi:sockets/udp-create-socket@0.2.0" (instance $new-udp
    (alias outer 1 $family (type $family))
    (alias outer 1 $code (type $code))
    (alias outer 1 $udp-socket (type $socket))
    (export "create-udp-socket"
      (func (param "address-family" $family) (result (result (own $socket) (error $code)))))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $tcp-core (canon lower (func $new-tcp "create-tcp-socket") (memory (core memory $libc "memory"))))
  (core func $udp-core (canon lower (func $new-udp "create-udp-socket") (memory (core memory $libc "memory"))))
  (core module $program
    (import "libc" "memory" (memory 1))
    (import "host" "tcp" (func $tcp (param i32 i32)))
    (import "host" "udp" (func $udp (param i32 i32)))
    (func (export "tcp") (result i32) (call $tcp (i32.const 0) (i32.const 0)) (i32.load8_u (i32.const 0)))
    (func (export "udp") (result i32) (call $udp (i32.const 1) (i32.const 0)) (i32.load8_u (i32.const 0))))
  (core instance $run (instantiate $program
    (with "libc" (instance $libc))
    (with "host" (instance (export "tcp" (func $tcp-core)) (export "udp" (func $udp-core))))))
  (func (export "tcp") (result u32) (canon lift (core func $run "tcp")))
  (func (export "udp") (result u32) (canon lift (core func $run "udp"))))
"#;

struct State {
    ctx: ComponentCtx<OsHost>,
    asked: u32,
}

impl ComponentView for State {
    type Host = OsHost;

    fn component(&mut self) -> &mut ComponentCtx<OsHost> {
        &mut self.ctx
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.ctx.wasi()
    }
}

/// A component in a store, whose guest may have so many descriptors.
fn instantiate(descriptors: usize) -> (Store<State>, Instance, guestnet_host_os::Stopper) {
    instantiate_text(CLOCKS, descriptors)
}

fn instantiate_text(text: &str, descriptors: usize) -> (Store<State>, Instance, guestnet_host_os::Stopper) {
    let engine = Engine::default();
    let mut linker: Linker<State> = Linker::new(&engine);
    add_to_linker(&mut linker).unwrap();
    // An interface of the embedder's own, with a pollable from its own table.
    linker
        .root()
        .func_wrap(
            "foreign",
            |mut store: wasmtime::StoreContextMut<'_, State>, (): ()| {
                store.data_mut().asked += 1;
                Ok((Resource::<DynPollable>::new_own(7),))
            },
        )
        .unwrap();
    let host = OsHost::new().unwrap();
    let stopper = host.stopper();
    let capacity = Capacity {
        descriptors,
        ..Capacity::default()
    };
    let guest = GuestThread::new(host, Arc::new(Policy::deny_all()), capacity);
    let ctx = GuestCtxBuilder::new(guest).build().unwrap().into();
    let mut store = Store::new(&engine, State { ctx, asked: 0 });
    limit_handles(&mut store);
    let component = Component::new(&engine, text).unwrap();
    let instance = linker.instantiate(&mut store, &component).unwrap();
    (store, instance, stopper)
}

fn call<P, R>(store: &mut Store<State>, instance: &Instance, name: &str, params: P) -> wasmtime::Result<R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    let function = instance.get_typed_func::<P, R>(&mut *store, name)?;
    function.call(&mut *store, params)
}

#[test]
fn a_component_sleeps_on_the_clock_that_it_reads() {
    let (mut store, instance, _) = instantiate(64);
    let time = Duration::from_millis(20);
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap();
    let (slept,): (u64,) = call(&mut store, &instance, "sleep", (nanoseconds,)).unwrap();
    assert!(slept >= nanoseconds, "{slept}");
    let (slept,): (u64,) = call(&mut store, &instance, "sleep", (0_u64,)).unwrap();
    assert!(slept < 10_000_000_000, "{slept}");
}

#[test]
fn pollables_that_are_dropped_leave_room_and_those_that_are_kept_end_at_a_limit() {
    let (mut store, instance, _) = instantiate(64);
    let (): () = call(&mut store, &instance, "churn", (100_000_u32,)).unwrap();
    let (): () = call(&mut store, &instance, "hoard", (100_u32,)).unwrap();
    let error = call::<_, ()>(&mut store, &instance, "hoard", (100_000_u32,)).unwrap_err();
    assert!(!error.is::<StopTrap>(), "{error:?}");
}

#[test]
fn a_list_of_pollables_has_a_longest_length_and_a_shortest() {
    let (mut store, instance, _) = instantiate(8192);
    let (ready,): (u32,) = call(&mut store, &instance, "poll", (1_u32,)).unwrap();
    assert_eq!(ready, 1);
    let (ready,): (u32,) = call(&mut store, &instance, "poll", (65_535_u32,)).unwrap();
    assert_eq!(ready, 65_535);
    for (len, sentence) in [
        (0_u32, "empty poll list"),
        (65_536, "a poll list of 65536 pollables"),
    ] {
        let (mut store, instance, _) = instantiate(8192);
        let error = call::<_, (u32,)>(&mut store, &instance, "poll", (len,)).unwrap_err();
        assert!(format!("{error:?}").contains(sentence), "{error:?}");
    }
}

#[test]
fn a_pollable_of_the_embedders_is_a_trap_and_its_functions_are_called() {
    let (mut store, instance, _) = instantiate(64);
    let error = call::<_, ()>(&mut store, &instance, "not-ours", ()).unwrap_err();
    assert!(format!("{error:?}").contains("none of guestnet's"), "{error:?}");
    assert_eq!(store.data().asked, 1);
}

#[test]
fn a_wait_of_a_guest_that_was_stopped_is_a_trap_of_its_own() {
    let (mut store, instance, stopper) = instantiate(64);
    stopper.stop().unwrap();
    let error = call::<_, (u64,)>(&mut store, &instance, "sleep", (u64::MAX,)).unwrap_err();
    assert!(error.is::<StopTrap>(), "{error:?}");
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let engine = Engine::default();
    let component = Component::new(
        &engine,
        r#"(component (import "wasi:http/types@0.2.3" (instance)) (import "wasi:io/poll@0.2.1" (instance)))"#,
    )
    .unwrap();
    let imports = component_imports(&component);
    let names: Vec<_> = imports
        .iter()
        .map(|import| (&*import.name, import.is_defined))
        .collect();
    assert_eq!(
        names,
        [("wasi:http/types@0.2.3", false), ("wasi:io/poll@0.2.1", true)]
    );
}

/// A door beside the sockets' gate would be an interface that is there although no one looked at it.
#[test]
fn a_component_that_imports_another_interface_is_refused() {
    let engine = Engine::default();
    let mut linker: Linker<State> = Linker::new(&engine);
    add_to_linker(&mut linker).unwrap();
    for name in [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:http/types@0.2.3",
        "wasi:http/client@0.3.0",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:sockets/ip-name-lookup@0.3.0",
        "wasi:sockets/tcp",
        "wasi:sockets/tcp@0.2.0-rc-2023-11-10",
        "wasi:sockets/tcp@0.3.0",
        "wasi:sockets/types@0.3.0",
        "wasi:tls/types@0.2.0-draft",
        "wasi-snapshot-preview1",
    ] {
        let text = format!(r#"(component (import "{name}" (instance (export "f" (func)))))"#);
        let component = Component::new(&engine, text).unwrap();
        let error = linker.instantiate_pre(&component).map(drop).unwrap_err();
        assert!(format!("{error:?}").contains(name), "{error:?}");
        assert!(
            component_imports(&component)
                .iter()
                .all(|import| !import.is_defined),
            "{name}"
        );
    }
}

#[test]
fn a_socket_of_a_component_is_a_descriptor_of_the_core() {
    let (mut store, instance, _) = instantiate_text(SOCKETS, 64);
    let open = |store: &mut Store<State>| {
        let guest = store.data_mut().ctx.guest();
        (0..64).filter(|fd| guest.open_file(*fd).is_ok()).count()
    };
    let before = open(&mut store);
    for (name, sockets) in [("tcp", 1), ("udp", 2)] {
        let (is_error,): (u32,) = call(&mut store, &instance, name, ()).unwrap();
        assert_eq!((is_error, open(&mut store)), (0, before + sockets), "{name}");
    }
}

#[test]
fn the_sockets_of_wasmtime_wasi_cannot_be_put_over_ours() {
    type Add = fn(&mut Linker<State>) -> wasmtime::Result<()>;
    let theirs: [(&str, Add); 7] = [
        ("network", |linker| {
            let options = sockets::network::LinkOptions::default();
            sockets::network::add_to_linker::<_, WasiSockets>(linker, &options, State::sockets)
        }),
        ("instance-network", |linker| {
            sockets::instance_network::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
        ("ip-name-lookup", |linker| {
            sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
        ("tcp", |linker| {
            sync::sockets::tcp::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
        ("tcp-create-socket", |linker| {
            sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
        ("udp", |linker| {
            sync::sockets::udp::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
        ("udp-create-socket", |linker| {
            sync::sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(linker, State::sockets)
        }),
    ];
    let engine = Engine::default();
    let mut ours: Linker<State> = Linker::new(&engine);
    add_to_linker(&mut ours).unwrap();
    for (name, add) in theirs {
        assert!(add(&mut ours.clone()).is_err(), "{name} after ours");
        let mut linker = Linker::new(&engine);
        add(&mut linker).unwrap();
        assert!(add_to_linker(&mut linker).is_err(), "{name} before ours");
    }
}
