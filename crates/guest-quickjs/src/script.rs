//! [`Script`]: one engine with one script in it, and how it runs to its end.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use guestnet_core::Host;
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Exception, Module, Persistent, Promise, Runtime, Value,
};

use crate::budget::Budget;
use crate::buffer::Getters;
use crate::loader::{ModuleLoader, NameResolver, describe};
use crate::os::{time, worker};
use crate::state::{State, StateRef};
use crate::sys::eval;
use crate::sys::heap::{Bytes, EngineHeap, StartupGuard};
use crate::sys::message::{SharedBuffers, share_buffers};
use crate::sys::opaque::Opaque;
use crate::sys::settled::PromiseLayout;
use crate::turn::{Turn, WhenIdle, turn};
use crate::{atomics, print, report, web};

/// How much of the thread's stack a script may use, in bytes. A thread that runs scripts needs some more.
pub(crate) const STACK: usize = 1 << 20;

/// The exit code of a script whose main module awaits what nothing can settle any more.
const UNSETTLED: i32 = 13;

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code: 0, what it gave to `std.exit`, 1 after an error that nothing caught, or 13, as Node has it,
    /// where an `await` at the top level can never end.
    Exit(i32),
    /// The embedder stopped it.
    Stop,
}

/// A script with its engine. It stays on its thread.
pub struct Script<H: Host + 'static> {
    // Dropped in this order: the context's functions hold the state, which must hold no value by then.
    pub(crate) context: Context,
    pub(crate) runtime: Runtime,
    pub(crate) state: StateRef<H>,
    _shared_buffers: Box<SharedBuffers>,
}

impl<H: Host + 'static> fmt::Debug for Script<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("args", &self.state.args)
            .finish_non_exhaustive()
    }
}

impl<H: Host + 'static> Drop for Script<H> {
    fn drop(&mut self) {
        worker::announce_end(&self.state);
        self.state.forget_values();
    }
}

/// An engine that has no script yet.
pub(crate) struct Engine {
    startup: StartupGuard,
    getters: Getters,
    promises: Option<PromiseLayout>,
    pub(crate) context: Context,
    pub(crate) runtime: Runtime,
}

impl Engine {
    /// A new engine, for which so many bytes were taken from the budget before.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new(budget: &Arc<Budget>, prepaid: usize) -> rquickjs::Result<Engine> {
        let (heap, startup) = EngineHeap::new(budget, prepaid);
        let runtime = Runtime::new_with_alloc(heap)?;
        runtime.set_max_stack_size(STACK);
        let context = Context::full(&runtime)?;
        let (getters, promises) = context
            .with(|ctx| Ok::<_, rquickjs::Error>((Getters::keep(&ctx)?, PromiseLayout::find(&ctx)?)))?;
        Ok(Engine {
            startup,
            getters,
            promises,
            context,
            runtime,
        })
    }
}

impl<H: Host + 'static> Script<H> {
    pub(crate) fn start(
        engine: Engine,
        make: impl FnOnce(Getters, Option<PromiseLayout>) -> State<H>,
    ) -> rquickjs::Result<Self> {
        let Engine {
            startup,
            runtime,
            context,
            getters,
            promises,
        } = engine;
        let state = Rc::new(make(getters, promises));
        let shared_buffers = context.with(|ctx| share_buffers(&ctx, &state.memory));
        runtime.set_loader(
            NameResolver {
                state: Rc::clone(&state),
            },
            ModuleLoader {
                state: Rc::clone(&state),
            },
        );
        let watched = Rc::clone(&state);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_unwinding())));
        let tracked = Rc::clone(&state);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            track(&ctx, &tracked, promise, reason, handled);
        })));
        let script = Script {
            context,
            runtime,
            state: Rc::clone(&state),
            _shared_buffers: shared_buffers,
        };
        script.context.with(|ctx| {
            ctx.store_userdata(Opaque(Rc::clone(&state)))
                .map_err(|_| rquickjs::Error::Unknown)?;
            ctx.store_userdata(Opaque(Arc::clone(&state.memory)))
                .map_err(|_| rquickjs::Error::Unknown)?;
            print::install(&ctx, &state)?;
            time::install(&ctx, &state)?;
            web::install(&ctx, &state)?;
            atomics::install(&ctx, &state)?;
            ctx.globals().set("scriptArgs", state.args.clone())
        })?;
        if startup.has_failed() {
            return Err(rquickjs::Error::Allocation);
        }
        Ok(script)
    }

    /// Calls `f` with the script's context, before [`Script::run`] or after it: to set globals for the script, or to read
    /// what it left there. No turn of the event loop runs meanwhile.
    pub fn with<R>(&self, f: impl for<'js> FnOnce(Ctx<'js>) -> R) -> R {
        self.context.with(f)
    }

    /// Evaluates a module and turns the event loop until nothing is pending.
    ///
    /// What nothing catches is printed on the script's standard error, as qjs does.
    pub fn run(&mut self, name: &str, source: &[u8]) -> End {
        self.run_module(name, |ctx| Module::declare(ctx.clone(), name, source))
    }

    /// As [`Script::run`], of a source that counts as the script's own memory.
    pub(crate) fn run_counted(&mut self, name: &str, source: Bytes) -> End {
        self.run_module(name, |ctx| eval::module(ctx, source, name))
    }

    fn run_module(
        &mut self,
        name: &str,
        declare: impl for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>>,
    ) -> End {
        let evaluated = self.context.with(|ctx| {
            let evaluated = declare(&ctx)
                .and_then(|module| evaluate(module, name))
                .catch(&ctx);
            match evaluated {
                Ok(promise) => Some(Persistent::save(&ctx, promise)),
                Err(error) => {
                    self.fail(&ctx, error);
                    None
                }
            }
        });
        if let Some(promise) = evaluated {
            self.drive(name, &promise);
        }
        self.end()
    }

    /// Turns the loop until nothing is pending or the script has ended.
    fn drive(&self, name: &str, main: &Persistent<Promise<'static>>) {
        loop {
            self.run_jobs();
            let goes_on = self.context.with(|ctx| {
                self.check_promises(&ctx, main);
                if self.state.is_ending() {
                    return false;
                }
                match turn(&ctx, &self.state, WhenIdle::Return).catch(&ctx) {
                    Ok(Turn::Done) => true,
                    Ok(Turn::Idle) => {
                        let goes_on = worker::finish_workers(&self.state);
                        if !goes_on {
                            self.check_end(&ctx, name, main);
                        }
                        goes_on
                    }
                    Ok(Turn::Stop) => {
                        self.state.stop.store(true, Ordering::Relaxed);
                        false
                    }
                    Err(error) => {
                        self.fail(&ctx, error);
                        false
                    }
                }
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Runs microtasks until there is none.
    fn run_jobs(&self) {
        while !self.state.is_ending() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    error.0.with(|ctx| {
                        let thrown = ctx.catch();
                        self.uncaught(&ctx, &thrown);
                    });
                }
            }
        }
    }

    /// Ends the script if its main module failed, or a promise without a handler was rejected.
    fn check_promises(&self, ctx: &Ctx<'_>, main: &Persistent<Promise<'static>>) {
        if self.state.is_ending() {
            return;
        }
        if let Ok(main) = main.clone().restore(ctx)
            && main.state() == PromiseState::Rejected
        {
            if let Some(Err(error)) = main.result::<Value<'_>>().map(|result| result.catch(ctx)) {
                self.fail(ctx, error);
            }
            return;
        }
        if self.state.rejections.borrow().is_empty() {
            return;
        }
        let rejected = self.state.rejections.borrow_mut().take();
        if let Some((_, reason)) = rejected.into_iter().next()
            && let Ok(reason) = reason.restore(ctx)
        {
            report::unhandled(ctx, &self.state, &reason);
            self.state.exit.set(Some(1));
        }
    }

    /// Nothing is pending any more: a main module that still awaits something never ends.
    fn check_end(&self, ctx: &Ctx<'_>, name: &str, main: &Persistent<Promise<'static>>) {
        if let Ok(main) = main.clone().restore(ctx)
            && main.state() == PromiseState::Pending
        {
            report::line(
                &self.state,
                &format!(
                    "{name}: an await at the top level never ends: nothing is pending that could settle it"
                ),
            );
            self.state.exit.set(Some(UNSETTLED));
        }
    }

    fn fail(&self, ctx: &Ctx<'_>, error: CaughtError<'_>) {
        match error {
            CaughtError::Exception(exception) => self.uncaught(ctx, exception.as_value()),
            CaughtError::Value(value) => self.uncaught(ctx, &value),
            CaughtError::Error(error) => {
                let text = error.to_string();
                if let Ok(exception) = Exception::from_message(ctx.clone(), &text) {
                    self.uncaught(ctx, exception.as_value());
                }
                self.state.exit.set(self.state.exit.get().or(Some(1)));
            }
        }
    }

    /// What nothing caught ends the script, unless that is how it ends anyway.
    fn uncaught(&self, ctx: &Ctx<'_>, thrown: &Value<'_>) {
        if !self.state.is_ending() {
            report::uncaught(ctx, &self.state, thrown);
            self.state.exit.set(Some(1));
        }
    }

    pub(crate) fn end(&self) -> End {
        self.state.streams.flush(&self.state);
        match self.state.exit.get() {
            Some(code) => End::Exit(code),
            None if self.state.stop.load(Ordering::Relaxed) => End::Stop,
            None => End::Exit(0),
        }
    }
}

fn evaluate<'js>(module: Module<'js, Declared>, name: &str) -> rquickjs::Result<Promise<'js>> {
    describe(&module, name, true)?;
    module.eval().map(|(_, promise)| promise)
}

/// Remembers promises that are rejected without a handler, and forgets those that get a handler later.
fn track<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &State<H>,
    promise: Value<'js>,
    reason: Value<'js>,
    handled: bool,
) {
    let promise = Persistent::save(ctx, promise);
    let mut rejections = state.rejections.borrow_mut();
    if handled {
        rejections.handled(&promise);
    } else {
        rejections.add(promise, Persistent::save(ctx, reason));
    }
}

#[cfg(test)]
mod tests {
    use super::Engine;
    use crate::sys::heap::Memory;

    /// With another one every call pays for two functions that it does not need.
    #[test]
    fn how_this_engine_keeps_promises_is_known() {
        let memory = Memory::new(0);
        let engine = Engine::new(memory.budget(), 0).expect("no limit of memory");
        assert!(engine.promises.is_some());
    }
}
