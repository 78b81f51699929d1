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

/// A component in a store, whose guest may have so many descriptors.
fn instantiate(descriptors: usize) -> (Store<State>, Instance, guestnet_host_os::Stopper) {
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
    let component = Component::new(&engine, CLOCKS).unwrap();
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
