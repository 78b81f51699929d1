//! The guest's directories: where its paths lead, and nowhere else. (Placeholder.)

use std::io::Read;

use cap_std::fs::Dir;
use guestnet_core::{Errno, Host, Result};

use crate::native::Member;

/// The directories that a script may see, each with its name in the guest.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    list: Vec<(String, Dir)>,
}

impl Directories {
    /// Adds a directory under a name of the guest's.
    pub(crate) fn add(&mut self, guest: &str, dir: Dir) {
        self.list.push((guest.to_owned(), dir));
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, ….
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>> {
        for (name, dir) in &self.list {
            let Some(rest) = path.strip_prefix(name.as_str()) else {
                continue;
            };
            let mut bytes = Vec::new();
            if let Ok(mut file) = dir.open(rest.trim_start_matches('/')) {
                return file.read_to_end(&mut bytes).map(|_| bytes).map_err(|_| Errno::Io);
            }
        }
        Err(Errno::Noent)
    }
}

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    Vec::new()
}
