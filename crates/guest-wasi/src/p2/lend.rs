//! [`Lender`]: the one buffer that what a component reads comes in.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The most bytes that one call reads or permits to be written, as in wasmtime-wasi.
pub(crate) const PIECE: usize = 64 << 10;

/// Keeps one buffer from one read to the next: to fill a new one with zeros costs as much as a copy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lender(Arc<Mutex<Option<Box<[u8]>>>>);

impl Lender {
    pub(crate) fn lend(&self, len: usize) -> Lent {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Lent {
            bytes: spare.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice()),
            len,
            lender: self.clone(),
        }
    }
}

/// A buffer that goes back when what was read into it has reached the guest's memory.
#[derive(Debug)]
pub(crate) struct Lent {
    bytes: Box<[u8]>,
    len: usize,
    lender: Lender,
}

impl Lent {
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let len = self.len.min(self.bytes.len());
        let (room, _) = self.bytes.split_at_mut(len);
        room
    }

    /// The first `len` bytes, for the guest.
    pub(crate) fn filled(mut self, len: usize) -> Bytes {
        self.len = len.min(self.len);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.lender.0.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = Some(std::mem::take(&mut self.bytes));
    }
}
