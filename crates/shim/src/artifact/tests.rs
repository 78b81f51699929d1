//! Images that are artifacts, and those that say so: from a store in memory, and from a containerd of the test at a socket.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::stand_in::{Answer, StandIn, field, sized};

const LAYER: &str = "application/wasm";

/// Contents by their digests.
#[derive(Clone, Debug, Default)]
struct Contents(BTreeMap<String, Vec<u8>>);

impl Contents {
    fn add(&mut self, content: &[u8]) -> String {
        let hash = Sha256::digest(content);
        let digest = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let digest = format!("sha256:{digest}");
        self.0.insert(digest.clone(), content.to_vec());
        digest
    }

    /// A descriptor of a content that is added.
    fn of(&mut self, media_type: &str, content: &[u8]) -> Value {
        json!({"mediaType": media_type, "digest": self.add(content), "size": content.len()})
    }

    fn json(&mut self, media_type: &str, content: &Value) -> Value {
        self.of(media_type, content.to_string().as_bytes())
    }

    fn manifest(&mut self, config: &str, layers: &[Value]) -> Value {
        let config = self.of(config, b"{}");
        self.json(MANIFESTS[0], &json!({"config": config, "layers": layers}))
    }

    /// An artifact with a guest of these bytes.
    fn artifact(&mut self, guest: &[u8]) -> Value {
        let layer = self.of(LAYER, guest);
        self.manifest(CONFIG, &[layer])
    }
}

impl Store for Contents {
    fn read(&mut self, digest: &str, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Failure> {
        let content = self.0.get(digest).ok_or(Failure::Missing)?;
        let _ = content.chunks(7).all(each);
        Ok(())
    }
}

fn blob(descriptor: &Value) -> Blob {
    serde_json::from_value::<Descriptor>(descriptor.clone())
        .unwrap()
        .into()
}

/// The digest of the layer that is found, or why there is none.
fn found(contents: &Contents, target: &Value) -> Result<String, NoArtifact> {
    layer(&mut contents.clone(), blob(target)).map(|layer| layer.digest)
}

fn reason(result: Result<String, NoArtifact>) -> String {
    match result {
        Err(NoArtifact::Refused(sentence)) => sentence,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn the_one_layer_of_wasm_is_found_under_all_its_names() {
    for media_type in LAYERS {
        for config in [CONFIG, "application/vnd.oci.image.config.v1+json"] {
            let mut contents = Contents::default();
            let layer = contents.of(media_type, b"guest");
            let other = contents.of("text/plain", b"a licence");
            let target = contents.manifest(config, &[other, layer.clone()]);
            assert_eq!(
                found(&contents, &target).unwrap(),
                layer["digest"],
                "{media_type} {config}"
            );
        }
    }
}

#[test]
fn an_image_with_a_file_system_is_none() {
    let mut contents = Contents::default();
    let layer = contents.of("application/vnd.oci.image.layer.v1.tar+gzip", b"tar");
    let target = contents.manifest("application/vnd.oci.image.config.v1+json", &[layer]);
    assert_eq!(found(&contents, &target), Err(NoArtifact::Ordinary));
    let other = contents.of("application/x", b"{}");
    assert_eq!(found(&contents, &other), Err(NoArtifact::Ordinary));
    let empty = contents.json(MANIFESTS[1], &json!({"config": null, "layers": null}));
    assert_eq!(found(&contents, &empty), Err(NoArtifact::Ordinary));
}

#[test]
fn of_an_index_the_platform_of_guests_comes_first_and_other_machines_never() {
    let with = |mut descriptor: Value, os: &str, architecture: &str| {
        descriptor["platform"] = json!({"os": os, "architecture": architecture});
        descriptor
    };
    let mut contents = Contents::default();
    let bare = contents.artifact(b"no platform");
    let other = with(contents.artifact(b"other"), "plan9", "mips");
    let go = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let native = with(contents.artifact(b"this machine"), std::env::consts::OS, go);
    let first = with(contents.artifact(b"first"), "wasip2", "wasm");
    let second = with(contents.artifact(b"second"), "wasip1", "wasm");
    let all = [&other, &bare, &native, &first, &second];
    for (left, guest) in [(5, "first"), (3, "this machine"), (2, "no platform")] {
        let index = contents.json(INDEXES[0], &json!({"manifests": &all[..left]}));
        assert_eq!(
            found(&contents, &index).unwrap(),
            contents.add(guest.as_bytes()),
            "{guest}"
        );
    }
    let index = contents.json(INDEXES[1], &json!({"manifests": [other]}));
    assert_eq!(found(&contents, &index), Err(NoArtifact::Ordinary));
    // An image for the machine beside the artifact.
    let tar = contents.of("application/vnd.oci.image.layer.v1.tar", b"tar");
    let image = contents.manifest("application/vnd.oci.image.config.v1+json", &[tar]);
    let index = contents.json(
        INDEXES[0],
        &json!({"manifests": [with(image, std::env::consts::OS, go), bare]}),
    );
    assert_eq!(found(&contents, &index).unwrap(), contents.add(b"no platform"));
}

#[test]
fn what_is_no_artifact_that_is_run_is_one_sentence() {
    let mut contents = Contents::default();
    let one = contents.of(LAYER, b"1");
    let two = contents.of(LAYERS[1], b"2");
    let both = contents.manifest(CONFIG, &[one, two]);
    assert_eq!(
        reason(found(&contents, &both)),
        "the container's image has 2 layers of Wasm, and a guest is one"
    );
    let none = contents.manifest(CONFIG, &[]);
    assert_eq!(
        reason(found(&contents, &none)),
        "the container's image has no layer of Wasm"
    );
    for text in [
        "",
        "7",
        "{\"layers\":7}",
        "{\"layers\":[{\"size\":-1}]}",
        "\u{0}",
        "[[[[",
    ] {
        let target = contents.of(MANIFESTS[0], text.as_bytes());
        assert_eq!(
            reason(found(&contents, &target)),
            "the container's image has a manifest that is none",
            "{text}"
        );
    }
}

#[test]
fn indexes_without_an_end_are_left() {
    let mut contents = Contents::default();
    let mut deep = contents.artifact(b"guest");
    for _ in 0..MOST_MANIFESTS {
        deep = contents.json(INDEXES[0], &json!({"manifests": [deep]}));
    }
    let many: Vec<Value> = (0..=MOST_MANIFESTS)
        .map(|number| contents.json(INDEXES[0], &json!({"n": number})))
        .collect();
    let wide = contents.json(INDEXES[0], &json!({"manifests": many}));
    // Of digests that cannot be: a store that lies.
    let itself = json!({"mediaType": INDEXES[0], "digest": wide["digest"], "size": wide["size"]});
    let cycle = json!({"manifests": [itself]}).to_string();
    for target in [&deep, &wide] {
        assert_eq!(
            reason(found(&contents, target)),
            "the container's image has more than 16 manifests for this platform"
        );
    }
    contents
        .0
        .insert(wide["digest"].as_str().unwrap().to_owned(), cycle.into_bytes());
    assert_eq!(
        reason(found(&contents, &wide)),
        "the container's image has a content that is not what its digest says"
    );
    let most: Vec<Value> = (0..MOST_MANIFESTS - 2)
        .map(|number| contents.json(INDEXES[0], &json!({"n": number})))
        .collect();
    let last = contents.artifact(b"guest");
    let all = [most, vec![last]].concat();
    let fits = contents.json(INDEXES[0], &json!({ "manifests": all }));
    assert_eq!(found(&contents, &fits).unwrap(), contents.add(b"guest"));
}

#[test]
fn a_content_has_its_size_and_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let mut contents = Contents::default();
    let digest = contents.add(b"a guest of some bytes");
    let mut keep_as = |digest: &str, size: u64, memory: Option<u64>, name: &str| {
        let layer = Blob {
            media_type: LAYER.to_owned(),
            digest: digest.to_owned(),
            size,
        };
        keep(&mut contents, &layer, &directory.path().join(name), memory).map(|_| String::new())
    };
    assert!(keep_as(&digest, 21, Some(21), "good").is_ok());
    let kept = directory.path().join("good");
    assert_eq!(std::fs::read(&kept).unwrap(), b"a guest of some bytes");
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o444);
    let not_its_digest = "the container's image has a content that is not what its digest says";
    assert_eq!(reason(keep_as(&digest, 20, None, "longer")), not_its_digest);
    assert_eq!(reason(keep_as(&digest, 22, None, "shorter")), not_its_digest);
    let no_digest = "the container's image has a digest that is not one of sha256";
    for wrong in [
        "",
        "sha256:",
        "sha512:0",
        "../../etc/passwd",
        &digest.to_uppercase(),
        &format!("{digest}0"),
    ] {
        assert_eq!(reason(keep_as(wrong, 21, None, "wrong")), no_digest, "{wrong}");
        std::fs::remove_file(directory.path().join("wrong")).unwrap();
    }
    let zeros = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        reason(keep_as(&zeros, 21, None, "missing")),
        "the container's image is not whole: containerd does not have all of it"
    );
    // Refused by what it says, before anything is read.
    let large = "the container's image is a guest of more than 256 MiB";
    assert_eq!(reason(keep_as(&zeros, MOST + 1, None, "large")), large);
    assert_eq!(reason(keep_as(&zeros, u64::MAX, None, "largest")), large);
    assert_eq!(
        reason(keep_as(&digest, 21, Some(20), "memory")),
        "the container's image is a guest that is larger than the container's memory"
    );
    assert!(!directory.path().join("large").exists() && !directory.path().join("memory").exists());
    // No link that is there already leads the guest elsewhere.
    std::os::unix::fs::symlink("elsewhere", directory.path().join("link")).unwrap();
    assert!(keep_as(&digest, 21, None, "link").is_err());
    assert!(!directory.path().join("elsewhere").exists());
}

#[test]
fn a_manifest_of_gigabytes_is_not_read() {
    let mut contents = Contents::default();
    let mut target = contents.artifact(b"guest");
    target["size"] = json!(MOST_MANIFEST + 1);
    assert_eq!(
        reason(found(&contents, &target)),
        "the container's image has a manifest of more than 4 MiB"
    );
    target["size"] = json!(1);
    assert_eq!(
        reason(found(&contents, &target)),
        "the container's image has a content that is not what its digest says"
    );
}

/// A containerd that has one container, `c`, of the image `i`.
fn containerd(contents: Contents, target: &Value) -> StandIn {
    let image = [
        field(1, b"i"),
        field(
            3,
            &[
                field(1, target["mediaType"].as_str().unwrap().as_bytes()),
                field(2, target["digest"].as_str().unwrap().as_bytes()),
                sized(3, target["size"].as_u64().unwrap()),
            ]
            .concat(),
        ),
    ]
    .concat();
    StandIn::start(move |method, question| match (method, question) {
        ("/containerd.services.containers.v1.Containers/Get", question) if question == field(1, b"c") => {
            Answer::messages([field(1, &[field(1, b"c"), sized(9, 7), field(3, b"i")].concat())])
        }
        ("/containerd.services.images.v1.Images/Get", question) if question == field(1, b"i") => {
            Answer::messages([field(1, &image)])
        }
        ("/containerd.services.content.v1.Content/Read", question) => {
            let named = contents
                .0
                .iter()
                .find(|(digest, _)| question == field(1, digest.as_bytes()));
            let Some((_, content)) = named else {
                return Answer::status("5");
            };
            let mut offset = 0;
            Answer::messages(content.chunks(1 << 20).map(|piece| {
                let message = [sized(1, offset), field(2, piece)].concat();
                offset += piece.len() as u64;
                message
            }))
        }
        _ => Answer::status("5"),
    })
}

fn fetched(containerd: &StandIn, container: &str) -> Result<Vec<u8>, NoArtifact> {
    let directory = tempfile::tempdir().unwrap();
    let asked = Containerd {
        address: containerd.address(),
        namespace: StandIn::NAMESPACE.to_owned(),
    };
    let file = fetch(&asked, container, directory.path(), None);
    if file.is_err() {
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
    crate::files::read_all(file?, MOST).map_err(|error| panic!("{error}"))
}

#[test]
fn a_guest_is_fetched_from_containerd() {
    let mut contents = Contents::default();
    // More than may be on its way at once.
    let guest: Vec<u8> = (0..5 << 20).map(|number: u32| number.to_le_bytes()[1]).collect();
    let target = contents.artifact(&guest);
    let server = containerd(contents.clone(), &target);
    assert!(fetched(&server, "c").unwrap() == guest);
    assert_eq!(fetched(&server, "another"), Err(NoArtifact::Ordinary));
    // The last byte is another one.
    let digest = contents.add(&guest);
    *contents.0.get_mut(&digest).unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(
        fetched(&containerd(contents.clone(), &target), "c"),
        Err(refused("has a content that is not what its digest says"))
    );
    contents.0.remove(&digest);
    assert_eq!(
        fetched(&containerd(contents, &target), "c"),
        Err(refused("is not whole: containerd does not have all of it"))
    );
}

#[test]
fn a_containerd_that_has_gone_or_is_another_one_is_said() {
    let gone = Containerd {
        address: "/nowhere/containerd.sock".to_owned(),
        namespace: "n".to_owned(),
    };
    let directory = tempfile::tempdir().unwrap();
    let answer = fetch(&gone, "c", directory.path(), None).unwrap_err();
    assert!(
        matches!(&answer, NoArtifact::Unknown(sentence) if sentence.starts_with("No such file")),
        "{answer:?}"
    );
    let old = StandIn::start(|_, _| Answer::status("12"));
    assert_eq!(
        fetched(&old, "c"),
        Err(NoArtifact::Unknown("the status is 12".to_owned()))
    );
    let garbled = StandIn::start(|_, _| Answer::messages([vec![0xff; 9]]));
    let answer = fetched(&garbled, "c").unwrap_err();
    assert!(
        matches!(&answer, NoArtifact::Unknown(sentence) if sentence.starts_with("a message is garbled")),
        "{answer:?}"
    );
    // A container of no image.
    let bare = StandIn::start(|_, _| Answer::messages([field(1, &field(1, b"c"))]));
    assert_eq!(fetched(&bare, "c"), Err(NoArtifact::Ordinary));
    let removed = StandIn::start(|method, _| match method {
        "/containerd.services.containers.v1.Containers/Get" => Answer::messages([field(1, &field(3, b"i"))]),
        _ => Answer::status("5"),
    });
    assert_eq!(
        fetched(&removed, "c"),
        Err(NoArtifact::Unknown("it has no image i".to_owned()))
    );
}
