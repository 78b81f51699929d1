//! Every function of every ABI is answered under its name and type, and nothing else is.

use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder};
use wasmtime::{Engine, Module, Store};

/// Preview 1: name, parameters (`i` 32 bits, `l` 64), whether it returns an errno.
const PREVIEW_1: [(&str, &str, bool); 46] = [
    ("args_get", "ii", true),
    ("args_sizes_get", "ii", true),
    ("clock_res_get", "ii", true),
    ("clock_time_get", "ili", true),
    ("environ_get", "ii", true),
    ("environ_sizes_get", "ii", true),
    ("fd_advise", "illi", true),
    ("fd_allocate", "ill", true),
    ("fd_close", "i", true),
    ("fd_datasync", "i", true),
    ("fd_fdstat_get", "ii", true),
    ("fd_fdstat_set_flags", "ii", true),
    ("fd_fdstat_set_rights", "ill", true),
    ("fd_filestat_get", "ii", true),
    ("fd_filestat_set_size", "il", true),
    ("fd_filestat_set_times", "illi", true),
    ("fd_pread", "iiili", true),
    ("fd_prestat_dir_name", "iii", true),
    ("fd_prestat_get", "ii", true),
    ("fd_pwrite", "iiili", true),
    ("fd_read", "iiii", true),
    ("fd_readdir", "iiili", true),
    ("fd_renumber", "ii", true),
    ("fd_seek", "ilii", true),
    ("fd_sync", "i", true),
    ("fd_tell", "ii", true),
    ("fd_write", "iiii", true),
    ("path_create_directory", "iii", true),
    ("path_filestat_get", "iiiii", true),
    ("path_filestat_set_times", "iiiilli", true),
    ("path_link", "iiiiiii", true),
    ("path_open", "iiiiillii", true),
    ("path_readlink", "iiiiii", true),
    ("path_remove_directory", "iii", true),
    ("path_rename", "iiiiii", true),
    ("path_symlink", "iiiii", true),
    ("path_unlink_file", "iii", true),
    ("poll_oneoff", "iiii", true),
    ("proc_exit", "i", false),
    ("proc_raise", "i", true),
    ("random_get", "ii", true),
    ("sched_yield", "", true),
    ("sock_accept", "iii", true),
    ("sock_recv", "iiiiii", true),
    ("sock_send", "iiiii", true),
    ("sock_shutdown", "ii", true),
];

/// The socket ABIs: name and every number of parameters that it may have.
const SOCKETS: &[(&str, &[&str])] = &[
    ("sock_open", &["iii", "iiii"]),
    ("sock_bind", &["iii", "ii"]),
    ("sock_listen", &["ii"]),
    ("sock_accept", &["ii", "iii"]),
    ("sock_connect", &["iii", "ii"]),
    ("sock_recv_from", &["iiiiiii", "iiiiiiii", "iiiiii"]),
    ("sock_send_to", &["iiiiiii", "iiiiii"]),
    ("sock_getsockopt", &["iiiii"]),
    ("sock_setsockopt", &["iiiii"]),
    ("sock_getlocaladdr", &["iiii", "iii"]),
    ("sock_getpeeraddr", &["iiii", "iii"]),
    ("sock_getaddrinfo", &["iiiiiiii"]),
    ("epoll_oneoff", &["iiii"]),
    ("epoll_create", &["i"]),
    ("epoll_ctl", &["iiiil"]),
    ("epoll_wait", &["iiili"]),
    ("sendfile", &["iilii"]),
    ("pipe", &["i"]),
    ("splice", &["iiiii"]),
    ("sock_open_v2", &["iii"]),
    ("sock_bind_v2", &["iii"]),
    ("sock_connect_v2", &["iii"]),
    ("sock_listen_v2", &["ii"]),
    ("sock_accept_v2", &["iii"]),
    ("sock_recv_v2", &["iiiiii"]),
    ("sock_recv_from_v2", &["iiiiiiii"]),
    ("sock_send_v2", &["iiiii"]),
    ("sock_send_to_v2", &["iiiiiii"]),
    ("sock_getlocaladdr_v2", &["iii"]),
    ("sock_getpeeraddr_v2", &["iii"]),
    ("sock_addr_local", &["ii"]),
    ("sock_addr_remote", &["ii"]),
    ("sock_addr_resolve", &["iiiiii"]),
    ("sock_close", &["i"]),
    ("sock_get_recv_timeout", &["ii"]),
    ("sock_set_recv_timeout", &["il"]),
    ("sock_get_send_timeout", &["ii"]),
    ("sock_set_send_timeout", &["il"]),
    ("sock_get_linger", &["iii"]),
    ("sock_set_linger", &["iii"]),
    ("sock_get_ip_multicast_loop", &["iii"]),
    ("sock_set_ip_multicast_loop", &["iii"]),
    ("sock_set_ip_add_membership", &["iii"]),
    ("sock_set_ip_drop_membership", &["iii"]),
    ("sock_get_recv_buf_size", &["ii"]),
    ("sock_set_ipv6_only", &["ii"]),
    ("sock_get_tcp_keep_intvl", &["ii"]),
];

fn adapter(engine: &Engine) -> Adapter<GuestCtx<OsHost>> {
    Adapter::new(engine, |ctx| ctx).unwrap()
}

fn import(name: &str, params: &str, result: bool) -> String {
    let params: String = params
        .chars()
        .map(|param| if param == 'l' { " i64" } else { " i32" })
        .collect();
    let result = if result { "(result i32)" } else { "" };
    format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func (param{params}) {result}))")
}

fn module(engine: &Engine, imports: &str) -> Module {
    Module::new(
        engine,
        format!("(module {imports} (memory (export \"memory\") 1))"),
    )
    .unwrap()
}

#[test]
fn one_module_may_import_every_function_of_every_abi_under_all_its_types() {
    let engine = Engine::default();
    let adapter = adapter(&engine);
    let mut imports: String = PREVIEW_1
        .iter()
        .map(|(name, params, result)| import(name, params, *result))
        .collect();
    for (name, types) in SOCKETS {
        imports.extend(types.iter().map(|params| import(name, params, true)));
    }
    let module = module(&engine, &imports);
    for import in adapter.imports(&module) {
        assert!(import.abi.is_some(), "{} {}", import.name, import.ty);
    }
    let guest = GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(Policy::deny_all()),
        Capacity::default(),
    );
    let mut store = Store::new(&engine, GuestCtxBuilder::new(guest).build().unwrap());
    adapter.instantiate(&mut store, &module).unwrap();
}

#[test]
fn the_type_chooses_between_versions_of_one_name() {
    let engine = Engine::default();
    let adapter = adapter(&engine);
    let imports = import("sock_accept", "ii", true)
        + &import("sock_accept", "iii", true)
        + &import("sock_getlocaladdr", "iiii", true)
        + &import("sock_getlocaladdr", "iii", true)
        + &import("sock_open", "iiii", true);
    let module = module(&engine, &imports);
    let abis: Vec<_> = adapter
        .imports(&module)
        .into_iter()
        .map(|import| import.abi)
        .collect();
    let expected = [
        "WasmEdge v1",
        "WASI preview 1",
        "WasmEdge v1",
        "WasmEdge v2",
        "WAMR",
    ]
    .map(Some);
    assert_eq!(abis, expected);
}

#[test]
fn an_unknown_import_is_named_with_its_type() {
    let engine = Engine::default();
    let adapter = adapter(&engine);
    for (imports, sentence) in [
        (
            import("sock_nothing", "i", true),
            "imports wasi_snapshot_preview1.sock_nothing (func (param i32) (result i32))",
        ),
        (
            import("sock_open", "i", true),
            "imports wasi_snapshot_preview1.sock_open (func (param i32) (result i32))",
        ),
        ("(import \"env\" \"f\" (func))".to_owned(), "imports env.f (func)"),
        (
            "(import \"wasi_snapshot_preview1\" \"fd_read\" (global i32))".to_owned(),
            "imports wasi_snapshot_preview1.fd_read (global)",
        ),
    ] {
        let module = module(&engine, &imports);
        let error = adapter.instantiate_pre(&module).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{error}");
        assert!(adapter.imports(&module).iter().any(|import| import.abi.is_none()));
    }
}

#[test]
fn a_module_without_a_memory_is_told_so() {
    let engine = Engine::default();
    let adapter = adapter(&engine);
    let module = Module::new(
        &engine,
        "(module (import \"wasi_snapshot_preview1\" \"sock_listen\" (func $f (param i32 i32) (result i32)))
           (func (export \"f\") (result i32) (call $f (i32.const 3) (i32.const 1))))",
    )
    .unwrap();
    let guest = GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(Policy::deny_all()),
        Capacity::default(),
    );
    let mut store = Store::new(&engine, GuestCtxBuilder::new(guest).build().unwrap());
    let instance = adapter.instantiate(&mut store, &module).unwrap();
    let call = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    let error = format!("{:#}", call.call(&mut store, ()).unwrap_err());
    assert!(error.contains("no memory of its own named `memory`"), "{error}");
}

#[test]
fn a_prepared_module_reaches_our_descriptors_and_not_those_of_wasmtime_wasi() {
    let engine = Engine::default();
    let adapter = adapter(&engine);
    // The second one imports a name twice with two types, which cannot be linked by name.
    for more in [
        String::new(),
        import("sock_accept", "ii", true) + &import("sock_accept", "iii", true),
    ] {
        let module = Module::new(
            &engine,
            format!(
                "(module (import \"wasi_snapshot_preview1\" \"fd_fdstat_get\" (func $f (param i32 i32) (result i32)))
                   {more} (memory (export \"memory\") 1)
                   (func (export \"f\") (result i32) (call $f (i32.const 0) (i32.const 64))))"
            ),
        )
        .unwrap();
        let pre = adapter.instantiate_pre(&module).unwrap();
        for _ in 0..2 {
            let guest = GuestThread::new(
                OsHost::new().unwrap(),
                Arc::new(Policy::deny_all()),
                Capacity::default(),
            );
            let mut store = Store::new(&engine, GuestCtxBuilder::new(guest).build().unwrap());
            let instance = pre.instantiate(&mut store).unwrap();
            let call = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
            // EBADF: no stream was given. wasmtime-wasi always has a descriptor 0.
            assert_eq!(call.call(&mut store, ()).unwrap(), 8);
        }
    }
}
