//! A script that is typed line by line: what `guestnet repl` does with each. Nothing is read from a terminal here.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use guestnet_core::Host;
use rquickjs::context::EvalOptions;
use rquickjs::object::Filter;
use rquickjs::promise::PromiseState;
use rquickjs::{CatchResultExt, CaughtError, Ctx, Object, Persistent, Promise, Value};

use crate::event_loop::{Task, Timer};
use crate::os::worker;
use crate::print;
use crate::promise::Origin;
use crate::report;
use crate::script::{End, STACK, Script};
use crate::state::State;
use crate::sys::stack;
use crate::turn::{Turn, WhenIdle, turn};

/// The result of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// Its value, as `print` shows it.
    Value(String),
    /// What it threw, as an uncaught error is shown.
    Exception(String),
    /// [`SessionHandle::interrupt`](crate::SessionHandle::interrupt) ended it.
    Interrupted,
    /// The script ended, by `std.exit` or because the embedder stopped it.
    End(End),
}

/// The most names that [`Script::completions`] returns.
const MAX_COMPLETIONS: usize = 1_000;

impl<H: Host + 'static> Script<H> {
    /// Evaluates a text in the global scope and turns the event loop until its value is there: `await` may stand
    /// anywhere. Errors end nothing.
    pub fn evaluate(&mut self, source: &str) -> Evaluation {
        let line = self.state.events.borrow_mut().begin_line();
        let started = self.context.with(|ctx| {
            let mut options = EvalOptions::default();
            options.strict = false;
            options.promise = true;
            options.backtrace_barrier = true;
            options.filename = Some("<input>".to_owned());
            let promise: rquickjs::Result<Promise<'_>> = ctx.eval_with_options(source, options);
            match promise.catch(&ctx) {
                Ok(promise) => Ok(Persistent::save(&ctx, promise)),
                Err(error) => Err(exception_text(&ctx, &self.state, error)),
            }
        });
        let evaluated = match started {
            Ok(promise) => self.settle(&promise),
            Err(text) => Evaluation::Exception(text),
        };
        let interrupted = self.end_interruption(Some(line));
        self.state.streams.flush(&self.state);
        match self.ended() {
            Some(end) => Evaluation::End(end),
            None if interrupted => Evaluation::Interrupted,
            None => evaluated,
        }
    }

    /// Turns the event loop until `over` returns something: it is asked between all events, and when another thread calls
    /// [`SessionHandle::wake`](crate::SessionHandle::wake). Errors of the script are printed and end nothing.
    ///
    /// It needs a [`session`](crate::ScriptBuilder::session): without one, nothing wakes a loop that has nothing to do.
    ///
    /// # Errors
    /// How the script ended meanwhile.
    pub fn run_until<T>(&mut self, mut over: impl FnMut() -> Option<T>) -> Result<T, End> {
        loop {
            self.run_microtasks();
            self.end_interruption(None);
            self.context.with(|ctx| self.report_rejections(&ctx, None));
            if let Some(end) = self.ended() {
                return Err(end);
            }
            if let Some(found) = over() {
                return Ok(found);
            }
            // What a handler has printed is seen now, and not with the next line.
            self.state.streams.flush(&self.state);
            self.step(WhenIdle::Wait);
        }
    }

    /// Turns the event loop until nothing is pending any more, as after the last line of a script. Errors are printed and end
    /// nothing.
    ///
    /// # Errors
    /// How the script ended meanwhile.
    pub fn run_to_idle(&mut self) -> Result<(), End> {
        loop {
            let goes_on = self.step(WhenIdle::Return) || worker::finish_workers(&self.state);
            self.run_microtasks();
            self.end_interruption(None);
            self.context.with(|ctx| self.report_rejections(&ctx, None));
            if let Some(end) = self.ended() {
                return Err(end);
            }
            if !goes_on {
                self.state.streams.flush(&self.state);
                return Ok(());
            }
        }
    }

    /// Whether an error was printed because no [`Script::evaluate`] returned it: that of a timer or of a handler, or a promise
    /// that was rejected and has no handler.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.failed.get()
    }

    /// Runs what is pending, without waiting: timers that are due, and the handlers of descriptors that are ready.
    pub fn run_pending(&mut self) {
        let over = Rc::new(Cell::new(false));
        let mark = Rc::clone(&over);
        let task = Task::Run(Rc::new(move |_: &Ctx<'_>| {
            mark.set(true);
            Ok(())
        }));
        let now = self.state.now();
        let mut events = self.state.events.borrow_mut();
        let charge = events.own_timer();
        events.set_timer(now, Duration::ZERO, Timer::once(task, charge));
        drop(events);
        while !over.get() && self.ended().is_none() {
            self.step(WhenIdle::Return);
        }
    }

    /// What can stand where a text ends: where the last name begins, in bytes, and the names that begin like it.
    pub fn completions(&self, text: &str) -> (usize, Vec<String>) {
        let name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
        let path = text
            .rfind(|letter: char| !name(letter) && letter != '.')
            .and_then(|place| text.get(place..))
            .map_or(text, |rest| {
                let mut letters = rest.chars();
                letters.next();
                letters.as_str()
            });
        let (objects, prefix) = path.rsplit_once('.').unwrap_or(("", path));
        let names = self.context.with(|ctx| {
            let found = names(&ctx, objects, prefix);
            ctx.catch();
            found.unwrap_or_default()
        });
        (text.len() - prefix.len(), names)
    }

    fn settle(&self, promise: &Persistent<Promise<'static>>) -> Evaluation {
        loop {
            self.run_microtasks();
            let settled = self.context.with(|ctx| {
                let promise = promise.clone().restore(&ctx).ok()?;
                match promise.state() {
                    PromiseState::Pending => None,
                    PromiseState::Resolved | PromiseState::Rejected => {
                        Some(outcome(&ctx, &self.state, &promise))
                    }
                }
            });
            if let Some(settled) = settled {
                // Its rejection is in the result, and is not reported once more.
                self.context
                    .with(|ctx| self.report_rejections(&ctx, Some(promise)));
                return settled;
            }
            if self.state.is_unwinding() {
                return Evaluation::Exception(String::new());
            }
            if !self.step(WhenIdle::Return) && !self.state.is_unwinding() {
                return Evaluation::Exception("the promise will never settle: nothing is pending".to_owned());
            }
        }
    }

    /// Runs microtasks until there is none, or until what runs is interrupted; errors are printed.
    fn run_microtasks(&self) {
        while !self.state.is_unwinding() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => error.0.with(|ctx| {
                    let thrown = ctx.catch();
                    if !self.state.is_unwinding() {
                        report::uncaught(&ctx, &self.state, &thrown);
                        self.state.failed.set(true);
                    }
                }),
            }
        }
    }

    /// Microtasks and one turn of the loop; `false` if nothing can happen any more.
    fn step(&self, when_idle: WhenIdle) -> bool {
        self.run_microtasks();
        if self.state.is_unwinding() {
            return false;
        }
        self.context
            .with(|ctx| match turn(&ctx, &self.state, when_idle).catch(&ctx) {
                Ok(Turn::Done) => true,
                Ok(Turn::Idle) => false,
                Ok(Turn::Stop) => {
                    self.state.stop.store(true, Ordering::Relaxed);
                    false
                }
                Err(error) => {
                    if !self.state.is_unwinding() {
                        let text = exception_text(&ctx, &self.state, error);
                        crate::os::file::write_all(&self.state, 2, format!("{text}\n").as_bytes());
                        self.state.failed.set(true);
                    }
                    true
                }
            })
    }

    /// Ends what an interruption has ended in part, with all that the line has begun, and takes the interruption back; whether
    /// there was one.
    fn end_interruption(&self, line: Option<Origin>) -> bool {
        let Some(session) = &self.state.session else {
            return false;
        };
        if !session.is_interrupted() {
            return false;
        }
        // The microtasks that it has left must not go on either, such as a loop of `await`s. With no stack, none calls a
        // function of the script, and the engine asks soon enough whether those that compute shall end. An async function
        // that is interrupted settles no promise, so that none which waits for it is resumed.
        self.context.with(|ctx| stack::take_away(&ctx));
        while self.ended().is_none() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => error.0.with(|ctx| drop(ctx.catch())),
            }
        }
        self.runtime.set_max_stack_size(STACK);
        let running = self.state.events.borrow().running();
        let running = Some(running).filter(|origin| *origin != 0);
        for origin in [line, running].into_iter().flatten() {
            let abandoned = self.state.events.borrow_mut().abandon(origin);
            for (lookup, promise) in abandoned.lookups {
                self.state.guest.borrow_mut().getaddrinfo_cancel(lookup);
                drop(promise);
            }
        }
        let rejected = self.state.rejections.borrow_mut().take();
        drop(rejected);
        session.end_interruption(|| self.state.guest.borrow_mut().resume());
        true
    }

    fn report_rejections(&self, ctx: &Ctx<'_>, known: Option<&Persistent<Promise<'static>>>) {
        let rejected = self.state.rejections.borrow_mut().take();
        let known = known.and_then(|promise| promise.clone().restore(ctx).ok());
        for (promise, reason) in rejected.into_iter() {
            let (Ok(promise), Ok(reason)) = (promise.restore(ctx), reason.restore(ctx)) else {
                continue;
            };
            if known.as_ref().is_none_or(|known| *known.as_value() != promise) {
                report::unhandled(ctx, &self.state, &reason);
                self.state.failed.set(true);
            }
        }
    }

    fn ended(&self) -> Option<End> {
        self.state.is_ending().then(|| self.end())
    }
}

/// What a promise of an evaluation was settled with: `{value}`, or an error.
fn outcome<'js, H: Host + 'static>(ctx: &Ctx<'js>, state: &State<H>, promise: &Promise<'js>) -> Evaluation {
    let value = match promise.result::<Object<'js>>() {
        Some(Ok(result)) => result.get::<_, Value<'js>>("value"),
        Some(Err(error)) => Err(error),
        None => return Evaluation::Exception(String::new()),
    };
    match value.and_then(|value| print::text_of(ctx, &value)).catch(ctx) {
        Ok(text) => Evaluation::Value(String::from_utf8_lossy(&text).into_owned()),
        Err(error) => Evaluation::Exception(exception_text(ctx, state, error)),
    }
}

/// The text of an exception.
fn exception_text<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &State<H>,
    error: CaughtError<'js>,
) -> String {
    let value = match error {
        CaughtError::Exception(exception) => exception.into_value(),
        CaughtError::Value(value) => value,
        CaughtError::Error(error) => return error.to_string(),
    };
    if let Some(text) = report::failed_call(ctx, state, &value) {
        return text;
    }
    match print::text_of(ctx, &value) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => {
            ctx.catch();
            "[exception]".to_owned()
        }
    }
}

/// The properties of what a path of names leads to, those that it inherits too.
fn names(ctx: &Ctx<'_>, objects: &str, prefix: &str) -> rquickjs::Result<Vec<String>> {
    let mut object = ctx.globals();
    for name in objects.split('.').filter(|name| !name.is_empty()) {
        object = object.get(name)?;
    }
    let mut found = Vec::new();
    let mut next = Some(object);
    while let Some(object) = next.filter(|object| !object.as_value().is_proxy()) {
        for key in object.own_keys::<rquickjs::String<'_>>(Filter::new().string()) {
            let key = crate::sys::text(&key?)?;
            if key.starts_with(prefix) && !key.is_empty() && found.len() < MAX_COMPLETIONS {
                found.push((*key).to_owned());
            }
        }
        next = object.get_prototype();
    }
    found.sort();
    found.dedup();
    Ok(found)
}
