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
            sentence: shown(sentence.into()),
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

/// A sentence as it is shown: what an image or an annotation has put into it does not act on a terminal, and what std adds to the
/// system's own words, as ` (os error 2)`, is left out.
pub(crate) fn shown(mut sentence: String) -> String {
    const BEGINNING: &str = " (os error ";
    while let Some(start) = sentence.find(BEGINNING) {
        let rest = sentence.get(start..).unwrap_or_default();
        let end = rest.find(')').map_or(sentence.len(), |end| start + end + 1);
        sentence.replace_range(start..end, "");
    }
    guestnet_cli::visible(&sentence)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_shown_without_numbers_and_without_controls() {
        for (with, without) in [
            (
                "cannot open /x: No such file (os error 2)",
                "cannot open /x: No such file",
            ),
            ("a (os error 2): b (os error 3)", "a: b"),
            ("a (os error ü", "a"),
            ("a \u{1b}[31mred\n", "a \\u{1b}[31mred\\n"),
            ("", ""),
        ] {
            assert_eq!(shown(with.to_owned()), without);
        }
    }
}
