//! What `structuredClone` cannot do in JavaScript: seeing what kind of object a value is, whatever its prototype says.

use guestnet_core::Host;
use rquickjs::{Result, Value};

use crate::copyable;
use crate::native::{Call, Member};
use crate::sys::inspect;
use crate::sys::message::Message;

pub(super) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("kind", 1, kind),
        Member::Function("share", 1, share),
    ]
}

/// The name of an object's class, such as `Map`; `Proxy` of a proxy, and nothing of what is no object.
pub(super) fn kind<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let value = call.arg(0);
    if value.is_proxy() {
        return call.value("Proxy");
    }
    match value.as_object() {
        Some(object) => call.value(inspect::class_name(object)?),
        None => call.value(rquickjs::Undefined),
    }
}

/// Another `SharedArrayBuffer` with the same bytes.
fn share<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    copyable::check(call.ctx(), &call.arg(0))?;
    Message::write(call.ctx(), &call.arg(0))?.read(call.ctx())
}
