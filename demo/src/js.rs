//! JavaScript of examples/js, on QuickJS.

use crate::Row;
use guestnet_tests::Guestnet;
use guestnet_tests::peers::Redis;
use std::path::{Path, PathBuf};

const ABI: &str = "QuickJS os";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "http_server, http_client",
            language: "JavaScript",
            abi: ABI,
            what: "one script serves a directory, another fetches a page",
            run: web,
        },
        Row {
            guest: "redis",
            language: "JavaScript",
            abi: ABI,
            what: "asks a real Redis",
            run: redis,
        },
    ]
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/js")
        .join(name)
}

fn web() -> String {
    let site = tempfile::tempdir().expect("a temporary directory");
    let page = "guestnet\n".repeat(10_000);
    std::fs::write(site.path().join("page"), &page).expect("write a page");
    let mut server = Guestnet::run()
        .option("--dir")
        .option(format!("{}::/site", site.path().display()))
        .option("--allow-listen")
        .option("127.0.0.1")
        .guest(&example("http_server.js"))
        .arg("/site")
        .arg("127.0.0.1")
        .arg("0")
        .start();
    let rest = server.line("serving /site on http://127.0.0.1:");
    let port = rest.trim().trim_end_matches('/').to_owned();
    let got = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://127.0.0.1:{port}"))
        .guest(&example("http_client.js"))
        .arg("127.0.0.1")
        .arg(&port)
        .arg("/page")
        .finish()
        .success();
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert!(got.ends_with(&page), "the page is not whole: {} bytes", got.len());
    format!("{} bytes, all equal", page.len())
}

fn redis() -> String {
    let server = Redis::start().unwrap_or_else(|error| panic!("{error}"));
    let addr = server.addr();
    let said = Guestnet::run()
        .option("--allow-connect")
        .option(addr.to_string())
        .guest(&example("redis.js"))
        .arg(addr.ip().to_string())
        .arg(addr.port().to_string())
        .finish()
        .success();
    assert_eq!(said, "100 answers in order\n");
    "100 pipelined answers in order".into()
}
