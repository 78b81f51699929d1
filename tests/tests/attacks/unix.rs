//! A11 UNIX sockets as a way out of the guest's directories.

use super::support::attack;
use guestnet_tests::Guestnet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

/// A server on UNIX sockets outside of what a guest may see.
struct Outside {
    stream: UnixListener,
    datagram: UnixDatagram,
}

impl Outside {
    fn new(directory: &Path) -> Self {
        let stream = UnixListener::bind(directory.join("s")).expect("bind");
        let datagram = UnixDatagram::bind(directory.join("d")).expect("bind");
        stream.set_nonblocking(true).expect("set_nonblocking");
        datagram.set_nonblocking(true).expect("set_nonblocking");
        Self { stream, datagram }
    }

    fn was_reached(&self) -> bool {
        self.stream.accept().is_ok() || self.datagram.recv(&mut [0; 64]).is_ok()
    }
}

/// A directory with the guest's own `in`, and next to it `outside`, which is not the guest's.
fn directories() -> (tempfile::TempDir, Outside) {
    let root = tempfile::tempdir().expect("a temporary directory");
    for name in ["in", "in/sub", "outside"] {
        fs::create_dir(root.path().join(name)).expect("create a directory");
    }
    let outside = Outside::new(&root.path().join("outside"));
    (root, outside)
}

#[test]
fn no_link_nor_path_leads_to_a_socket_outside_of_the_guests_directories() {
    let (root, outside) = directories();
    let (inside, beyond) = (root.path().join("in"), root.path().join("outside"));
    for kind in ["s", "d"] {
        symlink(
            format!("../outside/{kind}"),
            inside.join(format!("relative-{kind}")),
        )
        .expect("symlink");
        symlink(beyond.join(kind), inside.join(format!("absolute-{kind}"))).expect("symlink");
        let magic = Path::new("/proc/self/root").join(beyond.strip_prefix("/").expect("absolute"));
        symlink(magic.join(kind), inside.join(format!("magic-{kind}"))).expect("symlink");
    }
    symlink("../outside", inside.join("directory")).expect("symlink");
    symlink("loop", inside.join("loop")).expect("symlink");
    fs::write(inside.join("file"), "").expect("write a file");
    let beyond_text = beyond.display().to_string();
    let mut program = attack(Guestnet::run().allow_net().tmp(&inside), "unix").arg("reach");
    let mut paths = 0;
    for kind in ["s", "d"] {
        for path in [
            format!("/tmp/relative-{kind}"),
            format!("/tmp/absolute-{kind}"),
            format!("/tmp/magic-{kind}"),
            format!("/tmp/directory/{kind}"),
            format!("/tmp/../outside/{kind}"),
            format!("/tmp/sub/../../outside/{kind}"),
            format!("/tmp/directory/../outside/{kind}"),
            format!("../outside/{kind}"),
            format!("{beyond_text}/{kind}"),
            format!("/tmp/{beyond_text}/{kind}"),
            format!("/tmp/file/../../outside/{kind}"),
            format!("/tmp/file/{kind}"),
            format!("/tmp/loop/{kind}"),
            format!("/proc/self/root/{beyond_text}/{kind}"),
        ] {
            program = program.arg(path);
            paths += 1;
        }
    }
    let transcript = program.finish().success();
    assert_eq!(transcript.lines().count(), 4 * paths, "{transcript}");
    assert!(!outside.was_reached(), "{transcript}");
    for line in transcript.lines() {
        let refused = [": EACCES", ": ENOENT", ": ENOTDIR", ": ELOOP"];
        assert!(refused.iter().any(|errno| line.ends_with(errno)), "{line}");
    }
}

#[test]
fn the_same_calls_reach_a_socket_that_a_directory_of_the_guest_holds() {
    let (root, outside) = directories();
    let transcript = attack(
        Guestnet::run().allow_net().tmp(&root.path().join("outside")),
        "unix",
    )
    .arg("reach")
    .arg("/tmp/s")
    .arg("/tmp/d")
    .finish()
    .success();
    assert!(transcript.contains("connect to /tmp/s: ok\n"), "{transcript}");
    assert!(transcript.contains("sendto_v2 /tmp/d: ok\n"), "{transcript}");
    assert!(outside.stream.accept().is_ok() && outside.datagram.recv(&mut [0; 64]).is_ok());
}

#[test]
fn abstract_names_are_no_names_at_all() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("guestnet-attack-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&addr).expect("bind");
    listener.set_nonblocking(true).expect("set_nonblocking");
    let (root, _outside) = directories();
    let run = || Guestnet::run().allow_net().tmp(&root.path().join("in"));
    let transcript = attack(run(), "unix")
        .arg("reach")
        .arg(format!("@{name}"))
        .finish()
        .success();
    assert!(
        transcript.lines().all(|line| line.ends_with(": ENOENT")),
        "{transcript}"
    );
    assert!(listener.accept().is_err());
    let transcript = attack(run(), "unix")
        .arg("bind")
        .arg("@abstract")
        .finish()
        .success();
    assert_eq!(transcript, "bind to @abstract: ENOENT\nits name: @\n");
}

#[test]
fn a_socket_is_made_nowhere_but_in_the_guests_directories() {
    let (root, _outside) = directories();
    let inside = root.path().join("in");
    symlink("../outside", inside.join("directory")).expect("symlink");
    symlink("../outside/new", inside.join("dangling")).expect("symlink");
    let mut program = attack(Guestnet::run().allow_net().tmp(&inside), "unix").arg("bind");
    for path in [
        "/tmp/directory/new",
        "/tmp/dangling",
        "/tmp/../outside/new",
        "/new",
        "/tmp",
        "/tmp/sub/..",
        "/tmp/sub/.",
        "",
    ] {
        program = program.arg(path);
    }
    let transcript = program.finish().success();
    let bound: Vec<_> = transcript
        .lines()
        .filter(|line| line.starts_with("bind to "))
        .collect();
    assert_eq!(bound.len(), 8);
    assert!(bound.iter().all(|line| !line.ends_with(": ok")), "{transcript}");
    let mut left: Vec<_> = fs::read_dir(root.path().join("outside"))
        .expect("read the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["d", "s"]);
}

#[test]
fn a_directory_that_becomes_a_link_after_bind_does_not_lead_out() {
    let (root, outside) = directories();
    let transcript = attack(Guestnet::run().allow_net().tmp(&root.path().join("in")), "unix")
        .arg("swap")
        .arg("/tmp")
        .finish()
        .success();
    let expected = "bind: ok\nlisten: ok\nsymlink: 0\nconnect to /tmp/a/s: EACCES\nconnect_v2 to /tmp/a/s: EACCES\n\
        sendto /tmp/a/s: EACCES\nsendto_v2 /tmp/a/s: EACCES\nconnect to where it is now: ok\naccept: ok\n";
    assert_eq!(transcript, expected);
    assert!(!outside.was_reached());
}

#[test]
fn a_rule_for_a_path_is_judged_behind_its_links() {
    let (root, outside) = directories();
    // All of it is the guest's to see; the policy lets it use one of the paths.
    symlink("../outside", root.path().join("in/allowed")).expect("symlink");
    let run = Guestnet::run().tmp(root.path()).option("--allow-unix=/tmp/in/*");
    let transcript = attack(run, "unix")
        .arg("reach")
        .arg("/tmp/in/allowed/s")
        .arg("/tmp/in/allowed/d")
        .arg("/tmp/in/../outside/s")
        .finish()
        .success();
    assert!(
        transcript.lines().all(|line| line.ends_with(": EACCES")),
        "{transcript}"
    );
    assert!(!outside.was_reached());
}
