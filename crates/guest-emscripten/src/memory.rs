//! [`Memory`]: a module's linear memory, which other threads of the module may be writing.
//!
//! Nothing here makes a Rust reference to it. Small values are copied in and out; for what the kernel reads and writes,
//! [`Memory::vectors`] makes `iovec`s whose pointers only the kernel follows. The only module of this crate with
//! `unsafe`.
#![expect(
    unsafe_code,
    reason = "shared memory can be reached by raw pointers only; each block says why it is sound"
)]

use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;

use guestnet_core::{Errno, Result};
use smallvec::SmallVec;

/// `UIO_MAXIOV` of readv(2): the most buffers of one call.
pub(crate) const MAX_VECTORS: u32 = 1024;

/// `MAX_RW_COUNT` of Linux: no call moves more, so that the count fits an int.
const MAX_RW_COUNT: u32 = 0x7fff_f000;

/// The memory of a module for the time of one call.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a> {
    base: *mut u8,
    len: u32,
    call: PhantomData<&'a ()>,
}

/// What `struct iovec` is on the host. `IoSlice` and `IoSliceMut` are guaranteed to have its layout on Unix.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Vector {
    base: *mut u8,
    len: usize,
}

/// Buffers of one call in guest memory.
#[derive(Debug)]
pub(crate) struct Vectors<'a> {
    vectors: SmallVec<[Vector; 8]>,
    memory: PhantomData<Memory<'a>>,
}

impl<'a> Memory<'a> {
    /// Memory that begins at `base`. What is behind 4 GiB no pointer of a guest can name.
    ///
    /// # Safety
    /// For all of `'a` the `len` bytes at `base` stay mapped, readable and writable, and Rust holds no reference to
    /// any of them. Other threads may change them meanwhile.
    #[must_use]
    pub unsafe fn new(base: *mut u8, len: usize) -> Self {
        Memory {
            base,
            len: u32::try_from(len).unwrap_or(u32::MAX),
            call: PhantomData,
        }
    }

    /// Bytes of a test's own.
    #[cfg(test)]
    pub(crate) fn of(bytes: &'a mut [u8]) -> Self {
        // SAFETY: they are borrowed for as long as this is used.
        unsafe { Memory::new(bytes.as_mut_ptr(), bytes.len()) }
    }

    /// The host's address of so many bytes at a guest's.
    fn locate(self, at: u32, len: u32) -> Result<*mut u8> {
        match at.checked_add(len) {
            // SAFETY: `at` lies within the memory.
            Some(end) if end <= self.len => Ok(unsafe { self.base.add(at as usize) }),
            Some(_) | None => Err(Errno::EFAULT),
        }
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn read<const N: usize>(self, at: u32) -> Result<[u8; N]> {
        let from = self.locate(at, u32::try_from(N).map_err(|_| Errno::EFAULT)?)?;
        // SAFETY: located, and an array of bytes has no alignment and no invalid value. Volatile, because another
        // thread may be writing: each byte is read once, and whatever is read is a legal value.
        Ok(unsafe { from.cast::<[u8; N]>().read_volatile() })
    }

    /// Copies a run of bytes out.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn read_bytes(self, at: u32, len: u32) -> Result<Vec<u8>> {
        let from = self.locate(at, len)?;
        let mut bytes = vec![0; len as usize];
        // SAFETY: located for `len` bytes, of which `bytes` has as many; they cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(bytes)
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// `EFAULT`; then nothing is written.
    pub(crate) fn write(self, at: u32, bytes: &[u8]) -> Result<()> {
        let to = self.locate(at, u32::try_from(bytes.len()).map_err(|_| Errno::EFAULT)?)?;
        // SAFETY: located for as many bytes; they cannot overlap, because Rust has no reference to the memory.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// A `u32` or a pointer.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn u32(self, at: u32) -> Result<u32> {
        self.read(at).map(u32::from_le_bytes)
    }

    /// # Errors
    /// `EFAULT`.
    pub(crate) fn set_u32(self, at: u32, value: u32) -> Result<()> {
        self.write(at, &value.to_le_bytes())
    }

    /// A string that ends with NUL, without it; `None` for a null pointer.
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG`: none within `limit` bytes.
    pub(crate) fn string(self, at: u32, limit: u32) -> Result<Option<Vec<u8>>> {
        if at == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for index in 0..limit {
            match self.read::<1>(at.checked_add(index).ok_or(Errno::EFAULT)?)? {
                [0] => return Ok(Some(bytes)),
                [byte] => bytes.push(byte),
            }
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// One buffer.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn vector(self, at: u32, len: u32) -> Result<Vectors<'a>> {
        let base = self.locate(at, len)?;
        let len = len.min(MAX_RW_COUNT);
        let mut vectors = SmallVec::new();
        vectors.push(Vector {
            base,
            len: len as usize,
        });
        Ok(Vectors {
            vectors,
            memory: PhantomData,
        })
    }

    /// The buffers of a `struct iovec` array: pointers and lengths of 4 bytes each. Empty ones may point anywhere.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` or, for a message, `EMSGSIZE`: more than 1,024 (the caller says which).
    pub(crate) fn vectors(self, array: u32, count: u32, too_many: Errno) -> Result<Vectors<'a>> {
        if count > MAX_VECTORS {
            return Err(too_many);
        }
        let mut vectors = SmallVec::with_capacity(count as usize);
        let mut room = i32::MAX.unsigned_abs();
        for index in 0..count {
            let at = array.checked_add(index * 8).ok_or(Errno::EFAULT)?;
            let (base, len) = (self.u32(at)?, self.u32(at.checked_add(4).ok_or(Errno::EFAULT)?)?);
            if len == 0 {
                continue;
            }
            // readv(2): a sum that overflows ssize_t.
            room = room.checked_sub(len).ok_or(Errno::EINVAL)?;
            vectors.push(Vector {
                base: self.locate(base, len)?,
                len: len as usize,
            });
        }
        Ok(Vectors {
            vectors,
            memory: PhantomData,
        })
    }
}

impl Vectors<'_> {
    /// For the kernel to read.
    pub(crate) fn sources(&mut self) -> &mut [IoSlice<'_>] {
        let (at, count) = (
            self.vectors.as_mut_ptr().cast::<IoSlice<'_>>(),
            self.vectors.len(),
        );
        // SAFETY: IoSlice has iovec's layout, which is Vector's; `self` is borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(at, count) }
    }

    /// For the kernel to write.
    pub(crate) fn targets(&mut self) -> &mut [IoSliceMut<'_>] {
        let (at, count) = (
            self.vectors.as_mut_ptr().cast::<IoSliceMut<'_>>(),
            self.vectors.len(),
        );
        // SAFETY: as above, for IoSliceMut.
        unsafe { std::slice::from_raw_parts_mut(at, count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(at: u32, len: u32) -> Vec<u8> {
        [at.to_le_bytes(), len.to_le_bytes()].concat()
    }

    #[test]
    fn buffers_outside_of_the_memory_and_too_many_are_refused() {
        let mut room = [0_u8; 128];
        let memory = Memory::of(&mut room);
        memory
            .write(0, &[vector(64, 64), vector(120, 9)].concat())
            .unwrap();
        assert_eq!(memory.vectors(0, 1, Errno::EINVAL).unwrap().sources().len(), 1);
        assert_eq!(memory.vectors(0, 2, Errno::EINVAL).unwrap_err(), Errno::EFAULT);
        assert_eq!(
            memory.vectors(0, MAX_VECTORS + 1, Errno::EMSGSIZE).unwrap_err(),
            Errno::EMSGSIZE
        );
        assert_eq!(
            memory.vectors(u32::MAX, 1, Errno::EINVAL).unwrap_err(),
            Errno::EFAULT
        );
        assert_eq!(
            memory.vectors(0, u32::MAX, Errno::EINVAL).unwrap_err(),
            Errno::EINVAL
        );
        assert_eq!(memory.vector(127, u32::MAX).unwrap_err(), Errno::EFAULT);
    }

    #[test]
    fn a_string_ends_at_its_nul_and_inside_the_memory() {
        let mut room = *b"name\0unended";
        let memory = Memory::of(&mut room);
        assert_eq!(memory.string(0, 100), Ok(None));
        assert_eq!(memory.string(1, 100), Ok(Some(b"ame".to_vec())));
        assert_eq!(memory.string(1, 2), Err(Errno::ENAMETOOLONG));
        assert_eq!(memory.string(5, 100), Err(Errno::EFAULT));
    }
}
