//! [`Stdio`]: how many streams and pollables the guest has of each standard stream. Not here: what they read and write (`stdio`).

use wasmtime::component::Resource;

use super::error::{has_children, wrong_kind};
use super::object::{Handle, Role};

/// How many streams and pollables the guest has of each standard stream. All of them have the same number, so that only a count says
/// whether one is left.
#[derive(Debug, Default)]
pub(crate) struct Stdio {
    streams: [u32; 3],
    pollables: [u32; 3],
}

impl Stdio {
    /// Gives the guest a stream.
    pub(crate) fn give<T: 'static>(&mut self, stream: u32) -> wasmtime::Result<Resource<T>> {
        *count(&mut self.streams, stream)? += 1;
        Ok(Handle::new(Role::Stdio, stream).own())
    }

    pub(crate) fn pollables(&mut self, stream: u32) -> wasmtime::Result<&mut u32> {
        count(&mut self.pollables, stream)
    }

    /// The guest has dropped a stream.
    ///
    /// # Errors
    /// It was the last one, and the guest still has a pollable of it.
    pub(crate) fn dropped(&mut self, stream: u32) -> wasmtime::Result<()> {
        let left = count(&mut self.streams, stream)?;
        *left = left.saturating_sub(1);
        if *left == 0 && *self.pollables(stream)? != 0 {
            return Err(has_children());
        }
        Ok(())
    }
}

fn count(counts: &mut [u32; 3], stream: u32) -> wasmtime::Result<&mut u32> {
    let count = usize::try_from(stream)
        .ok()
        .and_then(|stream| counts.get_mut(stream));
    count.ok_or_else(wrong_kind)
}
