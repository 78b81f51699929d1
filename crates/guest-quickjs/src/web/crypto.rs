//! The randomness of `crypto`, which is the system's.

use guestnet_core::{Errno, Host};
use rquickjs::{Exception, Result, Value};

use crate::buffer::Buffer;
use crate::native::{Call, Member};

pub(super) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("fill", 1, fill),
        Member::Function("uuid", 0, uuid),
        Member::Function("kind", 1, super::clone::kind),
    ]
}

/// Fills a buffer.
fn fill<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let buffer = Buffer::new(call.ctx(), call.arg(0))?;
    let filled = buffer.write(call.ctx(), &call.state().getters, 0, usize::MAX, |bytes| {
        getrandom::fill(bytes).map_err(|_| Errno::EIO)?;
        Ok((bytes.len(), ()))
    });
    match filled {
        // One that is detached has nothing to fill.
        Ok(()) | Err(Errno::EFAULT) => call.value(rquickjs::Undefined),
        Err(_) => Err(no_randomness(call)),
    }
}

/// A random UUID, of version 4.
fn uuid<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| no_randomness(call))?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    call.value(text)
}

fn no_randomness<H: Host + 'static>(call: &Call<'_, '_, H>) -> rquickjs::Error {
    Exception::throw_internal(call.ctx(), "the system has no randomness")
}
