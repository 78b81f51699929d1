//! `print` and `console.log`: how values are printed, as qjs prints them. (Placeholder.)

use guestnet_core::Host;
use rquickjs::{Ctx, Result, Value};

use crate::native::{Call, function};
use crate::os::file;
use crate::state::Shared;

/// Adds the globals.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &Shared<H>) -> Result<()> {
    ctx.globals()
        .set("print", function(ctx, state, "print", 1, print)?)
}

fn print<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut line = String::new();
    for index in 0..call.len() {
        if index > 0 {
            line.push(' ');
        }
        line.push_str(&call.arg(index).get::<rquickjs::Coerced<String>>()?.0);
    }
    line.push('\n');
    file::write_all(call.state(), 1, line.as_bytes());
    call.value(rquickjs::Undefined)
}
