//! UNIX socket paths: inside the guest's directories, and no way out of them.

use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};

use guestnet_core::policy::{Policy, Use};
use guestnet_core::{Domain, Errno, Kind, SockAddr};

use crate::behaviour::behaviours;
use crate::guest::{Calls, allow, guest_on};
use crate::unix::{Place, unix};
use crate::world::World;

behaviours! { "unix_path" needs UnixSockets:
    an_empty_path_is_refused,
    an_abstract_name_is_refused,
    a_path_outside_is_eacces,
    a_relative_path_begins_at_the_guests_root,
    going_up_is_eacces,
    a_symlink_out_is_eacces,
    an_absolute_symlink_is_eacces_even_if_it_leads_in,
    a_symlink_inside_is_followed,
    a_symlink_as_the_last_name_is_not_bound_through,
    a_swapped_parent_directory_never_leaves_the_root,
    a_race_of_renames_never_leaves_the_root,
    a_renamed_root_stays_the_guests,
    a_long_directory_is_no_obstacle,
    a_name_that_is_too_long_is_enametoolong,
    two_directories_are_distinguished,
    without_a_directory_nothing_is_reached,
    the_policy_judges_the_resolved_path,
}

fn an_empty_path_is_refused<W: World>(world: &W) {
    let mut place = Place::new(world);
    let fd = place.stream();
    assert!(place.guest.bind(fd, &unix("")).is_err());
    assert_eq!(place.guest.bind(fd, &SockAddr::UnixUnnamed), Err(Errno::EINVAL));
    assert!(place.guest.connect(fd, &unix("")).is_err());
    assert_eq!(
        place.guest.connect(fd, &SockAddr::UnixUnnamed),
        Err(Errno::EINVAL)
    );
    assert_eq!(place.guest.local_addr(fd), Ok(SockAddr::UnixUnnamed));
}

fn an_abstract_name_is_refused<W: World>(world: &W) {
    let mut place = Place::new(world);
    place.refused("\0guestnet", Errno::EACCES);
    let mut host = world.host();
    world.add_directory(&mut host, place.root.path(), "/");
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    for path in ["\0guestnet", "/a\0b", "/\0"] {
        assert_eq!(guest.bind(fd, &unix(path)), Err(Errno::EINVAL), "{path:?}");
        assert_eq!(guest.connect(fd, &unix(path)), Err(Errno::EINVAL), "{path:?}");
    }
    assert_eq!(std::fs::read_dir(place.root.path()).unwrap().count(), 0);
}

fn a_path_outside_is_eacces<W: World>(world: &W) {
    let mut place = Place::new(world);
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    place.refused(path.to_str().unwrap(), Errno::EACCES);
    for path in ["s", "/s", "/runs/s", "/", ".", "./run/../s"] {
        place.refused(path, Errno::EACCES);
    }
}

fn a_relative_path_begins_at_the_guests_root<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("run/s");
    assert_eq!(place.guest.local_addr(listener), Ok(unix("run/s")));
    place.connect("/run/s").unwrap();
    place.connect("./run/s").unwrap();
}

fn going_up_is_eacces<W: World>(world: &W) {
    let mut place = Place::new(world);
    let name = place
        .root
        .path()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    for path in [
        "/run/../s".to_owned(),
        "/run/../../tmp/s".to_owned(),
        format!("/run/../{name}/s"),
    ] {
        place.refused(&path, Errno::EACCES);
    }
    assert!(!place.path("s").exists());
}

fn a_symlink_out_is_eacces<W: World>(world: &W) {
    let mut place = Place::new(world);
    let outside = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(outside.path().join("s")).unwrap();
    let up = format!("../{}", outside.path().file_name().unwrap().to_str().unwrap());
    symlink(&up, place.path("up")).unwrap();
    symlink(outside.path(), place.path("away")).unwrap();
    symlink(outside.path().join("s"), place.path("s")).unwrap();
    for path in ["/run/up/s", "/run/away/s"] {
        place.refused(path, Errno::EACCES);
    }
    place.unreachable("/run/s", Errno::EACCES);
    for path in ["/run/up/new", "/run/away/new"] {
        let fd = place.stream();
        assert_eq!(place.guest.bind(fd, &unix(path)), Err(Errno::EACCES));
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

fn an_absolute_symlink_is_eacces_even_if_it_leads_in<W: World>(world: &W) {
    let mut place = Place::new(world);
    let _listener = place.listener("/run/s");
    symlink(place.path("s"), place.path("host")).unwrap();
    symlink("/run/s", place.path("guest")).unwrap();
    for path in ["/run/host", "/run/guest"] {
        place.unreachable(path, Errno::EACCES);
    }
}

fn a_symlink_inside_is_followed<W: World>(world: &W) {
    let mut place = Place::new(world);
    std::fs::create_dir(place.path("dir")).unwrap();
    symlink("dir", place.path("link")).unwrap();
    symlink("dir/s", place.path("s")).unwrap();
    let listener = place.listener("/run/link/s");
    assert_eq!(place.guest.local_addr(listener), Ok(unix("/run/link/s")));
    place.connect("/run/s").unwrap();
    UnixStream::connect(place.path("dir/s")).unwrap();
    symlink("loop", place.path("loop")).unwrap();
    place.unreachable("/run/loop", Errno::ELOOP);
}

fn a_symlink_as_the_last_name_is_not_bound_through<W: World>(world: &W) {
    let mut place = Place::new(world);
    symlink("target", place.path("link")).unwrap();
    let fd = place.stream();
    assert_eq!(place.guest.bind(fd, &unix("/run/link")), Err(Errno::EADDRINUSE));
    assert!(!place.path("target").exists());
}

fn a_swapped_parent_directory_never_leaves_the_root<W: World>(world: &W) {
    let mut place = Place::new(world);
    let outside = tempfile::tempdir().unwrap();
    let _trap = UnixListener::bind(outside.path().join("s")).unwrap();
    std::fs::create_dir(place.path("dir")).unwrap();
    let listener = place.listener("/run/dir/s");
    place.connect("/run/dir/s").unwrap();
    std::fs::rename(place.path("dir"), place.path("was")).unwrap();
    symlink(outside.path(), place.path("dir")).unwrap();
    assert_eq!(place.connect("/run/dir/s"), Err(Errno::EACCES));
    let fd = place.stream();
    assert_eq!(place.guest.bind(fd, &unix("/run/dir/new")), Err(Errno::EACCES));
    // The socket is where it was, under its directory's new name.
    place.connect("/run/was/s").unwrap();
    place.guest.accept(listener, false).unwrap();
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

fn a_race_of_renames_never_leaves_the_root<W: World>(world: &W) {
    let mut place = Place::new(world);
    let outside = tempfile::tempdir().unwrap();
    let trap = UnixListener::bind(outside.path().join("s")).unwrap();
    trap.set_nonblocking(true).unwrap();
    std::fs::create_dir(place.path("good")).unwrap();
    let _listener = UnixListener::bind(place.path("good/s")).unwrap();
    symlink(outside.path(), place.path("bad")).unwrap();
    let (good, bad, dir) = (place.path("good"), place.path("bad"), place.path("dir"));
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swap = scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                for place in [&good, &bad] {
                    std::fs::rename(place, &dir).unwrap();
                    std::fs::rename(&dir, place).unwrap();
                }
            }
        });
        for round in 0..2000 {
            let fd = place.stream();
            place.guest.make_nonblocking(fd);
            // Whatever it finds: the good directory, the bad one, none; EAGAIN is a full backlog.
            match place.guest.connect(fd, &unix("/run/dir/s")) {
                Ok(()) | Err(Errno::EACCES | Errno::ENOENT | Errno::EAGAIN) => {}
                Err(errno) => panic!("{errno}"),
            }
            place.guest.close(fd).unwrap();
            let fd = place.stream();
            match place.guest.bind(fd, &unix(&format!("/run/dir/{round}"))) {
                Ok(()) | Err(Errno::EACCES | Errno::ENOENT | Errno::EAGAIN) => {}
                Err(errno) => panic!("{errno}"),
            }
            place.guest.close(fd).unwrap();
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        swap.join().unwrap();
    });
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

fn a_renamed_root_stays_the_guests<W: World>(world: &W) {
    let above = tempfile::tempdir().unwrap();
    let (old, new) = (above.path().join("old"), above.path().join("new"));
    std::fs::create_dir(&old).unwrap();
    let mut host = world.host();
    world.add_directory(&mut host, &old, "/run");
    let mut guest = guest_on(world, host, allow(&[(Use::Unix, "/run/*")]));
    std::fs::rename(&old, &new).unwrap();
    let fd = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    assert_eq!(guest.bind(fd, &unix("/run/s")), Ok(()));
    assert_eq!(guest.listen(fd, 1), Ok(()));
    UnixStream::connect(new.join("s")).unwrap();
}

fn a_long_directory_is_no_obstacle<W: World>(world: &W) {
    // Far longer than a socket address holds (unix(7)); what the guest says is short.
    let above = tempfile::tempdir().unwrap();
    let mut deep = above.path().to_owned();
    for _ in 0..4 {
        deep.push("d".repeat(100));
    }
    std::fs::create_dir_all(&deep).unwrap();
    let mut host = world.host();
    world.add_directory(&mut host, &deep, "/run");
    let mut guest = guest_on(world, host, Policy::allow_all());
    let (server, client) = (
        guest.socket(Domain::Unix, Kind::Stream).unwrap(),
        guest.socket(Domain::Unix, Kind::Stream).unwrap(),
    );
    guest.bind(server, &unix("/run/s")).unwrap();
    guest.listen(server, 1).unwrap();
    guest.connect(client, &unix("/run/s")).unwrap();
    assert_eq!(guest.peer_addr(client), Ok(unix("/run/s")));
}

fn a_name_that_is_too_long_is_enametoolong<W: World>(world: &W) {
    let mut place = Place::new(world);
    // A last name as long as fits after the kernel's own prefix; see the host.
    let fits = "n".repeat(70);
    let listener = place.listener(&format!("/run/{fits}"));
    place.connect(&format!("/run/{fits}")).unwrap();
    assert_eq!(
        place.guest.local_addr(listener),
        Ok(unix(&format!("/run/{fits}")))
    );
    let fd = place.stream();
    for len in [108, 255, 256, 5000] {
        let path = format!("/run/{}", "n".repeat(len));
        assert_eq!(
            place.guest.bind(fd, &unix(&path)),
            Err(Errno::ENAMETOOLONG),
            "{len}"
        );
    }
    assert_eq!(
        std::fs::read_dir(place.root.path()).unwrap().count(),
        1,
        "nothing was cut short and bound"
    );
}

fn two_directories_are_distinguished<W: World>(world: &W) {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut host = world.host();
    world.add_directory(&mut host, one.path(), "/run");
    world.add_directory(&mut host, two.path(), "/run/two");
    let mut guest = guest_on(world, host, Policy::allow_all());
    for (path, at) in [
        ("/run/s", one.path().join("s")),
        ("/run/two/s", two.path().join("s")),
    ] {
        let fd = guest.socket(Domain::Unix, Kind::Stream).unwrap();
        guest.bind(fd, &unix(path)).unwrap();
        assert!(at.exists(), "{path}");
    }
}

fn without_a_directory_nothing_is_reached<W: World>(world: &W) {
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut guest = crate::guest::guest(world);
    let fd = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    assert_eq!(
        guest.connect(fd, &unix(path.to_str().unwrap())),
        Err(Errno::EACCES)
    );
    assert_eq!(
        guest.bind(fd, &unix(outside.path().join("t").to_str().unwrap())),
        Err(Errno::EACCES)
    );
}

fn the_policy_judges_the_resolved_path<W: World>(world: &W) {
    let mut place = Place::under(
        world,
        allow(&[(Use::Unix, "/run/ok/*"), (Use::Unix, "/run/link")]),
    );
    for dir in ["ok", "no"] {
        std::fs::create_dir(place.path(dir)).unwrap();
    }
    let _secret = UnixListener::bind(place.path("no/s")).unwrap();
    symlink("no/s", place.path("link")).unwrap();
    symlink("../no/s", place.path("ok/link")).unwrap();
    symlink("no", place.path("okdir")).unwrap();
    for path in [
        "/run/no/s",
        "/run/link",
        "/run/ok/link",
        "/run/ok/../no/s",
        "/run/okdir/s",
    ] {
        place.unreachable(path, Errno::EACCES);
    }
    for path in ["/run/no/new", "/run/ok/../no/new", "/run/okdir/new", "/run/new"] {
        let fd = place.stream();
        assert_eq!(place.guest.bind(fd, &unix(path)), Err(Errno::EACCES), "{path}");
    }
    let _listener = place.listener("/run/ok/s");
    place.connect("/run/no/../ok/s").unwrap();
}
