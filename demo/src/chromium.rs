//! The same C programs in an Isolated Web App, in a headless Chromium.

use crate::Row;
use crate::native::{pattern, tcp_in_turns};
use crate::policy::{assert_untouched, untouched};
use guestnet_tests::chromium::{GuestPages, Place, Products};
use guestnet_tests::peers::Nginx;
use serde_json::json;
use std::net::SocketAddr;

const ABI: &str = "Emscripten in Chromium";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "fetch",
            language: "C",
            abi: ABI,
            what: "on a page: gets a file from a real nginx by a name that the browser looks up",
            run: fetch,
        },
        Row {
            guest: "thread_server",
            language: "C",
            abi: ABI,
            what: "four pthreads that block serve native clients",
            run: threads,
        },
        Row {
            guest: "fetch",
            language: "C",
            abi: ABI,
            what: "on a page: is denied a port that no rule allows",
            run: denied,
        },
    ]
}

fn browser() -> GuestPages {
    GuestPages::start().unwrap_or_else(|error| panic!("{error}"))
}

fn fetch() -> String {
    // A page prints by the line.
    let body = format!("{}\n", "guestnet ".repeat(100)).repeat(1000);
    let nginx = Nginx::start(&[("file", body.as_bytes())]).unwrap_or_else(|error| panic!("{error}"));
    let port = nginx.addr().port().to_string();
    let options = json!({ "allowResolve": "files.loopback.test", "allowConnect": nginx.addr().to_string() });
    let browser = browser();
    let arguments = ["fetch", "files.loopback.test", &port, "/file"];
    let run = browser
        .run_of(Products::Examples, Place::Page, &arguments, &options)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stderr.contains("200 OK"), "{run}");
    assert!(
        run.stdout == body,
        "nginx sent {} bytes, the guest wrote {}",
        body.len(),
        run.stdout.len()
    );
    browser.close();
    format!("{} bytes, all equal", body.len())
}

fn threads() -> String {
    const AT_ONCE: usize = 4;
    const TIMES: usize = 4;
    let browser = browser();
    let connections = (AT_ONCE * TIMES).to_string();
    let arguments = ["thread_server", "127.0.0.1", "0", &connections];
    let server = browser
        .start_of(
            Products::Examples,
            Place::Pthread,
            &arguments,
            json!({ "allowListen": "tcp://127.0.0.1:*" }),
        )
        .unwrap_or_else(|error| panic!("{error}"));
    let addr: SocketAddr = server
        .line("listening ")
        .unwrap_or_else(|error| panic!("{error}"))
        .parse()
        .expect("the server prints its address");
    for _ in 0..TIMES {
        tcp_in_turns(addr, AT_ONCE, 10, &pattern(10_000));
    }
    let run = server.finish().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stdout.ends_with("done\n"), "{run}");
    browser.close();
    format!("{TIMES} times {AT_ONCE} held at once, 100 kB each")
}

fn denied() -> String {
    let body = "guestnet\n";
    let nginx = Nginx::start(&[("file", body.as_bytes())]).unwrap_or_else(|error| panic!("{error}"));
    let forbidden = untouched();
    let neighbour = forbidden.local_addr().expect("local address");
    let options = json!({ "allowConnect": nginx.addr().to_string(), "collect": ["trace"] });
    let browser = browser();
    let get = |addr: SocketAddr| {
        let arguments = ["fetch", &addr.ip().to_string(), &addr.port().to_string(), "/file"];
        browser
            .run_of(Products::Examples, Place::Page, &arguments, &options)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let run = get(nginx.addr());
    assert_eq!((run.status, run.stdout.as_str()), (0, body), "{run}");
    let run = get(neighbour);
    assert_eq!(run.status, 1, "the guest's own exit status\n{run}");
    let advice = format!("allowConnect: \"{neighbour}\" in Module.guestnet would");
    let trace = run.logs["trace"].join("\n");
    assert!(trace.contains(&advice), "expected {advice:?} in\n{trace}");
    assert_untouched(&forbidden);
    browser.close();
    "not one packet left; the trace names allowConnect".into()
}
