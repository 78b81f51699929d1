//! [`Table`]: a guest's descriptor numbers.
//!
//! One number space for sockets, streams and files, lowest free number first as POSIX demands. A number here is
//! never a kernel descriptor.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::errno::{Errno, Result};

/// A descriptor number as a guest holds it.
pub type Fd = u32;

/// Numbers → entries.
#[derive(Debug)]
pub struct Table<T> {
    slots: Vec<Option<T>>,
    /// Each free number below the length of `slots`, once. A heap, because a server that closes one connection of
    /// ten thousand and accepts the next must not look through the others.
    free: BinaryHeap<Reverse<Fd>>,
    capacity: usize,
}

impl<T> Table<T> {
    /// An empty table that holds at most `capacity` entries, numbered below it.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Table {
            slots: Vec::new(),
            free: BinaryHeap::new(),
            capacity,
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
            .ok_or(Errno::Badf)
    }

    /// The entry of a descriptor, to change.
    ///
    /// # Errors
    /// `EBADF` if it is not open.
    #[inline]
    pub fn entry_mut(&mut self, fd: Fd) -> Result<&mut T> {
        self.slots
            .get_mut(fd as usize)
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf)
    }

    /// The number that the next [`Table::insert`] will give.
    ///
    /// # Errors
    /// `EMFILE` if the table is full.
    pub fn lowest_free(&self) -> Result<Fd> {
        if let Some(Reverse(fd)) = self.free.peek() {
            return Ok(*fd);
        }
        if self.slots.len() >= self.capacity {
            return Err(Errno::Mfile);
        }
        Fd::try_from(self.slots.len()).map_err(|_| Errno::Mfile)
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
        Ok(fd)
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
            .ok_or(Errno::Badf)?;
        self.free.push(Reverse(fd));
        Ok(entry)
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
        let entry = self.remove(from)?;
        Ok(self
            .slots
            .get_mut(to as usize)
            .and_then(|slot| slot.replace(entry)))
    }

    /// Every open descriptor, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, &T)> {
        self.slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, fd)| slot.as_ref().map(|entry| (fd, entry)))
    }

    /// Takes every entry out.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.free.clear();
        std::mem::take(&mut self.slots).into_iter().flatten()
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
        assert_eq!(table.insert('b'), Err((Errno::Mfile, 'b')));
        assert_eq!(table.remove(0), Ok('a'));
        assert_eq!(table.insert('b'), Ok(0));
    }

    #[test]
    fn unknown_numbers_are_ebadf_whatever_they_are() {
        let mut table = Table::new(4);
        assert_eq!(table.insert('a'), Ok(0));
        for fd in [1, 3, 4, 1 << 31, u32::MAX] {
            assert_eq!(table.entry(fd), Err(Errno::Badf));
            assert_eq!(table.remove(fd), Err(Errno::Badf));
            assert_eq!(table.renumber(0, fd), Err(Errno::Badf));
            assert_eq!(table.renumber(fd, 0), Err(Errno::Badf));
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
        assert_eq!(table.entry(1), Err(Errno::Badf));
        assert_eq!(table.renumber(0, 0), Ok(None));
        assert_eq!(table.insert('c'), Ok(1));
    }
}
