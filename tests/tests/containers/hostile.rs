//! Images whose makers mean harm.

use crate::{Behaviour, Test, World};
use guestnet_tests::containers::{Image, Network, Runtime, Spec};
use std::fs::{self, File};
use std::path::PathBuf;

pub(crate) const BEHAVIOURS: &[Behaviour] = &[
    (
        "an_image_without_an_entry_point_is_a_failed_start",
        no_entry_point,
    ),
    ("a_mount_point_that_is_a_link_stays_in_the_root", mount_point),
    ("an_entry_point_that_is_a_link_stays_in_the_root", entry_point),
];

pub(crate) const TESTS: &[Test] = &[
    (
        "files_of_the_resolver_are_the_engines_and_no_images",
        resolver_links,
    ),
    ("files_that_annotations_name_stay_in_the_root", annotation_links),
    ("files_that_are_none_are_not_waited_for", no_files),
    ("files_without_an_end_are_not_read_to_it", huge),
    ("a_thousand_links_lead_nowhere", many_links),
];

fn no_entry_point(world: &World, runtime: Runtime) {
    let image = Image::builder().file("a", b"a").import(&world.containerd);
    let output = Spec::new(&world.containerd, runtime, &image).finish();
    assert!(!output.status.success(), "{output}");
    assert_eq!(output.stdout, "", "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
}

/// The program of a runtime, with links besides it.
fn with_links(world: &World, runtime: Runtime, links: &[(&str, &str)]) -> Image {
    let (name, path) = match runtime {
        Runtime::Runc => ("bin/container", guestnet_tests::native_guest("go", "container")),
        Runtime::Guestnet => ("bin/container", guestnet_tests::guest("go", "container")),
    };
    let image = Image::builder()
        .file(name, &fs::read(path).expect("a built guest"))
        .entry_point(&["/bin/container"]);
    let image = links
        .iter()
        .fold(image, |image, (path, target)| image.link(path, target));
    image.import(&world.containerd)
}

/// A directory of the machine that an image must not reach, with a file in it.
fn secrets(world: &World) -> String {
    let directory = world.containerd.directory();
    fs::write(
        world.containerd.path(&format!("{directory}/file")),
        "a secret of the machine",
    )
    .expect("write");
    directory
}

/// What is in it besides that file.
fn intruders(world: &World, directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.containerd.path(directory)).expect("the directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| !path.ends_with("file")).collect()
}

fn mount_point(world: &World, runtime: Runtime) {
    let secrets = secrets(world);
    let up = format!("../../../../../../../..{secrets}");
    let image = with_links(world, runtime, &[("data", &secrets), ("up", &up)]);
    let volume = world.containerd.directory();
    fs::write(world.containerd.path(&format!("{volume}/mine")), "of the volume").expect("write");
    for (point, inside) in [
        ("/data", secrets.clone()),
        ("/data/below", format!("{secrets}/below")),
        ("/up/beside", format!("{secrets}/beside")),
    ] {
        // By the place where it is: WASI follows no absolute link, and runc's program would.
        let path = format!("{inside}/mine");
        let mut container = Spec::new(&world.containerd, runtime, &image)
            .bind(&volume, point, "ro")
            .args(["read", &path, "read", &format!("{secrets}/file"), "wait"])
            .start();
        assert_eq!(container.line(&format!("read {path}: ")), "\"of the volume\"");
        assert_eq!(container.line(&format!("read {secrets}/file: ")), "ENOENT");
        let _ = container.line("waiting");
        assert_eq!(intruders(world, &secrets), [] as [PathBuf; 0]);
        container.kill("SIGKILL");
        assert_eq!(container.finish().status.code(), Some(137));
    }
    assert_eq!(intruders(world, &secrets), [] as [PathBuf; 0]);
}

fn entry_point(world: &World, runtime: Runtime) {
    let secrets = secrets(world);
    let outside = format!("{secrets}/file");
    let image = with_links(
        world,
        runtime,
        &[
            ("absolute", "/bin/container"),
            ("up", "../../../../../../bin/container"),
            ("outside", &outside),
            ("loop", "loop"),
        ],
    );
    for name in ["/absolute", "/up"] {
        let spec = Spec::new(&world.containerd, runtime, &image);
        let output = spec.entry_point(&[name, "say", "inside"]).finish();
        assert_eq!(output.stdout, "inside\n", "{output}");
    }
    for name in ["/outside", "/loop"] {
        let spec = Spec::new(&world.containerd, runtime, &image);
        let output = spec.entry_point(&[name, "say", "inside"]).finish();
        assert!(!output.status.success(), "{output}");
        assert!(!output.stderr.contains("a secret"), "{output}");
        assert_eq!(output.stdout, "", "{output}");
    }
}

/// A script in a root that the test has made itself, with things that no tar has.
struct Root {
    /// Within containerd's file systems, and as a path of the machine.
    inside: String,
    path: PathBuf,
}

impl Root {
    fn new(world: &World) -> Self {
        let inside = world.containerd.directory();
        let path = world.containerd.path(&inside);
        fs::create_dir(path.join("etc")).expect("make a directory");
        fs::write(path.join("a.js"), "console.log('it runs')").expect("write");
        Self { inside, path }
    }

    fn spec<'a>(&self, world: &'a World) -> Spec<'a> {
        Spec::of_directory(&world.containerd, Runtime::Guestnet, &self.inside)
    }
}

fn resolver_links(world: &World) {
    let secrets = secrets(world);
    let hosts = world.containerd.path(&format!("{secrets}/file"));
    fs::write(hosts, "10.6.6.6 of-the-machine\n").expect("write");
    let network = Network::new(&world.containerd, &[]);
    let act = fs::read(guestnet_tests::guest("wasip1", "app_act")).expect("a built guest");
    for target in [
        format!("{secrets}/file"),
        format!("../../../../../../..{secrets}/file"),
        "/inside/hosts".to_owned(),
        "../inside/hosts".to_owned(),
        "/proc/self/fd/0".to_owned(),
        "hosts".to_owned(),
    ] {
        let image = Image::builder()
            .file("app_act.wasm", &act)
            .file("inside/hosts", b"10.5.5.5 of-the-image\n")
            .link("etc/hosts", &target)
            .link("etc/resolv.conf", &target)
            .entry_point(&["/app_act.wasm"])
            .import(&world.containerd);
        let output = Spec::new(&world.containerd, Runtime::Guestnet, &image)
            .network(&network)
            .annotation("allow-resolve", "*")
            .args(["resolve of-the-machine 4", "resolve of-the-image 4"])
            .finish();
        let lines: Vec<&str> = output.stdout.lines().collect();
        for (line, name) in lines.iter().zip(["of-the-machine", "of-the-image"]) {
            assert!(
                line.starts_with(&format!("resolve {name} 4: EAI_")),
                "{target} {output}"
            );
        }
        assert_eq!(lines.len(), 2, "{target} {output}");
    }
}

fn annotation_links(world: &World) {
    let secrets = secrets(world);
    let root = Root::new(world);
    std::os::unix::fs::symlink(format!("{secrets}/file"), root.path.join("outside")).expect("link");
    std::os::unix::fs::symlink(&secrets, root.path.join("directory")).expect("link");
    for (name, path) in [
        ("policy-file", "/outside"),
        ("policy-file", "/../../../../../../../../run/config.toml"),
        ("hosts", "/outside"),
        ("audit", "/directory/audit"),
        ("trace", "/directory/trace"),
    ] {
        let output = root
            .spec(world)
            .annotation(name, path)
            .entry_point(&["/a.js"])
            .finish();
        assert!(!output.status.success(), "{name} {output}");
        assert!(!output.stderr.contains("a secret"), "{name} {output}");
        assert_eq!(output.stdout, "", "{name} {output}");
        assert_eq!(intruders(world, &secrets), [] as [PathBuf; 0], "{name}");
        let unchanged = fs::read_to_string(world.containerd.path(&format!("{secrets}/file"))).expect("read");
        assert_eq!(unchanged, "a secret of the machine");
    }
}

fn no_files(world: &World) {
    let root = Root::new(world);
    for name in ["fifo", "etc/hosts"] {
        let _ = world
            .containerd
            .program("mkfifo")
            .arg(format!("{}/{name}", root.inside))
            .finish()
            .success();
    }
    let device = ["zero", "c", "1", "5"];
    let _ = world
        .containerd
        .program("mknod")
        .arg(format!("{}/{}", root.inside, device[0]))
        .args(&device[1..])
        .finish()
        .success();
    for file in ["/fifo", "/zero", "/etc"] {
        let started = root.spec(world).entry_point(&[file]).finish();
        assert!(!started.status.success(), "{file} {started}");
        for name in ["policy-file", "hosts", "audit"] {
            let output = root
                .spec(world)
                .annotation(name, file)
                .entry_point(&["/a.js"])
                .finish();
            assert!(!output.status.success(), "{name} {file} {output}");
            assert!(output.stderr.contains(file), "{name} {file} {output}");
            assert_eq!(output.stdout, "", "{name} {file} {output}");
        }
    }
    // Hosts that are a fifo are no hosts, or no container; they are not waited for.
    let output = root.spec(world).entry_point(&["/a.js"]).finish();
    assert!(
        output.stdout == "it runs\n" || !output.status.success(),
        "{output}"
    );
}

fn huge(world: &World) {
    const SIZE: u64 = 64 << 30;
    let root = Root::new(world);
    for name in ["huge.wasm", "huge.js", "etc/hosts", "policy.toml"] {
        // Nothing but a length: the file takes no room.
        let file = File::create(root.path.join(name)).expect("make a file");
        file.set_len(SIZE).expect("make it long");
    }
    for (name, annotation) in [
        ("/huge.wasm", None),
        ("/huge.js", None),
        ("/a.js", Some("policy-file")),
    ] {
        let spec = root.spec(world).option("--memory-limit", &(64 << 20).to_string());
        let spec = annotation.map_or(spec, |_| {
            Spec::annotation(root.spec(world), "policy-file", "/policy.toml")
        });
        let output = spec.entry_point(&[name]).finish();
        assert!(!output.status.success(), "{name} {output}");
        assert_eq!(output.stdout, "", "{name} {output}");
    }
    let shims = world.containerd.processes();
    assert!(!shims.iter().any(|(_, line)| line.contains("huge")), "{shims:?}");
}

fn many_links(world: &World) {
    let root = Root::new(world);
    for n in 0..1000 {
        let target = format!("link-{}.js", n + 1);
        std::os::unix::fs::symlink(target, root.path.join(format!("link-{n}.js"))).expect("link");
    }
    std::os::unix::fs::symlink("a.js", root.path.join("link-1000.js")).expect("link");
    let output = root.spec(world).entry_point(&["/link-0.js"]).finish();
    assert!(!output.status.success(), "{output}");
    assert!(output.stderr.contains("link-0"), "{output}");
    let output = root.spec(world).entry_point(&["/link-990.js"]).finish();
    assert_eq!(output.stdout, "it runs\n", "{output}");
}
