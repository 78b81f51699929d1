//! The examples in Rust against real servers: crates as they are released print in the sandbox what they print natively, under a
//! policy that allows one server.

use guestnet_tests::peers::{Authority, MariaDb, Mosquitto, Nginx, Postgres, Redis};
use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, Program, ProgramOutput, guest, native_guest};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

/// The examples as modules of preview 1.
const MODULE: &str = "examples-rust";

/// The examples as components.
const COMPONENT: &str = "examples-rust-component";

/// Both.
const KINDS: [&str; 2] = [MODULE, COMPONENT];

/// The examples that are programs on wasm32-wasip1 only to say why they are none.
const COMPONENTS_ONLY: [&str; 2] = ["redis_tokio", "http_pool"];

/// The others that connect, each with its argument for a server at this address.
fn clients(server: SocketAddr) -> [(&'static str, String); 5] {
    [
        ("http_client", format!("http://{server}/")),
        ("mqtt", server.to_string()),
        ("mysql", format!("user:password@{server}/database")),
        (
            "postgres",
            format!("postgresql://user:password@{server}/database"),
        ),
        ("redis", server.to_string()),
    ]
}

fn native(name: &str) -> Program {
    Program::new(&native_guest(MODULE, name))
}

/// An example that may look up and reach what these words say, each the value of an `--allow-connect`.
fn sandboxed(kind: &str, name: &str, allowed: &[&str]) -> Program {
    allowing(allowed).guest(&guest(kind, name))
}

fn allowing(allowed: &[&str]) -> Guestnet {
    allowed.iter().fold(Guestnet::run(), |run, rule| {
        run.option("--allow-connect").option(rule)
    })
}

/// Runs an example natively and in the sandbox with the same argument, and expects the same.
#[track_caller]
fn same(kinds: &[&str], name: &str, allowed: &str, argument: &str) {
    let expected = native(name).arg(argument).finish().success();
    assert!(expected.lines().count() > 1, "{name} printed {expected:?}");
    for kind in kinds {
        let got = sandboxed(kind, name, &[allowed]).arg(argument).finish().success();
        assert_same_transcript(&expected, &got);
    }
}

/// `localhost` and this port: what a rule says, and an address that is looked up.
fn by_name(server: SocketAddr) -> String {
    format!("localhost:{}", server.port())
}

#[test]
fn redis_by_its_name() {
    let server = Redis::start().expect("start redis");
    let address = by_name(server.addr());
    same(&KINDS, "redis", &address, &address);
}

#[test]
fn redis_on_tokio() {
    let server = Redis::start().expect("start redis");
    let address = server.addr().to_string();
    same(&[COMPONENT], "redis_tokio", &address, &address);
}

#[test]
fn postgres_by_its_name() {
    let server = Postgres::start().expect("start PostgreSQL");
    same(
        &KINDS,
        "postgres",
        &by_name(server.addr()),
        &server.url("localhost"),
    );
}

#[test]
fn postgres_refuses_a_wrong_password() {
    let server = Postgres::start().expect("start PostgreSQL");
    let url = server.url("127.0.0.1").replacen(":guestnet@", ":another@", 1);
    for kind in KINDS {
        let refused = sandboxed(kind, "postgres", &[&server.addr().to_string()])
            .arg(&url)
            .finish();
        assert_eq!(
            (refused.status.code(), refused.stdout.as_str()),
            (Some(1), ""),
            "{refused}"
        );
        assert!(
            refused.stderr.contains("password authentication failed"),
            "{refused}"
        );
    }
}

#[test]
fn mariadb_by_its_address() {
    let server = MariaDb::start().expect("start MariaDB");
    let address = server.addr().to_string();
    same(
        &KINDS,
        "mysql",
        &address,
        &format!("guestnet:guestnet@{address}/guestnet"),
    );
}

#[test]
fn mosquitto_by_its_address() {
    let server = Mosquitto::start().expect("start mosquitto");
    let address = server.addr().to_string();
    same(&KINDS, "mqtt", &address, &address);
}

#[test]
fn https_to_nginx_by_hyper_and_by_the_client_of_hyper_util() {
    let authority = Authority::new().expect("an authority");
    let identity = authority.issue("localhost").expect("a certificate");
    let large = vec![b'x'; 3 << 20];
    let files: [(&str, &[u8]); 2] = [("page", b"a page\n"), ("large", &large)];
    let server = Nginx::start_with_tls(&files, &identity).expect("start nginx");
    let port = server.addr().port();
    let urls = ["page", "large", "nothing"].map(|name| format!("https://localhost:{port}/{name}"));
    let known = Certificates::of(&authority);
    for (name, kinds) in [("http_client", &KINDS[..]), ("http_pool", &[COMPONENT])] {
        let natively = native(name).arg("--ca").arg(authority.certificate()).args(&urls);
        let expected = natively.finish().success();
        for line in [
            "/page: 200 OK, 7 bytes\n",
            "/large: 200 OK, 3145728 bytes\n",
            "/nothing: 404 Not Found, ",
        ] {
            assert!(expected.contains(line), "{expected}");
        }
        for kind in kinds {
            let got = known.get(kind, name, port, &urls).success();
            assert_same_transcript(&expected, &got);
        }
    }
}

#[test]
fn nginx_with_a_certificate_of_another_authority_or_of_another_name_is_refused() {
    let (authority, other) = (
        Authority::new().expect("an authority"),
        Authority::new().expect("an authority"),
    );
    let files: [(&str, &[u8]); 1] = [("page", b"a page\n")];
    let start = |name: &str| {
        let identity = authority.issue(name).expect("a certificate");
        Nginx::start_with_tls(&files, &identity).expect("start nginx")
    };
    let (right, wrong) = (start("localhost"), start("another.test"));
    let cases = [
        (right.addr().port(), &other, "UnknownIssuer"),
        (wrong.addr().port(), &authority, "not valid for name"),
    ];
    for (port, believed, why) in cases {
        let url = [format!("https://localhost:{port}/page")];
        let known = Certificates::of(believed);
        for (kind, name) in [
            (MODULE, "http_client"),
            (COMPONENT, "http_client"),
            (COMPONENT, "http_pool"),
        ] {
            let refused = known.get(kind, name, port, &url);
            assert_eq!(
                (refused.status.code(), refused.stdout.as_str()),
                (Some(1), ""),
                "{refused}"
            );
            assert!(refused.stderr.contains(why), "{refused}");
        }
    }
}

/// A directory with the certificate of an authority, which a guest is given.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn of(authority: &Authority) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::copy(authority.certificate(), dir.path().join("ca.pem")).expect("copy the certificate");
        Self(dir)
    }

    /// Runs a client that may reach this port of `localhost`.
    fn get(&self, kind: &str, name: &str, port: u16, urls: &[String]) -> ProgramOutput {
        let allowed = format!("localhost:{port}");
        let client = allowing(&[&allowed]).tmp(self.0.path()).guest(&guest(kind, name));
        client.args(["--ca", "/tmp/ca.pem"]).args(urls).finish()
    }
}

#[test]
fn axum_serves_curl_and_the_examples_with_tls_and_without() {
    let authority = Authority::new().expect("an authority");
    let identity = authority.issue("localhost").expect("a certificate");
    let known = Certificates::of(&authority);
    let files = tempfile::tempdir().expect("a directory");
    for (name, path) in [
        ("server.pem", identity.certificate()),
        ("server.key", identity.key()),
    ] {
        std::fs::copy(path, files.path().join(name)).expect("copy a file");
    }
    for kind in KINDS {
        for (scheme, tls) in [
            ("http", &[][..]),
            ("https", &["/tmp/server.pem", "/tmp/server.key"]),
        ] {
            let server = Guestnet::run()
                .option("--allow-listen")
                .option("127.0.0.1")
                .tmp(files.path())
                .guest(&guest(kind, "http_server"));
            let mut server = server.arg("127.0.0.1:0").args(tls).start();
            let port = server.line(&format!("listening on {scheme}://127.0.0.1:"));
            let url = |path: &str| format!("{scheme}://localhost:{port}/{path}");
            let port = port.parse().expect("a port");
            let printed = known
                .get(
                    kind,
                    "http_client",
                    port,
                    &["hello/you", "large", "nothing"].map(url),
                )
                .success();
            for line in [
                "/hello/you: 200 OK, 10 bytes\nhello you\n",
                "/large: 200 OK, 1048576 bytes\n",
                "/nothing: 404 Not Found, 0 bytes\n",
            ] {
                assert!(printed.contains(line), "{printed}");
            }
            assert_eq!(printed.contains("TLSv1_3"), scheme == "https", "{printed}");
            let post = |path: &str, body: &str| {
                Program::new(Path::new("/usr/bin/curl"))
                    .args(["--silent", "--show-error", "--fail", "--cacert"])
                    .arg(authority.certificate())
                    .args(["--data-binary", body])
                    .arg(url(path))
                    .finish()
                    .success()
            };
            assert_eq!(post("echo", "what came"), "what came");
            assert_eq!(post("quit", ""), "");
            let finished = server.finish().success();
            assert!(finished.ends_with("end\n"), "{finished}");
        }
    }
}

#[test]
fn a_denial_is_an_error_of_its_kind_in_every_client_and_the_owner_reads_what_would_allow_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let server = listener.local_addr().expect("an address");
    let mut cases: Vec<(&str, &str, String)> = Vec::new();
    for kind in KINDS {
        cases.extend(clients(server).map(|(name, argument)| (kind, name, argument)));
    }
    cases.push((COMPONENT, "redis_tokio", server.to_string()));
    for (kind, name, argument) in cases {
        let denied = sandboxed(kind, name, &["127.0.0.1:1"]).arg(&argument).finish();
        assert_eq!(
            (denied.status.code(), denied.stdout.as_str()),
            (Some(1), ""),
            "{denied}"
        );
        assert!(denied.stderr.contains("kind: PermissionDenied"), "{denied}");
        assert!(
            denied.stderr.contains(&format!("--allow-connect {server} would")),
            "{denied}"
        );
    }
}

#[test]
fn what_is_no_program_of_preview_1_says_why() {
    for name in COMPONENTS_ONLY {
        let printed = sandboxed(MODULE, name, &[]).finish();
        assert!(printed.stderr.contains("wasm32-wasip1"), "{printed}");
        assert_eq!(printed.status.code(), Some(1), "{printed}");
    }
}
