//! What a container sees of files: its image, its mounts, and the names of its network.

use crate::{Behaviour, Test, World};
use guestnet_tests::containers::{Image, Network, Runtime, Spec};
use std::fs;

pub(crate) const BEHAVIOURS: &[Behaviour] = &[
    ("a_root_that_is_read_only_stays_read_only", read_only_root),
    ("a_mount_that_is_read_only_stays_read_only", read_only_mount),
    ("what_is_written_in_a_mount_is_there_afterwards", written),
    ("a_file_is_mounted_over_one_of_the_image", one_file),
    ("memory_is_mounted_where_it_is_asked_for", tmpfs),
    ("what_a_container_writes_in_its_root_no_other_one_has", own_root),
    ("a_mount_of_nothing_is_a_failed_start", no_source),
    ("a_user_reads_what_that_user_may", user),
];

pub(crate) const TESTS: &[Test] = &[
    ("names_are_those_of_the_containers_hosts", hosts),
    ("the_servers_are_those_of_the_containers_resolv_conf", servers),
    ("files_of_the_resolver_are_not_the_guests_to_write", fixed_names),
    ("what_processes_have_is_not_there", no_proc),
    ("a_script_has_the_errno_of_what_is_read_only", script_errno),
];

/// What a program prints about a write to what is read-only.
fn refused(runtime: Runtime, path: &str) -> String {
    match runtime {
        Runtime::Runc => format!("write {path}: EROFS\n"),
        // wasmtime-wasi says EIO where it has no word for an errno, and it has none for EROFS.
        Runtime::Guestnet => format!("write {path}: another error: open {path}: I/O error\n"),
    }
}

fn read_only_root(world: &World, runtime: Runtime) {
    let directory = world.containerd.directory();
    let output = world
        .program(runtime)
        .flag("--read-only")
        .bind(&directory, "/data", "rw")
        .args([
            "write",
            "/new",
            "write",
            "/tmp/new",
            "write",
            "/data/new",
            "read",
            "/data/new",
        ])
        .finish();
    let refused = ["/new", "/tmp/new"].map(|path| refused(runtime, path)).concat();
    let expected = refused + "write /data/new: ok\nread /data/new: \"written\"\n";
    assert_eq!(output.stdout, expected, "{output}");
}

fn read_only_mount(world: &World, runtime: Runtime) {
    let directory = world.containerd.directory();
    let file = world.containerd.path(&format!("{directory}/file"));
    fs::write(&file, "of the machine").expect("write");
    let output = world
        .program(runtime)
        .bind(&directory, "/data", "ro")
        .args([
            "read",
            "/data/file",
            "write",
            "/data/file",
            "write",
            "/data/new",
            "write",
            "/new",
        ])
        .finish();
    let refused = ["/data/file", "/data/new"]
        .map(|path| refused(runtime, path))
        .concat();
    let expected = format!("read /data/file: \"of the machine\"\n{refused}write /new: ok\n");
    assert_eq!(output.stdout, expected, "{output}");
    assert_eq!(fs::read_to_string(file).expect("read"), "of the machine");
}

fn written(world: &World, runtime: Runtime) {
    let directory = world.containerd.directory();
    let output = world
        .program(runtime)
        .bind(&directory, "/deep/below/data", "rw")
        .args(["write", "/deep/below/data/new"])
        .finish();
    assert_eq!(output.stdout, "write /deep/below/data/new: ok\n", "{output}");
    let file = world.containerd.path(&format!("{directory}/new"));
    assert_eq!(fs::read_to_string(file).expect("read"), "written");
}

fn one_file(world: &World, runtime: Runtime) {
    let directory = world.containerd.directory();
    fs::write(world.containerd.path(&format!("{directory}/file")), "a secret").expect("write");
    let output = world
        .program(runtime)
        .bind(&format!("{directory}/file"), "/run/secrets/file", "ro")
        .args(["read", "/run/secrets/file", "write", "/run/secrets/file"])
        .finish();
    let path = "/run/secrets/file";
    let expected = format!("read {path}: \"a secret\"\n{}", refused(runtime, path));
    assert_eq!(output.stdout, expected, "{output}");
}

fn tmpfs(world: &World, runtime: Runtime) {
    let output = world
        .program(runtime)
        .flag("--read-only")
        .option("--mount", "type=tmpfs,src=tmpfs,dst=/tmp,options=size=65536")
        .args(["write", "/tmp/new", "read", "/tmp/new"])
        .finish();
    assert_eq!(
        output.stdout, "write /tmp/new: ok\nread /tmp/new: \"written\"\n",
        "{output}"
    );
}

fn own_root(world: &World, runtime: Runtime) {
    let first = world.program(runtime).args(["write", "/tmp/new"]).finish();
    assert_eq!(first.stdout, "write /tmp/new: ok\n", "{first}");
    let second = world.program(runtime).args(["read", "/tmp/new"]).finish();
    assert_eq!(second.stdout, "read /tmp/new: ENOENT\n", "{second}");
}

fn no_source(world: &World, runtime: Runtime) {
    let directory = world.containerd.directory();
    let output = world
        .program(runtime)
        .bind(&format!("{directory}/nothing"), "/data", "rw")
        .args(["say", "started"])
        .finish();
    assert!(!output.status.success(), "{output}");
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains("nothing"), "{output}");
    assert!(
        output.stderr.to_lowercase().contains("no such file or directory"),
        "{output}"
    );
}

fn user(world: &World, runtime: Runtime) {
    let (name, path) = match runtime {
        Runtime::Runc => ("container", guestnet_tests::native_guest("go", "container")),
        Runtime::Guestnet => ("container.wasm", guestnet_tests::guest("go", "container")),
    };
    let image = Image::builder()
        .file(name, &fs::read(path).expect("a built guest"))
        .private_file("secret", b"root's")
        .entry_point(&[&format!("/{name}")]);
    for (user, result) in [("0:0", "\"root's\""), ("65534:65534", "EACCES")] {
        let image = image.clone().user(user).import(&world.containerd);
        let spec = Spec::new(&world.containerd, runtime, &image);
        let output = spec.args(["read", "/secret"]).finish();
        assert_eq!(output.stdout, format!("read /secret: {result}\n"), "{output}");
    }
}

/// app_act with files of the resolver, in a network.
fn resolving<'a>(world: &'a World, network: &Network, hosts: &str, resolv_conf: &str) -> Spec<'a> {
    let directory = world.containerd.directory();
    let spec = Spec::new(&world.containerd, Runtime::Guestnet, world.act()).network(network);
    let files = [("hosts", hosts), ("resolv.conf", resolv_conf)];
    files.into_iter().fold(spec, |spec, (name, content)| {
        let path = format!("{directory}/{name}");
        fs::write(world.containerd.path(&path), content).expect("write");
        // As Kubernetes does. A guest that could write there would choose its own names.
        spec.bind(&path, &format!("/etc/{name}"), "rw")
    })
}

fn hosts(world: &World) {
    let network = Network::new(&world.containerd, &[]);
    let output = resolving(world, &network, "10.9.8.7 of-the-pod\n127.0.0.1 localhost\n", "")
        .annotation("allow-resolve", "*")
        .args(["resolve of-the-pod", "resolve of-no-pod"])
        .finish();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines[0], "resolve of-the-pod: 10.9.8.7", "{output}");
    assert!(lines[1].starts_with("resolve of-no-pod: EAI_"), "{output}");
    // Another container at the same time has others.
    let output = resolving(world, &network, "10.9.8.6 of-the-pod\n", "")
        .annotation("allow-resolve", "of-the-pod")
        .args(["resolve of-the-pod"])
        .finish();
    assert_eq!(output.stdout, "resolve of-the-pod: 10.9.8.6\n", "{output}");
}

fn fixed_names(world: &World) {
    let directory = world.containerd.directory();
    for path in ["/etc/hosts", "/etc/resolv.conf"] {
        let file = format!("{directory}/{}", path.replace('/', "-"));
        fs::write(world.containerd.path(&file), "of the engine").expect("write");
        let output = world
            .program(Runtime::Guestnet)
            .bind(&file, path, "rw")
            .args(["write", path])
            .finish();
        assert_eq!(output.stdout, refused(Runtime::Guestnet, path), "{output}");
        let unchanged = fs::read_to_string(world.containerd.path(&file)).expect("read");
        assert_eq!(unchanged, "of the engine");
    }
}

fn servers(world: &World) {
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    // A server on port 53 of the container's network, which no other one has.
    let dns = network.within(|| std::net::UdpSocket::bind("10.1.2.3:53").expect("bind"));
    let answering = std::thread::spawn(move || answer(&dns));
    let conf = "nameserver 10.1.2.3\nsearch pod.example\noptions ndots:5 timeout:20\n";
    let output = resolving(world, &network, "", conf)
        .annotation("allow-resolve", "db db.pod.example")
        .args(["resolve db 4"])
        .finish();
    assert_eq!(output.stdout, "resolve db 4: 10.4.5.6\n", "{output}");
    let asked = answering.join().expect("the server");
    assert_eq!(asked, "db.pod.example");
}

/// Answers one question for an address of IPv4, and says what name it was for.
fn answer(dns: &std::net::UdpSocket) -> String {
    let mut question = [0; 512];
    dns.set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .expect("a limit");
    let (length, peer) = dns.recv_from(&mut question).expect("a question");
    let mut name = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        name.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    let end = at + 5;
    assert!(
        end <= length && question[at + 1..end] == [0, 1, 0, 1],
        "no question for IPv4"
    );
    let mut reply = question[..end].to_vec();
    // An answer, recursion available; one question, one record.
    reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 4, 5, 6]);
    dns.send_to(&reply, peer).expect("answer");
    name.join(".")
}

fn no_proc(world: &World) {
    let output = world
        .program(Runtime::Guestnet)
        .args([
            "read",
            "/proc/self/environ",
            "read",
            "/sys/kernel/uevent_seqnum",
            "read",
            "/dev/zero",
        ])
        .finish();
    assert_eq!(
        output.stdout,
        "read /proc/self/environ: ENOENT\nread /sys/kernel/uevent_seqnum: ENOENT\nread /dev/zero: ENOENT\n",
        "{output}"
    );
    let image = Image::builder()
        .directory("proc")
        .link("machine", "/proc/1/root")
        .file(
            "a.js",
            b"import * as std from \"std\"; console.log(std.open(\"/machine/run/config.toml\", \"r\"));",
        )
        .entry_point(&["/a.js"])
        .import(&world.containerd);
    let output = Spec::new(&world.containerd, Runtime::Guestnet, &image).finish();
    assert_eq!(output.stdout, "null\n", "{output}");
}

fn script_errno(world: &World) {
    let script = r#"
        import * as os from "os";
        console.log(os.open("/new", os.O_WRONLY | os.O_CREAT), os.mkdir("/below"), os.remove("/a.js"));
    "#;
    let image = Image::builder()
        .file("a.js", script.as_bytes())
        .entry_point(&["/a.js"])
        .import(&world.containerd);
    let spec = Spec::new(&world.containerd, Runtime::Guestnet, &image);
    assert_eq!(spec.flag("--read-only").finish().success(), "-30 -30 -30\n");
}
