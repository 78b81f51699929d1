//! The files of examples/kubernetes, which docs/containers.md shows: what the deployment says runs under the shim, and containerd takes
//! the configuration.

use crate::{Test, World, get};
use guestnet_tests::containers::{Image, Network, Runtime, Spec};
use guestnet_tests::{docs, guest};
use std::fs;
use std::path::PathBuf;
use yaml_rust2::YamlLoader;

pub(crate) const TESTS: &[Test] = &[
    ("the_deployment_of_the_documentation_serves", deployment),
    (
        "the_configuration_of_the_documentation_is_one_of_containerd",
        configuration,
    ),
];

fn file(name: &str) -> PathBuf {
    docs::root().join("examples/kubernetes").join(name)
}

fn deployment(world: &World) {
    let text = fs::read_to_string(file("web.yaml")).expect("the deployment");
    let objects = YamlLoader::load_from_str(&text).expect("YAML");
    let pod = &objects[0]["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let image = Image::builder()
        .file(
            "app.wasm",
            &fs::read(guest("go", "http_server")).expect("a built guest"),
        )
        .entry_point(&["/app.wasm"])
        .import(&world.containerd);
    let network = Network::new(&world.containerd, &["10.1.2.3/32"]);
    let mut spec = Spec::new(&world.containerd, Runtime::Guestnet, &image).network(&network);
    for (name, value) in pod["metadata"]["annotations"].as_hash().expect("annotations") {
        let (name, value) = (name.as_str().expect("a name"), value.as_str().expect("a text"));
        spec = spec.option("--annotation", &format!("{name}={value}"));
    }
    assert_eq!(container["resources"]["limits"]["memory"].as_str(), Some("256Mi"));
    spec = spec.option("--memory-limit", &(256 << 20).to_string());
    if container["securityContext"]["readOnlyRootFilesystem"].as_bool() == Some(true) {
        spec = spec.flag("--read-only");
    }
    let arguments = container["args"].as_vec().expect("arguments");
    let port = container["ports"][0]["containerPort"].as_i64().expect("a port");
    let mut server = spec
        .args(arguments.iter().filter_map(|word| word.as_str()))
        .start();
    let _ = server.line("listening ");
    // As a probe asks.
    for probe in ["readinessProbe", "livenessProbe"] {
        let asked = ["httpGet", "tcpSocket"].map(|kind| container[probe][kind]["port"].as_i64());
        assert!(asked.contains(&Some(port)), "{probe}");
    }
    let path = container["readinessProbe"]["httpGet"]["path"]
        .as_str()
        .expect("a path");
    let address = format!("10.1.2.3:{port}");
    let answer = get(&network, &address, path);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let _ = get(&network, &address, "/quit");
    let ended = server.finish();
    assert_eq!(
        (ended.status.code(), ended.stderr.as_str()),
        (Some(0), ""),
        "{ended}"
    );
}

fn configuration(world: &World) {
    let dump = |name: &str| {
        let path = file(name).display().to_string();
        let dump = world.containerd.program("containerd");
        dump.args(["--config", &path, "config", "dump"])
            .finish()
            .success()
    };
    let version = world
        .containerd
        .program("containerd")
        .arg("--version")
        .finish()
        .success();
    // containerd 2 takes what is written for those before, and not the other way round.
    let mut files = vec!["containerd-1.toml"];
    if !version.contains(" 1.") && !version.contains(" v1.") {
        files.push("containerd-2.toml");
    }
    for name in files {
        let table: toml::Table = dump(name).parse().expect("TOML");
        let mut runtime = None;
        for plugin in table["plugins"].as_table().expect("plugins").values() {
            let found = ["containerd", "runtimes", "guestnet"]
                .iter()
                .try_fold(plugin, |at, key| at.get(key));
            runtime = runtime.or(found);
        }
        let runtime = runtime.unwrap_or_else(|| panic!("{name}: there is no runtime"));
        assert_eq!(
            runtime["runtime_type"].as_str(),
            Some("io.containerd.guestnet.v1"),
            "{name}"
        );
        assert_eq!(
            runtime["pod_annotations"],
            toml::Value::Array(vec!["dev.guestnet.*".into()]),
            "{name}"
        );
    }
}
