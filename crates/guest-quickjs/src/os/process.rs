//! What `os` says of the process: `platform`, `exePath`.
//!
//! Left out, and so `undefined`: `exec`, `waitpid`, `kill` and `getpid`. A guest has no processes.

use guestnet_core::Host;
use rquickjs::{IntoJs, Result, Value};

use crate::native::{Call, Member};

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    // Numbers of errors, flags and modes are Linux's on every host.
    vec![
        Member::Value("platform", |ctx, _| "linux".into_js(ctx)),
        Member::Function("exePath", 0, exe_path),
    ]
}

/// `undefined`, which quickjs-ng has for a path that is not known: a path of the host's is not the guest's to know.
fn exe_path<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.value(rquickjs::Undefined)
}
