//! The module `os`: its parts and their tables.

pub(crate) mod address;
mod attempt;
pub(crate) mod dir;
pub(crate) mod file;
pub(crate) mod handler;
pub(crate) mod option;
pub(crate) mod path;
pub(crate) mod pending;
pub(crate) mod process;
pub(crate) mod resolve;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod temporary;
pub(crate) mod time;
pub(crate) mod transfer;
pub(crate) mod worker;

use std::marker::PhantomData;

use guestnet_core::Host;
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Ctx, Result};

use crate::native::{Member, declare, export};

/// `os`, for the loader.
pub(crate) struct OsModule<H>(PhantomData<H>);

/// Every export. Each part has a function `members` of its own.
fn members<H: Host + 'static>() -> Vec<Member<H>> {
    let mut members = Vec::new();
    members.extend(socket::members());
    members.extend(transfer::members());
    members.extend(option::members());
    members.extend(resolve::members());
    members.extend(handler::members());
    members.extend(file::members());
    members.extend(path::members());
    members.extend(process::members());
    members.extend(signal::members());
    members.extend(temporary::members());
    members.extend(time::members());
    members.extend(worker::members());
    members
}

impl<H: Host + 'static> ModuleDef for OsModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        declare(decl, &members::<H>())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        export(ctx, exports, &members::<H>())
    }
}
