//! C programs built with emcc and the npm package, on Node, Deno and Bun: examples/c as they are, and examples/emscripten.

use crate::Row;
use crate::native::{fetched, pattern, tcp_echo, tcp_in_turns};
use crate::policy::{assert_untouched, untouched};
use guestnet_tests::Program;
use guestnet_tests::emscripten::{Engine, example};
use guestnet_tests::peers::{Dnsmasq, Nginx};
use std::net::SocketAddr;

pub(crate) fn rows() -> Vec<Row> {
    let node = rows_on(
        "Emscripten on Node",
        || fetch(Engine::Node20),
        || threads(Engine::Node20),
        || denied(Engine::Node20),
    );
    let deno = rows_on(
        "Emscripten on Deno",
        || fetch(Engine::Deno),
        || threads(Engine::Deno),
        || denied(Engine::Deno),
    );
    let bun = rows_on(
        "Emscripten on Bun",
        || fetch(Engine::Bun),
        || threads(Engine::Bun),
        || denied(Engine::Bun),
    );
    [node, deno, bun].into_iter().flatten().collect()
}

fn rows_on(
    abi: &'static str,
    fetch: fn() -> String,
    threads: fn() -> String,
    denied: fn() -> String,
) -> [Row; 3] {
    let row = |guest, what, run| Row {
        guest,
        language: "C",
        abi,
        what,
        run,
    };
    [
        row(
            "fetch",
            "blocks in each call: asks a real dnsmasq for a name, gets a file from a real nginx",
            fetch,
        ),
        row(
            "thread_server",
            "four pthreads that block serve native clients",
            threads,
        ),
        row("fetch", "reaches the allowed port and not its neighbour", denied),
    ]
}

fn fetch_with(engine: Engine, options: &str, host: &str, port: u16) -> Program {
    example(engine, false, "fetch")
        .env("GUESTNET_OPTIONS", options)
        .arg(host)
        .arg(port.to_string())
        .arg("/file")
}

fn fetch(engine: Engine) -> String {
    let body = "guestnet ".repeat(200_000);
    let nginx = Nginx::start(&[("file", body.as_bytes())]).unwrap_or_else(|error| panic!("{error}"));
    let names = Dnsmasq::start("127.0.0.1 files.test\n", &[]).unwrap_or_else(|error| panic!("{error}"));
    let options = format!(
        "--dns {} --allow-resolve files.test --allow-connect tcp://{}",
        names.addr(),
        nginx.addr()
    );
    let finished = fetch_with(engine, &options, "files.test", nginx.addr().port()).finish();
    fetched(finished, &body)
}

fn threads(engine: Engine) -> String {
    const AT_ONCE: usize = 4;
    const MORE: usize = 28;
    let mut server = example(engine, true, "thread_server")
        .env("GUESTNET_OPTIONS", "--allow-listen tcp://127.0.0.1:*")
        .args(["127.0.0.1", "0", &(AT_ONCE + MORE).to_string()])
        .start();
    let addr: SocketAddr = server
        .line("listening ")
        .parse()
        .expect("the server prints its address");
    tcp_in_turns(addr, AT_ONCE, 100, &pattern(10_000));
    let data = pattern(100_000);
    std::thread::scope(|scope| {
        for _ in 0..MORE {
            scope.spawn(|| tcp_echo(addr, &data));
        }
    });
    assert!(server.finish().success().ends_with("done\n"));
    format!("{AT_ONCE} held at once, then {MORE} times 100 kB")
}

fn denied(engine: Engine) -> String {
    let body = b"guestnet\n";
    let nginx = Nginx::start(&[("file", body)]).unwrap_or_else(|error| panic!("{error}"));
    let forbidden = untouched();
    let neighbour = forbidden.local_addr().expect("local address");
    let options = format!("--allow-connect tcp://{}", nginx.addr());
    let get = |addr: SocketAddr| fetch_with(engine, &options, &addr.ip().to_string(), addr.port()).finish();
    assert_eq!(get(nginx.addr()).success().as_bytes(), body);
    let finished = get(neighbour);
    assert_eq!(
        finished.status.code(),
        Some(1),
        "the guest's own exit status\n{finished}"
    );
    let advice = format!("--allow-connect {neighbour} in GUESTNET_OPTIONS would");
    assert!(
        finished.stderr.contains(&advice),
        "expected {advice:?} in\n{finished}"
    );
    assert_untouched(&forbidden);
    "not one packet left; the message names --allow-connect".into()
}
