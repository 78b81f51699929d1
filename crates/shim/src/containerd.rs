//! [`Containerd`]: what a container's process asks the containerd that has made it. Its API has a hundred messages; six fields of
//! them are read here, by their numbers.

use std::time::Duration;

use containerd_shim_protos::protobuf::rt::WireType;
use containerd_shim_protos::protobuf::{self, CodedInputStream, CodedOutputStream};
use serde::{Deserialize, Serialize};

use crate::grpc::{Client, Failure};

/// How long all questions of a container may take together: less than the shim waits for its process.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a containerd is, and which of its namespaces is meant.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Containerd {
    /// Its socket.
    pub(crate) address: String,
    pub(crate) namespace: String,
}

/// What is in containerd's store of contents, and how that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// Where contents are read.
pub(crate) trait Store {
    /// Hands over a content piece by piece, in order, until `each` has enough and says false.
    ///
    /// # Errors
    /// There is none of this digest, or it cannot be read.
    fn read(&mut self, digest: &str, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Failure>;
}

impl Containerd {
    /// Connects to it.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn connect(&self) -> Result<Session, Failure> {
        let metadata = [("containerd-namespace", self.namespace.as_str())];
        Client::connect(&self.address, &metadata, PATIENCE).map(Session)
    }
}

/// A connection to containerd.
#[derive(Debug)]
pub(crate) struct Session(Client);

impl Session {
    /// The target of the image of a container: its manifest, or its index. None if the container is made of no image.
    ///
    /// # Errors
    /// containerd has no such container, or no such image any more, or does not answer.
    pub(crate) fn image(&mut self, container: &str) -> Result<Option<Blob>, Failure> {
        let question = text(1, container)?;
        let answer = self
            .0
            .ask("/containerd.services.containers.v1.Containers/Get", &question)?;
        // GetContainerResponse.container.image
        let image = string(&bytes(&bytes(&answer, 1)?, 3)?)?;
        if image.is_empty() {
            return Ok(None);
        }
        let answer = self
            .0
            .ask("/containerd.services.images.v1.Images/Get", &text(1, &image)?);
        let answer = answer.map_err(|failure| match failure {
            Failure::Missing => Failure::Broken(format!("it has no image {image}")),
            broken @ Failure::Broken(_) => broken,
        })?;
        // GetImageResponse.image.target
        let target = bytes(&bytes(&answer, 1)?, 3)?;
        Ok(Some(Blob {
            media_type: string(&bytes(&target, 1)?)?,
            digest: string(&bytes(&target, 2)?)?,
            size: number(&target, 3)?,
        }))
    }
}

impl Store for Session {
    fn read(&mut self, digest: &str, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Failure> {
        let mut failure = None;
        let question = text(1, digest)?;
        let method = "/containerd.services.content.v1.Content/Read";
        // ReadContentResponse.data
        self.0
            .ask_for_all(method, &question, &mut |message| match bytes(message, 2) {
                Ok(data) => each(&data),
                Err(error) => {
                    failure = Some(error);
                    false
                }
            })?;
        failure.map_or(Ok(()), Err)
    }
}

/// A message of one field.
fn text(field: u32, value: &str) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    let mut output = CodedOutputStream::vec(&mut message);
    output
        .write_string(field, value)
        .and_then(|()| output.flush())
        .map_err(garbled)?;
    drop(output);
    Ok(message)
}

/// A field of a message that is bytes, a text or a message; empty if there is none.
fn bytes(message: &[u8], field: u32) -> Result<Vec<u8>, Failure> {
    let mut found = Vec::new();
    each_field(message, |number, kind, input| {
        let is_it = number == field && kind == WireType::LengthDelimited;
        if is_it {
            found = input.read_bytes()?;
        }
        Ok(is_it)
    })?;
    Ok(found)
}

/// A field of a message that is a number, and no negative one; 0 if there is none.
fn number(message: &[u8], field: u32) -> Result<u64, Failure> {
    let mut found = 0;
    each_field(message, |number, kind, input| {
        let is_it = number == field && kind == WireType::Varint;
        if is_it {
            found = input.read_int64()?;
        }
        Ok(is_it)
    })?;
    u64::try_from(found).map_err(|_| Failure::Broken("a size is negative".to_owned()))
}

/// Goes through the fields of a message; `take` reads one and says true, or leaves it and says false.
fn each_field(
    message: &[u8],
    mut take: impl FnMut(u32, WireType, &mut CodedInputStream<'_>) -> protobuf::Result<bool>,
) -> Result<(), Failure> {
    let mut input = CodedInputStream::from_bytes(message);
    while let Some(tag) = input.read_raw_tag_or_eof().map_err(garbled)? {
        let kind =
            WireType::new(tag & 7).ok_or_else(|| Failure::Broken("a message is garbled".to_owned()))?;
        if !take(tag >> 3, kind, &mut input).map_err(garbled)? {
            input.skip_field(kind).map_err(garbled)?;
        }
    }
    Ok(())
}

fn string(bytes: &[u8]) -> Result<String, Failure> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Failure::Broken("a text is not UTF-8".to_owned()))
}

fn garbled(error: protobuf::Error) -> Failure {
    Failure::Broken(format!("a message is garbled: {error}"))
}
