//! [`Memory`]: a module's linear memory, which other threads of the module may be writing.
//!
//! Nothing here makes a Rust reference to it. Small values are copied in and out. What a host reads and writes is given to it as
//! [`Vectors`]: where the memory is mapped in this process, their pointers are its own, and only the kernel follows them. A memory
//! that is another engine's or instance's ([`CopiedMemory`]) is copied, by functions of its owner's. The only module of this crate
//! with `unsafe`.
#![expect(
    unsafe_code,
    reason = "shared memory can be reached by raw pointers only; each block says why it is sound"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;

use guestnet_core::{Errno, Result};
use smallvec::SmallVec;

/// `UIO_MAXIOV` of readv(2): the most buffers of one call.
pub(crate) const MAX_VECTORS: u32 = 1024;

/// `MAX_RW_COUNT` of Linux: no call moves more, so that the count fits an int.
const MAX_RW_COUNT: u32 = 0x7fff_f000;

/// The most bytes of one read, write or message that are copied; a stream takes the rest with the next call. No datagram is as long.
const MAX_COPY: u32 = 256 << 10;

/// The most bytes that one call copies, of all its messages together.
const MAX_COPIES: u32 = 4 << 20;

/// How many buffers are kept for calls to come.
const KEPT_BUFFERS: usize = 2;

/// The memory of a module for the time of one call.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a>(Form<'a>);

#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    /// In this process.
    Mapped {
        base: *mut u8,
        len: u32,
        call: PhantomData<&'a ()>,
    },
    Copied(&'a CopiedMemory<'a>),
}

/// Bytes of a guest's that are there.
enum Place<'a> {
    /// At this address of the host's.
    Mapped(*mut u8),
    /// In a memory that is copied.
    Copied(&'a CopiedMemory<'a>),
}

/// How a memory is reached that is not in this process's own, such as another instance's in a browser. All places have been
/// compared with [`MemoryAccess::size`] before.
pub trait MemoryAccess {
    /// How many bytes it has. It never becomes smaller.
    fn size(&self) -> u32;

    /// Copies bytes out of it.
    fn read(&self, at: u32, bytes: &mut [u8]);

    /// Copies bytes into it.
    fn write(&self, at: u32, bytes: &[u8]);
}

/// A memory that is copied, and the buffers for that, which are kept from call to call.
pub struct CopiedMemory<'a> {
    access: &'a dyn MemoryAccess,
    buffers: RefCell<Vec<Vec<u8>>>,
    skipped: Cell<u32>,
    copies: Cell<u32>,
    cut: Cell<bool>,
}

/// What `struct iovec` is on the host. `IoSlice` and `IoSliceMut` are guaranteed to have its layout on Unix, and have it where there
/// is no operating system.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Vector {
    base: *mut u8,
    len: usize,
}

const _: () = assert!(size_of::<Vector>() == size_of::<IoSlice<'_>>());
const _: () = assert!(size_of::<Vector>() == size_of::<IoSliceMut<'_>>());

/// Buffers of one call in guest memory.
#[derive(Debug)]
pub(crate) struct Vectors<'a> {
    vectors: SmallVec<[Vector; 4]>,
    /// Where a memory is copied: all its buffers are one here. Boxed, as most memories are not, and this is moved about in every call.
    copy: Option<Box<Copy<'a>>>,
    memory: PhantomData<Memory<'a>>,
}

/// The one buffer that stands for several of a memory that is copied.
#[derive(Debug)]
struct Copy<'a> {
    memory: &'a CopiedMemory<'a>,
    /// Where they are, and how long each is.
    places: SmallVec<[(u32, u32); 8]>,
    bytes: Vec<u8>,
}

impl fmt::Debug for CopiedMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopiedMemory").finish_non_exhaustive()
    }
}

impl<'a> CopiedMemory<'a> {
    /// A memory that is reached by these functions.
    #[must_use]
    pub fn new(access: &'a dyn MemoryAccess) -> Self {
        CopiedMemory {
            access,
            buffers: RefCell::default(),
            skipped: Cell::new(0),
            copies: Cell::new(0),
            cut: Cell::new(false),
        }
    }

    /// The memory for one call, of which this many bytes were moved before by the same call: it goes on behind them.
    pub fn for_call(&'a self, moved: u32) -> Memory<'a> {
        self.skipped.set(moved);
        self.copies.set(0);
        self.cut.set(false);
        Memory(Form::Copied(self))
    }

    /// Whether the last call had more to move than is copied at a time.
    pub fn was_cut(&self) -> bool {
        self.cut.get()
    }
}

impl<'a> Memory<'a> {
    /// Memory that begins at `base`. What is behind 4 GiB no pointer of a guest can name.
    ///
    /// # Safety
    /// For all of `'a` the `len` bytes at `base` stay mapped, readable and writable, and Rust holds no reference to
    /// any of them. Other threads may change them meanwhile.
    #[must_use]
    pub unsafe fn new(base: *mut u8, len: usize) -> Self {
        Memory(Form::Mapped {
            base,
            len: u32::try_from(len).unwrap_or(u32::MAX),
            call: PhantomData,
        })
    }

    /// Bytes of a test's own.
    #[cfg(test)]
    pub(crate) fn of(bytes: &'a mut [u8]) -> Self {
        // SAFETY: they are borrowed for as long as this is used.
        unsafe { Memory::new(bytes.as_mut_ptr(), bytes.len()) }
    }

    /// Where so many bytes at a guest's address are.
    fn locate(self, at: u32, len: u32) -> Result<Place<'a>> {
        let size = match self.0 {
            Form::Mapped { len, .. } => len,
            Form::Copied(memory) => memory.access.size(),
        };
        if at.checked_add(len).is_none_or(|end| end > size) {
            return Err(Errno::EFAULT);
        }
        Ok(match self.0 {
            // SAFETY: `at` lies within the memory.
            Form::Mapped { base, .. } => Place::Mapped(unsafe { base.add(at as usize) }),
            Form::Copied(memory) => Place::Copied(memory),
        })
    }

    /// Whether there are so many bytes at a guest's address.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn check(self, at: u32, len: u32) -> Result<()> {
        self.locate(at, len).map(drop)
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn read<const N: usize>(self, at: u32) -> Result<[u8; N]> {
        match self.locate(at, u32::try_from(N).map_err(|_| Errno::EFAULT)?)? {
            // SAFETY: located, and an array of bytes has no alignment and no invalid value. Volatile, because another
            // thread may be writing: each byte is read once, and whatever is read is a legal value.
            Place::Mapped(from) => Ok(unsafe { from.cast::<[u8; N]>().read_volatile() }),
            Place::Copied(memory) => {
                let mut bytes = [0; N];
                memory.access.read(at, &mut bytes);
                Ok(bytes)
            }
        }
    }

    /// Copies a run of bytes out.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(crate) fn read_bytes(self, at: u32, len: u32) -> Result<Vec<u8>> {
        let place = self.locate(at, len)?;
        let mut bytes = vec![0; len as usize];
        match place {
            // SAFETY: located for `len` bytes, of which `bytes` has as many; they cannot overlap.
            Place::Mapped(from) => unsafe {
                std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len());
            },
            Place::Copied(memory) => memory.access.read(at, &mut bytes),
        }
        Ok(bytes)
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// `EFAULT`; then nothing is written.
    pub(crate) fn write(self, at: u32, bytes: &[u8]) -> Result<()> {
        match self.locate(at, u32::try_from(bytes.len()).map_err(|_| Errno::EFAULT)?)? {
            // SAFETY: located for as many bytes; they cannot overlap, because Rust has no reference to the memory.
            Place::Mapped(to) => unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            },
            Place::Copied(memory) => memory.access.write(at, bytes),
        }
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
        /// How much of it is read at a time.
        const BLOCK: u32 = 64;
        if at == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let (mut at, mut left) = (at, limit);
        while left > 0 {
            let len = BLOCK.min(left);
            // Near the end of the memory it may end before the block does.
            let block = self.read_bytes(at, len).or_else(|_| self.read_bytes(at, 1))?;
            if let Some(end) = block.iter().position(|byte| *byte == 0) {
                bytes.extend(block.into_iter().take(end));
                return Ok(Some(bytes));
            }
            let len = u32::try_from(block.len()).map_err(|_| Errno::EFAULT)?;
            bytes.extend(block);
            left = left.saturating_sub(len);
            if left > 0 {
                at = at.checked_add(len).ok_or(Errno::EFAULT)?;
            }
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// One buffer.
    ///
    /// # Errors
    /// `EFAULT`; `ENOBUFS`: the call has copied too much.
    pub(crate) fn vector(self, at: u32, len: u32) -> Result<Vectors<'a>> {
        let place = self.locate(at, len)?;
        let len = len.min(MAX_RW_COUNT);
        match place {
            Place::Mapped(base) => Ok(Vectors {
                vectors: SmallVec::from_slice(&[Vector {
                    base,
                    len: len as usize,
                }]),
                copy: None,
                memory: PhantomData,
            }),
            Place::Copied(_) => self.places([(at, len)].into_iter().collect()),
        }
    }

    /// The buffers of a `struct iovec` array: pointers and lengths of 4 bytes each. Empty ones may point anywhere.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` or, for a message, `EMSGSIZE`: more than 1,024 (the caller says which); `ENOBUFS`: the call has copied too
    /// much.
    pub(crate) fn vectors(self, array: u32, count: u32, too_many: Errno) -> Result<Vectors<'a>> {
        if count > MAX_VECTORS {
            return Err(too_many);
        }
        let mut places = SmallVec::with_capacity(count as usize);
        let mut room = i32::MAX.unsigned_abs();
        for index in 0..count {
            let at = array.checked_add(index * 8).ok_or(Errno::EFAULT)?;
            let (base, len) = (self.u32(at)?, self.u32(at.checked_add(4).ok_or(Errno::EFAULT)?)?);
            if len == 0 {
                continue;
            }
            // readv(2): a sum that overflows ssize_t.
            room = room.checked_sub(len).ok_or(Errno::EINVAL)?;
            self.check(base, len)?;
            places.push((base, len));
        }
        self.places(places)
    }

    /// Buffers at places that were checked.
    fn places(self, places: SmallVec<[(u32, u32); 8]>) -> Result<Vectors<'a>> {
        let (vectors, copy) = match self.0 {
            Form::Mapped { base, .. } => {
                let vectors = places.iter().map(|&(at, len)| Vector {
                    // SAFETY: checked: it is within the memory.
                    base: unsafe { base.add(at as usize) },
                    len: len as usize,
                });
                (vectors.collect(), None)
            }
            Form::Copied(memory) => (SmallVec::new(), Some(Box::new(Copy::new(memory, places)?))),
        };
        Ok(Vectors {
            vectors,
            copy,
            memory: PhantomData,
        })
    }
}

impl<'a> Copy<'a> {
    /// A buffer for what is at these places, behind what was moved before and as much as is copied at a time.
    fn new(memory: &'a CopiedMemory<'a>, all: SmallVec<[(u32, u32); 8]>) -> Result<Self> {
        let (mut skipped, mut room) = (memory.skipped.get(), MAX_COPY);
        let mut places = SmallVec::new();
        for (at, len) in all {
            let before = skipped.min(len);
            skipped -= before;
            let taken = (len - before).min(room);
            memory.cut.set(memory.cut.get() || taken < len - before);
            room -= taken;
            if taken > 0 {
                // `before` is at most `len`, and the place was checked.
                places.push((at + before, taken));
            }
        }
        let len = MAX_COPY - room;
        let copies = memory.copies.get() + len;
        if copies > MAX_COPIES {
            return Err(Errno::ENOBUFS);
        }
        memory.copies.set(copies);
        let mut bytes = memory.buffers.borrow_mut().pop().unwrap_or_default();
        if bytes.len() < len as usize {
            bytes.resize(len as usize, 0);
        }
        Ok(Copy {
            memory,
            places,
            bytes,
        })
    }

    fn len(&self) -> u32 {
        self.places.iter().map(|&(_, len)| len).sum()
    }

    /// Copies out of the memory.
    fn load(&mut self) {
        let mut rest = self.bytes.as_mut_slice();
        for &(at, len) in &self.places {
            let Some((part, later)) = rest.split_at_mut_checked(len as usize) else {
                return;
            };
            self.memory.access.read(at, part);
            rest = later;
        }
    }

    /// Copies the first bytes into the memory.
    fn store(&self, count: usize) {
        let mut rest = self.bytes.get(..count.min(self.bytes.len())).unwrap_or_default();
        for &(at, len) in &self.places {
            let (part, later) = rest.split_at(rest.len().min(len as usize));
            if part.is_empty() {
                return;
            }
            self.memory.access.write(at, part);
            rest = later;
        }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let mut buffers = self.memory.buffers.borrow_mut();
        if buffers.len() < KEPT_BUFFERS {
            buffers.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl Vectors<'_> {
    /// For the host to read.
    pub(crate) fn sources(&mut self) -> &mut [IoSlice<'_>] {
        if let Some(copy) = &mut self.copy {
            copy.load();
        }
        let (at, count) = self.array();
        // SAFETY: IoSlice has iovec's layout, which is Vector's; `self` is borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(at.cast::<IoSlice<'_>>(), count) }
    }

    /// For the host to write. [`Vectors::commit`] comes afterwards.
    pub(crate) fn targets(&mut self) -> &mut [IoSliceMut<'_>] {
        let (at, count) = self.array();
        // SAFETY: as above, for IoSliceMut.
        unsafe { std::slice::from_raw_parts_mut(at.cast::<IoSliceMut<'_>>(), count) }
    }

    /// Where the buffers' addresses stand, and how many there are.
    fn array(&mut self) -> (*mut Vector, usize) {
        if let Some(copy) = &mut self.copy {
            let one = Vector {
                len: copy.len() as usize,
                base: copy.bytes.as_mut_ptr(),
            };
            self.vectors = [one].into_iter().collect();
        }
        (self.vectors.as_mut_ptr(), self.vectors.len())
    }

    /// The host has written so many bytes, or has more: the guest's memory has them, as far as there is room.
    pub(crate) fn commit(&self, count: usize) {
        if let Some(copy) = &self.copy {
            copy.store(count.min(copy.len() as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory that is copied.
    struct Elsewhere(RefCell<Vec<u8>>);

    impl MemoryAccess for Elsewhere {
        fn size(&self) -> u32 {
            u32::try_from(self.0.borrow().len()).unwrap()
        }

        fn read(&self, at: u32, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.borrow()[at as usize..][..bytes.len()]);
        }

        fn write(&self, at: u32, bytes: &[u8]) {
            self.0.borrow_mut()[at as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }

    fn vector(at: u32, len: u32) -> Vec<u8> {
        [at.to_le_bytes(), len.to_le_bytes()].concat()
    }

    #[test]
    fn buffers_outside_of_the_memory_and_too_many_are_refused() {
        refuses_buffers(Memory::of(&mut [0_u8; 128]));
        let elsewhere = Elsewhere(vec![0; 128].into());
        refuses_buffers(CopiedMemory::new(&elsewhere).for_call(0));
    }

    fn refuses_buffers(memory: Memory<'_>) {
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
        let text = [&b"name\0"[..], &[b'l'; 100], b"\0unended"].concat();
        let mut room = text.clone();
        reads_strings(Memory::of(&mut room));
        let elsewhere = Elsewhere(text.into());
        reads_strings(CopiedMemory::new(&elsewhere).for_call(0));
    }

    fn reads_strings(memory: Memory<'_>) {
        assert_eq!(memory.string(0, 100), Ok(None));
        assert_eq!(memory.string(1, 100), Ok(Some(b"ame".to_vec())));
        assert_eq!(memory.string(1, 2), Err(Errno::ENAMETOOLONG));
        assert_eq!(memory.string(5, 100), Err(Errno::ENAMETOOLONG));
        assert_eq!(memory.string(5, 101), Ok(Some(vec![b'l'; 100])));
        assert_eq!(memory.string(106, 100), Err(Errno::EFAULT));
    }

    #[test]
    fn a_memory_elsewhere_gives_and_takes_the_bytes_of_all_buffers_and_no_others() {
        let elsewhere = Elsewhere((0..64).collect::<Vec<u8>>().into());
        let copied = CopiedMemory::new(&elsewhere);
        copied
            .for_call(0)
            .write(48, &[vector(4, 3), vector(20, 2)].concat())
            .unwrap();
        let mut vectors = copied.for_call(0).vectors(48, 2, Errno::EINVAL).unwrap();
        assert_eq!(&*vectors.sources()[0], [4, 5, 6, 20, 21]);
        vectors.targets()[0].copy_from_slice(b"abcde");
        vectors.commit(4);
        assert_eq!(copied.for_call(0).read(3), Ok([3, b'a', b'b', b'c', 7]));
        assert_eq!(copied.for_call(0).read(19), Ok([19, b'd', 21, 22]));
        // A datagram may be longer than the room for it.
        vectors.commit(1000);
        assert_eq!(copied.for_call(0).read(19), Ok([19, b'd', b'e', 22]));
        drop(vectors);
        let mut rest = copied.for_call(4).vectors(48, 2, Errno::EINVAL).unwrap();
        assert_eq!(&*rest.sources()[0], b"e");
        assert!(!copied.was_cut());
    }

    #[test]
    fn a_memory_elsewhere_is_copied_in_parts() {
        let elsewhere = Elsewhere(vec![7; 2 << 20].into());
        let copied = CopiedMemory::new(&elsewhere);
        let memory = copied.for_call(0);
        let whole = (0..16)
            .map(|_| memory.vector(0, 2 << 20))
            .collect::<Result<Vec<_>>>();
        let mut first = whole.unwrap().remove(0);
        assert_eq!(first.sources()[0].len(), MAX_COPY as usize);
        assert!(copied.was_cut());
        // One call cannot have the host hold any number of bytes.
        assert_eq!(memory.vector(0, 1).unwrap_err(), Errno::ENOBUFS);
        let mut end = copied.for_call((2 << 20) - 3).vector(0, 2 << 20).unwrap();
        assert_eq!(&*end.sources()[0], [7, 7, 7]);
    }
}
