//! The engine's limit of the stack.

use rquickjs::{Ctx, qjs};

/// The size of a stack on which nothing can be called. The engine subtracts it from the address at which the stack begins, so that
/// the lowest address that may be used is this far above it: 64 MiB, and no thread that runs scripts has so much.
const NO_STACK: usize = 0_usize.wrapping_sub(64 << 20);

/// Lets no function of the script be called, until `Runtime::set_max_stack_size` gives it a stack again.
pub(crate) fn take_away(ctx: &Ctx<'_>) {
    let size = qjs::size_t::try_from(NO_STACK).unwrap_or(1);
    // SAFETY: the context is alive, and so is its runtime.
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    // SAFETY: it is alive. The number is reckoned with and never used as an address.
    unsafe { qjs::JS_SetMaxStackSize(runtime, size) };
}
