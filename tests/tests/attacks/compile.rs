//! A31: a few bytes that are much to a compiler. They cost the machine no memory and no time, whether they are to be run
//! or only looked at; and what a real toolchain makes is compiled as ever.

use guestnet_tests::{Guestnet, Program, ProgramOutput};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What a process may have in these tests, in KiB: next to what a compiler asks for here, little.
const MEMORY: u32 = 1 << 20;

/// How long a refusal may take on a machine whose every core is busy. Compiled, these modules take minutes.
const QUICKLY: Duration = Duration::from_secs(30);

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb(content.len()).as_slice(), content].concat()
}

/// A program with a function `[i32 × arity] → [i32 × arity]` in which loops of that type are nested, three bytes each.
fn loops(count: usize, arity: usize) -> Vec<u8> {
    let values = [leb(arity), vec![0x7f; arity]].concat();
    let types = [&[2, 0x60], values.as_slice(), &values, &[0x60, 0, 0]].concat();
    let get: Vec<u8> = (0..arity)
        .flat_map(|local| [vec![0x20], leb(local)].concat())
        .collect();
    let body = [vec![0], get, [3, 0].repeat(count), vec![0x0b; count + 1]].concat();
    let bodies = [vec![2], leb(body.len()), body, vec![2, 0, 0x0b]].concat();
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &types),
        section(3, &[2, 0, 1]),
        section(7, b"\x01\x06_start\0\x01"),
        section(10, &bodies),
    ]
    .concat()
}

/// The same as text, with names in place of numbers.
fn loops_as_text(count: usize, arity: usize) -> String {
    let list = "i32 ".repeat(arity);
    let mut text = format!("(module (type $t (func (param {list}) (result {list}))) (func (type $t) ");
    for local in 0..arity {
        write!(text, "local.get {local} ").expect("into a string");
    }
    text += &"loop (type $t) ".repeat(count);
    text += &"end ".repeat(count);
    text + ") (func (export \"_start\")))"
}

/// A component with this module in it, binary.
fn component(module: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, module)].concat()
}

/// Locals that are read in many nested loops: each loop takes each of them.
fn locals(count: usize) -> String {
    let mut text = format!("(module (func (local {}) ", "i32 ".repeat(count));
    text += &"loop ".repeat(count);
    for local in 0..count {
        write!(text, "local.get {local} drop ").expect("into a string");
    }
    text += &"end ".repeat(count);
    text + ") (func (export \"_start\")))"
}

/// The command under a limit of the address space, which every process that it starts has too.
fn bounded(arguments: &[&str]) -> Program {
    let mut command = Guestnet::command(arguments.first().expect("a command"));
    for argument in &arguments[1..] {
        command = command.arg(argument);
    }
    command.address_space(MEMORY).deadline(QUICKLY)
}

fn one_sentence(finished: &ProgramOutput, words: &str) {
    assert_eq!(finished.status.code(), Some(1), "{finished}");
    assert!(finished.stderr.contains(words), "{finished}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
}

#[test]
fn a_small_module_that_is_much_to_a_compiler_is_refused_at_once_by_run_and_inspect() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let modules = [
        ("loops.wasm", loops(2_000, 1_000)),
        ("huge.wasm", loops(200_000, 1_000)),
        ("component.wasm", component(&loops(2_000, 1_000))),
        (
            "component.wat",
            format!(
                "(component (component {}))",
                loops_as_text(2_000, 1_000).replacen("(module", "(core module", 1)
            )
            .into_bytes(),
        ),
        ("loops.wat", loops_as_text(2_000, 1_000).into_bytes()),
        ("locals.wat", locals(3_000).into_bytes()),
    ];
    for (name, module) in modules {
        let path = directory.path().join(name);
        fs::write(&path, module).expect("write the guest");
        let path = path.to_str().expect("UTF-8");
        for command in ["run", "inspect"] {
            let finished = bounded(&[command, path]).finish();
            one_sentence(&finished, "would take more than 1024 MiB of memory");
        }
    }
}

#[test]
fn a_small_component_that_is_instantiated_a_million_times_is_refused_at_once() {
    let nested = |innermost: &str, depth: usize| {
        let mut text = innermost.to_owned();
        for _ in 0..depth {
            text = format!(
                "(component $c {text}) {}",
                "(instance (instantiate $c))".repeat(100)
            );
        }
        format!("(component {text})")
    };
    let globals = "(global i64 (i64.const 0))".repeat(50_000);
    let components = [
        (
            nested("", 5),
            "its instances would have more than 1048576 definitions",
        ),
        (
            nested("(core module $m) (core instance (instantiate $m))", 3),
            "its instances would take more than 64 MiB outside of their memories",
        ),
        (
            format!(
                "(component (core module $m {globals}) {})",
                "(core instance (instantiate $m))".repeat(250)
            ),
            "its instances would take more than 64 MiB outside of their memories",
        ),
    ];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("guest.wat");
    for (component, words) in components {
        fs::write(&path, component).expect("write the guest");
        for command in ["run", "inspect"] {
            one_sentence(
                &bounded(&[command, path.to_str().expect("UTF-8")]).finish(),
                words,
            );
        }
    }
}

/// A module that the estimate lets pass, and that takes some 300 MiB and more than a second.
fn heavy(directory: &Path) -> String {
    let path = directory.join("heavy.wasm");
    fs::write(&path, loops(100, 1_000)).expect("write the guest");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_compilation_has_so_much_memory_and_time_and_no_more() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let heavy = heavy(directory.path());
    let cache = directory.path().join("cache");
    let run = |option: &str| {
        let command = bounded(&["run", option, &heavy]).env("GUESTNET_CACHE", &cache);
        command.finish()
    };
    one_sentence(
        &run("--max-compile-memory=64MiB"),
        "needs more than --max-compile-memory 64 MiB to be compiled",
    );
    one_sentence(
        &run("--compile-timeout=10ms"),
        "was not compiled within --compile-timeout 10ms",
    );
    // Nothing was kept, and with what it needs it runs.
    let finished = Guestnet::run()
        .option("--max-compile-memory=2GiB")
        .guest(Path::new(&heavy))
        .env("GUESTNET_CACHE", &cache)
        .finish();
    assert!(finished.status.success(), "{finished}");
}

#[test]
fn a_compiler_ends_with_the_command_that_wanted_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let heavy = heavy(directory.path());
    let mut command = Guestnet::run().guest(Path::new(&heavy));
    command = command.env("GUESTNET_CACHE", directory.path().join("cache"));
    let running = command.start();
    let children = format!("/proc/{0}/task/{0}/children", running.id());
    let compiler = loop {
        let ids = fs::read_to_string(&children).expect("it runs, for a second at least");
        if let Some(id) = ids.split_ascii_whitespace().next() {
            break id.to_owned();
        }
    };
    let name = format!("/proc/{compiler}/cmdline");
    let is_there = || fs::read(&name).is_ok_and(|line| !line.is_empty());
    running.kill();
    while is_there() {
        std::thread::yield_now();
    }
}

#[test]
fn what_toolchains_make_is_compiled_within_a_quarter_of_the_default() {
    // Two thousand functions of some three hundred operators, with locals, branches and calls as compilers make them.
    let mut text =
        String::from("(module (memory 1) (table 64 funcref) (type $i (func (param i32 i32) (result i32)))\n");
    for number in 0..2_000 {
        write!(
            text,
            "(func $f{number} (param i32 i32) (result i32) (local i32 i32 i64 f64)"
        )
        .expect("into a string");
        for step in 0..20 {
            write!(
                text,
                "(block $b (loop $l (br_if $b (i32.eq (local.get 0) (i32.const {step})))
                 (local.set 2 (i32.add (local.get 2) (i32.load offset={step} (local.get 1))))
                 (local.set 0 (call $f{} (local.get 2) (i32.const 1)))
                 (br_if $l (i32.lt_u (local.get 0) (local.get 1)))))",
                (number * 7 + step) % 2_000
            )
            .expect("into a string");
        }
        text += "(local.get 2))\n";
    }
    text += "(func (export \"_start\")))";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("large.wat");
    fs::write(&path, text).expect("write the guest");
    let finished = Guestnet::run()
        .option("--max-compile-memory=1GiB")
        .guest(&path)
        .env("GUESTNET_CACHE", directory.path().join("cache"))
        .finish();
    assert!(finished.status.success(), "{finished}");
    let finished = Guestnet::command("inspect").arg(&path).finish();
    assert!(finished.status.success(), "{finished}");
}
