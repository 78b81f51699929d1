//! Containers under containerd: our shim, and runc as the oracle of what does not depend on who runs a container.
//!
//! containerd is one for all tests, started by the first of them; see `guestnet_tests::containers`.

mod files;
mod guests;
mod hostile;
mod image;
mod lifecycle;
mod manifests;
mod policy;
mod restart;

use guestnet_tests::containers::{Containerd, Image, Network, Runtime, Spec};
use guestnet_tests::{guest, native_guest};
use libtest_mimic::{Arguments, Conclusion, Trial};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::OnceLock;

/// The name of a test, and what it does.
type Test = (&'static str, fn(&World));

/// The name of a behaviour, and what shows it under each runtime.
type Behaviour = (&'static str, fn(&World, Runtime));

/// containerd, and the images that more than one test uses.
struct World {
    containerd: Containerd,
    native: OnceLock<Image>,
    module: OnceLock<Image>,
    act: OnceLock<Image>,
}

/// What allows one address and nothing else. It is a file of the image of app_act.
const POLICY: &str = "[connect]\nallow = [\"10.1.2.3\"]\n";

impl World {
    fn new(containerd: Containerd) -> Self {
        Self {
            containerd,
            native: OnceLock::new(),
            module: OnceLock::new(),
            act: OnceLock::new(),
        }
    }

    /// guests/go/container, as the runtime wants it.
    fn program(&self, runtime: Runtime) -> Spec<'_> {
        let image = match runtime {
            Runtime::Runc => self
                .native
                .get_or_init(|| self.image("container", &native_guest("go", "container"))),
            Runtime::Guestnet => self
                .module
                .get_or_init(|| self.image("container.wasm", &guest("go", "container"))),
        };
        Spec::new(&self.containerd, runtime, image)
    }

    /// app_act, which does on the network what its arguments say, one action after the other.
    fn act(&self) -> &Image {
        self.act.get_or_init(|| {
            let act = fs::read(guest("wasip1", "app_act")).expect("a built guest");
            Image::builder()
                .file("app_act.wasm", &act)
                .file("etc/policy.toml", POLICY.as_bytes())
                .entry_point(&["/app_act.wasm"])
                .import(&self.containerd)
        })
    }

    /// An image whose entry point is one file of the build.
    fn image(&self, name: &str, file: &Path) -> Image {
        let content = fs::read(file).expect("a built guest");
        Image::builder()
            .file(name, &content)
            .directory("tmp")
            .entry_point(&[&format!("/{name}")])
            .env(&["OF_THE_IMAGE=yes"])
            .import(&self.containerd)
    }
}

/// The answer to a request by HTTP in a network.
fn get(network: &Network, address: &str, path: &str) -> String {
    network.within(|| {
        let mut stream = TcpStream::connect(address).expect("connect");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    })
}

static WORLD: OnceLock<Result<World, String>> = OnceLock::new();

fn world() -> &'static World {
    let world = WORLD.get_or_init(|| Containerd::start().map(World::new));
    world.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let behaviours = [
        ("files", files::BEHAVIOURS),
        ("hostile", hostile::BEHAVIOURS),
        ("lifecycle", lifecycle::BEHAVIOURS),
        ("restart", restart::BEHAVIOURS),
    ];
    for (part, behaviours) in behaviours {
        for (name, behaviour) in behaviours {
            for (runtime, named) in [(Runtime::Runc, "runc"), (Runtime::Guestnet, "shim")] {
                trials.push(Trial::test(
                    format!("containerd_{named}::{part}::{name}"),
                    move || {
                        behaviour(world(), runtime);
                        Ok(())
                    },
                ));
            }
        }
    }
    let tests = [
        ("files", files::TESTS),
        ("guests", guests::TESTS),
        ("hostile", hostile::TESTS),
        ("manifests", manifests::TESTS),
        ("policy", policy::TESTS),
    ];
    for (part, tests) in tests {
        for (name, test) in tests {
            trials.push(Trial::test(
                format!("containerd_shim::{part}::{name}"),
                move || {
                    test(world());
                    Ok(())
                },
            ));
        }
    }
    for (name, test) in image::TESTS {
        trials.push(Trial::test(
            format!("containerd_runc::image::{name}"),
            move || {
                test(world());
                Ok(())
            },
        ));
    }
    let mut conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(Ok(world)) = WORLD.get()
        && let Err(left) = world.containerd.stop()
    {
        failed(&mut conclusion, &left);
    }
    conclusion.exit();
}

/// What remains after the last test is a failure of the suite.
#[expect(clippy::print_stdout, reason = "it is said where the tests' own failures are")]
fn failed(conclusion: &mut Conclusion, left: &str) {
    println!("{left}");
    conclusion.num_failed += 1;
}
