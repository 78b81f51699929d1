//! What JavaScript calls: `open`, `attach` and `stop`, the functions of a thread, and the numbers that both sides share. Each
//! reads its arguments, makes one call, and gives the result back.

use std::cell::RefCell;
use std::ffi::CString;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use guestnet::{Environment, Options};
use guestnet_core::{Errno, LookupError, Ready};
use guestnet_emscripten::{ADDRINFO_ROOM, Args, CALLS, FOREIGN, Lookup, READY, STATE, lookup_error, negated};
use guestnet_host_os::WaitMode;

use crate::napi::{Arguments, BareFunction, Block, Env, Function, Result, Value};
use crate::program;
use crate::thread::{Thread, ThreadKind};
use crate::watch::Watch;

crate::napi::register_module!(load);

/// A function of the module.
struct ModuleFunction(fn(&Arguments) -> Result<Value>);

/// What a function of one thread does.
type ThreadWork = fn(&Rc<Thread>, &Arguments) -> Result<Value>;

/// A function of one thread of a program.
struct ThreadFunction {
    function: ThreadWork,
    thread: Rc<Thread>,
}

/// The numbers that JavaScript and a system call exchange: which one is called, or its result, and the arguments.
const BLOCK: usize = 8;

/// The system calls of one thread of a program, behind one function: which call it is and its arguments stand in the block, and its result afterwards. To
/// convert a memory and seven numbers would take Node-API longer than most calls take.
struct SystemCalls {
    thread: Rc<Thread>,
    block: Block<BLOCK>,
}

/// What belongs to an environment, each of which has an OS thread of its own.
#[derive(Default)]
struct Resources {
    /// The programs that it has opened.
    programs: Vec<i32>,
    /// Its threads, as long as JavaScript can call their functions.
    threads: Vec<Weak<Thread>>,
}

thread_local! {
    static RESOURCES: RefCell<Resources> = RefCell::default();
}

/// Gives the module its exports.
fn load(env: Env, exports: Value) -> Result<()> {
    env.define(exports, "open", ModuleFunction(open))?;
    env.define(exports, "attach", ModuleFunction(attach))?;
    env.define(exports, "stop", ModuleFunction(stop))?;
    env.set(exports, c"CALLS", env.texts(CALLS.iter().map(|call| call.name))?)?;
    env.set(exports, c"READY", numbers(env, READY)?)?;
    env.set(exports, c"STATE", numbers(env, STATE)?)?;
    env.set(exports, c"ADDRINFO_ROOM", numbers(env, ADDRINFO_ROOM)?)?;
    env.set(exports, c"FOREIGN", env.int(FOREIGN)?)?;
    // A worker may be terminated, and then no JavaScript of it runs any more.
    env.at_teardown(tear_down)
}

fn numbers(env: Env, names: &[(&str, i32)]) -> Result<Value> {
    let object = env.object()?;
    for (name, number) in names {
        let name = CString::new(*name).map_err(|error| error.to_string())?;
        env.set(object, &name, env.int(*number)?)?;
    }
    Ok(object)
}

/// Ends the programs that the environment has opened, and its threads.
fn tear_down() {
    let owned = RESOURCES.try_with(RefCell::take).unwrap_or_default();
    for thread in owned.threads.iter().filter_map(Weak::upgrade) {
        thread.close();
    }
    for id in owned.programs {
        program::end(id);
    }
}

/// open(options, policy, trace, audit, flags): starts a program under `Module.guestnet` and, of the environment,
/// `GUESTNET_POLICY`, `GUESTNET_TRACE`, `GUESTNET_AUDIT` and `GUESTNET_OPTIONS`. Each may be undefined. Returns its number.
fn open(arguments: &Arguments) -> Result<Value> {
    let module = arguments
        .entries(0)?
        .ok_or("guestnet: Module.guestnet must be an object")?;
    let environment = Environment {
        policy: arguments.text(1),
        trace: arguments.text(2),
        audit: arguments.text(3),
        options: arguments.text(4),
    };
    let options = Options::from_module(module, environment).map_err(|error| format!("guestnet: {error}"))?;
    let id = program::start(options).map_err(|error| format!("guestnet: {error}"))?;
    RESOURCES.with_borrow_mut(|owned| owned.programs.push(id));
    arguments.env().int(id)
}

/// stop(number): ends a program. Every wait of its threads returns, and its descriptors are closed.
fn stop(arguments: &Arguments) -> Result<Value> {
    let id = arguments.int(0);
    RESOURCES.with_borrow_mut(|owned| owned.programs.retain(|program| *program != id));
    program::end(id);
    arguments.env().undefined()
}

/// attach(number, kind): the functions of this thread; `undefined` if there is no such program. The kind is 0 for the main thread,
/// 1 for another pthread, 2 for the main thread of a program that has no other one. A pthread other than the main one does
/// nothing more when the program has ended: its calls throw `'unwind'`, as Emscripten's own exit does.
///
/// call() is the system calls: in `call.block`, an `Int32Array`, stand the number of the call and its arguments, and afterwards the
/// result. The number is the index in `CALLS`; with the length of `CALLS` added the call does not wait, whatever the descriptor's mode, and
/// fails with `EAGAIN` instead.
fn attach(arguments: &Arguments) -> Result<Value> {
    let env = arguments.env();
    let Some(program) = program::find(arguments.int(0)) else {
        return env.undefined();
    };
    let kind = match arguments.int(1) {
        1 => ThreadKind::Pthread,
        2 => ThreadKind::Only,
        _ => ThreadKind::Main,
    };
    let thread = Rc::new(Thread::new(program, kind));
    RESOURCES.with_borrow_mut(|owned| {
        owned.threads.retain(|thread| thread.strong_count() > 0);
        owned.threads.push(Rc::downgrade(&thread));
    });
    let object = env.object()?;
    for (name, function) in THREAD_FUNCTIONS {
        let thread = Rc::clone(&thread);
        let function = *function;
        env.define(object, name, ThreadFunction { function, thread })?;
    }
    let (array, block) = env.block()?;
    env.define_bare(object, "call", SystemCalls { thread, block }, array)?;
    Ok(object)
}

/// What a thread has besides the system calls.
const THREAD_FUNCTIONS: &[(&str, ThreadWork)] = &[
    ("setMemory", set_memory),
    ("setIdleTask", set_idle_task),
    ("release", release),
    ("watch", watch),
    ("watchFor", watch_for),
    ("keepAlive", keep_alive),
    ("subscribe", subscribe),
    ("notify", notify),
    ("acknowledge", acknowledge),
    ("lookupBegin", lookup_begin),
    ("lookupKnown", lookup_known),
    ("lookupStart", lookup_start),
    ("lookupLeave", lookup_leave),
    ("lookupTake", lookup_take),
    ("lookupCancel", lookup_cancel),
];

/// setMemory(view): the program's memory for the system calls from now on. The caller holds the view as long as it calls, and gives
/// another one before the next call when the view shows another buffer or has another length: one that was detached has none.
fn set_memory(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    thread.memory.set(arguments.region().unwrap_or_default());
    arguments.env().undefined()
}

/// setIdleTask(function, interval): calls the function every so many milliseconds while this thread waits or makes calls. A
/// call ends with `EINTR` when the function throws: the engine is ending the thread. Once for a thread.
fn set_idle_task(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let interval = Duration::from_millis(u64::try_from(arguments.int(1)).unwrap_or(1).max(1));
    thread.set_idle_task(arguments.keep_function(0)?, interval)?;
    arguments.env().undefined()
}

/// release(): gives up what this thread keeps for calls to come. For when the program has ended and the engine has not.
fn release(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    thread.release();
    arguments.env().undefined()
}

/// watch(function): from now on `function(fd, bits)` is called for what [`watch_for`] asks, and, with 0, for what
/// [`subscribe`] asks.
fn watch(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let watch = Watch::start(&thread.program, arguments.threadsafe_function(0)?)?;
    *thread.watch.borrow_mut() = Some(watch);
    arguments.env().undefined()
}

/// watchFor(fd, bits): reports once when the descriptor is ready for any of the bits of [`Ready`]. 0, or -1 if it cannot be
/// watched.
fn watch_for(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let fd = arguments.int(0).cast_unsigned();
    let bits = u8::try_from(arguments.int(1)).unwrap_or(0);
    let watch = thread.watch.borrow();
    let watch = watch.as_ref().ok_or("watch() comes first")?;
    let armed = thread.with_guest(|guest| watch.arm(guest, fd, Ready::from_bits_truncate(bits)));
    arguments.env().int(if armed.is_ok() { 0 } else { -1 })
}

/// keepAlive(on): whether what is watched keeps the engine's loop running.
fn keep_alive(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    if let Some(watch) = &*thread.watch.borrow() {
        watch
            .function()
            .keep_alive(arguments.env(), arguments.int(0) != 0);
    }
    arguments.env().undefined()
}

/// subscribe(on): whether the function of [`watch`] is called for what the program's other threads say by [`notify`].
fn subscribe(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let watch = thread.watch.borrow();
    let watch = watch.as_ref().ok_or("watch() comes first")?;
    let subscriber = (arguments.int(0) != 0).then(|| Arc::clone(watch.function()));
    thread.program.subscribers.subscribe(subscriber);
    arguments.env().undefined()
}

/// notify(fd): a socket of this thread connects or listens.
fn notify(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    thread
        .program
        .subscribers
        .notify(arguments.int(0).cast_unsigned());
    arguments.env().undefined()
}

/// acknowledge(fd): the notification has arrived, and the next one may be sent.
fn acknowledge(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let fd = arguments.int(0).cast_unsigned();
    thread.program.subscribers.acknowledge(fd);
    arguments.env().undefined()
}

/// lookupBegin(memory, node, service, hints): looks up as far as that goes without waiting. The number of the look-up, or a
/// negated errno.
fn lookup_begin(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let memory = arguments.memory().ok_or("no memory")?;
    let [node, service, hints] = [1, 2, 3].map(|index| arguments.int(index));
    let lookup = Lookup::read(memory, &Args([node, service, hints, 0, 0, 0, 0]));
    let begun = thread.with_context(|context| {
        let mut lookups = thread.lookups.borrow_mut();
        lookups.begin(&thread.program, context, lookup)
    });
    let begun = begun.and_then(|begun| begun);
    arguments.env().int(begun.unwrap_or_else(negated))
}

/// lookupKnown(number): 1 if the result is there, else 0.
fn lookup_known(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let known = thread.lookups.borrow().is_known(arguments.int(0));
    arguments.env().int(i32::from(known))
}

/// lookupStart(number, end): asks on another thread, if there is anything to ask. When there is a result, a byte is written to the
/// pipe `end`, and `end` closed, also if anything fails. 0, or a negated errno.
fn lookup_start(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let (id, end) = (arguments.int(0), arguments.int(1).cast_unsigned());
    let started = thread.lookups.borrow_mut().start(&thread.program, id, end);
    arguments.env().int(started.map_or_else(negated, |()| 0))
}

/// lookupLeave(number): asks for a program that cannot wait for the result. The look-up goes on with the next `lookupBegin` of the
/// same arguments.
fn lookup_leave(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    thread
        .lookups
        .borrow_mut()
        .leave(&thread.program, arguments.int(0));
    arguments.env().undefined()
}

/// lookupTake(number, later): how many results there are, which `takeAddrInfoList` writes, or an `EAI_*`. There is nothing
/// yet as long as no call can have reported readiness to the program and this is not a `later` turn of the loop.
fn lookup_take(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    let (id, later) = (arguments.int(0), arguments.int(1) != 0);
    let taken = thread.lookups.borrow_mut().take(&thread.program, id, later);
    let count = taken.and_then(|result| {
        thread
            .with_context(|context| context.store_result(result))
            .map_err(LookupError::System)
    });
    arguments.env().int(count.unwrap_or_else(lookup_error))
}

/// lookupCancel(number): gives a look-up up.
fn lookup_cancel(thread: &Rc<Thread>, arguments: &Arguments) -> Result<Value> {
    thread.lookups.borrow_mut().cancel(arguments.int(0));
    arguments.env().undefined()
}

impl Function for ModuleFunction {
    fn call(&self, arguments: &Arguments) -> Result<Value> {
        (self.0)(arguments)
    }
}

impl Function for ThreadFunction {
    fn call(&self, arguments: &Arguments) -> Result<Value> {
        (self.function)(&self.thread, arguments)
    }
}

impl BareFunction for SystemCalls {
    #[inline]
    fn call(&self, env: Env) {
        let SystemCalls { thread, block } = self;
        let number = usize::try_from(block.get(0)).unwrap_or(usize::MAX);
        let (index, mode) = match number.checked_sub(CALLS.len()) {
            None => (number, WaitMode::Blocking),
            Some(index) => (index, WaitMode::Nonblocking),
        };
        let args = Args(std::array::from_fn(|index| block.get(index + 1)));
        let result = CALLS.get(index).map_or(negated(Errno::ENOSYS), |call| {
            let region = thread.memory.get();
            thread.call(call, mode, region.memory(), &args)
        });
        if thread.is_over() {
            env.throw_text(c"unwind");
        }
        block.set_first(result);
    }

    /// A bug of ours is `EIO` to the program, and not an exception that its C code cannot catch.
    fn panicked(&self) {
        self.block.set_first(negated(Errno::EIO));
    }
}
