//! [`CallSite`]: where a script has made a call whose promise may be rejected. [`FailedCalls`]: the calls that were.
//!
//! A promise of ours rejects with a number, which says nothing of where it comes from. Not here: how an error that
//! nothing catches is printed (`report.rs`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use guestnet_core::Fd;
use rquickjs::{Ctx, Persistent, Value};

use crate::sys;

/// A call of a script.
pub(crate) struct CallSite {
    call: &'static str,
    /// An error of the engine's, which has the stack. `None`: there was no memory for it.
    error: Option<Persistent<Value<'static>>>,
    /// The stack is that of an earlier call.
    is_earlier: bool,
}

impl CallSite {
    /// The call that runs, by its name.
    pub(crate) fn here(ctx: &Ctx<'_>, call: &'static str) -> CallSite {
        let error = sys::stack_here(ctx);
        if error.is_none() {
            ctx.catch();
        }
        CallSite {
            call,
            error: error.map(|error| Persistent::save(ctx, error)),
            is_earlier: false,
        }
    }

    /// The call, and the file and line of the script's code that made it. May run code of the guest.
    fn describe(self, ctx: &Ctx<'_>) -> String {
        let error = self.error.and_then(|error| error.restore(ctx).ok());
        let exception = error.and_then(Value::into_exception);
        let stack = exception.and_then(|exception| exception.stack());
        ctx.catch();
        match stack.as_deref().and_then(line_of) {
            Some(line) if self.is_earlier => format!("{}, called before at {line}", self.call),
            Some(line) => format!("{} at {line}", self.call),
            None => self.call.to_owned(),
        }
    }
}

/// The latest call that was rejected with each number: not more than there are errors.
#[derive(Default)]
pub(crate) struct FailedCalls {
    rejected: RefCell<BTreeMap<i32, CallSite>>,
    /// The latest receive on each descriptor whose stack was taken.
    receives: RefCell<BTreeMap<Fd, Persistent<Value<'static>>>>,
}

impl FailedCalls {
    /// Remembers a call that is rejected with a number.
    pub(crate) fn note(&self, number: i32, site: CallSite) {
        let old = self.rejected.borrow_mut().insert(number, site);
        drop(old);
    }

    /// Takes out the call that a number came from, in words. May run code of the guest.
    pub(crate) fn take(&self, ctx: &Ctx<'_>, number: i32) -> Option<String> {
        let site = self.rejected.borrow_mut().remove(&number)?;
        Some(site.describe(ctx))
    }

    /// Drops every JavaScript value.
    pub(crate) fn forget(&self) {
        drop(self.rejected.take());
        drop(self.receives.take());
    }

    /// The receive that runs. Of one that waits before it is tried, the stack of an earlier one on the descriptor serves: to take a stack
    /// costs more than all the rest of such a call.
    pub(crate) fn receive(&self, ctx: &Ctx<'_>, call: &'static str, fd: Fd, waits_first: bool) -> CallSite {
        let earlier = self.receives.borrow().get(&fd).cloned();
        if let Some(error) = earlier.filter(|_| waits_first) {
            return CallSite {
                call,
                error: Some(error),
                is_earlier: true,
            };
        }
        let site = CallSite::here(ctx, call);
        if let Some(error) = site.error.clone() {
            let old = self.receives.borrow_mut().insert(fd, error);
            drop(old);
        }
        site
    }

    /// Forgets the receives on a descriptor that is being closed.
    pub(crate) fn forget_receives(&self, fd: Fd) {
        let old = self.receives.borrow_mut().remove(&fd);
        drop(old);
    }
}

/// `FILE:LINE` of the first frame of a stack that is in a script; of the first one in a file, if all are in guestnet's
/// own modules.
fn line_of(stack: &str) -> Option<String> {
    let frames = stack.lines().filter_map(|line| {
        let place = line.trim().strip_prefix("at ")?;
        let place = place
            .strip_suffix(')')
            .and_then(|place| place.split_once(" ("))
            .map_or(place, |(_, place)| place);
        let (place, column) = place.rsplit_once(':')?;
        let (_, line) = place.rsplit_once(':')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(line) && is_number(column)).then_some(place)
    });
    let mut first = None;
    for place in frames {
        if !place.starts_with("guestnet:") {
            return Some(place.to_owned());
        }
        first = first.or(Some(place));
    }
    first.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn the_line_is_that_of_the_scripts_own_code() {
        let line = |stack| line_of(stack);
        assert_eq!(
            line("    at connect (native)\n    at dial (app.js:12:10)\n    at <anonymous> (app.js:20:1)\n")
                .as_deref(),
            Some("app.js:12")
        );
        assert_eq!(
            line("    at recv (native)\n    at read (guestnet:io:5:3)\n    at <anonymous> (a b (c):7:1)\n")
                .as_deref(),
            Some("a b (c):7")
        );
        assert_eq!(
            line("    at read (guestnet:io:5:3)\n").as_deref(),
            Some("guestnet:io:5")
        );
        for none in [
            "",
            "at",
            "    at connect (native)\n",
            "    at f (missing)\n",
            "    at f (app.js::)\n",
        ] {
            assert_eq!(line(none), None, "{none}");
        }
    }
}
