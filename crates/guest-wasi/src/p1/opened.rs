//! The open file behind a descriptor of wasmtime-wasi's preview 1, for what has to be done with the file itself.
//!
//! wasmtime-wasi keeps open files as resources in a table, and does not say which of them a descriptor of preview 1 has. But the
//! place that a resource takes can be known beforehand, and whether a file is there afterwards: it was made by the call between.

use std::sync::Arc;

use guestnet_core::{Errno, Host, Result};
use wasmtime::component::Resource;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{Descriptor, OpenMode};

use crate::state::{File, GuestCtx};

/// Where in wasmtime-wasi's table the next resource will be.
pub(crate) fn next_place<H: Host>(ctx: &mut GuestCtx<H>) -> Option<u32> {
    let table = ctx.inner.ctx().table;
    let probe = table.push(()).ok()?;
    let place = probe.rep();
    table.delete(probe).ok()?;
    Some(place)
}

/// The place, if an open file or directory is there.
pub(crate) fn at<H: Host>(ctx: &mut GuestCtx<H>, place: Option<u32>) -> Option<u32> {
    place.filter(|place| {
        let table = ctx.inner.ctx().table;
        table.get(&Resource::<Descriptor>::new_borrow(*place)).is_ok()
    })
}

/// A file that is open for reading.
///
/// # Errors
/// `EBADF`: it is not open for reading. `EINVAL`: a directory. `EOPNOTSUPP`: it cannot be had; the guest can read it.
pub(crate) fn readable<H: Host>(ctx: &mut GuestCtx<H>, file: &File) -> Result<Arc<std::fs::File>> {
    if file.preopen.is_some() {
        return Err(Errno::EINVAL);
    }
    let resource = Resource::<Descriptor>::new_borrow(file.resource.ok_or(Errno::EOPNOTSUPP)?);
    match ctx.inner.ctx().table.get(&resource) {
        Ok(Descriptor::File(file)) if file.open_mode.contains(OpenMode::READ) => Ok(Arc::clone(&file.file)),
        Ok(Descriptor::File(_)) => Err(Errno::EBADF),
        Ok(Descriptor::Dir(_)) => Err(Errno::EINVAL),
        Err(_) => Err(Errno::EOPNOTSUPP),
    }
}
