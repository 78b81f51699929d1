//! `Worker`: a script on a thread of its own, with an engine of its own and the same descriptors.
//!
//! Not here: the queues of messages (`../ports.rs`).

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use guestnet_core::{Fd, Host, SharedGuestThread};
use rquickjs::class::{JsClass, Readable};
use rquickjs::function::Constructor;
use rquickjs::object::Property;
use rquickjs::{Class, Ctx, Exception, Function, IntoJs, Object, Persistent, Result, Value};

use crate::argument::excerpt;
use crate::budget::Charge;
use crate::copyable;
use crate::event_loop::Task;
use crate::file::File;
use crate::module_name;
use crate::native::{Call, Member, accessor, function};
use crate::operation::Direction;
use crate::os::dir::MAX_PATH;
use crate::ports::{Port, PortId, PushResult, Queue, QueuePair, StopHandle, WorkerSetup, stop};
use crate::state::{State, StateRef};
use crate::sys::heap::{Bytes, NoMemory};
use crate::sys::message::{Message, TOO_MANY};
use crate::sys::opaque::Opaque;

/// How many workers a script may have at a time. Each is a thread with an engine.
pub(crate) const MAX_WORKERS: usize = 32;

/// What a worker's thread counts for as long as it is there: the stack that its script may use, its variables, and what waits
/// for it.
const WORKER: usize = (1 << 20) + (256 << 10);

/// What an engine needs to start and to load its first modules, in bytes, or more. What is left of it is given back.
const ENGINE: usize = 2 << 20;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![Member::Value("Worker", class)]
}

/// A worker ends: closes both of its queues, which wakes its parent.
pub(crate) fn announce_end<H: Host + 'static>(state: &State<H>) {
    if let Some(parent) = &state.workers.parent {
        parent.incoming.discard();
        // Borrowed only while a panic unwinds, which must not become two. Unlike a write, this wakes the parent even
        // where the worker is stopped.
        match state.guest.try_borrow_mut() {
            Ok(mut guest) => parent.outgoing.shut(&mut guest),
            Err(_) => parent.outgoing.abandon(),
        }
    }
}

/// Nothing else is pending: closes the queues to the workers, so that those that only wait for messages end.
/// `false` if there is no worker to wait for.
pub(crate) fn finish_workers<H: Host + 'static>(state: &State<H>) -> bool {
    let mut over = Vec::new();
    let mut any = false;
    for (id, port) in state
        .workers
        .ports
        .borrow()
        .iter()
        .filter(|(_, port)| port.halt.is_some())
    {
        if port.handler.is_none() && port.ends.incoming.lock().closed {
            // It has ended, and no handler is left for the messages that it sent.
            over.push(*id);
            continue;
        }
        any = true;
        port.ends.outgoing.close(&mut state.guest.borrow_mut());
        watch(state, *id, port.ends.incoming.read, true);
    }
    for id in over {
        finish(state, id);
    }
    any
}

/// Lets the event loop poll a port.
fn watch<H: Host + 'static>(state: &State<H>, id: PortId, fd: Fd, keeps_alive: bool) {
    let task = Task::Run(Rc::new(move |ctx: &Ctx<'_>| {
        receive(ctx, &State::<H>::of(ctx)?, id)
    }));
    let old = state
        .events
        .borrow_mut()
        .set_handler(fd, Direction::Read, Some(task), keeps_alive);
    drop(old);
}

/// Lets it poll the port no more.
fn unwatch<H: Host + 'static>(state: &State<H>, fd: Fd) {
    let old = state
        .events
        .borrow_mut()
        .set_handler(fd, Direction::Read, None, false);
    drop(old);
}

/// Delivers one message, if there is one and a handler for it.
fn receive<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>, id: PortId) -> Result<()> {
    let (queue, handler) = match state.workers.ports.borrow().get(&id) {
        Some(port) => (Arc::clone(&port.ends.incoming), port.handler.clone()),
        None => return Ok(()),
    };
    // First of all, so that a byte that a sender writes while the queue is looked at is not lost.
    queue.drain(&mut state.guest.borrow_mut());
    let (message, rest, closed) = {
        let mut waiting = queue.lock();
        let message = if handler.is_some() {
            waiting.messages.pop_front()
        } else {
            None
        };
        waiting.bytes -= message.as_ref().map_or(0, Message::size);
        if waiting.messages.len() < waiting.messages.capacity() / 4 {
            // What counts for a message is its place, and no empty ones.
            let room = waiting.messages.len() * 2;
            waiting.messages.shrink_to(room);
        }
        (message, !waiting.messages.is_empty(), waiting.closed)
    };
    if message.is_none() && closed {
        if rest {
            // Kept for a handler that is set later; the pipe that is shut would wake the loop again and again.
            unwatch(state, queue.read);
        } else {
            finish(state, id);
        }
        return Ok(());
    }
    if handler.is_some() && (rest || closed) {
        // Once more: there is a next one to deliver, or the end to see.
        state.events.borrow_mut().again(queue.read, Direction::Read);
    }
    let (Some(message), Some(handler)) = (message, handler) else {
        return Ok(());
    };
    let event = Object::new(ctx.clone())?;
    event.set("data", message.read(ctx)?)?;
    handler.restore(ctx)?.call::<_, ()>((event,))
}

/// Removes a port from which no message follows.
fn finish<H: Host + 'static>(state: &State<H>, id: PortId) {
    let Some(port) = state.workers.ports.borrow_mut().remove(&id) else {
        return;
    };
    unwatch(state, port.ends.incoming.read);
    // The script that made the pipes closes them.
    if port.halt.is_some() {
        let mut guest = state.guest.borrow_mut();
        port.ends.outgoing.remove(&mut guest);
        // The worker itself shuts the other end.
        let _ = guest.close(port.ends.incoming.read);
    }
    drop(port);
}

/// A `Worker` object: its port.
pub(crate) struct Worker {
    port: PortId,
    outgoing: Arc<Queue>,
}

/// As the engine keeps it.
type WorkerObject = Opaque<Worker>;

impl<'js> JsClass<'js> for WorkerObject {
    const NAME: &'static str = "Worker";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// Whether a value is a `Worker` object.
pub(crate) fn is_worker(object: &Object<'_>) -> bool {
    Class::<WorkerObject>::from_object(object).is_some()
}

/// `Worker`, with `Worker.parent` in a worker.
fn class<'js, H: Host + 'static>(ctx: &Ctx<'js>, state: &StateRef<H>) -> Result<Value<'js>> {
    let class = function(ctx, state, "Worker", 1, construct)?.with_constructor(true);
    let Some(prototype) = Class::<WorkerObject>::prototype(ctx)? else {
        return Err(rquickjs::Error::Unknown);
    };
    for (name, method) in [
        ("postMessage", post as crate::native::NativeFn<H>),
        ("terminate", terminate),
    ] {
        prototype.set(name, function(ctx, state, name, 1, method)?)?;
    }
    accessor(&prototype, state, "onmessage", onmessage, set_onmessage)?;
    prototype.prop(
        "constructor",
        Property::from(class.clone()).writable().configurable(),
    )?;
    class.prop("prototype", Property::from(prototype))?;
    if let Some(ends) = &state.workers.parent {
        class.set("parent", object(ctx, state, ends.clone(), None)?)?;
    }
    class.into_js(ctx)
}

/// A `Worker` object with its port.
fn object<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &State<H>,
    ends: QueuePair,
    halt: Option<StopHandle>,
) -> Result<Value<'js>> {
    let id = state.workers.last.get() + 1;
    state.workers.last.set(id);
    let worker = Worker {
        port: id,
        outgoing: Arc::clone(&ends.outgoing),
    };
    let (fd, is_worker) = (ends.incoming.read, halt.is_some());
    let port = Port {
        ends,
        handler: None,
        halt,
    };
    state.workers.ports.borrow_mut().insert(id, port);
    if is_worker {
        // Its end must be seen also without a handler.
        watch(state, id, fd, false);
    }
    Class::instance(ctx.clone(), Opaque(worker)).map(Class::into_value)
}

/// `new Worker(module)`: the module's name as seen from the caller's.
fn construct<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (ctx, state) = (call.ctx(), call.state());
    if !call.is_constructor() {
        return Err(Exception::throw_type(ctx, "Worker must be called with new"));
    }
    let name = call.string(0, "the module's name")?;
    if state.workers.parent.is_some() {
        return Err(Exception::throw_type(
            ctx,
            "cannot create a worker inside a worker",
        ));
    }
    let Some(spawn) = state.workers.spawn.clone() else {
        return Err(Exception::throw_type(ctx, "this host has no workers"));
    };
    if state.workers.ports.borrow().len() >= MAX_WORKERS {
        return Err(Exception::throw_range(ctx, "too many workers"));
    }
    let base = match ctx.script_or_module_name(1) {
        Some(base) => (*crate::sys::text(&base.to_js_string()?)?).to_owned(),
        None => String::new(),
    };
    if name.len() > MAX_PATH {
        return Err(Exception::throw_reference(ctx, "the module's name is too long"));
    }
    let name = module_name::whole(state, &base, &name);
    let source = module_name::source(state, &name);
    let source = source.map_err(|error| {
        let message = format!("could not load '{}': {}", excerpt(&name), error.message());
        Exception::throw_reference(ctx, &message)
    })?;
    // Here and not in its thread, which has no caller to get the error.
    let budget = state.memory.budget();
    let charge = budget.charge(WORKER).zip(budget.charge(ENGINE));
    let charge = charge.ok_or_else(|| NoMemory.throw(ctx))?;
    let ends = queues(&mut state.guest.borrow_mut());
    let ends =
        ends.map_err(|errno| Exception::throw_range(ctx, &format!("could not create worker: {errno}")))?;
    match start(state, ends.other(), name, source, charge).and_then(|start| spawn(start)) {
        Ok(halt) => object(ctx, state, ends, Some(halt)),
        Err(error) => {
            for queue in [ends.incoming, ends.outgoing] {
                queue.remove(&mut state.guest.borrow_mut());
            }
            let message = format!("could not create worker: {error}");
            Err(Exception::throw_range(ctx, &message))
        }
    }
}

/// The queues of a new worker.
///
/// # Errors
/// `EMFILE`.
fn queues<H: Host + 'static>(guest: &mut SharedGuestThread<H, File>) -> guestnet_core::Result<QueuePair> {
    let incoming = Queue::new(guest)?;
    match Queue::new(guest) {
        Ok(outgoing) => Ok(QueuePair { incoming, outgoing }),
        Err(errno) => {
            incoming.remove(guest);
            Err(errno)
        }
    }
}

/// What a new worker begins with.
///
/// # Errors
/// `EMFILE` of the host.
fn start<H: Host + 'static>(
    state: &State<H>,
    ends: QueuePair,
    name: String,
    source: Bytes,
    charge: (Charge, Charge),
) -> io::Result<WorkerSetup<H>> {
    Ok(WorkerSetup {
        guest: state.guest.borrow().guest().clone(),
        memory: Arc::clone(&state.memory),
        waiters: Arc::clone(&state.waits.all),
        modules: Arc::clone(&state.modules.declarations),
        directories: state.directories.share()?,
        scripts: state.scripts.share()?,
        env: state.env.borrow().clone(),
        ends,
        name,
        source,
        charge,
    })
}

fn this<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<(PortId, Arc<Queue>)> {
    let this = call.this();
    let worker = this.as_object().and_then(Class::<WorkerObject>::from_object);
    worker
        .map(|worker| {
            let worker = &worker.borrow().0;
            (worker.port, Arc::clone(&worker.outgoing))
        })
        .ok_or_else(|| Exception::throw_type(call.ctx(), "Worker object expected"))
}

/// `postMessage(value)`. To a worker that has ended it goes nowhere, as in browsers.
fn post<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (_, queue) = this(call)?;
    copyable::check(call.ctx(), &call.arg(0))?;
    let message = Message::write(call.ctx(), &call.arg(0))?;
    match queue.push(message) {
        PushResult::Full => {
            return Err(Exception::throw_range(call.ctx(), TOO_MANY));
        }
        PushResult::First => queue.wake(&mut call.state().guest.borrow_mut()),
        PushResult::Behind | PushResult::Closed => {}
    }
    call.value(rquickjs::Undefined)
}

/// `terminate()`: stops the worker wherever it is. (qjs has no such method.)
fn terminate<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (id, _) = this(call)?;
    if let Some(Port { halt: Some(halt), .. }) = call.state().workers.ports.borrow().get(&id) {
        stop(halt);
    }
    call.value(rquickjs::Undefined)
}

fn onmessage<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (id, _) = this(call)?;
    let handler = call
        .state()
        .workers
        .ports
        .borrow()
        .get(&id)
        .and_then(|port| port.handler.clone());
    match handler {
        Some(handler) => handler.restore(call.ctx()).map(Function::into_value),
        None => call.value(rquickjs::Null),
    }
}

/// Sets the handler of messages; `null` removes it. As long as there is one, the script goes on.
fn set_onmessage<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (id, _) = this(call)?;
    let state = call.state();
    let handler = match call.arg(0) {
        null if null.is_null() => None,
        value => match value.into_function() {
            Some(function) => Some(Persistent::save(call.ctx(), function)),
            None => return Err(Exception::throw_type(call.ctx(), "not a function")),
        },
    };
    let listens = handler.is_some();
    let (old, queue, is_worker) = match state.workers.ports.borrow_mut().get_mut(&id) {
        Some(port) => {
            let old = std::mem::replace(&mut port.handler, handler);
            (old, Arc::clone(&port.ends.incoming), port.halt.is_some())
        }
        None => return call.value(rquickjs::Undefined),
    };
    drop(old);
    if listens || is_worker {
        watch(state, id, queue.read, listens);
    } else {
        unwatch(state, queue.read);
    }
    let waits = {
        let waiting = queue.lock();
        !waiting.messages.is_empty() || waiting.closed
    };
    if listens && waits {
        state.events.borrow_mut().again(queue.read, Direction::Read);
    }
    call.value(rquickjs::Undefined)
}
