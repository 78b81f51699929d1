//! [`Refusal`]: why something that containerd asked for is not done.

use containerd_shim_protos::ttrpc::{self, Code};

/// One sentence, and what kind of error containerd takes it for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) sentence: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Refusal {
        Refusal {
            code,
            sentence: sentence.into(),
        }
    }

    /// The system refused it.
    pub(crate) fn failed(sentence: impl Into<String>) -> Refusal {
        Refusal::new(Code::UNKNOWN, sentence)
    }

    /// A runtime of guests has no such thing.
    pub(crate) fn unsupported(sentence: impl Into<String>) -> Refusal {
        Refusal::new(Code::UNIMPLEMENTED, sentence)
    }
}

impl From<String> for Refusal {
    fn from(sentence: String) -> Refusal {
        Refusal::failed(sentence)
    }
}

impl From<Refusal> for ttrpc::Error {
    fn from(refusal: Refusal) -> ttrpc::Error {
        ttrpc::Error::RpcStatus(ttrpc::get_status(refusal.code, refusal.sentence))
    }
}
