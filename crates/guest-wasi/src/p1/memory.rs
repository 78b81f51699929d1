//! [`Memory`]: checked access to a guest's linear memory.
//!
//! Every number that comes from the guest is an offset that may be anything; each access is checked against the
//! memory's size and answers `EFAULT`. Nothing is copied that goes to or comes from the kernel.

use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;

use guestnet_core::{Errno, Result};
use smallvec::SmallVec;

use super::abi::MAX_IOVECS;

/// Scatter and gather lists of this length need no allocation; longer ones are rare.
const INLINE: usize = 8;

/// Buffers that overlap each other are filled by way of a copy of at most this size: more than any datagram, and for
/// a stream a short read.
const BOUNCE: usize = 65_536;

/// The most bytes that one call sends: `MAX_RW_COUNT` of Linux. The buffers of one call may be the same bytes a thousand
/// times over, and the count of what was sent has to fit the guest's size.
const MAX_SENT: usize = 0x7fff_f000;

/// The buffers of an iovec array, in its order.
type Ranges = SmallVec<[Range<usize>; INLINE]>;
/// The same in the order of their addresses, each with its place in the array.
type Ascending = SmallVec<[(usize, Range<usize>); INLINE]>;

/// A guest's memory during one call.
#[derive(Debug)]
pub(crate) struct Memory<'a>(pub(crate) &'a mut [u8]);

impl Memory<'_> {
    fn range(offset: u32, len: u32) -> Range<usize> {
        // u32 fits usize: Wasmtime runs on 64-bit hosts only.
        offset as usize..offset as usize + len as usize
    }

    /// The bytes at `offset`.
    ///
    /// # Errors
    /// `EFAULT` if they are not all inside the memory.
    pub(crate) fn bytes(&self, offset: u32, len: u32) -> Result<&[u8]> {
        self.0.get(Self::range(offset, len)).ok_or(Errno::EFAULT)
    }

    /// The bytes at `offset`, to write.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub(crate) fn bytes_mut(&mut self, offset: u32, len: u32) -> Result<&mut [u8]> {
        self.0.get_mut(Self::range(offset, len)).ok_or(Errno::EFAULT)
    }

    /// Says whether `len` bytes at `offset` can be written: asked before a call whose result must not be lost.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub(crate) fn check(&self, offset: u32, len: u32) -> Result<()> {
        self.bytes(offset, len).map(drop)
    }

    /// Everything from `offset` on.
    ///
    /// # Errors
    /// `EFAULT` if that is nothing.
    pub(crate) fn from(&self, offset: u32) -> Result<&[u8]> {
        self.0
            .get(offset as usize..)
            .filter(|bytes| !bytes.is_empty())
            .ok_or(Errno::EFAULT)
    }

    pub(crate) fn array<const N: usize>(&self, offset: u32) -> Result<[u8; N]> {
        self.0
            .get(offset as usize..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .ok_or(Errno::EFAULT)
    }

    pub(crate) fn u32(&self, offset: u32) -> Result<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub(crate) fn store(&mut self, offset: u32, bytes: &[u8]) -> Result<()> {
        let end = (offset as usize).checked_add(bytes.len()).ok_or(Errno::EFAULT)?;
        self.0
            .get_mut(offset as usize..end)
            .ok_or(Errno::EFAULT)?
            .copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn store_u32(&mut self, offset: u32, value: u32) -> Result<()> {
        self.store(offset, &value.to_le_bytes())
    }

    /// Stores a length or count, which fits because the guest's memory is not larger.
    pub(crate) fn store_size(&mut self, offset: u32, value: usize) -> Result<()> {
        self.store_u32(offset, u32::try_from(value).map_err(|_| Errno::EOVERFLOW)?)
    }

    /// The entries of an `iovec` or `ciovec` array, each checked.
    ///
    /// # Errors
    /// `EINVAL` for more than [`MAX_IOVECS`], `EFAULT` for an entry or a buffer outside of the memory.
    fn iovecs(&self, array: u32, count: u32) -> Result<Ranges> {
        if count > MAX_IOVECS {
            return Err(Errno::EINVAL);
        }
        let entries = self.bytes(array, count * 8)?;
        let mut ranges = SmallVec::new();
        for entry in entries.chunks_exact(8) {
            let (Some(offset), Some(len)) = (word(entry, 0), word(entry, 4)) else {
                return Err(Errno::EFAULT);
            };
            // A buffer of no bytes may point anywhere.
            let range = if len == 0 { 0..0 } else { Self::range(offset, len) };
            if range.end > self.0.len() {
                return Err(Errno::EFAULT);
            }
            ranges.push(range);
        }
        Ok(ranges)
    }

    /// Runs `send` on the buffers of a `ciovec` array.
    ///
    /// # Errors
    /// `EINVAL` and `EFAULT` of the array, or those of `send`.
    #[inline]
    pub(crate) fn gather<R>(
        &self,
        array: u32,
        count: u32,
        send: impl FnOnce(&mut [IoSlice<'_>]) -> Result<R>,
    ) -> Result<R> {
        if count == 1 {
            let [offset, len] = self.pair(array)?;
            let buf = if len == 0 { &[] } else { self.bytes(offset, len)? };
            return send(&mut [IoSlice::new(buf.get(..MAX_SENT).unwrap_or(buf))]);
        }
        let ranges = self.iovecs(array, count)?;
        let mut room = MAX_SENT;
        let mut bufs: SmallVec<[IoSlice<'_>; INLINE]> = ranges
            .into_iter()
            .map(|range| {
                let buf = self.0.get(range).unwrap_or_default();
                let buf = buf.get(..room).unwrap_or(buf);
                room -= buf.len();
                IoSlice::new(buf)
            })
            .collect();
        send(&mut bufs)
    }

    /// Runs `receive` on the buffers of an `iovec` array. `receive` returns how many bytes it stored.
    ///
    /// # Errors
    /// `EINVAL` and `EFAULT` of the array, or those of `receive`.
    #[inline]
    pub(crate) fn scatter<R>(
        &mut self,
        array: u32,
        count: u32,
        receive: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<(usize, R)>,
    ) -> Result<R> {
        if count == 1 {
            let [offset, len] = self.pair(array)?;
            let buf = if len == 0 {
                &mut []
            } else {
                self.bytes_mut(offset, len)?
            };
            return receive(&mut [IoSliceMut::new(buf)]).map(|(_, result)| result);
        }
        let ranges = self.iovecs(array, count)?;
        match ascending(&ranges) {
            Some(order) => receive(&mut borrow(self.0, &ranges, &order)).map(|(_, result)| result),
            None => self.bounce(&ranges, receive),
        }
    }

    /// Buffers that overlap cannot be borrowed at the same time: receive into one, then fill them in order, as the
    /// kernel would.
    #[cold]
    fn bounce<R>(
        &mut self,
        ranges: &[Range<usize>],
        receive: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<(usize, R)>,
    ) -> Result<R> {
        let total = ranges
            .iter()
            .map(ExactSizeIterator::len)
            .fold(0, usize::saturating_add);
        let mut copy = vec![0; total.min(BOUNCE)];
        let (stored, result) = receive(&mut [IoSliceMut::new(&mut copy)])?;
        let mut data = copy.get(..stored).unwrap_or(&copy);
        for range in ranges {
            let (now, later) = data.split_at(range.len().min(data.len()));
            if let Some(buf) = self.0.get_mut(range.start..range.start + now.len()) {
                buf.copy_from_slice(now);
            }
            data = later;
        }
        Ok(result)
    }

    fn pair(&self, offset: u32) -> Result<[u32; 2]> {
        let bytes: [u8; 8] = self.array(offset)?;
        Ok([
            word(&bytes, 0).ok_or(Errno::EFAULT)?,
            word(&bytes, 4).ok_or(Errno::EFAULT)?,
        ])
    }
}

/// The little-endian word at `offset`.
pub(crate) fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .copied()
        .map(u32::from_le_bytes)
}

/// The ranges in the order of their addresses, the empty ones left out; `None` if two of them overlap.
fn ascending(ranges: &[Range<usize>]) -> Option<Ascending> {
    let mut order: Ascending = ranges
        .iter()
        .cloned()
        .enumerate()
        .filter(|(_, range)| !range.is_empty())
        .collect();
    order.sort_unstable_by_key(|(_, range)| range.start);
    let overlap = order
        .iter()
        .zip(order.iter().skip(1))
        .any(|((_, low), (_, high))| low.end > high.start);
    (!overlap).then_some(order)
}

/// Borrows all ranges at once. `order` is what [`ascending`] made of them.
fn borrow<'m>(
    memory: &'m mut [u8],
    ranges: &[Range<usize>],
    order: &[(usize, Range<usize>)],
) -> SmallVec<[IoSliceMut<'m>; INLINE]> {
    let mut bufs: SmallVec<[IoSliceMut<'m>; INLINE]> =
        ranges.iter().map(|_| IoSliceMut::new(&mut [])).collect();
    let mut rest = memory;
    let mut passed = 0;
    for (index, range) in order {
        let (before, tail) = rest.split_at_mut(range.start - passed);
        let (buf, tail) = tail.split_at_mut(range.len());
        passed += before.len() + buf.len();
        if let Some(slot) = bufs.get_mut(*index) {
            *slot = IoSliceMut::new(buf);
        }
        rest = tail;
    }
    bufs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_iovecs(iovecs: &[(u32, u32)]) -> Vec<u8> {
        let mut memory = vec![0; 4096];
        for (index, (offset, len)) in iovecs.iter().enumerate() {
            memory[index * 8..][..4].copy_from_slice(&offset.to_le_bytes());
            memory[index * 8 + 4..][..4].copy_from_slice(&len.to_le_bytes());
        }
        memory
    }

    fn fill(bufs: &mut [IoSliceMut<'_>]) -> Result<(usize, usize)> {
        let mut next = 0u8;
        for byte in bufs.iter_mut().flat_map(|buf| buf.iter_mut()) {
            *byte = next;
            next = next.wrapping_add(1);
        }
        Ok((usize::from(next), bufs.len()))
    }

    #[test]
    fn buffers_out_of_order_are_filled_in_the_order_given() {
        let mut bytes = with_iovecs(&[(200, 2), (100, 2), (0, 0), (300, 2)]);
        assert_eq!(Memory(&mut bytes).scatter(0, 4, fill), Ok(4));
        assert_eq!(
            (&bytes[200..202], &bytes[100..102], &bytes[300..302]),
            (&[0, 1][..], &[2, 3][..], &[4, 5][..])
        );
    }

    #[test]
    fn overlapping_buffers_hold_what_was_stored_last() {
        let mut bytes = with_iovecs(&[(100, 4), (102, 4)]);
        assert_eq!(Memory(&mut bytes).scatter(0, 2, fill), Ok(1), "one bounce buffer");
        assert_eq!(&bytes[100..106], &[0, 1, 4, 5, 6, 7]);
    }

    #[test]
    fn no_call_sends_more_than_its_count_can_say() {
        // 1,024 times the same 3 MiB.
        let mut bytes = vec![0; 3 << 20];
        for entry in bytes[..8192].chunks_exact_mut(8) {
            entry[4..].copy_from_slice(&(3u32 << 20).to_le_bytes());
        }
        let count = |bufs: &mut [IoSlice<'_>]| {
            assert_eq!(bufs.len(), 1024);
            Ok(bufs.iter().map(|buf| buf.len()).sum::<usize>())
        };
        assert_eq!(Memory(&mut bytes).gather(0, 1024, count), Ok(MAX_SENT));
    }

    #[test]
    fn bad_arrays_and_buffers_are_refused_before_anything_happens() {
        let never = |_: &mut [IoSliceMut<'_>]| -> Result<(usize, ())> { panic!("called") };
        let mut bytes = with_iovecs(&[(4000, 97)]);
        assert_eq!(Memory(&mut bytes).scatter(0, 1, never), Err(Errno::EFAULT));
        let mut bytes = with_iovecs(&[(0, 1), (u32::MAX, u32::MAX)]);
        assert_eq!(Memory(&mut bytes).scatter(0, 2, never), Err(Errno::EFAULT));
        assert_eq!(Memory(&mut bytes).scatter(0, 1025, never), Err(Errno::EINVAL));
        assert_eq!(Memory(&mut bytes).scatter(4090, 1, never), Err(Errno::EFAULT));
        assert_eq!(Memory(&mut bytes).scatter(u32::MAX, 2, never), Err(Errno::EFAULT));
    }
}
