//! The module `std`. (Placeholder.)

use std::marker::PhantomData;

use guestnet_core::Host;
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Ctx, Result, Value};

use crate::native::{Call, Member, declare, export};
use crate::runtime;

/// `std`, for the loader.
pub(crate) struct StdModule<H>(PhantomData<H>);

fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![Member::Function("exit", 1, exit)]
}

impl<H: Host + 'static> ModuleDef for StdModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        declare(decl, &members::<H>())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        export(ctx, exports, &members::<H>())
    }
}

/// `exit(code)`: ends the script at once.
fn exit<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.state().exit.set(Some(call.int(0, "the exit code")?));
    Err(runtime::ending(call.ctx()))
}
