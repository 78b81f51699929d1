//! A34 advice that a shell would run. A35 a guest's text on the terminal, and in the files that people print.

use super::support::script;
use guestnet_tests::act::acts;
use guestnet_tests::emscripten::{Engine, Variant, program};
use guestnet_tests::{Guestnet, ProgramOutput};
use std::fs;
use std::process::Command;

/// What drives a terminal, hides, or turns the text round: ESC, BEL, a C1 control, the directions, the ends of a line and
/// of a paragraph, a tag.
const HIDDEN: [char; 9] = [
    '\u{1b}',
    '\u{7}',
    '\u{9b}',
    '\u{202e}',
    '\u{2066}',
    '\u{200b}',
    '\u{2028}',
    '\u{2029}',
    '\u{e0041}',
];

/// One line each, and nothing in it that acts.
#[track_caller]
fn is_clean(text: &str, lines: usize) {
    assert!(!text.contains(HIDDEN), "{text:?}");
    assert_eq!(text.lines().count(), lines, "{text:?}");
}

/// The words that a shell makes of a text; its working directory afterwards.
fn in_a_shell(text: &str) -> (Vec<String>, Vec<String>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let shell = Command::new("/bin/sh")
        .args(["-c", &format!("printf '%s\\n' {text}")])
        .current_dir(directory.path())
        .output()
        .expect("a shell");
    let words = String::from_utf8(shell.stdout).expect("UTF-8");
    let files = fs::read_dir(directory.path()).expect("read the directory");
    (
        words.lines().map(str::to_owned).collect(),
        files
            .map(|file| file.expect("a file").file_name().display().to_string())
            .collect(),
    )
}

/// What a message suggests.
#[track_caller]
fn advice(stderr: &str) -> &str {
    let behind = stderr.split_once("; ").map(|(_, behind)| behind);
    let advice = behind.and_then(|behind| behind.trim_end().strip_suffix(" would"));
    advice.unwrap_or_else(|| panic!("no advice in {stderr:?}"))
}

const NAMES: [&str; 5] = [
    "$(touch${IFS}pwned)",
    "`touch${IFS}pwned`",
    ";touch${IFS}pwned;",
    "'\"$(touch${IFS}pwned)",
    "&touch${IFS}pwned&",
];

#[test]
fn what_a_denial_suggests_is_one_word_for_a_shell() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in NAMES {
        let path = format!("/tmp/{name}");
        let wasi = acts(
            Guestnet::run().tmp(directory.path()),
            [format!("unix-bind {path}").as_str()],
        )
        .finish();
        assert!(wasi.stdout.ends_with(": EACCES\n"), "{wasi}");
        let run = Guestnet::run().tmp(directory.path());
        let text = format!(
            "import * as os from 'os'; const fd = os.socket(os.AF_UNIX, os.SOCK_STREAM);
             print(os.bind(fd, {{family: os.AF_UNIX, path: {path:?}}}));"
        );
        let script = script(run, &text);
        let explained = Guestnet::command("policy")
            .args(["explain", "unix", &path])
            .finish();
        for (advised, finished) in [
            (advice(&wasi.stderr), &wasi),
            (advice(&script.stderr), &script),
            (advice(&explained.stdout), &explained),
        ] {
            let (words, files) = in_a_shell(advised);
            assert_eq!(words, ["--allow-unix", &path], "{finished}");
            assert!(files.is_empty(), "{files:?}");
        }
        // And in the environment of an Emscripten program.
        let path = directory.path().join(name).display().to_string();
        let emcc = program(Variant::Plain, Engine::Node20, "act")
            .env("GUESTNET_OPTIONS", "--allow-connect 10.0.0.1")
            .arg(format!("unix-bind {path}"))
            .finish();
        let (words, files) = in_a_shell(advice(&emcc.stderr));
        let [word] = &words[..] else { panic!("{words:?}") };
        let quoted = path.replace('"', "\\\"");
        assert_eq!(
            *word,
            format!("GUESTNET_OPTIONS=--allow-unix \"{quoted}\""),
            "{emcc}"
        );
        assert!(files.is_empty(), "{files:?}");
    }
}

#[test]
fn a_path_that_no_rule_is_about_alone_is_not_suggested() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["*", "a*", "\u{202e}kcos"] {
        let action = format!("unix-bind /tmp/{name}");
        let finished = acts(Guestnet::run().tmp(directory.path()), [action.as_str()]).finish();
        assert!(finished.stdout.ends_with(": EACCES\n"), "{finished}");
        assert!(
            finished.stderr.contains("denied because") && !finished.stderr.contains("--allow-unix"),
            "{finished}"
        );
    }
}

/// A module with these characters in the names of what it imports and exports, and of a function that traps.
fn module(import: &str, export: &str, function: &str) -> String {
    let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("\\{byte:02x}")).collect() };
    format!(
        r#"(module {import} (memory (export "memory") 1) (func $"{}" unreachable)
            (func (export "_start") call $"{}") (func (export "{}")))"#,
        escaped(function),
        escaped(function),
        escaped(export)
    )
}

#[test]
fn the_names_in_a_module_do_not_act_on_the_terminal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("guest.wat");
    let name: String = HIDDEN.iter().chain(&['\n', '\r']).collect();
    let escaped: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let import = format!(r#"(import "{escaped}" "{escaped}" (func))"#);
    let twice = format!(r#"(func (export "{escaped}"))"#);
    for (import, code) in [(import.as_str(), 1), (twice.as_str(), 1), ("", 134)] {
        fs::write(&path, module(import, &name, &name)).expect("write a module");
        let run = Guestnet::run().guest(&path).finish();
        assert_eq!(run.status.code(), Some(code), "{run}");
        is_clean(&run.stderr, 1);
        let inspect = Guestnet::command("inspect").arg(&path).finish();
        is_clean(&inspect.stderr, usize::from(import == twice));
        // The import, how many there are, and whether it can run.
        let lines = [2, 0, 3][usize::from(import == twice) + 2 * usize::from(import.contains("import"))];
        is_clean(&inspect.stdout, lines);
    }
}

/// A component that imports a function of this name, binary.
fn component(name: &str) -> Vec<u8> {
    let len = u8::try_from(name.len()).expect("a short name");
    let import = [&[1, 0, len], name.as_bytes(), &[1, 0]].concat();
    let size = u8::try_from(import.len()).expect("a short section");
    // Of the type of a function without parameters and results.
    let ty = b"\x07\x05\x01\x40\0\x01\0";
    [b"\0asm\x0d\0\x01\0".as_slice(), ty, &[10, size], &import].concat()
}

#[test]
fn the_names_in_a_component_do_not_act_on_the_terminal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let name: String = HIDDEN.iter().chain(&['\n', '\r']).collect();
    let path = directory.path().join("guest.wasm");
    fs::write(&path, component(&name)).expect("write a component");
    for command in ["run", "inspect"] {
        let finished = Guestnet::command(command).arg(&path).finish();
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        is_clean(&finished.stderr, 1);
        assert_eq!(finished.stdout, "", "{finished}");
        // It is named, in letters.
        assert!(finished.stderr.contains("\\u{202e}"), "{finished}");
    }
    // A name that a component may have, and that is none of ours.
    fs::write(&path, component("a-b")).expect("write a component");
    let finished = Guestnet::run().guest(&path).finish();
    assert!(finished.stderr.contains("a-b"), "{finished}");
    // A function that traps, by its name.
    let escaped: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let path = directory.path().join("guest.wat");
    let text = format!(
        r#"(component (core module $m (func $"{escaped}" unreachable)
               (func (export "run") (result i32) (call $"{escaped}") (i32.const 0)))
             (core instance $i (instantiate $m))
             (func $run (result (result)) (canon lift (core func $i "run")))
             (instance $program (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $program)))"#
    );
    fs::write(&path, text).expect("write a component");
    let run = Guestnet::run().guest(&path).finish();
    assert_eq!(run.status.code(), Some(134), "{run}");
    is_clean(&run.stderr, 1);
}

/// Checks what is written about a path with all of them: on standard error, in the trace and in the audit.
#[track_caller]
fn reported_clean(finished: &ProgramOutput, trace: &str, audit: &str) {
    is_clean(&finished.stderr, 1);
    assert!(finished.stderr.contains("\\u{202e}"), "{finished}");
    assert!(!trace.contains(HIDDEN), "{trace:?}");
    assert!(trace.contains("\\u{2028}"), "{trace:?}");
    is_clean(audit, 1);
    assert!(
        audit.contains("\\u202e") && audit.contains("\\udb40\\udc41"),
        "{audit:?}"
    );
}

#[test]
fn a_guests_path_does_not_act_on_the_terminal_nor_in_a_trace_or_an_audit() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let name: String = HIDDEN.iter().collect();
    let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
    let run = || {
        Guestnet::run()
            .tmp(directory.path())
            .option(format!("--trace={}", at("trace")))
            .option(format!("--audit={}", at("audit")))
    };
    let wasi = acts(run(), [format!("unix-bind /tmp/{name}").as_str()]).finish();
    reported_clean(&wasi, &read("trace"), &read("audit"));
    let text = format!(
        "import * as os from 'os'; const fd = os.socket(os.AF_UNIX, os.SOCK_STREAM);
         os.bind(fd, {{family: os.AF_UNIX, path: '/tmp/{name}'}});"
    );
    reported_clean(&script(run(), &text), &read("trace"), &read("audit"));
    let emcc = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_OPTIONS", "--allow-connect 10.0.0.1")
        .env("GUESTNET_AUDIT", at("audit"))
        .env("GUESTNET_TRACE", at("trace"))
        .arg(format!("unix-bind {}/{name}", directory.path().display()))
        .finish();
    reported_clean(&emcc, &read("trace"), &read("audit"));
}

#[test]
fn an_error_that_a_script_does_not_catch_does_not_act_on_the_terminal() {
    let name: String = HIDDEN.iter().collect();
    for text in [
        format!("throw new Error('{name}');"),
        format!("Promise.reject('{name}');"),
        format!("throw {{toString: () => '{name}'}};"),
    ] {
        let finished = script(Guestnet::run(), &text);
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert!(!finished.stderr.contains(HIDDEN), "{finished}");
        assert!(finished.stderr.contains("\\u{202e}"), "{finished}");
    }
}
