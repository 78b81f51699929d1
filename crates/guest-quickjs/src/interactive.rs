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
use crate::print;
use crate::report;
use crate::script::{End, Script};
use crate::state::State;
use crate::turn::{Turn, turn};

/// The result of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// Its value, as `print` shows it.
    Value(String),
    /// What it threw, as an uncaught error is shown.
    Exception(String),
    /// The script ended, by `std.exit` or because the embedder stopped it.
    End(End),
}

/// The most names that [`Script::completions`] returns.
const MAX_COMPLETIONS: usize = 1_000;

impl<H: Host + 'static> Script<H> {
    /// Evaluates a text in the global scope and turns the event loop until its value is there: `await` may stand
    /// anywhere. Errors end nothing.
    pub fn evaluate(&mut self, source: &str) -> Evaluation {
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
        match self.ended() {
            Some(end) => Evaluation::End(end),
            None => evaluated,
        }
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
            self.step();
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
            if self.ended().is_some() {
                return Evaluation::Exception(String::new());
            }
            if !self.step() {
                return Evaluation::Exception("the promise will never settle: nothing is pending".to_owned());
            }
        }
    }

    /// Runs microtasks until there is none; errors are printed.
    fn run_microtasks(&self) {
        loop {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => error.0.with(|ctx| {
                    let exception_text = ctx.catch();
                    report::uncaught(&ctx, &self.state, &exception_text);
                }),
            }
        }
    }

    /// Microtasks and one turn of the loop; `false` if nothing can happen any more.
    fn step(&self) -> bool {
        self.run_microtasks();
        self.context
            .with(|ctx| match turn(&ctx, &self.state).catch(&ctx) {
                Ok(Turn::Done) => true,
                Ok(Turn::Idle) => false,
                Ok(Turn::Stop) => {
                    self.state.stop.store(true, Ordering::Relaxed);
                    false
                }
                Err(error) => {
                    if self.ended().is_none() {
                        let text = exception_text(&ctx, &self.state, error);
                        crate::os::file::write_all(&self.state, 2, format!("{text}\n").as_bytes());
                    }
                    true
                }
            })
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
