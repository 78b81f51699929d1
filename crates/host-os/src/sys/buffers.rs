//! Buffers of a guest that other threads of it may be writing: copied into and cut by raw pointers, so that no slice of
//! such memory comes to be. `IoSlice` and `IoSliceMut` are iovecs; the standard library promises it on Unix.

use std::io::{IoSlice, IoSliceMut};

/// Copies bytes into buffers, as many as there is room for, and returns how many.
pub(crate) fn fill(bufs: &mut [IoSliceMut<'_>], mut data: &[u8]) -> usize {
    let mut stored = 0;
    for buf in bufs {
        let room = vector(std::ptr::from_mut(buf).cast_const().cast());
        let (now, later) = data.split_at(data.len().min(room.iov_len));
        // SAFETY: the buffer has room for `iov_len` bytes, `now` has no more, and they cannot overlap: `data` is ours.
        // A race with another thread of the guest is between its bytes and ours, and no reference sees it.
        unsafe { std::ptr::copy_nonoverlapping(now.as_ptr(), room.iov_base.cast(), now.len()) };
        stored += now.len();
        data = later;
    }
    stored
}

/// The first `len` bytes of a buffer, or all of it.
pub(crate) fn prefix<'b>(buf: &'b IoSlice<'_>, len: usize) -> IoSlice<'b> {
    let cut = shortened(vector(std::ptr::from_ref(buf).cast()), len);
    // SAFETY: an IoSlice is an iovec, and the bytes of this one are borrowed for as long as `buf` is.
    unsafe { std::mem::transmute::<libc::iovec, IoSlice<'b>>(cut) }
}

/// The first `len` bytes of a buffer, or all of it.
pub(crate) fn prefix_mut<'b>(buf: &'b mut IoSliceMut<'_>, len: usize) -> IoSliceMut<'b> {
    let cut = shortened(vector(std::ptr::from_mut(buf).cast_const().cast()), len);
    // SAFETY: as above; `buf` is borrowed mutably for as long.
    unsafe { std::mem::transmute::<libc::iovec, IoSliceMut<'b>>(cut) }
}

/// Where a buffer is and how long; `at` is an IoSlice or an IoSliceMut.
fn vector(at: *const libc::iovec) -> libc::iovec {
    // SAFETY: both have iovec's layout, and every caller has a reference to one.
    unsafe { at.read() }
}

fn shortened(vector: libc::iovec, len: usize) -> libc::iovec {
    libc::iovec {
        iov_len: vector.iov_len.min(len),
        ..vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_fill_one_buffer_after_the_other_and_never_more_than_there_is_room_for() {
        let (mut one, mut two) = ([0_u8; 3], [0_u8; 4]);
        let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!(fill(&mut bufs, b"12345"), 5);
        assert_eq!((&one, &two), (b"123", b"45\0\0"));
        let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!(fill(&mut bufs, b"abcdefghij"), 7);
        assert_eq!((&one, &two), (b"abc", b"defg"));
        assert_eq!(fill(&mut [], b"x"), 0);
    }

    #[test]
    fn a_prefix_is_never_longer_than_its_buffer() {
        let mut bytes = *b"hello";
        for (len, expected) in [(0, &b""[..]), (2, b"he"), (5, b"hello"), (usize::MAX, b"hello")] {
            assert_eq!(&*prefix(&IoSlice::new(b"hello"), len), expected);
            assert_eq!(&*prefix_mut(&mut IoSliceMut::new(&mut bytes), len), expected);
        }
    }
}
