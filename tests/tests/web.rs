//! Programs built for Isolated Web Apps with `guestnet-emcc --web`, in a real Chromium: their policy, their names, their logs, and what
//! they say where something is missing. What each call does is the matrix' affair, and what the browser's sockets do is `chromium`'s.

use guestnet_tests::act::{acts, results};
use guestnet_tests::chromium::{GuestPages, GuestRun, Place};
use guestnet_tests::{Guestnet, ProgramOutput};
use libtest_mimic::{Arguments, Trial};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A test, which runs everywhere.
type Test = (&'static str, fn(&GuestPages, Place));

const TESTS: &[Test] = &[
    ("the_policy_and_its_audit_are_those_of_the_command", policy),
    ("a_denial_names_the_module_option_that_would_allow_it", advice),
    ("a_name_is_judged_by_where_it_leads", names),
    (
        "a_name_that_is_not_known_fails_when_it_is_connected_to",
        unknown_name,
    ),
    ("a_hosts_file_is_a_text", hosts),
    ("a_policy_file_is_a_text", policy_text),
    ("a_trace_has_a_line_for_each_call", trace),
    ("a_limit_of_bytes_holds", limit),
    ("a_call_waits_for_the_rate_and_for_bytes_in_any_order", rate),
    ("a_server_has_a_port_from_32768_and_a_lower_one_is_refused", ports),
    ("a_thousand_connections_are_open_at_once", thousand),
    ("a_mistake_in_the_options_is_one_sentence", mistakes),
    ("a_program_with_a_callback_goes_on_when_main_returns", callback),
    (
        "without_direct_sockets_one_sentence_says_what_is_missing",
        outside,
    ),
];

/// Tests of calls that suspend.
const SUSPENDING: &[Test] = &[("a_call_that_waits_for_an_epoll_suspends_once", epoll)];

/// How long a client may take to come, and then to say what it says.
const DEADLINE: Duration = Duration::from_secs(30);

type Shared = Arc<OnceLock<Result<GuestPages, String>>>;

fn main() {
    let arguments = Arguments::from_args();
    let shared = Shared::default();
    let mut trials = Vec::new();
    let places = [
        (Place::Page, "page"),
        (Place::Worker, "worker"),
        (Place::Pthread, "pthread"),
    ];
    let everywhere = TESTS.iter().map(|test| (test, &places[..]));
    let suspending = SUSPENDING.iter().map(|test| (test, &places[..2]));
    for ((name, test), places) in everywhere.chain(suspending) {
        for &(place, named) in places {
            let shared = Arc::clone(&shared);
            trials.push(Trial::test(format!("web_{named}::{name}"), move || {
                let pages = shared.get_or_init(|| GuestPages::start().map_err(|error| error.to_string()));
                let pages = pages.as_ref().unwrap_or_else(|error| panic!("{error}"));
                test(pages, place);
                Ok(())
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(Ok(pages)) = Arc::into_inner(shared).and_then(OnceLock::into_inner) {
        pages.close();
    }
    conclusion.exit();
}

/// Runs app_act with these actions.
fn act(pages: &GuestPages, place: Place, actions: &[String], options: &Value) -> GuestRun {
    let mut arguments = vec!["act"];
    arguments.extend(actions.iter().map(String::as_str));
    pages
        .run(place, &arguments, options)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A listener, and its port.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    (listener, port)
}

/// The next client, whose reads have a limit.
fn client(listener: &TcpListener) -> TcpStream {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    let limit = DEADLINE.try_into().expect("a time of poll's");
    assert_eq!(poll(&mut polled, Some(&limit)), Ok(1), "no client comes");
    let (stream, _) = listener.accept().expect("a client");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    stream
}

/// What the next client says until its end.
fn said(listener: &TcpListener) -> String {
    let mut stream = client(listener);
    let mut text = String::new();
    // A client that is reset has said what came before.
    let _ = stream.read_to_string(&mut text);
    text
}

fn policy(pages: &GuestPages, place: Place) {
    let (_listener, port) = listener();
    let rules = [
        ("--allow-connect", "allowConnect", format!("127.0.0.1:{port}")),
        ("--deny-connect", "denyConnect", "127.0.0.3".to_owned()),
        ("--allow-listen", "allowListen", "127.0.0.1:0".to_owned()),
        ("--allow-resolve", "allowResolve", "a.test".to_owned()),
    ];
    let actions = [
        format!("tcp 127.0.0.1 {port}"),
        "tcp 127.0.0.2 9".to_owned(),
        "tcp 127.0.0.3 9".to_owned(),
        "send ::1 9".to_owned(),
        "bind tcp 127.0.0.1 0".to_owned(),
        "bind udp 127.0.0.1 9".to_owned(),
        "resolve b.test".to_owned(),
    ];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let audit = directory.path().join("audit");
    let command = rules.iter().fold(Guestnet::run(), |run, (option, _, value)| {
        run.option(option).option(value)
    });
    let command = command.option("--audit").option(&audit);
    let command: ProgramOutput = acts(command, actions.iter().map(String::as_str)).finish();
    let mut options = json!({ "collect": ["audit"] });
    for (_, option, value) in &rules {
        options[option] = json!(value);
    }
    let ours = act(pages, place, &actions, &options);
    assert_eq!(results(&ours.stdout), results(&command.stdout), "{ours}");
    let audited = std::fs::read_to_string(&audit).expect("an audit");
    // The reason names the option as who wrote it calls it.
    let decision = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        ["call", "use", "protocol", "target", "outcome"].map(|member| line[member].clone())
    };
    let expected: Vec<_> = audited.lines().map(decision).collect();
    let got: Vec<_> = ours.logs["audit"].iter().map(|line| decision(line)).collect();
    assert_eq!(got, expected);
}

fn advice(pages: &GuestPages, place: Place) {
    let actions = ["tcp 127.0.0.2 9".to_owned()];
    let options = json!({ "allowConnect": "10.0.0.0/8", "collect": ["trace"] });
    let run = act(pages, place, &actions, &options);
    let sentence = "connect 127.0.0.2:9: denied because no rule allows it; \
                    allowConnect: \"127.0.0.2:9\" in Module.guestnet would";
    let line = format!("--- {sentence} ---");
    assert!(run.logs["trace"].contains(&line), "{:?}", run.logs);
}

fn names(pages: &GuestPages, place: Place) {
    let (listener, port) = listener();
    let there = [format!("tcp db.loopback.test {port}")];
    let without_loopback = json!({ "allowNet": true, "denyConnect": "127.0.0.0/8", "collect": ["audit"] });
    let run = act(pages, place, &there, &without_loopback);
    assert_eq!(results(&run.stdout), ["EACCES"], "{run}");
    assert_eq!(said(&listener), "", "no byte has moved");
    let judged = format!("\"target\":\"127.0.0.1:{port}\"");
    let lines = &run.logs["audit"];
    assert!(
        lines
            .iter()
            .any(|line| line.contains(&judged) && line.contains("denied")),
        "{lines:?}"
    );
    // A rule with the name is no reason to let the program into this machine.
    let by_name = json!({ "allowConnect": format!("*.loopback.test:{port}") });
    assert_eq!(results(&act(pages, place, &there, &by_name).stdout), ["EACCES"]);
    assert_eq!(said(&listener), "", "no byte has moved");
    let both = json!({ "allowConnect": format!("127.0.0.1:{port}"), "allowResolve": "*.loopback.test" });
    assert_eq!(results(&act(pages, place, &there, &both).stdout), ["ok"]);
    assert_eq!(said(&listener), "hello");
    let denied = json!({ "allowConnect": format!("127.0.0.1:{port}") });
    assert_eq!(results(&act(pages, place, &there, &denied).stdout), ["EAI_FAIL"]);
}

fn unknown_name(pages: &GuestPages, place: Place) {
    let actions = ["tcp nowhere.test 9".to_owned(), "send nowhere.test 9".to_owned()];
    let run = act(pages, place, &actions, &json!({}));
    assert_eq!(results(&run.stdout), ["EHOSTUNREACH", "EHOSTUNREACH"], "{run}");
}

fn hosts(pages: &GuestPages, place: Place) {
    let (listener, port) = listener();
    let actions = ["resolve a.test".to_owned(), format!("tcp a.test {port}")];
    let run = act(pages, place, &actions, &json!({ "hosts": "127.0.0.1 a.test\n" }));
    assert_eq!(results(&run.stdout), ["127.0.0.1", "ok"], "{run}");
    assert_eq!(said(&listener), "hello");
}

fn policy_text(pages: &GuestPages, place: Place) {
    let (_listener, port) = listener();
    let text = format!("[connect]\nallow = [\"127.0.0.1:{port}\"]\n");
    let actions = [format!("tcp 127.0.0.1 {port}"), "tcp 127.0.0.1 9".to_owned()];
    let run = act(pages, place, &actions, &json!({ "policy": text }));
    assert_eq!(results(&run.stdout), ["ok", "EACCES"], "{run}");
}

fn trace(pages: &GuestPages, place: Place) {
    let (_listener, port) = listener();
    let actions = [format!("tcp 127.0.0.1 {port}")];
    let run = act(pages, place, &actions, &json!({ "collect": ["trace"] }));
    let lines = &run.logs["trace"];
    for call in ["getaddrinfo(\"127.0.0.1\"", "socket(", "send("] {
        assert!(
            lines.iter().any(|line| line.starts_with(call)),
            "{call}: {lines:?}"
        );
    }
    let connects = lines.iter().filter(|line| line.starts_with("connect(")).count();
    assert_eq!(connects, 1, "{lines:?}");
}

fn limit(pages: &GuestPages, place: Place) {
    let (listener, port) = listener();
    let peer = std::thread::spawn(move || said(&listener).len());
    let actions = [format!("pour tcp 127.0.0.1 {port} 100000")];
    let run = act(pages, place, &actions, &json!({ "maxBytes": 50_000 }));
    let [result] = &results(&run.stdout)[..] else {
        panic!("{run}")
    };
    assert!(result.contains(" then "), "{run}");
    assert!(peer.join().expect("the peer") <= 50_000);
}

/// Waits for a second in which the client says nothing, and fails if it ends in it.
fn silence(mut stream: &TcpStream) {
    let limit = Some(Duration::from_secs(1));
    stream.set_read_timeout(limit).expect("a limit");
    let read = stream.read(&mut [0]);
    let kind = read.as_ref().map_err(std::io::Error::kind);
    assert_eq!(kind, Err(ErrorKind::WouldBlock), "a client that waits");
}

fn rate(pages: &GuestPages, place: Place) {
    // Of 100 bytes a second. What opens a connection costs more than may be saved up, so the first receive has to wait for the rate,
    // and then for bytes. These are more than the rate has then, so a receive of all has to wait for it again and again; then for
    // bytes, and once more for the rate.
    const PIECE: usize = 130;
    for how in ["4096", "4096 all"] {
        let (listener, port) = listener();
        let peer = std::thread::spawn(move || {
            let mut stream = client(&listener);
            for _ in 0..2 {
                silence(&stream);
                stream.write_all(&[7; PIECE]).expect("a client that waits");
            }
        });
        let actions = [format!("drain 127.0.0.1 {port} {how}")];
        let run = act(pages, place, &actions, &json!({ "maxRate": 100 }));
        assert_eq!(results(&run.stdout), [(2 * PIECE).to_string()], "{how}: {run}");
        peer.join().expect("a client that waits");
    }
}

fn ports(pages: &GuestPages, place: Place) {
    let actions = ["listen 127.0.0.1 32767", "listen 127.0.0.1 0"].map(str::to_owned);
    let run = act(pages, place, &actions, &json!({}));
    let [low, chosen] = &results(&run.stdout)[..] else {
        panic!("{run}")
    };
    assert_eq!(low, "EACCES", "{run}");
    let port = chosen
        .strip_prefix("ok ")
        .and_then(|port| port.parse::<u16>().ok());
    assert!(port.is_some_and(|port| port >= 32_768), "{run}");
}

fn thousand(pages: &GuestPages, place: Place) {
    const COUNT: usize = 1000;
    // Many systems let a process have 1,024 descriptors unless it asks for more.
    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    setrlimit(Resource::Nofile, descriptors).expect("the hard limit");
    let (listener, port) = listener();
    let peer = std::thread::spawn(move || {
        let mut streams: Vec<_> = (0..COUNT).map(|_| client(&listener)).collect();
        // All are open now. The answers come in another order than the questions.
        for stream in streams.iter_mut().rev() {
            let mut number = [0; 4];
            stream.read_exact(&mut number).expect("its number");
            stream.write_all(&number).expect("a client that waits");
        }
        let ends = streams.iter_mut().map(|stream| stream.read(&mut [0]));
        ends.filter(|read| matches!(read, Ok(0))).count()
    });
    let actions = [format!("crowd 127.0.0.1 {port} {COUNT}")];
    let run = act(pages, place, &actions, &json!({}));
    assert_eq!(results(&run.stdout), [COUNT.to_string()], "{run}");
    assert_eq!(peer.join().expect("the peer"), COUNT, "connections that ended");
}

fn mistakes(pages: &GuestPages, place: Place) {
    let table = [
        (
            json!({ "allowTo": "x" }),
            "guestnet: Module.guestnet has no option \"allowTo\"",
        ),
        (
            json!({ "trace": "/tmp/trace" }),
            "guestnet: Module.guestnet.trace takes a function or '-' in a browser",
        ),
        (
            json!({ "dns": "192.0.2.1" }),
            "guestnet: Module.guestnet.dns \"192.0.2.1\": a browser looks names up itself",
        ),
        (
            json!({ "policy": "[connect]\nallow = 1\n" }),
            "guestnet: Module.guestnet.policy:2:",
        ),
    ];
    for (options, sentence) in table {
        let run = pages.run(place, &["act", "tcp 127.0.0.1 9"], &options);
        let error = run.expect_err("it does not run").to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

fn callback(pages: &GuestPages, place: Place) {
    let run = |arguments: &[&str]| {
        pages
            .run(place, arguments, &json!({}))
            .unwrap_or_else(|error| panic!("{place:?}: {error}"))
    };
    let goes_on = run(&["callback_return"]);
    assert_eq!(
        (goes_on.status, &*goes_on.stdout),
        (0, "main returns\nmessage: 4 \"ping\"\n"),
        "{goes_on}"
    );
    let ends = run(&["callback_return", "none"]);
    assert_eq!((ends.status, &*ends.stdout), (3, "main returns\n"), "{ends}");
}

fn outside(pages: &GuestPages, place: Place) {
    let run = pages.run_outside(place, &["act", "tcp 127.0.0.1 9"]);
    let error = run.expect_err("it does not run").to_string();
    assert!(
        error.contains("guestnet: there is no TCPSocket here: Direct Sockets are for Isolated Web Apps"),
        "{error}"
    );
}

fn epoll(pages: &GuestPages, place: Place) {
    // It waits for 100 ms, and for a datagram that is there.
    let run = pages.run(
        place,
        &["epoll_timeout", "/tmp"],
        &json!({ "addon": "/patient.js" }),
    );
    let run = run.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run.status, 0, "{run}");
}
