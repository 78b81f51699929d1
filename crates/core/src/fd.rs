//! [`Table`] and [`SharedTable`]: a guest's descriptor numbers.
//!
//! One number space for sockets, streams and files, lowest free number first as POSIX demands. A number here is
//! never a kernel descriptor.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::errno::{Errno, Result};

/// A descriptor number as a guest holds it.
pub type Fd = u32;

/// A descriptor that was looked up: it stands for the same open file to the end of the call, whatever another thread does to
/// the number. An adapter looks one up ([`GuestThread::look_up`](crate::GuestThread::look_up)) where it still has to read
/// arguments from the guest's memory, since `EBADF` comes before `EFAULT`, and then makes its call with it.
#[derive(Clone, Debug)]
pub struct Descriptor<P> {
    number: Fd,
    pub(crate) pin: P,
}

impl<P> Descriptor<P> {
    pub(crate) fn new(number: Fd, pin: P) -> Self {
        Descriptor { number, pin }
    }

    /// The number that was looked up. It may be another open file's by now.
    #[must_use]
    pub fn number(&self) -> Fd {
        self.number
    }
}

impl<E> Descriptor<Arc<E>> {
    /// What it stands for.
    #[must_use]
    pub fn open_file(&self) -> &E {
        &self.pin
    }

    /// Whether both stand for the same open file, as two numbers do that dup(2) has made.
    #[must_use]
    pub fn is_same_open_file(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pin, &other.pin)
    }
}

/// The number, as a trace prints it.
impl<P> fmt::Display for Descriptor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Fd {}

    impl<P> Sealed for &super::Descriptor<P> {}
}

/// What a call is about: a number ([`Fd`]), which the call looks up, or a [`Descriptor`] that was looked up before.
pub trait Target<P>: sealed::Sealed + Copy + fmt::Display {
    /// What was looked up, if it was.
    fn descriptor(&self) -> Option<&Descriptor<P>>;

    /// The guest's number.
    fn number(&self) -> Fd;
}

impl<P> Target<P> for Fd {
    #[inline]
    fn descriptor(&self) -> Option<&Descriptor<P>> {
        None
    }

    #[inline]
    fn number(&self) -> Fd {
        *self
    }
}

impl<P> Target<P> for &Descriptor<P> {
    #[inline]
    fn descriptor(&self) -> Option<&Descriptor<P>> {
        Some(self)
    }

    #[inline]
    fn number(&self) -> Fd {
        self.number
    }
}

/// An entry of a table: what a look-up gave, or what the caller looked up before.
pub(crate) enum Entry<'a, R, E> {
    Found(R),
    Pinned(&'a E),
}

impl<R: Deref<Target = E>, E> Deref for Entry<'_, R, E> {
    type Target = E;

    #[inline]
    fn deref(&self) -> &E {
        match self {
            Entry::Found(entry) => entry,
            Entry::Pinned(entry) => entry,
        }
    }
}

/// The entry of a table that a call is about.
///
/// # Errors
/// `EBADF`.
#[inline]
pub(crate) fn find<'t, E, T: Slots<E>>(
    target: &'t impl Target<T::Pin>,
    table: &'t T,
) -> Result<Entry<'t, T::Ref<'t>, E>> {
    match target.descriptor() {
        Some(descriptor) => table.pinned(&descriptor.pin).map(Entry::Pinned),
        None => table.entry(target.number()).map(Entry::Found),
    }
}

/// Where a guest keeps its descriptors: a [`Table`] for a guest of one thread, a [`SharedTable`] for several.
pub trait Slots<E> {
    /// Access to an entry. It outlives the descriptor where another thread may close that meanwhile.
    type Ref<'a>: Deref<Target = E>
    where
        Self: 'a;

    /// What keeps an entry from being exchanged for another one between two steps of a call.
    type Pin: Clone;

    /// The entry of a descriptor.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    fn entry(&self, fd: Fd) -> Result<Self::Ref<'_>>;

    /// Looks a descriptor up, for [`Slots::pinned`].
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    fn pin(&self, fd: Fd) -> Result<Self::Pin>;

    /// The entry that was looked up.
    ///
    /// # Errors
    /// `EBADF`: it was closed meanwhile, by the same thread.
    fn pinned<'a>(&'a self, pin: &'a Self::Pin) -> Result<&'a E>;

    /// The number that the next [`Slots::insert`] will give, if no other thread inserts first.
    ///
    /// # Errors
    /// `EMFILE` if the table is full.
    fn lowest_free(&self) -> Result<Fd>;

    /// Enters at the lowest free number.
    ///
    /// # Errors
    /// `EMFILE` if the table is full; the entry comes back so that nothing is lost.
    fn insert(&mut self, entry: E) -> Result<Fd, (Errno, E)>;

    /// Enters both at the lowest free numbers, or neither.
    ///
    /// # Errors
    /// `EMFILE` if there is no room for two; both come back.
    fn insert_pair(&mut self, one: E, other: E) -> Result<(Fd, Fd), (Errno, [E; 2])>;

    /// Takes an entry out; its number is free again. `None`: another descriptor or a running call still has the entry,
    /// and the last one to let it go drops it.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    fn remove(&mut self, fd: Fd) -> Result<Option<E>>;

    /// Moves `from` onto `to` (`fd_renumber`) and returns what was there, `None` as in [`Slots::remove`]. Nothing
    /// happens if they are the same.
    ///
    /// # Errors
    /// `EBADF` if either is not open.
    fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<E>>;

    /// How often a number has come to mean nothing, or something else: as long as it is the same, a number means what it meant.
    /// `None` where another thread may change that at any time.
    fn removals(&self) -> Option<u64>;
}

/// Numbers → entries.
#[derive(Debug)]
pub struct Table<T> {
    slots: Vec<Option<T>>,
    /// Each free number below the length of `slots`, once. A heap, because a server that closes one connection of
    /// ten thousand and accepts the next must not look through the others.
    free: BinaryHeap<Reverse<Fd>>,
    /// Numbers below it are given by [`Table::install_at`] only.
    reserved: usize,
    /// How many entries there are, and may be.
    open: usize,
    capacity: usize,
    /// [`Slots::removals`].
    removals: u64,
}

impl<T> Table<T> {
    /// An empty table that holds at most `capacity` entries, numbered below it.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Table {
            slots: Vec::new(),
            free: BinaryHeap::new(),
            reserved: 0,
            open: 0,
            capacity,
            removals: 0,
        }
    }

    /// A table whose numbers below `reserved` are chosen by the adapter ([`Table::install_at`]), because other code
    /// assigns them, such as Emscripten's file system. An entry first gets a number from `reserved` on; at most
    /// `capacity` entries are open at a time.
    #[must_use]
    pub fn reserving(reserved: Fd, capacity: usize) -> Self {
        let reserved = reserved as usize;
        let mut slots = Vec::new();
        slots.resize_with(reserved, || None);
        Table {
            slots,
            free: BinaryHeap::new(),
            reserved,
            open: 0,
            capacity,
            removals: 0,
        }
    }

    /// The entry of a descriptor.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    #[inline]
    pub fn entry(&self, fd: Fd) -> Result<&T> {
        self.slots
            .get(fd as usize)
            .and_then(Option::as_ref)
            .ok_or(Errno::EBADF)
    }

    /// [`Table::entry`], to change it.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    #[inline]
    pub fn entry_mut(&mut self, fd: Fd) -> Result<&mut T> {
        self.slots
            .get_mut(fd as usize)
            .and_then(Option::as_mut)
            .ok_or(Errno::EBADF)
    }

    /// The number that the next [`Table::insert`] will give.
    ///
    /// # Errors
    /// `EMFILE` if the table is full.
    pub fn lowest_free(&self) -> Result<Fd> {
        if self.open >= self.capacity {
            return Err(Errno::EMFILE);
        }
        if let Some(Reverse(fd)) = self.free.peek() {
            return Ok(*fd);
        }
        Fd::try_from(self.slots.len()).map_err(|_| Errno::EMFILE)
    }

    /// Enters at the lowest free number.
    ///
    /// # Errors
    /// `EMFILE` if the table is full; the entry comes back so that nothing is lost.
    pub fn insert(&mut self, entry: T) -> Result<Fd, (Errno, T)> {
        let fd = match self.lowest_free() {
            Ok(fd) => fd,
            Err(errno) => return Err((errno, entry)),
        };
        match self.slots.get_mut(fd as usize) {
            Some(slot) => {
                self.free.pop();
                *slot = Some(entry);
            }
            None => self.slots.push(Some(entry)),
        }
        self.open += 1;
        Ok(fd)
    }

    /// Enters both at the lowest free numbers, or neither.
    ///
    /// # Errors
    /// `EMFILE` if there is no room for two; both come back.
    pub fn insert_pair(&mut self, one: T, other: T) -> Result<(Fd, Fd), (Errno, [T; 2])> {
        let first = match self.insert(one) {
            Ok(first) => first,
            Err((errno, one)) => return Err((errno, [one, other])),
        };
        match self.insert(other) {
            Ok(second) => Ok((first, second)),
            Err((errno, other)) => match self.remove(first) {
                Ok(one) => Err((errno, [one, other])),
                Err(_) => unreachable!("it was entered just now"),
            },
        }
    }

    /// Takes an entry out; its number is free again.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    pub fn remove(&mut self, fd: Fd) -> Result<T> {
        let entry = self
            .slots
            .get_mut(fd as usize)
            .and_then(Option::take)
            .ok_or(Errno::EBADF)?;
        self.open -= 1;
        self.removals += 1;
        if fd as usize >= self.reserved {
            self.free.push(Reverse(fd));
        }
        Ok(entry)
    }

    /// Moves `from` to a reserved number, and returns what was there.
    ///
    /// # Errors
    /// `EBADF` if `from` is not open, or `to` is not a reserved number.
    pub fn install_at(&mut self, from: Fd, to: Fd) -> Result<Option<T>> {
        if to as usize >= self.reserved {
            return Err(Errno::EBADF);
        }
        if from == to {
            return self.entry(from).map(|_| None);
        }
        self.move_to(from, to)
    }

    /// Moves `from` onto `to` (`fd_renumber`) and returns what was there. Nothing happens if they are the same.
    ///
    /// # Errors
    /// `EBADF` if either is not open.
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<T>> {
        self.entry(to)?;
        self.entry(from)?;
        if from == to {
            return Ok(None);
        }
        self.move_to(from, to)
    }

    /// Moves `from` to a number below the length of `slots`.
    fn move_to(&mut self, from: Fd, to: Fd) -> Result<Option<T>> {
        let entry = self.remove(from)?;
        let old = self
            .slots
            .get_mut(to as usize)
            .and_then(|slot| slot.replace(entry));
        self.open += usize::from(old.is_none());
        Ok(old)
    }

    /// Every open descriptor, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, &T)> {
        self.slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, fd)| slot.as_ref().map(|entry| (fd, entry)))
    }
}

impl<E> Slots<E> for Table<E> {
    type Ref<'a>
        = &'a E
    where
        E: 'a;

    /// No other thread can exchange it.
    type Pin = Fd;

    #[inline]
    fn entry(&self, fd: Fd) -> Result<&E> {
        Table::entry(self, fd)
    }

    #[inline]
    fn pin(&self, fd: Fd) -> Result<Fd> {
        Table::entry(self, fd).map(|_| fd)
    }

    #[inline]
    fn pinned<'a>(&'a self, pin: &'a Fd) -> Result<&'a E> {
        Table::entry(self, *pin)
    }

    fn lowest_free(&self) -> Result<Fd> {
        Table::lowest_free(self)
    }

    fn insert(&mut self, entry: E) -> Result<Fd, (Errno, E)> {
        Table::insert(self, entry)
    }

    fn insert_pair(&mut self, one: E, other: E) -> Result<(Fd, Fd), (Errno, [E; 2])> {
        Table::insert_pair(self, one, other)
    }

    fn remove(&mut self, fd: Fd) -> Result<Option<E>> {
        Table::remove(self, fd).map(Some)
    }

    fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<E>> {
        Table::renumber(self, from, to)
    }

    fn removals(&self) -> Option<u64> {
        Some(self.removals)
    }
}

/// A table that several threads share. What a descriptor stands for is an open file description (open(2)): several
/// descriptors may have the same one, and a call that runs keeps it open although the descriptor is closed.
#[derive(Debug)]
pub struct SharedTable<E>(Arc<RwLock<Table<Arc<E>>>>);

impl<E> SharedTable<E> {
    /// A table around `table`, which may be [reserving](Table::reserving) numbers.
    #[must_use]
    pub fn new(table: Table<Arc<E>>) -> Self {
        SharedTable(Arc::new(RwLock::new(table)))
    }

    /// Enters the description of `fd` at the lowest free number as well (dup(2)).
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn dup(&self, fd: Fd) -> Result<Fd> {
        let mut table = self.write();
        let entry = Arc::clone(table.entry(fd)?);
        table.insert(entry).map_err(|(errno, _)| errno)
    }

    /// Enters what is open already at the lowest free number.
    ///
    /// # Errors
    /// `EMFILE`.
    pub(crate) fn insert_open(&self, entry: Arc<E>) -> Result<Fd> {
        self.write().insert(entry).map_err(|(errno, _)| errno)
    }

    /// [`Table::install_at`]. `None` also if what was there is still used.
    ///
    /// # Errors
    /// Those of [`Table::install_at`].
    pub fn install_at(&self, from: Fd, to: Fd) -> Result<Option<E>> {
        Ok(self.write().install_at(from, to)?.and_then(Arc::into_inner))
    }

    /// Every open descriptor, lowest first, as of now.
    pub fn descriptors(&self) -> Vec<Fd> {
        self.read().iter().map(|(fd, _)| fd).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<Arc<E>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<Arc<E>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another handle on the same table.
impl<E> Clone for SharedTable<E> {
    fn clone(&self) -> Self {
        SharedTable(Arc::clone(&self.0))
    }
}

impl<E> Slots<E> for SharedTable<E> {
    type Ref<'a>
        = Arc<E>
    where
        E: 'a;

    type Pin = Arc<E>;

    #[inline]
    fn entry(&self, fd: Fd) -> Result<Arc<E>> {
        self.read().entry(fd).map(Arc::clone)
    }

    #[inline]
    fn pin(&self, fd: Fd) -> Result<Arc<E>> {
        self.entry(fd)
    }

    #[inline]
    fn pinned<'a>(&'a self, pin: &'a Arc<E>) -> Result<&'a E> {
        Ok(pin)
    }

    fn lowest_free(&self) -> Result<Fd> {
        self.read().lowest_free()
    }

    fn insert(&mut self, entry: E) -> Result<Fd, (Errno, E)> {
        let mut table = self.write();
        if let Err(errno) = table.lowest_free() {
            return Err((errno, entry));
        }
        table
            .insert(Arc::new(entry))
            .map_err(|_| unreachable!("there was room under the same lock"))
    }

    fn insert_pair(&mut self, one: E, other: E) -> Result<(Fd, Fd), (Errno, [E; 2])> {
        let mut table = self.write();
        let pair = table.insert_pair(Arc::new(one), Arc::new(other));
        pair.map_err(|(errno, pair)| {
            let entries = pair.map(|entry| match Arc::into_inner(entry) {
                Some(entry) => entry,
                None => unreachable!("no thread saw it under the same lock"),
            });
            (errno, entries)
        })
    }

    fn remove(&mut self, fd: Fd) -> Result<Option<E>> {
        self.write().remove(fd).map(Arc::into_inner)
    }

    fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<E>> {
        Ok(self.write().renumber(from, to)?.and_then(Arc::into_inner))
    }

    fn removals(&self) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_lowest_free_ones() {
        let mut table = Table::new(8);
        for expected in 0..4 {
            assert_eq!(table.insert(expected), Ok(expected));
        }
        assert_eq!(table.remove(2), Ok(2));
        assert_eq!(table.remove(0), Ok(0));
        assert_eq!(table.insert(10), Ok(0));
        assert_eq!(table.insert(11), Ok(2));
        assert_eq!(table.insert(12), Ok(4));
    }

    #[test]
    fn a_full_table_gives_the_entry_back() {
        let mut table = Table::new(1);
        assert_eq!(table.insert('a'), Ok(0));
        assert_eq!(table.insert('b'), Err((Errno::EMFILE, 'b')));
        assert_eq!(table.remove(0), Ok('a'));
        assert_eq!(table.insert('b'), Ok(0));
    }

    #[test]
    fn unknown_numbers_are_ebadf_whatever_they_are() {
        let mut table = Table::new(4);
        assert_eq!(table.insert('a'), Ok(0));
        for fd in [1, 3, 4, 1 << 31, u32::MAX] {
            assert_eq!(table.entry(fd), Err(Errno::EBADF));
            assert_eq!(table.remove(fd), Err(Errno::EBADF));
            assert_eq!(table.renumber(0, fd), Err(Errno::EBADF));
            assert_eq!(table.renumber(fd, 0), Err(Errno::EBADF));
        }
        assert_eq!(table.entry(0), Ok(&'a'));
    }

    #[test]
    fn renumber_replaces_the_target_and_frees_the_source() {
        let mut table = Table::new(4);
        table.insert('a').unwrap();
        table.insert('b').unwrap();
        assert_eq!(table.renumber(1, 0), Ok(Some('a')));
        assert_eq!(table.entry(0), Ok(&'b'));
        assert_eq!(table.entry(1), Err(Errno::EBADF));
        assert_eq!(table.renumber(0, 0), Ok(None));
        assert_eq!(table.insert('c'), Ok(1));
    }
}
