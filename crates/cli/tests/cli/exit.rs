//! How a run ends: the guest's own exit code, traps, and what cannot be run at all.

use crate::scratch::{Scratch, guest};

#[test]
fn a_guest_that_returns_exits_with_0_and_one_that_exits_with_its_own_code() {
    let scratch = Scratch::new();
    scratch.guest("hello.wat", &[], r#"(func (export "_start") (call $ready))"#);
    scratch.run(&["run", "hello.wat"]).assert(0, "ready\n", "");
    for code in [0, 1, 42, 125, 126, 255] {
        let name = format!("exit{code}.wat");
        let body = format!(r#"(func (export "_start") (call $ready) (call $proc_exit (i32.const {code})))"#);
        scratch.guest(&name, &["proc_exit"], &body);
        scratch.run(&["run", &name]).assert(code, "ready\n", "");
    }
}

#[test]
fn a_trap_is_one_line_with_the_reason_and_the_function() {
    let scratch = Scratch::new();
    scratch.guest(
        "t.wat",
        &[],
        r#"(func $crash unreachable) (func (export "_start") (call $ready) (call $crash))"#,
    );
    let line = "guestnet: t.wat trapped: wasm `unreachable` instruction executed, in function crash\n";
    scratch.run(&["run", "t.wat"]).assert(134, "ready\n", line);

    scratch.guest(
        "oob.wat",
        &[],
        r#"(func $load (export "_start") (drop (i32.load (i32.const -4))))"#,
    );
    let line = "guestnet: oob.wat trapped: out of bounds memory access, in function load\n";
    scratch.run(&["run", "oob.wat"]).assert(134, "", line);

    scratch.guest("deep.wat", &[], r#"(func $deep (export "_start") (call $deep))"#);
    let line = "guestnet: deep.wat trapped: call stack exhausted, in function deep\n";
    scratch.run(&["run", "deep.wat"]).assert(134, "", line);

    // The start function of a module runs before `_start`.
    scratch.guest(
        "s.wat",
        &[],
        r#"(func $begin unreachable) (start $begin) (func (export "_start"))"#,
    );
    let line = "guestnet: s.wat trapped: wasm `unreachable` instruction executed, in function begin\n";
    scratch.run(&["run", "s.wat"]).assert(134, "", line);
}

#[test]
fn a_native_programs_depth_of_recursion_fits() {
    let scratch = Scratch::new();
    // 100,000 calls, each with a value that lives across it.
    scratch.guest(
        "deep.wat",
        &[],
        r#"(func $sum (param $n i32) (result i32)
             (if (result i32) (local.get $n)
               (then (i32.add (local.get $n) (call $sum (i32.sub (local.get $n) (i32.const 1)))))
               (else (i32.const 0))))
           (func (export "_start") (drop (call $sum (i32.const 100000))) (call $ready))"#,
    );
    scratch.run(&["run", "deep.wat"]).assert(0, "ready\n", "");
}

#[test]
fn a_file_that_is_not_there_or_not_a_file_is_named() {
    let scratch = Scratch::new();
    let line = "guestnet: cannot read the guest nothing.wasm: No such file or directory\n";
    scratch.run(&["run", "nothing.wasm"]).assert(1, "", line);
    scratch.run(&["inspect", "nothing.wasm"]).assert(1, "", line);
    scratch
        .run(&["run", "."])
        .assert(1, "", "guestnet: cannot read the guest .: Is a directory\n");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let scratch = Scratch::new();
    for (name, most) in [("f.wasm", "1 GiB"), ("f.js", "256 MiB")] {
        // Nothing but a length: the file takes no room, and would as memory.
        let file = std::fs::File::create(scratch.path().join(name)).expect("make a file");
        file.set_len(64 << 30).expect("make it long");
        let line = format!("guestnet: the guest {name} is larger than {most}\n");
        scratch.run(&["run", name]).assert(1, "", &line);
    }
    scratch
        .run(&["inspect", "f.wasm"])
        .assert(1, "", "guestnet: the guest f.wasm is larger than 1 GiB\n");
}

#[test]
fn a_file_that_is_not_a_module_is_called_what_it_is() {
    let scratch = Scratch::new();
    let advice = "build the guest for wasm32-wasip1 or wasm32-wasip2 (Go: GOOS=wasip1 GOARCH=wasm)";
    for (content, what) in [
        (&b"\x7fELF\x02\x01\x01"[..], "a native program, not WebAssembly: "),
        (b"#!/bin/sh\n", "a script, not WebAssembly: "),
        (b"", "an empty file, not WebAssembly: "),
        (b"some text", "something else, not WebAssembly: "),
    ] {
        scratch.file("f.wasm", content);
        scratch
            .run(&["run", "f.wasm"])
            .assert(1, "", &format!("guestnet: f.wasm is {what}{advice}\n"));
    }
    scratch.file("cut.wasm", b"\0asm\x01\0\0\0\x01");
    let cut = scratch.run(&["run", "cut.wasm"]);
    assert_eq!((cut.code, cut.stderr.lines().count()), (Some(1), 1), "{cut:?}");
    assert!(
        cut.stderr
            .starts_with("guestnet: cut.wasm is not a valid WebAssembly module: "),
        "{cut:?}"
    );
    scratch.file("bad.wat", "(module (func (export \"_start\") (i32.add)))");
    let bad = scratch.run(&["run", "bad.wat"]);
    assert_eq!((bad.code, bad.stderr.lines().count()), (Some(1), 1), "{bad:?}");
}

/// A component whose `wasi:cli/run` does what the function's body says.
fn command(body: &str) -> String {
    format!(
        r#"(component
             (core module $program (func (export "run") (result i32) {body}))
             (core instance $program (instantiate $program))
             (func $run (result (result)) (canon lift (core func $program "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    )
}

#[test]
fn a_component_ends_as_its_run_says() {
    let scratch = Scratch::new();
    scratch.file("c.wat", command("(i32.const 0)"));
    // The second time from the cache.
    for _ in 0..2 {
        scratch.run(&["run", "c.wat"]).assert(0, "", "");
    }
    scratch.file("e.wat", command("(i32.const 1)"));
    scratch.run(&["run", "e.wat"]).assert(1, "", "");
    scratch.file("t.wat", command("unreachable"));
    let trapped = scratch.run(&["run", "t.wat"]);
    assert_eq!(
        (trapped.code, trapped.stderr.lines().count()),
        (Some(134), 1),
        "{trapped:?}"
    );
    assert!(
        trapped.stderr.starts_with("guestnet: t.wat trapped: "),
        "{trapped:?}"
    );
    scratch.file("s.wat", command("(loop (br 0)) unreachable"));
    let spun = scratch.run(&["run", "--timeout", "200ms", "s.wat"]);
    assert_eq!(spun.code, Some(124), "{spun:?}");
}

#[test]
fn a_component_that_is_no_program_is_named() {
    let scratch = Scratch::new();
    scratch.file("c.wasm", b"\0asm\x0d\0\x01\0");
    let library = scratch.run(&["run", "c.wasm"]);
    assert_eq!(
        (library.code, library.stderr.lines().count()),
        (Some(1), 1),
        "{library:?}"
    );
    let start = "guestnet: c.wasm exports no wasi:cli/run of WASI 0.2, so it is a library";
    assert!(library.stderr.starts_with(start), "{library:?}");
    scratch.file(
        "i.wat",
        r#"(component (import "acme:app/host@1.0.0" (instance (export "f" (func)))))"#,
    );
    let line = "guestnet: i.wat imports acme:app/host@1.0.0, which guestnet does not have; see guestnet inspect i.wat\n";
    scratch.run(&["run", "i.wat"]).assert(1, "", line);
    scratch.file("bad.wasm", b"\0asm\x0d\0\x01\0\xff");
    let bad = scratch.run(&["run", "bad.wasm"]);
    assert_eq!((bad.code, bad.stderr.lines().count()), (Some(1), 1), "{bad:?}");
    assert!(
        bad.stderr
            .contains("bad.wasm is not a valid WebAssembly component: "),
        "{bad:?}"
    );
}

#[test]
fn an_unknown_import_is_named() {
    let scratch = Scratch::new();
    scratch.file(
        "i.wat",
        r#"(module (import "env" "foo" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
    );
    let line = "guestnet: i.wat imports env.foo, which no ABI of guestnet has; see guestnet inspect i.wat\n";
    scratch.run(&["run", "i.wat"]).assert(1, "", line);
    // A known name with a type that no ABI has is as unknown.
    scratch.file(
        "t.wat",
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i64))) (func (export "_start")))"#,
    );
    let line = "guestnet: t.wat imports wasi_snapshot_preview1.fd_write, which no ABI of guestnet has; \
                see guestnet inspect t.wat\n";
    scratch.run(&["run", "t.wat"]).assert(1, "", line);
}

#[test]
fn a_library_is_not_a_program() {
    let scratch = Scratch::new();
    for (name, body) in [
        ("none.wat", ""),
        ("typed.wat", r#"(func (export "_start") (param i32))"#),
    ] {
        scratch.guest(name, &[], body);
        let line = format!(
            "guestnet: {name} exports no function `_start` without parameters, so it is a library and not a program: \
             build it as a command\n"
        );
        scratch.run(&["run", name]).assert(1, "", &line);
    }
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    let scratch = Scratch::new();
    let line = "guestnet: --timeout soon: it takes a whole number with ms, s, m or h, as 30s\n";
    scratch
        .run(&["run", "--timeout", "soon", "g.wasm"])
        .assert(2, "", line);
    scratch.run(&["run", "--dns", "dns.example", "g"]).assert(
        2,
        "",
        "guestnet: --dns dns.example: `dns.example` is not `system` and not an IP address, with a port or without\n",
    );
    let version = format!("guestnet {}\n", env!("CARGO_PKG_VERSION"));
    scratch.run(&["--version"]).assert(0, &version, "");
    let help = scratch.run(&["run", "--help"]);
    assert!(
        help.code == Some(0) && help.stderr.is_empty() && help.stdout.contains("--allow-connect T"),
        "{help:?}"
    );
}

#[test]
fn inspect_lists_every_import_with_its_abi() {
    let scratch = Scratch::new();
    scratch.guest(
        "g.wat",
        &["proc_exit", "sock_open"],
        r#"(func (export "_start"))"#,
    );
    let finished = scratch.run(&["inspect", "g.wat"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = finished.stdout.lines().collect();
    let [write, exit, open, summary, verdict] = lines.as_slice() else {
        panic!("{finished:?}")
    };
    assert!(
        write.starts_with("wasi_snapshot_preview1.fd_write ") && write.ends_with("WASI preview 1"),
        "{write}"
    );
    assert!(
        exit.starts_with("wasi_snapshot_preview1.proc_exit ") && exit.ends_with("WASI preview 1"),
        "{exit}"
    );
    assert!(
        open.contains("(param i32 i32 i32) (result i32)") && open.contains("WasmEdge"),
        "{open}"
    );
    assert!(
        summary.starts_with("3 imports: ") && summary.contains("2 of WASI preview 1"),
        "{summary}"
    );
    assert_eq!(*verdict, "guestnet can run g.wat");

    let text = guest(&[], r#"(import "env" "foo" (func)) (func (export "_start"))"#);
    // Imports come before everything else.
    let text = text
        .replace("(module\n", "(module (import \"env\" \"foo\" (func))\n")
        .replacen(
            "(import \"env\" \"foo\" (func)) (func (export",
            "(func (export",
            1,
        );
    scratch.file("m.wat", text);
    let finished = scratch.run(&["inspect", "m.wat"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.starts_with("env.foo "), "{finished:?}");
    assert!(
        finished
            .stdout
            .lines()
            .next()
            .unwrap()
            .ends_with("MISSING: no ABI of guestnet has it")
    );
    assert!(
        finished
            .stdout
            .ends_with("guestnet cannot run m.wat: 1 import is missing\n"),
        "{finished:?}"
    );
}

#[test]
fn explain_says_allowed_or_denied_and_by_what() {
    let scratch = Scratch::new();
    let explain = |words: &[&str]| scratch.run(&[&["policy", "explain"], words].concat());
    explain(&["--allow-connect", "10.0.0.0/8:443", "connect", "10.1.2.3:443"]).assert(
        0,
        "allowed by --allow-connect 10.0.0.0/8:443\n",
        "",
    );
    explain(&["connect", "10.1.2.3:443"]).assert(
        1,
        "denied because no rule allows it; --allow-connect 10.1.2.3:443 would\n",
        "",
    );
    scratch.file("p.toml", "[connect]\ndeny = [\"10.6.6.6\"]\n");
    explain(&["--allow-net", "--policy", "p.toml", "connect", "10.6.6.6:1"]).assert(
        1,
        "denied by connect.deny \"10.6.6.6\" (p.toml:2:10)\n",
        "",
    );
}
