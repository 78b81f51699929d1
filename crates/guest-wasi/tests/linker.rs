//! Imports of the embedder's own together with ours: which is taken, and that no module chooses.

use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder, SocketAbi, add_to_linker};
use wasmtime::{Caller, Engine, Instance, Linker, Module, Store};

struct State {
    ctx: GuestCtx<OsHost>,
    logged: Vec<i32>,
}

fn ctx(state: &mut State) -> &mut GuestCtx<OsHost> {
    &mut state.ctx
}

fn store(engine: &Engine) -> Store<State> {
    let guest = GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(Policy::deny_all()),
        Capacity::default(),
    );
    let ctx = GuestCtxBuilder::new(guest).build().unwrap();
    Store::new(
        engine,
        State {
            ctx,
            logged: Vec::new(),
        },
    )
}

/// A linker with `env.log`.
fn linker(engine: &Engine) -> Linker<State> {
    let mut linker = Linker::new(engine);
    let log = |mut caller: Caller<'_, State>, value: i32| caller.data_mut().logged.push(value);
    linker.func_wrap("env", "log", log).unwrap();
    linker
}

fn call(store: &mut Store<State>, instance: &Instance, name: &str) -> i32 {
    let function = instance.get_typed_func::<(), i32>(&mut *store, name).unwrap();
    function.call(store, ()).unwrap()
}

fn open_descriptors(store: &mut Store<State>) -> usize {
    store.data_mut().ctx.guest().descriptors().count()
}

/// Opens a socket, logs 7, and returns the errno. `more` are further imports.
fn opening(engine: &Engine, more: &str) -> Module {
    let text = format!(
        r#"(module
             (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
             (import "env" "log" (func $log (param i32)))
             {more}
             (memory (export "memory") 1)
             (func (export "open") (result i32)
               (call $log (i32.const 7))
               (call $open (i32.const 1) (i32.const 2) (i32.const 8))))"#
    );
    Module::new(engine, text).unwrap()
}

const BOTH_ACCEPTS: &str = r#"
    (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))"#;

#[test]
fn a_module_calls_the_embedders_function_and_opens_a_socket() {
    let engine = Engine::default();
    let adapter = Adapter::with_linker(&linker(&engine), ctx).unwrap();
    // The second one imports a name twice with two types, which cannot be linked by name.
    for more in ["", BOTH_ACCEPTS] {
        let module = opening(&engine, more);
        let imports = adapter.imports(&module);
        let answers: Vec<_> = imports
            .iter()
            .take(2)
            .map(|import| (import.abi, import.in_linker))
            .collect();
        assert_eq!(answers, [(Some("WasmEdge"), false), (None, true)]);
        let pre = adapter.instantiate_pre(&module).unwrap();
        for _ in 0..2 {
            let mut store = store(&engine);
            let instance = pre.instantiate(&mut store).unwrap();
            assert_eq!(call(&mut store, &instance, "open"), 0);
            assert_eq!(store.data().logged, [7]);
            assert_eq!(open_descriptors(&mut store), 1);
        }
    }
}

#[test]
fn what_is_read_without_a_compiler_says_the_same() {
    let engine = Engine::default();
    let adapter = Adapter::with_linker(&linker(&engine), ctx).unwrap();
    let text = br#"(module
        (import "env" "log" (func (param i32)))
        (import "env" "other" (func))
        (import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32))))"#;
    let inspection = adapter.inspect(&engine, text).unwrap();
    let defined: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| (import.in_linker, import.is_defined()))
        .collect();
    assert_eq!(defined, [(true, true), (false, false), (false, true)]);
}

#[test]
fn an_import_that_neither_has_is_named() {
    let engine = Engine::default();
    let adapter = Adapter::with_linker(&linker(&engine), ctx).unwrap();
    for more in ["", BOTH_ACCEPTS] {
        let module = opening(
            &engine,
            &format!("{more} (import \"env\" \"missing\" (func (param i64)))"),
        );
        let error = adapter.instantiate_pre(&module).unwrap_err().to_string();
        assert_eq!(
            error,
            "imports env.missing (func (param i64)), which no ABI of guestnet has, nor the embedder"
        );
    }
}

#[test]
fn an_import_that_the_embedder_has_with_another_type_is_named() {
    let engine = Engine::default();
    let adapter = Adapter::with_linker(&linker(&engine), ctx).unwrap();
    for more in ["", BOTH_ACCEPTS] {
        let text = format!("(module (import \"env\" \"log\" (func (param i64))) {more})");
        let module = Module::new(&engine, text).unwrap();
        let pre = adapter.instantiate_pre(&module);
        let error = match pre.and_then(|pre| pre.instantiate(store(&engine))) {
            Ok(_) => panic!("{more}"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error.contains("`env::log`"), "{error}");
    }
}

#[test]
fn no_definition_of_the_embedders_stands_in_for_a_function_of_ours() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    // As in an embedder that also runs modules under wasmtime-wasi, or has socket functions of another origin.
    let never = |_: i32, _: i32, _: i32| -> i32 { panic!("the embedder's was called") };
    linker
        .func_wrap("wasi_snapshot_preview1", "sock_open", never)
        .unwrap();
    let one = |_: i32| -> i32 { panic!("the embedder's was called") };
    linker
        .func_wrap("wasi_snapshot_preview1", "fd_close", one)
        .unwrap();
    let adapter = Adapter::with_linker(&linker, ctx).unwrap();
    for more in ["", BOTH_ACCEPTS] {
        let module = opening(
            &engine,
            &format!(
                "{more}
                 (import \"wasi_snapshot_preview1\" \"fd_close\" (func $close (param i32) (result i32)))
                 (func (export \"close\") (result i32) (call $close (i32.load (i32.const 8))))"
            ),
        );
        let mut store = store(&engine);
        let instance = adapter.instantiate(&mut store, &module).unwrap();
        assert_eq!(call(&mut store, &instance, "open"), 0);
        assert_eq!(open_descriptors(&mut store), 1);
        assert_eq!(call(&mut store, &instance, "close"), 0);
        assert_eq!(open_descriptors(&mut store), 0);
    }
}

#[test]
fn a_module_cannot_choose_the_embedders_function_by_its_type() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    for name in ["sock_open", "fd_read"] {
        linker
            .func_wrap("wasi_snapshot_preview1", name, |_: i32| 0_i32)
            .unwrap();
    }
    let adapter = Adapter::with_linker(&linker, ctx).unwrap();
    for import in [
        // A type that no ABI has for this name, and the embedder's function has.
        "(import \"wasi_snapshot_preview1\" \"sock_open\" (func (param i32) (result i32)))",
        "(import \"wasi_snapshot_preview1\" \"fd_read\" (func (param i32) (result i32)))",
        // The same parameters and results, but a type of which others may be made.
        "(type $open (sub (func (param i32 i32 i32) (result i32))))
         (import \"wasi_snapshot_preview1\" \"sock_open\" (func (type $open)))",
        "(import \"wasi_snapshot_preview1\" \"sock_open\" (global i32))",
    ] {
        for more in ["", BOTH_ACCEPTS] {
            let Ok(module) = Module::new(&engine, format!("(module {import} {more})")) else {
                panic!("{import}");
            };
            let error = adapter.instantiate_pre(&module).unwrap_err().to_string();
            assert!(
                error.ends_with("a function of guestnet's with a type that none of its ABIs has"),
                "{import}: {error}"
            );
        }
    }
}

#[test]
fn names_that_are_no_ones_are_the_embedders_in_our_module_too() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    linker
        .func_wrap("wasi_snapshot_preview1", "sock_of_the_embedder", || 5_i32)
        .unwrap();
    let adapter = Adapter::with_linker(&linker, ctx).unwrap();
    let module = opening(
        &engine,
        "(import \"wasi_snapshot_preview1\" \"sock_of_the_embedder\" (func $sock (result i32)))
         (func (export \"sock\") (result i32) (call $sock))",
    );
    let mut store = store(&engine);
    let instance = adapter.instantiate(&mut store, &module).unwrap();
    assert_eq!(call(&mut store, &instance, "sock"), 5);
}

#[test]
fn a_linker_with_our_functions_opens_a_socket() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    add_to_linker(&mut linker, SocketAbi::default(), ctx).unwrap();
    let mut store = store(&engine);
    let instance = linker.instantiate(&mut store, &opening(&engine, "")).unwrap();
    assert_eq!(call(&mut store, &instance, "open"), 0);
    assert_eq!(store.data().logged, [7]);
    assert_eq!(open_descriptors(&mut store), 1);
}

#[test]
fn a_linker_with_our_functions_reaches_our_descriptors_and_not_those_of_wasmtime_wasi() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    add_to_linker(&mut linker, SocketAbi::default(), ctx).unwrap();
    let module = opening(
        &engine,
        "(import \"wasi_snapshot_preview1\" \"fd_fdstat_get\" (func $stat (param i32 i32) (result i32)))
         (func (export \"stat\") (result i32) (call $stat (i32.const 0) (i32.const 64)))",
    );
    let mut store = store(&engine);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    // EBADF: no stream was given. wasmtime-wasi always has a descriptor 0.
    assert_eq!(call(&mut store, &instance, "stat"), 8);
}

#[test]
fn the_abi_says_which_function_a_linker_has_for_a_name_with_several_types() {
    let engine = Engine::default();
    for (abi, open, accept, local) in [
        (SocketAbi::WasmEdgeV2, 3, 3, 3),
        (SocketAbi::WasmEdgeV1, 3, 2, 4),
        (SocketAbi::Wamr, 4, 3, 3),
    ] {
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, abi, ctx).unwrap();
        let mut store = store(&engine);
        for (name, count) in [
            ("sock_open", open),
            ("sock_accept", accept),
            ("sock_getlocaladdr", local),
            ("sock_addr_resolve", 6),
        ] {
            let function = linker.get(&mut store, "wasi_snapshot_preview1", name).unwrap();
            let ty = function.into_func().unwrap().ty(&store);
            assert_eq!(ty.params().len(), count, "{abi:?} {name}");
        }
    }
}

#[test]
fn a_linker_that_has_a_name_already_is_left_as_it_was() {
    let engine = Engine::default();
    let open = r#"(module
        (import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32))))"#;
    let open = Module::new(&engine, open).unwrap();
    for name in ["fd_read", "sock_connect"] {
        let mut linker: Linker<State> = Linker::new(&engine);
        linker
            .func_wrap("wasi_snapshot_preview1", name, || 0_i32)
            .unwrap();
        let error = add_to_linker(&mut linker, SocketAbi::default(), ctx).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(linker.instantiate_pre(&open).is_err());
        linker.allow_shadowing(true);
        add_to_linker(&mut linker, SocketAbi::default(), ctx).unwrap();
        linker.instantiate_pre(&open).unwrap();
    }
    // And a name of ours cannot be defined again by accident.
    let mut linker: Linker<State> = Linker::new(&engine);
    add_to_linker(&mut linker, SocketAbi::default(), ctx).unwrap();
    for name in ["fd_read", "sock_open"] {
        let again = linker.func_wrap("wasi_snapshot_preview1", name, || 0_i32);
        assert!(again.is_err(), "{name}");
    }
}
