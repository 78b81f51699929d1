//! Memory that counts by the page: the heap of an engine, and the one that all threads of a script share.
//!
//! Counting what is asked for would not do: a heap that was full once and has gaps keeps its pages, and with an allocator of
//! its own for each thread, as C libraries have, every worker could leave as much behind as the limit. So each heap gets its
//! pages from the system here, by the [`Budget`], and gives them back.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;
use rquickjs::allocator::Allocator;
use rquickjs::{Ctx, Error, Result, qjs};
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, munmap};

use super::opaque::Opaque;
use crate::budget::Budget;

/// What the system gives at least.
const PAGE: usize = 4096;

/// From this size on, in bytes, a block has pages of its own, which go back at once.
const LARGE: usize = 128 << 10;

/// How much a heap takes from the system at once for smaller blocks.
const SEGMENT: usize = 256 << 10;

/// After so many frees of blocks that are not small, a heap looks for pages to give back.
const RELEASE_EVERY: usize = 255;

/// What stands before a block.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Header {
    /// The block's own bytes. A heap's block has less than [`LARGE`] of them.
    size: usize,
}

const HEADER: usize = size_of::<Header>();

/// Pages of the system, counted.
struct Pages {
    budget: Arc<Budget>,
    /// How often a heap has asked for a segment.
    segments: AtomicU32,
    start: Arc<Startup>,
}

/// What an engine's heap does while the engine is made, which does not survive a refusal of memory.
#[derive(Debug, Default)]
struct Startup {
    /// Whether the budget can refuse by now.
    strict: AtomicBool,
    /// What was paid for it before.
    prepaid: AtomicUsize,
    /// It took more than there is.
    failed: AtomicBool,
}

impl Pages {
    fn new(budget: &Arc<Budget>, start: &Arc<Startup>) -> Pages {
        Pages {
            budget: Arc::clone(budget),
            segments: AtomicU32::new(0),
            start: Arc::clone(start),
        }
    }

    fn take(&self, size: usize) -> bool {
        if self.start.strict.load(Ordering::Relaxed) {
            return self.budget.take(size);
        }
        // Only the engine's own thread is here.
        let prepaid = self.start.prepaid.load(Ordering::Relaxed);
        self.start
            .prepaid
            .store(prepaid.saturating_sub(size), Ordering::Relaxed);
        let rest = size.saturating_sub(prepaid);
        if rest > 0 && !self.budget.take(rest) {
            self.budget.overdraw(rest);
            self.start.failed.store(true, Ordering::Relaxed);
        }
        true
    }

    /// New pages, all zero; `None` if there are none.
    fn map(&self, size: usize) -> Option<NonNull<u8>> {
        if !self.take(size) {
            return None;
        }
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the system chooses a place that nothing else has.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), size, prot, flags) };
        let start = start.ok().and_then(|start| NonNull::new(start.cast()));
        if start.is_none() {
            self.budget.give(size);
        }
        start
    }

    /// Pages of [`Pages::map`] in another size, and perhaps elsewhere; `None` leaves them as they were.
    ///
    /// # Safety
    /// There are `old` bytes of pages of this object at `start`, and nothing points there but the caller.
    unsafe fn resize(&self, start: *mut u8, old: usize, new: usize, may_move: bool) -> Option<NonNull<u8>> {
        let more = new.saturating_sub(old);
        if more > 0 && !self.take(more) {
            return None;
        }
        let flags = if may_move {
            MremapFlags::MAYMOVE
        } else {
            MremapFlags::empty()
        };
        // SAFETY: the caller's word.
        let moved = unsafe { mremap(start.cast(), old, new, flags) };
        let moved = moved.ok().and_then(|moved| NonNull::new(moved.cast()));
        match moved {
            Some(_) => self.budget.give(old.saturating_sub(new)),
            None => self.budget.give(more),
        }
        moved
    }

    /// Gives pages back; `false` if the system does not take them.
    ///
    /// # Safety
    /// There are `size` bytes of pages of this object at `start`, and nothing points there any more.
    unsafe fn unmap(&self, start: *mut u8, size: usize) -> bool {
        // SAFETY: the caller's word.
        let done = unsafe { munmap(start.cast(), size) }.is_ok();
        if done {
            self.budget.give(size);
        }
        done
    }
}

// SAFETY: each function does what the trait says, with pages that nothing else has.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let start = self.map(size).map_or(ptr::null_mut(), NonNull::as_ptr);
        // Segments with other flags than their neighbours are not joined, so that each is given back when nothing is in it. Of
        // one that is joined only the end could be.
        let number = self.segments.fetch_add(1, Ordering::Relaxed);
        (start, size, number << 1)
    }

    fn remap(&self, start: *mut u8, old: usize, new: usize, may_move: bool) -> *mut u8 {
        // SAFETY: the heap's pages are its own, and it goes on with what is returned.
        let moved = unsafe { self.resize(start, old, new, may_move) };
        moved.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    fn free_part(&self, start: *mut u8, old: usize, new: usize) -> bool {
        let rest = start.wrapping_add(new);
        // SAFETY: the heap does not use the end of its pages any more.
        unsafe { self.unmap(rest, old.saturating_sub(new)) }
    }

    fn free(&self, start: *mut u8, size: usize) -> bool {
        // SAFETY: the heap does not use these pages any more.
        unsafe { self.unmap(start, size) }
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        true
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

/// Blocks of memory for one thread at a time. Dropping it gives back every page of the small ones.
struct Heap(ManuallyDrop<Dlmalloc<Pages>>);

impl Heap {
    fn new(pages: Pages) -> Heap {
        let mut heap = Dlmalloc::new_with_allocator(pages);
        heap.set_max_release_check_rate(RELEASE_EVERY);
        heap.set_granularity(SEGMENT);
        Heap(ManuallyDrop::new(heap))
    }

    /// A block of at least so many bytes, all zero if it shall be so; `None` if there is no memory.
    fn allocate(&mut self, size: usize, zeroed: bool) -> Option<NonNull<u8>> {
        let whole = size.checked_add(HEADER)?;
        let (start, size) = if size < LARGE {
            (self.small(whole, zeroed)?, size)
        } else {
            let whole = whole.checked_next_multiple_of(PAGE)?;
            let start = match self.0.allocator().map(whole) {
                None if self.trim() => self.0.allocator().map(whole)?,
                start => start?,
            };
            (start, whole - HEADER)
        };
        // SAFETY: there is room for a header, and both kinds of blocks begin at a multiple of 16.
        unsafe { start.cast::<Header>().write(Header { size }) };
        // SAFETY: the block goes on behind it.
        Some(unsafe { start.add(HEADER) })
    }

    fn small(&mut self, whole: usize, zeroed: bool) -> Option<NonNull<u8>> {
        let mut start = self.try_small(whole, zeroed);
        if start.is_none() && self.trim() {
            start = self.try_small(whole, zeroed);
        }
        start
    }

    fn try_small(&mut self, whole: usize, zeroed: bool) -> Option<NonNull<u8>> {
        NonNull::new(if zeroed {
            // SAFETY: the alignment is a power of two.
            unsafe { self.0.calloc(whole, align_of::<Header>()) }
        } else {
            // SAFETY: as above.
            unsafe { self.0.malloc(whole, align_of::<Header>()) }
        })
    }

    /// Gives back all pages that have no block; `false` if there are none.
    fn trim(&mut self) -> bool {
        // SAFETY: no block is touched.
        unsafe { self.0.trim(0) }
    }

    /// The same block with another size, perhaps elsewhere; `None` leaves it as it was.
    ///
    /// # Safety
    /// The block is one of this heap's, and nothing points there but the caller.
    unsafe fn resize(&mut self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        let old = unsafe { size_of_block(block) };
        if old >= LARGE && size >= LARGE {
            let whole = size.checked_add(HEADER)?.checked_next_multiple_of(PAGE)?;
            let start = block.as_ptr().wrapping_sub(HEADER);
            // SAFETY: such a block has pages of its own, which begin with its header.
            let mut moved = unsafe { self.0.allocator().resize(start, old + HEADER, whole, true) };
            if moved.is_none() && self.trim() {
                // SAFETY: as above.
                moved = unsafe { self.0.allocator().resize(start, old + HEADER, whole, true) };
            }
            let start = moved?;
            let size = whole - HEADER;
            // SAFETY: as in `allocate`.
            unsafe { start.cast::<Header>().write(Header { size }) };
            // SAFETY: as above.
            return Some(unsafe { start.add(HEADER) });
        }
        if old < LARGE && size < LARGE {
            let (start, whole) = (block.as_ptr().wrapping_sub(HEADER), size + HEADER);
            // SAFETY: it came from `small` with this size and alignment.
            let start = unsafe { self.0.realloc(start, old + HEADER, align_of::<Header>(), whole) };
            let start = NonNull::new(start)?;
            // SAFETY: as above.
            unsafe { start.cast::<Header>().write(Header { size }) };
            // SAFETY: as above.
            return Some(unsafe { start.add(HEADER) });
        }
        let new = self.allocate(size, false)?;
        // SAFETY: both blocks have so many bytes, and are not the same.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr(), new.as_ptr(), old.min(size)) };
        // SAFETY: the caller's word.
        unsafe { self.free(block) };
        Some(new)
    }

    /// # Safety
    /// The block is one of this heap's, and nothing points there any more.
    unsafe fn free(&mut self, block: NonNull<u8>) {
        // SAFETY: the caller's word.
        let size = unsafe { size_of_block(block) };
        let start = block.as_ptr().wrapping_sub(HEADER);
        if size >= LARGE {
            // SAFETY: such a block has pages of its own, which begin with its header. Pages that do not go stay counted.
            unsafe { self.0.allocator().unmap(start, size + HEADER) };
        } else {
            // SAFETY: it came from `small` with this size and alignment.
            unsafe { self.0.free(start, size + HEADER, align_of::<Header>()) };
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: it is not used again.
        let heap = unsafe { ManuallyDrop::take(&mut self.0) };
        // SAFETY: the heap's owner has freed its blocks, or never touches them again.
        unsafe { heap.destroy() };
    }
}

/// # Safety
/// The block came from [`Heap::allocate`].
unsafe fn size_of_block(block: NonNull<u8>) -> usize {
    let header = block.as_ptr().wrapping_sub(HEADER).cast::<Header>();
    // SAFETY: the header stands before the block.
    unsafe { header.read() }.size
}

/// The heap of an engine.
pub(crate) struct EngineHeap(Heap);

/// Lets an engine's heap have no more than there is, from when it is dropped on.
pub(crate) struct StartupGuard {
    start: Arc<Startup>,
    budget: Arc<Budget>,
}

impl EngineHeap {
    /// A heap that is not refused anything as long as the other value is there: an engine does not survive a refusal while it
    /// is made, and what it needs then is the same for each. So many bytes were taken from the budget for it before.
    pub(crate) fn new(budget: &Arc<Budget>, prepaid: usize) -> (EngineHeap, StartupGuard) {
        let start: Arc<Startup> = Arc::default();
        start.prepaid.store(prepaid, Ordering::Relaxed);
        let pages = Pages::new(budget, &start);
        let guard = StartupGuard {
            start,
            budget: Arc::clone(budget),
        };
        (EngineHeap(Heap::new(pages)), guard)
    }
}

impl StartupGuard {
    /// Whether it took more than there is: the engine must not be used.
    pub(crate) fn has_failed(&self) -> bool {
        self.start.failed.load(Ordering::Relaxed)
    }
}

impl Drop for StartupGuard {
    fn drop(&mut self) {
        self.start.strict.store(true, Ordering::Relaxed);
        self.budget.give(self.start.prepaid.swap(0, Ordering::Relaxed));
    }
}

// SAFETY: blocks are as large as asked for, aligned to 16 bytes, and know their sizes.
unsafe impl Allocator for EngineHeap {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.0
            .allocate(size, false)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let block = count
            .checked_mul(size)
            .and_then(|size| self.0.allocate(size, true));
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the engine's block, which it gives back.
            unsafe { self.0.free(block) };
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        let block = match NonNull::new(block) {
            // SAFETY: the engine's block, which it does not use meanwhile.
            Some(block) => unsafe { self.0.resize(block, size) },
            None => self.0.allocate(size, false),
        };
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: a block of `alloc` and its like.
        NonNull::new(block).map_or(0, |block| unsafe { size_of_block(block) })
    }
}

/// The memory of a script and its workers: the budget, and a heap for what belongs to no engine.
pub(crate) struct Memory {
    budget: Arc<Budget>,
    heap: Mutex<Heap>,
    /// The bytes of shared buffers among it.
    shared: AtomicUsize,
    /// What messages that wait count for among it.
    waiting: AtomicUsize,
}

/// All shared buffers of a script and its workers together, in bytes, also where there is no other limit.
const MAX_SHARED: usize = 1 << 30;

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// Of so many bytes; 0 is no limit.
    pub(crate) fn new(most: usize) -> Arc<Memory> {
        let budget = Budget::new(most);
        let start = Startup {
            strict: AtomicBool::new(true),
            ..Startup::default()
        };
        let pages = Pages::new(&budget, &Arc::new(start));
        Arc::new(Memory {
            budget,
            heap: Mutex::new(Heap::new(pages)),
            shared: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    /// That of a script, by its engine.
    ///
    /// # Errors
    /// `Unknown` for a context that no [`crate::Script`] made.
    pub(crate) fn of(ctx: &Ctx<'_>) -> Result<Arc<Memory>> {
        let handle = ctx.userdata::<Opaque<Arc<Memory>>>().ok_or(Error::Unknown)?;
        Ok(Arc::clone(&handle.0))
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether shared buffers may have so many more bytes, which count then.
    pub(super) fn share(&self, bytes: usize) -> bool {
        add(&self.shared, bytes, MAX_SHARED)
    }

    /// Whether messages may have so many more bytes, which count then. The other half stays for their receivers: a message
    /// is in memory twice while it is read.
    pub(super) fn queue(&self, bytes: usize) -> bool {
        add(&self.waiting, bytes, self.budget.most() / 2)
    }

    /// They have so many less.
    pub(super) fn unqueue(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// They have so many less.
    pub(super) fn unshare(&self, bytes: usize) {
        self.shared.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn heap(&self) -> MutexGuard<'_, Heap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block that any thread may free.
    pub(super) fn allocate(&self, size: usize) -> Option<NonNull<u8>> {
        self.heap().allocate(size, false)
    }

    /// # Safety
    /// The block came from [`Memory::allocate`] of the same object, and nothing points there any more.
    pub(super) unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: the caller's word.
        unsafe { self.heap().free(block) };
    }

    /// # Safety
    /// As [`Memory::free`]; nothing points there but the caller.
    unsafe fn resize(&self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's word.
        unsafe { self.heap().resize(block, size) }
    }
}

/// Adds to a count unless that makes it more than `most`.
fn add(count: &AtomicUsize, more: usize, most: usize) -> bool {
    let ordering = Ordering::Relaxed;
    let sum = |count: usize| count.checked_add(more).filter(|&sum| sum <= most);
    count.try_update(ordering, ordering, sum).is_ok()
}

/// There is no memory left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

impl NoMemory {
    /// The error that the engine has for it.
    pub(crate) fn throw(self, ctx: &Ctx<'_>) -> Error {
        // SAFETY: the context is alive; what the function returns is no reference.
        let _ = unsafe { qjs::JS_ThrowOutOfMemory(ctx.as_raw().as_ptr()) };
        Error::Exception
    }
}

/// Bytes outside of an engine, as a `Vec` has them. They can go to another thread.
pub(crate) struct Bytes {
    memory: Arc<Memory>,
    /// Dangling as long as there is no capacity.
    start: NonNull<u8>,
    len: usize,
    capacity: usize,
}

// SAFETY: the block is this object's alone, and the memory is any thread's.
unsafe impl Send for Bytes {}

impl Bytes {
    pub(crate) fn new(memory: &Arc<Memory>) -> Bytes {
        Bytes {
            memory: Arc::clone(memory),
            start: NonNull::dangling(),
            len: 0,
            capacity: 0,
        }
    }

    /// Makes room for so many bytes in all.
    fn reserve(&mut self, size: usize) -> std::result::Result<(), NoMemory> {
        if size <= self.capacity {
            return Ok(());
        }
        // Twice as much as before, unless there is no more than what is needed.
        let doubled = size.max(self.capacity.saturating_mul(2));
        let grown = self.grown(doubled).or_else(|| self.grown(size));
        self.start = grown.ok_or(NoMemory)?;
        // SAFETY: the block is this object's.
        self.capacity = unsafe { size_of_block(self.start) };
        Ok(())
    }

    fn grown(&self, size: usize) -> Option<NonNull<u8>> {
        if self.capacity == 0 {
            return self.memory.allocate(size);
        }
        // SAFETY: the block is this object's, and nothing else points there.
        unsafe { self.memory.resize(self.start, size) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// There is no memory for them; what was there stays.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> std::result::Result<(), NoMemory> {
        let len = self.len.checked_add(bytes.len()).ok_or(NoMemory)?;
        self.reserve(len)?;
        let end = self.start.as_ptr().wrapping_add(self.len);
        // SAFETY: there is room for the bytes, which are elsewhere: this object is borrowed alone.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len()) };
        self.len = len;
        Ok(())
    }

    /// Takes the last byte away.
    pub(crate) fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if self.capacity > 0 {
            // SAFETY: the block is this object's.
            unsafe { self.memory.free(self.start) };
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Text outside of an engine, as a `String` has it.
#[derive(Debug)]
pub(crate) struct Text(Bytes);

impl Text {
    /// The text that bytes are; what is no UTF-8 is replaced.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn lossy(memory: &Arc<Memory>, bytes: &[u8]) -> std::result::Result<Text, NoMemory> {
        let mut text = Bytes::new(memory);
        for chunk in bytes.utf8_chunks() {
            text.extend(chunk.valid().as_bytes())?;
            if !chunk.invalid().is_empty() {
                text.extend("\u{fffd}".as_bytes())?;
            }
        }
        Ok(Text(text))
    }

    /// Its bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // SAFETY: it was put together from strings.
        unsafe { str::from_utf8_unchecked(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(memory: &Memory) -> usize {
        let budget = memory.budget();
        (0..budget.most())
            .rev()
            .step_by(PAGE)
            .find(|&size| {
                let fits = budget.take(size);
                if fits {
                    budget.give(size);
                }
                fits
            })
            .unwrap_or(0)
    }

    #[test]
    fn bytes_grow_to_the_limit_and_give_everything_back() {
        let memory = Memory::new(4 << 20);
        let piece = [7; 1000];
        for _ in 0..3 {
            let mut bytes = Bytes::new(&memory);
            while bytes.extend(&piece).is_ok() {}
            assert!((7 << 19..4 << 20).contains(&bytes.len()), "{}", bytes.len());
            assert!(bytes.iter().all(|&byte| byte == 7));
            assert_eq!(Bytes::new(&memory).extend(&[0; 1 << 20]), Err(NoMemory));
        }
        assert!(left(&memory) > 3 << 20);
    }

    #[test]
    fn blocks_of_every_size_keep_what_they_hold_when_they_grow_and_shrink() {
        let memory = Memory::new(64 << 20);
        let mut bytes = Bytes::new(&memory);
        for size in [1, 100, LARGE - 1, LARGE, LARGE + 1, 3 << 20, 5 << 20] {
            let more: Vec<u8> = (bytes.len()..size).map(|index| index.to_le_bytes()[0]).collect();
            bytes.extend(&more).unwrap();
            assert!(
                bytes
                    .iter()
                    .enumerate()
                    .all(|(index, byte)| *byte == index.to_le_bytes()[0])
            );
        }
        let (mut heap, guard) = EngineHeap::new(memory.budget(), 0);
        drop(guard);
        // Pages go back as blocks do, and not only those at the end.
        let (first, before) = (heap.alloc(1000), left(&memory));
        let blocks: Vec<_> = (0..20000).map(|_| heap.alloc(1000)).collect();
        assert!(left(&memory) < before - (19 << 20), "{}", left(&memory));
        let last = heap.alloc(1000);
        for block in blocks {
            // SAFETY: the block is this test's.
            unsafe { heap.dealloc(block) };
        }
        assert!(left(&memory) > before - (2 << 20), "{}", left(&memory));
        for block in [first, last] {
            // SAFETY: as above.
            unsafe { heap.dealloc(block) };
        }
        let mut block = heap.alloc(5 << 20);
        for size in [3 << 20, LARGE, LARGE - 1, 10, LARGE + 5] {
            let mark = size.to_le_bytes()[0];
            // SAFETY: the block is this test's, and larger than a byte.
            unsafe { block.write(mark) };
            // SAFETY: as above.
            block = unsafe { heap.realloc(block, size) };
            // SAFETY: as above.
            assert_eq!(unsafe { block.read() }, mark);
            // SAFETY: as above.
            assert!(unsafe { EngineHeap::usable_size(block) } >= size);
            // SAFETY: within the block.
            let last = unsafe { block.add(size - 1) };
            // SAFETY: as above.
            unsafe { last.write(1) };
        }
        // SAFETY: as above.
        unsafe { heap.dealloc(block) };
    }

    /// With allocators that give nothing back, each heap would keep its largest size.
    #[test]
    fn a_heap_with_gaps_counts_what_it_holds_and_none_of_it_stays_when_it_ends() {
        let memory = Memory::new(8 << 20);
        for _ in 0..8 {
            let (mut heap, guard) = EngineHeap::new(memory.budget(), 0);
            drop(guard);
            let mut blocks = Vec::new();
            loop {
                let block = heap.alloc(1000);
                if block.is_null() {
                    break;
                }
                blocks.push(block);
            }
            assert!(blocks.len() > 7000, "{}", blocks.len());
            for (index, block) in blocks.iter().enumerate() {
                if index % 40 != 0 {
                    // SAFETY: the block is this test's.
                    unsafe { heap.dealloc(*block) };
                }
            }
            // One in forty is left, but the pages are there.
            assert!(left(&memory) < 2 << 20, "{}", left(&memory));
        }
        assert!(left(&memory) > 7 << 20);
    }

    #[test]
    fn a_heap_that_begins_takes_what_was_paid_and_then_more_than_there_is() {
        let budget = Budget::new(1 << 20);
        assert!(budget.take(SEGMENT * 3));
        let (mut heap, guard) = EngineHeap::new(&budget, SEGMENT * 2);
        assert!(!heap.alloc(1000).is_null());
        assert!(!guard.has_failed() && budget.take(SEGMENT) && !budget.take(1));
        // All is taken now, of which one segment is still the heap's to have.
        assert!(!heap.alloc(LARGE).is_null() && !guard.has_failed());
        assert!(!heap.alloc(2 * LARGE).is_null() && guard.has_failed());
        drop(guard);
        assert!(heap.alloc(LARGE).is_null());
        drop(heap);
    }

    #[test]
    fn text_is_what_the_standard_library_makes_of_it() {
        let memory = Memory::new(0);
        for bytes in [
            &b""[..],
            b"abc",
            b"\xff",
            b"a\xc3\x28\xe2\x82",
            "\u{e4}\u{1f600}".as_bytes(),
        ] {
            let text = Text::lossy(&memory, bytes).unwrap();
            assert_eq!(&*text, &*String::from_utf8_lossy(bytes));
        }
    }
}
