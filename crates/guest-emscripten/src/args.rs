//! [`Args`]: what a call is given, the memory not counted.

use guestnet_core::Fd;

/// The arguments of a call: 32-bit integers and pointers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Args(pub [i32; 7]);

impl Args {
    pub(crate) fn int(&self, index: usize) -> i32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    pub(crate) fn pointer(&self, index: usize) -> u32 {
        self.int(index).cast_unsigned()
    }

    /// A descriptor; a negative one is a number that no descriptor has.
    pub(crate) fn fd(&self, index: usize) -> Fd {
        self.pointer(index)
    }
}
