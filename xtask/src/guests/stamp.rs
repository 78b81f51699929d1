//! Knows whether a product is current: a hash of its inputs is kept next to it.

use crate::Result;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Collects what a product is made from.
#[derive(Default, Clone)]
pub(super) struct Inputs(DefaultHasher);

impl Inputs {
    /// A word of the recipe: a flag, a tool's version.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        text.hash(&mut self.0);
        self
    }

    /// A file, by name and content.
    pub(super) fn file(&mut self, path: &Path) -> Result<&mut Self> {
        path.file_name().hash(&mut self.0);
        fs::read(path)
            .map_err(|error| format!("{}: {error}", path.display()))?
            .hash(&mut self.0);
        Ok(self)
    }

    /// Files, as [`Inputs::file`].
    pub(super) fn files(&mut self, paths: &[PathBuf]) -> Result<&mut Self> {
        for path in paths {
            self.file(path)?;
        }
        Ok(self)
    }

    pub(super) fn hash(&self) -> u64 {
        self.0.finish()
    }
}

/// Whether `output` exists and was made from `inputs`.
pub(super) fn is_current(out: &Path, output: &Path, inputs: Option<u64>) -> bool {
    let stamped = fs::read_to_string(stamp_of(out, output)).ok();
    output.exists() && inputs.is_some_and(|inputs| stamped == Some(format!("{inputs:016x}")))
}

/// Notes that `output` was made from `inputs`.
pub(super) fn write(out: &Path, output: &Path, inputs: Option<u64>) -> Result<()> {
    let Some(inputs) = inputs else { return Ok(()) };
    let stamp = stamp_of(out, output);
    let directory = stamp.parent().unwrap_or(out);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&stamp, format!("{inputs:016x}")))
        .map_err(|error| format!("{}: {error}", stamp.display()))
}

fn stamp_of(out: &Path, output: &Path) -> PathBuf {
    let name = output
        .strip_prefix(out)
        .unwrap_or(output)
        .to_string_lossy()
        .replace('/', "-");
    out.join(".stamps").join(name)
}

#[cfg(test)]
mod tests {
    use super::{Inputs, is_current, write};
    use std::fs;

    #[test]
    fn a_product_is_current_until_an_input_or_the_product_changes() {
        let out = std::env::temp_dir().join(format!("guestnet-stamp-{}", std::process::id()));
        fs::create_dir_all(&out).expect("a temporary directory");
        let output = out.join("guest.wasm");
        let one = Inputs::default().text("-O1").hash();
        let two = Inputs::default().text("-O2").hash();
        assert!(!is_current(&out, &output, Some(one)));
        fs::write(&output, "").expect("written");
        write(&out, &output, Some(one)).expect("stamped");
        assert!(is_current(&out, &output, Some(one)));
        assert!(!is_current(&out, &output, Some(two)));
        assert!(!is_current(&out, &output, None));
        fs::remove_file(&output).expect("removed");
        assert!(!is_current(&out, &output, Some(one)));
        fs::remove_dir_all(&out).expect("cleaned up");
    }
}
