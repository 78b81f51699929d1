//! The functions of `wasi:filesystem/types` that give a stream, which is ours ([`Reader`], [`Writer`]), those that open and close a
//! file, which counts as a descriptor, and those that list a directory, which have a limit. The others are wasmtime-wasi's as they
//! are.

use guestnet_core::Host;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{DirectoryEntry, DirectoryEntryStream, ErrorCode};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError};

use super::ctx::State;
use super::error::wrong_kind;
use super::file_stream::{Reader, Writer};
use super::object::{Handle, List, Object, Role};
use crate::state::File;

/// How many names the lists of directories that a guest has may have together: all of them are in the host's memory.
const MAX_LISTED: usize = 1 << 18;

/// What a function of files returns.
type Answer<T> = wasmtime::Result<(Result<Resource<T>, ErrorCode>,)>;

impl<H: Host> State<H> {
    /// `[method]descriptor.open-at`.
    pub(crate) fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Descriptor> {
        // WASI has no word for EMFILE here.
        let counted = File {
            inner: u32::MAX,
            preopen: None,
            resource: None,
        };
        let Ok(fd) = self.ctx.guest.insert_file(counted) else {
            return Ok((Err(ErrorCode::InsufficientMemory),));
        };
        let files = &mut self.ctx.inner.filesystem();
        match HostDescriptor::open_at(files, descriptor, path_flags, path, open_flags, flags) {
            Ok(file) => {
                self.files.opened(file.rep(), fd);
                Ok((Ok(file),))
            }
            Err(error) => {
                self.close(fd);
                refused(error)
            }
        }
    }

    /// `[resource-drop]descriptor`.
    pub(crate) fn drop_descriptor(&mut self, descriptor: u32) -> wasmtime::Result<()> {
        if let Some(fd) = self.files.dropped(descriptor) {
            self.close(fd);
        }
        HostDescriptor::drop(&mut self.ctx.inner.filesystem(), Resource::new_own(descriptor))
    }

    /// `[method]descriptor.read-via-stream`.
    pub(crate) fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        position: u64,
    ) -> Answer<DynInputStream> {
        let resource = descriptor.rep();
        let made = HostDescriptor::read_via_stream(&mut self.ctx.inner.filesystem(), descriptor, position);
        match made {
            Ok(stream) => {
                let stream = Some(self.table().delete(stream)?);
                let file = self.files.share(resource);
                self.give(Object::Reader(Reader { stream, file }))
            }
            Err(error) => refused(error),
        }
    }

    /// `[method]descriptor.write-via-stream` and, without a position, `append-via-stream`.
    pub(crate) fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        position: Option<u64>,
    ) -> Answer<DynOutputStream> {
        let resource = descriptor.rep();
        let files = &mut self.ctx.inner.filesystem();
        let made = match position {
            Some(position) => HostDescriptor::write_via_stream(files, descriptor, position),
            None => HostDescriptor::append_via_stream(files, descriptor),
        };
        match made {
            Ok(stream) => {
                let stream = Some(self.table().delete(stream)?);
                let file = self.files.share(resource);
                self.give(Object::Writer(Writer { stream, file }))
            }
            Err(error) => refused(error),
        }
    }

    /// `[method]descriptor.read-directory`.
    pub(crate) fn read_directory(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> Answer<DirectoryEntryStream> {
        let list = match HostDescriptor::read_directory(&mut self.ctx.inner.filesystem(), descriptor) {
            Ok(list) => self.table().delete(list)?.into_iter(),
            Err(error) => return refused(error),
        };
        let (len, _) = list.size_hint();
        // A list alone is as long as its directory.
        if self.listed > 0 && self.listed.saturating_add(len) > MAX_LISTED {
            return Ok((Err(ErrorCode::InsufficientMemory),));
        }
        self.listed = self.listed.saturating_add(len);
        self.give(Object::List(List { entries: list, len }))
    }

    /// `[method]directory-entry-stream.read-directory-entry`.
    pub(crate) fn read_directory_entry(
        &mut self,
        list: Resource<DirectoryEntryStream>,
    ) -> wasmtime::Result<(Result<Option<DirectoryEntry>, ErrorCode>,)> {
        let handle = Handle::of(&list)?;
        let Object::List(list) = &mut self.slot(handle.slot)?.object else {
            return Err(wrong_kind());
        };
        Ok((match list.entries.next().transpose() {
            Ok(entry) => Ok(entry),
            Err(error) => Err(error.downcast()?),
        },))
    }

    /// `[resource-drop]directory-entry-stream`.
    pub(crate) fn drop_list(&mut self, list: u32) -> wasmtime::Result<()> {
        let handle = Handle::of(&Resource::<DirectoryEntryStream>::new_own(list))?;
        self.drop_object(handle)
    }

    fn give<T: 'static>(&mut self, object: Object<H::Io>) -> Answer<T> {
        Ok((match self.insert(object) {
            Ok(slot) => Ok(Handle::new(Role::Itself, slot).own()),
            Err((_, object)) => {
                self.discard(object);
                Err(ErrorCode::InsufficientMemory)
            }
        },))
    }
}

fn refused<T: 'static>(error: FsError) -> Answer<T> {
    Ok((Err(error.downcast()?),))
}
