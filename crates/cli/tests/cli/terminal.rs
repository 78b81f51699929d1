//! The command at a terminal: what is typed key by key in `guestnet repl`, and what the screen then shows.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use rustix::process::{Pid, Signal, kill_process};

use crate::scratch::Scratch;

/// How long the screen may take to show something, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

const TAB: &str = "\t";
const ENTER: &str = "\r";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const CTRL_A: &str = "\x01";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// As much of a terminal as a line editor needs.
#[derive(Default)]
struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// An escape sequence that has not ended, without its first byte.
    escape: Option<String>,
    bytes: Vec<u8>,
}

impl Screen {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let bytes: Vec<u8> = self.bytes.drain(..whole).collect();
        for letter in String::from_utf8(bytes).expect("it was checked").chars() {
            self.letter(letter);
        }
    }

    fn letter(&mut self, letter: char) {
        if let Some(mut escape) = self.escape.take() {
            escape.push(letter);
            // CSI: parameters, then one letter.
            if escape == "[" || !letter.is_ascii_alphabetic() {
                self.escape = Some(escape);
            } else {
                self.control(&escape);
            }
            return;
        }
        match letter {
            '\x1b' => self.escape = Some(String::new()),
            '\r' => self.column = 0,
            '\n' => self.row += 1,
            '\x08' => self.column = self.column.saturating_sub(1),
            '\x07' => {}
            _ => {
                let column = self.column;
                let row = self.row();
                row.resize(row.len().max(column + 1), ' ');
                row[column] = letter;
                self.column += 1;
            }
        }
    }

    fn control(&mut self, escape: &str) {
        let (kind, number) = (
            escape.chars().last(),
            escape.trim_matches(|c: char| !c.is_ascii_digit()),
        );
        let count = number.parse().unwrap_or(1);
        let column = self.column;
        match kind {
            Some('A') => self.row = self.row.saturating_sub(count),
            Some('B') => self.row += count,
            Some('C') => self.column += count,
            Some('D') => self.column = self.column.saturating_sub(count),
            Some('K') => self.row().truncate(column),
            Some('J') => {
                self.row().truncate(column);
                self.rows.truncate(self.row + 1);
            }
            // Modes, such as that of bracketed paste.
            Some('h' | 'l' | 'm') => {}
            _ => panic!("the screen does not know ESC {escape}"),
        }
    }

    fn row(&mut self) -> &mut Vec<char> {
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, Vec::new());
        }
        &mut self.rows[self.row]
    }

    fn texts(&self) -> Vec<String> {
        let text = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_owned();
        let mut texts: Vec<String> = self.rows.iter().map(text).collect();
        texts.resize(texts.len().max(self.row + 1), String::new());
        texts
    }
}

/// The command at a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    /// The command's end, which keeps its mode when the command has ended.
    device: Option<OwnedFd>,
    output: Receiver<Vec<u8>>,
    screen: Screen,
}

impl Terminal {
    fn start(scratch: &Scratch, args: &[&str]) -> Terminal {
        let mut terminal = Terminal::run(scratch, &[&["repl"], args].concat());
        terminal.shows(&["js>"]);
        terminal
    }

    fn run(scratch: &Scratch, args: &[&str]) -> Terminal {
        let size = Winsize {
            ws_row: 24,
            // No line of these tests is longer.
            ws_col: 200,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let ends = openpty(&size, None).expect("a terminal");
        let guestnet = scratch.guestnet(args);
        // Of util-linux, as every Debian has it: the terminal becomes the one that Ctrl-C is typed at.
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(guestnet.get_program())
            .args(guestnet.get_args())
            .current_dir(scratch.path())
            .env("GUESTNET_CACHE", scratch.cache())
            .env("TERM", "xterm");
        for stream in [Command::stdin, Command::stdout, Command::stderr] {
            stream(
                &mut command,
                Stdio::from(ends.slave.try_clone().expect("a descriptor")),
            );
        }
        let child = command.spawn().expect("start setsid of util-linux");
        drop(command);
        let keyboard = File::from(ends.master);
        let (mut from, (sender, output)) = (keyboard.try_clone().expect("a descriptor"), channel());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It ends with an error when no process has the terminal any more.
            while let Ok(count) = from.read(&mut bytes) {
                if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let screen = Screen::default();
        Terminal {
            child,
            keyboard,
            device: Some(ends.slave),
            output,
            screen,
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("type");
    }

    /// Waits until the last lines of the screen are these, the cursor in the last one.
    #[track_caller]
    fn shows(&mut self, last: &[&str]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let texts = self.screen.texts();
            if self.screen.row + 1 == texts.len() && texts.ends_with(&owned(last)) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.feed(&bytes),
                Err(error) => panic!("{error}: wanted {last:#?}, and the screen is {texts:#?}"),
            }
        }
    }

    /// Waits until the last line of the screen is such a one.
    #[track_caller]
    fn shows_line(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !self.screen.texts().last().is_some_and(|line| is_wanted(line)) {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.feed(&bytes),
                Err(error) => panic!("{error}: the screen is {:#?}", self.screen.texts()),
            }
        }
    }

    /// Types a line, and waits until the screen shows it, its answer and the next prompt.
    #[track_caller]
    fn asks(&mut self, line: &str, answer: &str) {
        let typed = format!("js> {line}");
        self.types(line);
        self.shows(&[&typed]);
        self.types(ENTER);
        self.shows(&[&typed, answer, "js>"]);
    }

    /// Whether Ctrl-C is a signal, and no key that the line editor reads.
    fn is_ordinary(&self) -> bool {
        let mode = tcgetattr(&self.keyboard).expect("the terminal's mode");
        mode.local_flags
            .contains(LocalFlags::ISIG | LocalFlags::ICANON | LocalFlags::ECHO)
    }

    /// Whether a signal was sent to the command that it has not taken.
    fn has_pending_signal(&self) -> bool {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        pending.expect("a line").trim().contains(|digit| digit != '0')
    }

    /// Waits until the command has ended; the exit code.
    fn code(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually("it has ended", || child.try_wait().expect("its end")).code()
    }

    /// As [`Terminal::code`], and the screen is complete afterwards.
    fn end(&mut self) -> Option<i32> {
        let code = self.code();
        // The output ends when no process has the terminal any more.
        drop(self.device.take());
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.screen.feed(&bytes);
        }
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail if it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it never came to pass that {what}");
        std::thread::yield_now();
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn lines_are_typed_completed_and_remembered() {
    let scratch = Scratch::new();
    let mut terminal = Terminal::start(&scratch, &[]);
    terminal.asks("1 + 1", "2");
    // One name that begins like that; then two, of which Tab shows one after the other.
    terminal.types(&format!("os.getsockn{TAB}"));
    terminal.shows(&["js> os.getsockname"]);
    terminal.types(&format!(".na{TAB}{ENTER}"));
    terminal.shows(&["js> os.getsockname.name", "\"getsockname\"", "js>"]);
    terminal.types(&format!("std.SEEK_{TAB}"));
    terminal.shows(&["js> std.SEEK_CUR"]);
    terminal.types(TAB);
    terminal.shows(&["js> std.SEEK_END"]);
    terminal.types(ENTER);
    terminal.shows(&["js> std.SEEK_END", "2", "js>"]);
    terminal.types(UP);
    terminal.shows(&["js> std.SEEK_END"]);
    terminal.types(&format!("{UP}{UP}"));
    terminal.shows(&["js> 1 + 1"]);
    terminal.types(DOWN);
    terminal.shows(&["js> os.getsockname.name"]);
    terminal.types(&format!("{UP}0{CTRL_A}-"));
    terminal.shows(&["js> -1 + 10"]);
    terminal.types(ENTER);
    terminal.shows(&["js> -1 + 10", "9", "js>"]);
    terminal.asks("'grüße'", "\"grüße\"");
    terminal.types(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn ctrl_c_gives_a_line_up_and_ctrl_d_ends() {
    let scratch = Scratch::new();
    let mut terminal = Terminal::start(&scratch, &[]);
    terminal.types("not this");
    terminal.shows(&["js> not this"]);
    terminal.types(CTRL_C);
    terminal.shows(&["js> not this", "js>"]);
    terminal.types(&format!("[1,{ENTER}"));
    terminal.shows(&["js> [1,", "..."]);
    terminal.types("2");
    terminal.shows(&["... 2"]);
    terminal.types(CTRL_C);
    terminal.shows(&["... 2", "js>"]);
    // Nothing of what was given up is left.
    terminal.asks("typeof this", "\"object\"");
    terminal.types(&format!("[1,{ENTER}"));
    terminal.shows(&["js> [1,", "..."]);
    terminal.types(&format!("2]{ENTER}"));
    terminal.shows(&["... 2]", "[ 1, 2 ]", "js>"]);
    // Ctrl-D on a line that has something deletes a letter, and ends nothing.
    terminal.types(&format!("x3{CTRL_A}{CTRL_D}"));
    terminal.shows(&["js> 3"]);
    terminal.types(ENTER);
    terminal.shows(&["js> 3", "3", "js>"]);
    terminal.types(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_connection_is_awaited_at_the_prompt() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut terminal = Terminal::start(&scratch, &["--allow-connect", &format!("127.0.0.1:{port}")]);
    terminal.asks("const fd = os.socket(os.AF_INET, os.SOCK_STREAM)", "undefined");
    terminal.asks(
        &format!("await os.connect(fd, {{addr: '127.0.0.1', port: {port}}})"),
        "0",
    );
    let (mut peer, _) = listener.accept().expect("a connection");
    terminal.asks("await os.send(fd, new Uint8Array([104, 105]))", "2");
    let mut received = [0; 2];
    peer.read_exact(&mut received).expect("two bytes");
    assert_eq!(&received, b"hi");
    // Answered while the prompt is away: the connection is watched by the script's own loop.
    let wait = "await os.recv(fd, new Uint8Array(8))";
    terminal.types(&format!("{wait}{ENTER}"));
    terminal.shows(&[&format!("js> {wait}"), ""]);
    peer.write_all(b"five!").expect("sent");
    terminal.shows(&[&format!("js> {wait}"), "5", "js>"]);
    terminal.asks("os.close(fd)", "0");
    assert_eq!(peer.read(&mut received).expect("the end"), 0);
    terminal.types(&format!("std.exit(5){ENTER}"));
    assert_eq!(terminal.end(), Some(5));
}

/// Types a line, and waits until it runs: Ctrl-C is a signal then. Returns what stands on the screen.
fn begin(terminal: &mut Terminal, line: &str) -> String {
    begin_after(terminal, "", line)
}

/// The same for a line of which the first part is done by then.
fn begin_after(terminal: &mut Terminal, first: &str, line: &str) -> String {
    let typed = format!("js> {first}print('on'); {line}");
    terminal.types(&format!("{first}print('on'); {line}{ENTER}"));
    terminal.shows(&[&typed, "on", ""]);
    typed
}

#[test]
fn ctrl_c_ends_a_line_and_not_the_session() {
    let scratch = Scratch::new();
    let mut terminal = Terminal::start(&scratch, &[]);
    terminal.asks("let kept = 5", "undefined");
    for line in [
        "for (;;);",
        "await os.sleepAsync(1e9)",
        "try { for (;;); } catch { kept = 0 } finally { kept = 0 }",
        "for (;;) await null",
        "os.sleep(1e9)",
    ] {
        begin(&mut terminal, line);
        terminal.types(CTRL_C);
        terminal.shows(&["interrupted", "js>"]);
        terminal.asks("kept", "5");
    }
    terminal.types(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_second_ctrl_c_ends_what_the_first_one_does_not() {
    let scratch = Scratch::new();
    for (first, line) in [
        // A loop of the engine itself, which asks nothing.
        ("", "[].reverse.call({length: 2 ** 53 - 1})"),
        // The first one is the script's, and it does nothing about it.
        ("os.signal(os.SIGINT, undefined); ", "for (;;);"),
        (
            "os.signal(os.SIGINT, () => {}); ",
            "for (;;) await os.sleepAsync(1)",
        ),
    ] {
        let mut terminal = Terminal::start(&scratch, &[]);
        let typed = begin_after(&mut terminal, first, line);
        terminal.types(CTRL_C);
        // The terminal shows it when it has sent the signal; a second one that is sent before the first was taken is lost.
        terminal.shows(&[&typed, "on", "^C"]);
        eventually("the first signal was taken", || {
            (!terminal.has_pending_signal()).then_some(())
        });
        terminal.types(CTRL_C);
        assert_eq!(terminal.end(), Some(130), "{line}");
        let texts = terminal.screen.texts();
        assert!(
            texts
                .iter()
                .any(|text| text.ends_with("guestnet: stopped: SIGINT")),
            "{texts:#?}"
        );
    }
}

/// A script with a connection to the test: `fd` is its end.
fn connected(scratch: &Scratch) -> (Terminal, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut terminal = Terminal::start(scratch, &["--allow-connect", &format!("127.0.0.1:{port}")]);
    terminal.asks("const fd = os.socket(os.AF_INET, os.SOCK_STREAM)", "undefined");
    terminal.asks(
        &format!("await os.connect(fd, {{addr: '127.0.0.1', port: {port}}})"),
        "0",
    );
    let (peer, _) = listener.accept().expect("a connection");
    (terminal, peer)
}

#[test]
fn a_handler_prints_above_the_line_that_is_typed() {
    let scratch = Scratch::new();
    let (mut terminal, mut peer) = connected(&scratch);
    terminal.asks("const bytes = new Uint8Array(9)", "undefined");
    terminal.asks(
        "const said = () => String.fromCharCode(...bytes.slice(0, os.read(fd, bytes.buffer, 0, 9)))",
        "undefined",
    );
    terminal.asks(
        "os.setReadHandler(fd, () => console.log('got', said()))",
        "undefined",
    );
    // While nothing is typed.
    peer.write_all(b"one").expect("sent");
    terminal.shows(&["got one", "js>"]);
    // While half a line is typed, with the cursor in it.
    terminal.types(&format!("1 + 1{CTRL_A}"));
    terminal.shows(&["got one", "js> 1 + 1"]);
    peer.write_all(b"two").expect("sent");
    terminal.shows(&["got one", "got two", "js> 1 + 1"]);
    terminal.types(&format!("40 + {ENTER}"));
    terminal.shows(&["got two", "js> 40 + 1 + 1", "42", "js>"]);
    // Errors, too, and what does not end its line.
    terminal.asks("os.setReadHandler(fd, () => { throw said() })", "undefined");
    peer.write_all(b"three").expect("sent");
    terminal.shows(&["\"three\"", "js>"]);
    terminal.asks(
        "os.setReadHandler(fd, () => { std.out.puts(said()) })",
        "undefined",
    );
    terminal.types("'typed");
    terminal.shows(&["js> 'typed"]);
    peer.write_all(b"four").expect("sent");
    terminal.shows(&["four", "js> 'typed"]);
    terminal.types(&format!("'{ENTER}"));
    terminal.shows(&["js> 'typed'", "\"typed\"", "js>"]);
    // More than is held at once.
    terminal.asks(
        "os.setReadHandler(fd, () => { said(); for (let i = 0; i < 20000; i++) console.log('line', i) })",
        "undefined",
    );
    peer.write_all(b"five").expect("sent");
    terminal.shows(&["line 19998", "line 19999", "js>"]);
    let texts = terminal.screen.texts();
    let lines: Vec<_> = texts.iter().filter(|text| text.starts_with("line ")).collect();
    assert_eq!(lines.len(), 20_000);
    // And by the script's end.
    terminal.asks(
        "os.setReadHandler(fd, () => { console.log('last'); std.exit(3) })",
        "undefined",
    );
    terminal.types("half");
    terminal.shows(&["js> half"]);
    peer.write_all(b"six").expect("sent");
    assert_eq!(terminal.code(), Some(3));
    assert!(terminal.is_ordinary());
    terminal.end();
    let texts = terminal.screen.texts();
    assert!(texts.contains(&"last".to_owned()), "{texts:#?}");
}

#[test]
fn ctrl_c_ends_a_handler_that_computes_at_the_prompt() {
    let scratch = Scratch::new();
    let (mut terminal, mut peer) = connected(&scratch);
    let handle = "os.setReadHandler(fd, () => { os.read(fd, new ArrayBuffer(9), 0, 9); console.log('on'); for (;;); })";
    terminal.asks(handle, "undefined");
    peer.write_all(b"x").expect("sent");
    terminal.shows(&["on", "js>"]);
    // Names are not completed meanwhile.
    terminal.types(&format!("os.getsockn{TAB}"));
    terminal.shows(&["on", "js> os.getsockn"]);
    terminal.types(CTRL_C);
    terminal.shows(&["js> os.getsockn", "interrupted", "js>"]);
    // It is called no more.
    peer.write_all(b"x").expect("sent");
    terminal.asks("await os.recv(fd, new Uint8Array(9))", "1");
    terminal.asks("os.close(fd)", "0");
    terminal.types(CTRL_D);
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_terminal_is_given_back_by_one_that_is_stopped_at_the_prompt() {
    let scratch = Scratch::new();
    let mut terminal = Terminal::start(&scratch, &[]);
    assert!(!terminal.is_ordinary());
    kill_process(Pid::from_child(&terminal.child), Signal::TERM).expect("send a signal");
    assert_eq!(terminal.code(), Some(143));
    assert!(terminal.is_ordinary());
}

#[test]
fn a_compilation_that_takes_its_time_is_told_while_it_does() {
    let scratch = Scratch::new();
    // So much that no machine compiles it before the line is seen; it is not waited for.
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.load (local.get 0))))".repeat(400);
    let function = format!("(func (param i32) (result i32) {body} (local.get 0))\n");
    let module = format!(
        "(module (memory 1)\n{}(func (export \"_start\")))",
        function.repeat(2500)
    );
    let module = wat::parse_str(module).expect("a module");
    std::fs::write(scratch.path().join("long.wasm"), module).expect("write it");
    let mut terminal = Terminal::run(&scratch, &["run", "long.wasm"]);
    terminal.shows_line(|line| {
        line.starts_with("guestnet: compiling long.wasm, ") && line.ends_with(" s; the next start is fast")
    });
    terminal.types(CTRL_C);
    terminal.end();
    let text = terminal.screen.texts().concat();
    assert!(!text.contains("panicked"), "{text}");
}
