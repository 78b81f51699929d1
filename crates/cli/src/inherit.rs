//! Listeners of a service manager: `LISTEN_FDS` and `LISTEN_PID`, as systemd's sd_listen_fds(3) has them.

use std::os::fd::{OwnedFd, RawFd};

use crate::failure::Failure;
use crate::trust;

/// The first descriptor that is handed over (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// The most descriptors that are taken: far above what services have, so that a wrong number is an error early.
const MOST: u32 = 1024;

/// The variables of the protocol. They are this process's, not the guest's, once the listeners are taken over.
pub(crate) const VARIABLES: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDNAMES"];

/// What was taken over.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub(crate) sockets: Vec<OwnedFd>,
}

/// Takes over the descriptors that are meant for this process. To be called before anything is opened.
///
/// # Errors
/// `LISTEN_FDS` is not a number, or names a descriptor that is not open.
pub(crate) fn take_over() -> Result<Listeners, Failure> {
    let count = announced(|name| std::env::var(name).ok(), std::process::id())?;
    let numbers = (FIRST..).take(usize::try_from(count).unwrap_or(0));
    let take = |number| {
        trust::inherited_descriptor(number).map_err(|_| {
            Failure::failed(format!(
                "LISTEN_FDS is {count}, and descriptor {number} is not open"
            ))
        })
    };
    Ok(Listeners {
        sockets: numbers.map(take).collect::<Result<_, _>>()?,
    })
}

/// How many descriptors the environment announces to the process `pid`.
fn announced(var: impl Fn(&str) -> Option<String>, pid: u32) -> Result<u32, Failure> {
    // Another process's, which forgot to take them out of its children's environment.
    if var("LISTEN_PID").and_then(|text| text.parse().ok()) != Some(pid) {
        return Ok(0);
    }
    let Some(text) = var("LISTEN_FDS") else {
        return Ok(0);
    };
    match text.parse() {
        Ok(count) if count <= MOST => Ok(count),
        _ => Err(Failure::failed(format!(
            "LISTEN_FDS is `{text}`, which is not a number from 0 to {MOST}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pid: Option<&str>, fds: Option<&str>) -> Result<u32, Failure> {
        let var = |name: &str| match name {
            "LISTEN_PID" => pid.map(str::to_owned),
            "LISTEN_FDS" => fds.map(str::to_owned),
            _ => None,
        };
        announced(var, 42)
    }

    #[test]
    fn only_what_is_announced_to_this_process_is_taken() {
        assert_eq!(count(Some("42"), Some("2")), Ok(2));
        assert_eq!(count(Some("43"), Some("2")), Ok(0));
        assert_eq!(count(None, Some("2")), Ok(0));
        assert_eq!(count(Some("42"), None), Ok(0));
    }

    #[test]
    fn a_number_that_is_none_is_an_error() {
        for text in ["", "-1", "two", "1025", "99999999999"] {
            assert!(
                count(Some("42"), Some(text))
                    .unwrap_err()
                    .message
                    .contains("LISTEN_FDS is `")
            );
        }
    }
}
