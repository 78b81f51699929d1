//! How Wasmtime is set up for one guest in one process.

use std::num::NonZeroUsize;

use wasmtime::{Config, Engine, OptLevel};

use crate::failure::Failure;

/// The guest's call stack. A native program has 8 MiB by Linux's default, and the same recursion should fit here.
pub(crate) const GUEST_STACK: usize = 8 << 20;

/// What the host's own functions may need above the guest's stack, on the same thread.
pub(crate) const HOST_STACK: usize = 2 << 20;

/// The engine. Part of these settings go into the compiled code and so into the cache's keys.
///
/// A process with a guest in it has no threads but those that it starts itself, so that all are confined; one that only
/// compiles may start some.
pub(crate) fn engine(parallel: bool) -> Result<Engine, Failure> {
    let mut config = Config::new();
    config
        .parallel_compilation(parallel)
        // A guest that spins must end on --timeout and Ctrl-C. The code compares a counter at loop heads and function
        // entries, which costs 9% of a recursive fib and 13% of a sieve; nothing counts it up but the one stop, so no
        // thread ticks.
        .epoch_interruption(true)
        // Compiled once and then cached, so the better code is worth its time.
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(GUEST_STACK)
        // Wasmtime compares the two; no fiber is ever made.
        .async_stack_size(GUEST_STACK + HOST_STACK)
        // Only the innermost function is named when a guest traps.
        .wasm_backtrace_max_frames(NonZeroUsize::new(1))
        // No debugger and no unwinder of the system looks at the guest, and no offset in it is printed: the tables
        // for them would double the files in the cache and cost time when they are loaded.
        .native_unwind_info(false)
        .generate_address_map(false)
        // One instance, one thread, no async: nothing of it is used.
        .concurrency_support(false);
    // Left as they are: memory is reserved in whole 4 GiB with guard pages, so that no access needs a check, and a
    // module's data is mapped from the cache file copy-on-write. The on-demand allocator suits one instance.
    Engine::new(&config)
        .map_err(|error| Failure::failed(format!("cannot set up the WebAssembly engine: {error:#}")))
}
