//! What a guest is given: arguments, environment, directories, standard streams, listeners and memory.

use crate::scratch::{Scratch, finish};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

/// Prints all arguments or variables, each with a NUL behind it.
fn list(what: &str) -> (Vec<String>, String) {
    let body = format!(
        r#"(func (export "_start")
             (drop (call ${what}_sizes_get (i32.const 0) (i32.const 4)))
             (drop (call ${what}_get (i32.const 1024) (i32.const 4096)))
             (call $print (i32.const 4096) (i32.load (i32.const 4))))"#
    );
    (vec![format!("{what}_sizes_get"), format!("{what}_get")], body)
}

fn lister(scratch: &Scratch, what: &str) {
    let (imports, body) = list(what);
    let imports: Vec<_> = imports.iter().map(String::as_str).collect();
    scratch.guest("list.wat", &imports, &body);
}

#[test]
fn arguments_are_the_guests_own_behind_its_file_name() {
    let scratch = Scratch::new();
    lister(&scratch, "args");
    let path = scratch.path().join("list.wat");
    let words = ["run", "--", path.to_str().unwrap(), "--trace", "", "é"];
    scratch.run(&words).assert(0, "list.wat\0--trace\0\0é\0", "");
}

#[test]
fn an_option_behind_the_guest_is_an_error_or_the_guests_own() {
    let scratch = Scratch::new();
    lister(&scratch, "args");
    scratch.run(&["run", "list.wat", "--allow-net"]).assert(
        2,
        "",
        "guestnet: --allow-net behind list.wat would do nothing: \
         put it before list.wat, or -- before list.wat to hand it to the guest\n",
    );
    let own = |words: &[&str]| scratch.run(words);
    own(&["run", "--", "list.wat", "--allow-net", "--policy=x"]).assert(
        0,
        "list.wat\0--allow-net\0--policy=x\0",
        "",
    );
    own(&["run", "list.wat", "a", "--", "--allow-net"]).assert(0, "list.wat\0a\0--\0--allow-net\0", "");
    own(&["run", "list.wat", "--help", "-v"]).assert(0, "list.wat\0--help\0-v\0", "");
}

#[test]
fn the_environment_is_what_was_given_and_nothing_else() {
    let scratch = Scratch::new();
    lister(&scratch, "environ");
    let mut command = scratch.guestnet(&[
        "run",
        "--env",
        "A=1=2",
        "--env=B",
        "--env",
        "NOT_SET",
        "--env",
        "LISTEN_PID",
        "list.wat",
    ]);
    command.env("B", "here").env("SECRET", "x").env("LISTEN_PID", "1");
    finish(command).assert(0, "A=1=2\0B=here\0", "");
    scratch.run(&["run", "list.wat"]).assert(0, "", "");
}

#[test]
fn listeners_are_counted_in_the_guests_environment() {
    let scratch = Scratch::new();
    lister(&scratch, "environ");
    let finished = scratch.run(&[
        "run",
        "--listen=tcp://127.0.0.1:0",
        "--listen=tcp://[::1]:0",
        "list.wat",
    ]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "LISTEN_FDS=2\0"),
        "{finished:?}"
    );
    let lines: Vec<_> = finished.stderr.lines().collect();
    let [v4, v6] = lines.as_slice() else {
        panic!("{finished:?}")
    };
    assert!(
        v4.starts_with("guestnet: --listen tcp://127.0.0.1:0: listening on 127.0.0.1:"),
        "{v4}"
    );
    assert!(
        v6.starts_with("guestnet: --listen tcp://[::1]:0: listening on [::1]:"),
        "{v6}"
    );
}

#[test]
fn an_address_that_is_taken_is_an_error_with_the_option() {
    let scratch = Scratch::new();
    lister(&scratch, "environ");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let line = format!("guestnet: --listen {url}: cannot listen: EADDRINUSE (Address already in use)\n");
    scratch
        .run(&["run", "--listen", &url, "list.wat"])
        .assert(1, "", &line);
}

/// Accepts on descriptor 3 and exits with the errno of that, or sends `ready` to the peer and exits with 0.
fn accepter(scratch: &Scratch) {
    scratch.guest(
        "accept.wat",
        &["sock_accept", "sock_send", "proc_exit"],
        r#"(func (export "_start") (local $errno i32)
             (local.set $errno (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 0)))
             (if (local.get $errno) (then (call $proc_exit (local.get $errno))))
             (i32.store (i32.const 8) (i32.const 60000))
             (i32.store (i32.const 12) (i32.const 6))
             (call $proc_exit
               (call $sock_send (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 16))))"#,
    );
}

#[test]
fn a_listener_is_in_non_blocking_mode() {
    let scratch = Scratch::new();
    accepter(&scratch);
    // 6 is EAGAIN of WASI: it would block.
    assert_eq!(
        scratch
            .run(&["run", "--listen=tcp://127.0.0.1:0", "accept.wat"])
            .code,
        Some(6)
    );
    // And without one, 8: EBADF.
    assert_eq!(scratch.run(&["run", "accept.wat"]).code, Some(8));
}

/// The listener is open before the command has read the guest, here from a pipe that has nothing in it yet.
#[test]
fn connections_wait_while_a_guest_is_read_and_compiled() {
    let scratch = Scratch::new();
    accepter(&scratch);
    let pipe = scratch.path().join("later.wat");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut command = scratch.guestnet(&["run", "--listen=tcp://127.0.0.1:0", "later.wat"]);
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(running.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    let (_, address) = said.trim_end().split_once("listening on ").expect(&said);
    let mut client = TcpStream::connect(address).unwrap();
    let module = std::fs::read(scratch.path().join("accept.wat")).unwrap();
    std::fs::write(&pipe, module).unwrap();
    let mut received = String::new();
    client.read_to_string(&mut received).unwrap();
    assert_eq!(received, "ready\n");
    assert!(running.wait().unwrap().success());
}

/// The files of /etc are there for a module that can open them; without them the first socket is descriptor 3.
#[test]
fn a_module_that_opens_no_file_has_no_etc() {
    let scratch = Scratch::new();
    let first_socket = |file: &str, imports: &[&str]| {
        let body = r#"(func (export "_start")
             (drop (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)))
             (call $proc_exit (i32.load (i32.const 0))))"#;
        scratch.guest(file, imports, body);
        scratch.run(&["run", "--allow-net", file]).code
    };
    assert_eq!(first_socket("none.wat", &["sock_open", "proc_exit"]), Some(3));
    assert_eq!(
        first_socket("opens.wat", &["sock_open", "proc_exit", "path_open"]),
        Some(4)
    );
}

/// The command with descriptor 3 and the variables of a service manager.
fn handed_over(scratch: &Scratch, listener: TcpListener, variables: &str) -> Command {
    let guestnet = scratch.guestnet(&["run", "accept.wat"]);
    let mut shell = Command::new("/bin/sh");
    // exec keeps the process id, which LISTEN_PID names.
    let script = format!("exec 3<&0 </dev/null; export {variables}; exec \"$@\"");
    shell
        .args(["-c", &script, "sh"])
        .arg(guestnet.get_program())
        .args(guestnet.get_args());
    shell
        .current_dir(scratch.path())
        .env("GUESTNET_CACHE", scratch.cache());
    shell.stdin(std::os::fd::OwnedFd::from(listener));
    shell
}

#[test]
fn a_service_managers_listener_is_taken_over() {
    let scratch = Scratch::new();
    accepter(&scratch);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Connected before the guest starts, so that its accept finds it.
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    finish(handed_over(&scratch, listener, "LISTEN_FDS=1 LISTEN_PID=$$")).assert(0, "", "");
    let mut got = String::new();
    peer.read_to_string(&mut got).unwrap();
    assert_eq!(got, "ready\n");
}

#[test]
fn a_listener_for_another_process_is_left_alone() {
    let scratch = Scratch::new();
    accepter(&scratch);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Process 1 is never this one.
    finish(handed_over(&scratch, listener, "LISTEN_FDS=1 LISTEN_PID=1")).assert(8, "", "");
}

#[test]
fn what_a_service_manager_announces_must_be_there_and_sockets() {
    let scratch = Scratch::new();
    accepter(&scratch);
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let line = "guestnet: LISTEN_FDS is 2, and descriptor 4 is not open\n";
    finish(handed_over(&scratch, listener(), "LISTEN_FDS=2 LISTEN_PID=$$")).assert(1, "", line);
    let mut shell = handed_over(&scratch, listener(), "LISTEN_FDS=1 LISTEN_PID=$$");
    shell.stdin(Stdio::null());
    let line = "guestnet: descriptor 3 of LISTEN_FDS cannot be a guest's socket: ENOTSOCK \
                (Socket operation on non-socket)\n";
    finish(shell).assert(1, "", line);
    // It is no business of the other commands.
    let mut shell = handed_over(
        &scratch,
        listener(),
        "LISTEN_FDS=2 LISTEN_PID=$$; set -- \"$1\" --version",
    );
    shell.stdin(Stdio::null());
    assert_eq!(finish(shell).code, Some(0));
}

/// Opens `file` in the first directory and prints its six bytes, or exits with the errno.
fn reader(scratch: &Scratch) {
    scratch.guest(
        "read.wat",
        &["path_open", "fd_read", "fd_prestat_dir_name", "proc_exit"],
        r#"(data (i32.const 0) "file")
           (func (export "_start") (local $errno i32)
             (local.set $errno
               (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
                                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
             (if (local.get $errno) (then (call $proc_exit (local.get $errno))))
             (i32.store (i32.const 24) (i32.const 64))
             (i32.store (i32.const 28) (i32.const 6))
             (drop (call $fd_read (i32.load (i32.const 16)) (i32.const 24) (i32.const 1) (i32.const 32)))
             (call $print (i32.const 64) (i32.load (i32.const 32)))
             (drop (call $fd_prestat_dir_name (i32.const 3) (i32.const 128) (i32.const 4)))
             (call $print (i32.const 128) (i32.const 4)))"#,
    );
}

#[test]
fn a_directory_is_seen_under_the_name_that_it_was_given() {
    let scratch = Scratch::new();
    reader(&scratch);
    std::fs::create_dir(scratch.path().join("data")).unwrap();
    scratch.file("data/file", "inside");
    scratch
        .run(&["run", "--dir", "data", "read.wat"])
        .assert(0, "insidedata", "");
    scratch
        .run(&["run", "--dir", "data::/tmp", "read.wat"])
        .assert(0, "inside/tmp", "");
    // 8 is EBADF of WASI: no directory was given.
    scratch.run(&["run", "read.wat"]).assert(8, "", "");
    let line = "guestnet: --dir nothing: cannot open the directory: ENOENT (No such file or directory)\n";
    scratch
        .run(&["run", "--dir", "nothing", "read.wat"])
        .assert(1, "", line);
}

#[test]
fn standard_input_and_output_are_the_guests() {
    let scratch = Scratch::new();
    scratch.guest(
        "cat.wat",
        &["fd_read"],
        r#"(func (export "_start")
             (i32.store (i32.const 0) (i32.const 64))
             (i32.store (i32.const 4) (i32.const 64))
             (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
             (call $print (i32.const 64) (i32.load (i32.const 8))))"#,
    );
    let input = scratch.file("input", "from a file\n");
    let mut command = scratch.guestnet(&["run", "cat.wat"]);
    command.stdin(std::fs::File::open(input).unwrap());
    finish(command).assert(0, "from a file\n", "");
    let (read, mut write) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut write, b"from a pipe\n").unwrap();
    let mut command = scratch.guestnet(&["run", "cat.wat"]);
    command.stdin(read);
    finish(command).assert(0, "from a pipe\n", "");
}

#[test]
fn memory_beyond_the_limit_is_refused_to_the_guest_as_a_full_machine_would() {
    let scratch = Scratch::new();
    // Exits with the number of pages before, or 99 for -1.
    scratch.guest(
        "grow.wat",
        &["proc_exit"],
        r#"(func (export "_start") (local $pages i32)
             (local.set $pages (memory.grow (i32.const 3)))
             (call $proc_exit
               (select (i32.const 99) (local.get $pages) (i32.eq (local.get $pages) (i32.const -1)))))"#,
    );
    scratch
        .run(&["run", "--max-memory", "256KiB", "grow.wat"])
        .assert(1, "", "");
    scratch
        .run(&["run", "--max-memory", "192KiB", "grow.wat"])
        .assert(99, "", "");
    scratch.run(&["run", "grow.wat"]).assert(1, "", "");
    let line = "guestnet: grow.wat needs 64 KiB of memory to start, and --max-memory allows it 63 KiB\n";
    scratch
        .run(&["run", "--max-memory", "63KiB", "grow.wat"])
        .assert(1, "", line);
}

#[test]
fn sockets_beyond_the_limit_are_refused() {
    let scratch = Scratch::new();
    // Opens three TCP sockets and exits with the last errno; 33 is EMFILE of WASI.
    scratch.guest(
        "open.wat",
        &["sock_open", "proc_exit"],
        r#"(func $open (result i32) (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)))
           (func (export "_start") (drop (call $open)) (drop (call $open)) (call $proc_exit (call $open)))"#,
    );
    scratch
        .run(&["run", "--max-sockets", "2", "open.wat"])
        .assert(33, "", "");
    scratch
        .run(&["run", "--max-sockets", "3", "open.wat"])
        .assert(0, "", "");
    scratch.file("p.toml", "[limits]\nsockets = 2\n");
    scratch
        .run(&["run", "--policy", "p.toml", "open.wat"])
        .assert(33, "", "");
}
