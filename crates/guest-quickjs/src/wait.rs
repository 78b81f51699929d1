//! The module `guestnet:wait`: promises for a descriptor that is ready. For guestnet's own modules.
//!
//! Unlike a handler of `os.setReadHandler`, which there is one of, they queue behind what waits already, and are
//! rejected when the descriptor is closed.

use std::marker::PhantomData;

use guestnet_core::Host;
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Ctx, Result, Value};

use crate::native::{Call, Member, declare, export};
use crate::operation::{Direction, Operation};
use crate::os::pending;

/// `guestnet:wait`, for the loader.
pub(crate) struct WaitModule<H>(PhantomData<H>);

fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("readable", 1, readable),
        Member::Function("writable", 1, writable),
    ]
}

impl<H: Host + 'static> ModuleDef for WaitModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        declare(decl, &members::<H>())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        export(ctx, exports, &members::<H>())
    }
}

fn readable<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    ready(call, Direction::Read)
}

fn writable<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    ready(call, Direction::Write)
}

fn ready<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, direction: Direction) -> Result<Value<'js>> {
    let fd = call.int(0, "the descriptor")?;
    let descriptor = call.state().look_up(fd);
    let operation = Operation::Ready(direction, false);
    pending::begin(call.ctx(), call.state(), descriptor, operation, None)
}
