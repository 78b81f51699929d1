//! `os.platform`.
//!
//! Left out, and so `undefined`: `exec`, `waitpid`, `kill` and `getpid`. A guest has no processes.

use guestnet_core::Host;
use rquickjs::IntoJs;

use crate::native::Member;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    // Numbers of errors, flags and modes are Linux's on every host.
    vec![Member::Value("platform", |ctx, _| "linux".into_js(ctx))]
}
