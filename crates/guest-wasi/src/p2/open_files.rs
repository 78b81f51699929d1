//! [`OpenFiles`]: each open file of a component counts as one of the guest's descriptors, until its last resource is dropped.
//!
//! A file's streams keep it open when its own resource is gone, and wasmtime-wasi counts none of this.

use std::collections::HashMap;

use guestnet_core::Fd;

/// Which descriptor of the core stands for each open file. Pre-opened directories, which are never closed, are not here.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles {
    /// By the number of the file's own resource in wasmtime-wasi's table.
    resources: HashMap<u32, Fd>,
    /// How many resources each file has: its own, and streams.
    shares: HashMap<Fd, u32>,
}

impl OpenFiles {
    /// A file was opened.
    pub(crate) fn opened(&mut self, resource: u32, fd: Fd) {
        self.resources.insert(resource, fd);
        self.shares.insert(fd, 1);
    }

    /// A stream of a file was made, which shares this descriptor.
    pub(crate) fn share(&mut self, resource: u32) -> Option<Fd> {
        let fd = self.resources.get(&resource)?;
        *self.shares.get_mut(fd)? += 1;
        Some(*fd)
    }

    /// A file's own resource was dropped. The descriptor comes back if it is to be closed.
    pub(crate) fn dropped(&mut self, resource: u32) -> Option<Fd> {
        let fd = self.resources.remove(&resource)?;
        self.release(fd)
    }

    /// One resource that shares this descriptor was dropped. It comes back if that was the last one.
    pub(crate) fn release(&mut self, fd: Fd) -> Option<Fd> {
        let shares = self.shares.get_mut(&fd)?;
        *shares = shares.saturating_sub(1);
        if *shares > 0 {
            return None;
        }
        self.shares.remove(&fd);
        Some(fd)
    }
}

#[cfg(test)]
mod tests {
    use super::OpenFiles;

    #[test]
    fn the_last_resource_of_a_file_gives_its_descriptor_back() {
        let mut files = OpenFiles::default();
        files.opened(1, 10);
        files.opened(2, 20);
        assert_eq!(files.share(1), Some(10));
        assert_eq!(files.share(3), None);
        assert_eq!(files.dropped(1), None);
        // The number is free for another file.
        files.opened(1, 30);
        assert_eq!(files.release(10), Some(10));
        assert_eq!(files.release(10), None);
        assert_eq!((files.dropped(1), files.dropped(2)), (Some(30), Some(20)));
    }
}
