//! The functions of `wasi:filesystem/types` that give a stream, which is ours ([`Reader`], [`Writer`]), and the one that lists a
//! directory, which has a limit. The others are wasmtime-wasi's as they are.

use guestnet_core::Host;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{DirectoryEntryStream, ErrorCode};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::HostDescriptor;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError};

use super::ctx::State;
use super::file_stream::{Reader, Writer};
use super::object::{Handle, Object, Role};

/// How many lists of directories a guest may have at a time: each is all of its directory's names, in the host's memory.
const MAX_LISTS: usize = 64;

/// What a function of files returns.
type Answer<T> = wasmtime::Result<(Result<Resource<T>, ErrorCode>,)>;

impl<H: Host> State<H> {
    /// `[method]descriptor.read-via-stream`.
    pub(crate) fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        position: u64,
    ) -> Answer<DynInputStream> {
        let made = HostDescriptor::read_via_stream(&mut self.ctx.inner.filesystem(), descriptor, position);
        match made {
            Ok(stream) => {
                let stream = Some(self.table().delete(stream)?);
                self.give(Object::Reader(Reader { stream }))
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
        let files = &mut self.ctx.inner.filesystem();
        let made = match position {
            Some(position) => HostDescriptor::write_via_stream(files, descriptor, position),
            None => HostDescriptor::append_via_stream(files, descriptor),
        };
        match made {
            Ok(stream) => {
                let stream = Some(self.table().delete(stream)?);
                self.give(Object::Writer(Writer { stream }))
            }
            Err(error) => refused(error),
        }
    }

    /// `[method]descriptor.read-directory`.
    pub(crate) fn read_directory(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> Answer<DirectoryEntryStream> {
        let lists = self
            .table()
            .iter_mut()
            .filter(|entry| entry.is::<DirectoryEntryStream>());
        if lists.count() >= MAX_LISTS {
            return Ok((Err(ErrorCode::InsufficientMemory),));
        }
        match HostDescriptor::read_directory(&mut self.ctx.inner.filesystem(), descriptor) {
            Ok(list) => Ok((Ok(list),)),
            Err(error) => refused(error),
        }
    }

    fn give<T: 'static>(&mut self, object: Object<H::Io>) -> Answer<T> {
        Ok((match self.insert(object) {
            Ok(slot) => Ok(Handle::new(Role::Itself, slot).own()),
            Err(_) => Err(ErrorCode::InsufficientMemory),
        },))
    }
}

fn refused<T: 'static>(error: FsError) -> Answer<T> {
    Ok((Err(error.downcast()?),))
}
