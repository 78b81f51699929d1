//! What containerd 2.3 and later give the command `start` on standard input, and how they want the address of the shim. Before,
//! the same stood in flags and in the environment, and the answer was the address alone.

use std::io::{IsTerminal, Read};

use containerd_shim_protos::TASK_API_VERSION;
use containerd_shim_protos::bootstrap_api::{BootstrapParams, BootstrapResult};
use containerd_shim_protos::protobuf::Message;

/// The most that is read.
const MOST: u64 = 1 << 20;

/// What stands on standard input for a container, if it is of that kind.
pub(crate) fn read(id: &str, namespace: &str) -> Option<BootstrapParams> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return None;
    }
    let mut bytes = Vec::new();
    input.lock().take(MOST).read_to_end(&mut bytes).ok()?;
    parse(&bytes, id, namespace)
}

/// Older ones write the options of the runtime there, whose type and value can be read as an id and a namespace: not as these.
fn parse(bytes: &[u8], id: &str, namespace: &str) -> Option<BootstrapParams> {
    let parameters = BootstrapParams::parse_from_bytes(bytes).ok()?;
    let ours = !id.is_empty() && parameters.instance_id == id && parameters.namespace == namespace;
    ours.then_some(parameters)
}

/// The answer to them.
pub(crate) fn answer(address: &str) -> Result<Vec<u8>, String> {
    let mut result = BootstrapResult::new();
    result.version = TASK_API_VERSION;
    address.clone_into(&mut result.address);
    "ttrpc".clone_into(&mut result.protocol);
    result.write_to_bytes().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use containerd_shim_protos::protobuf::well_known_types::any::Any;

    #[test]
    fn parameters_are_told_from_the_options_of_older_ones() {
        let mut parameters = BootstrapParams::new();
        parameters.instance_id = "id".to_owned();
        parameters.namespace = "space".to_owned();
        parameters.containerd_ttrpc_address = "/run/c.sock.ttrpc".to_owned();
        let bytes = parameters.write_to_bytes().unwrap();
        assert_eq!(parse(&bytes, "id", "space"), Some(parameters));
        assert_eq!(parse(&bytes, "other", "space"), None);
        let mut options = Any::new();
        options.type_url = "containerd.runc.v1.Options".to_owned();
        options.value = b"x".to_vec();
        assert_eq!(parse(&options.write_to_bytes().unwrap(), "id", "space"), None);
        for bytes in [&b""[..], b"\xff\xff\xff", b"unix:///x"] {
            assert_eq!(parse(bytes, "", ""), None);
        }
    }

    #[test]
    fn the_answer_has_the_address_and_the_version_of_the_interface() {
        let result = BootstrapResult::parse_from_bytes(&answer("unix:///s").unwrap()).unwrap();
        assert_eq!(
            (result.address.as_str(), result.protocol.as_str()),
            ("unix:///s", "ttrpc")
        );
        assert_eq!(result.version, 3);
    }
}
