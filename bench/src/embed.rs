//! What an embedder pays for one more guest, measured in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, ComponentCtx, GuestCtx, GuestCtxBuilder, p2};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig, Store};

use crate::own::Program;
use crate::record::Figure;
use crate::report::Report;
use crate::run::Places;
use crate::{Plan, Result, bars};

/// Guests in one round.
const GUESTS: u32 = 2000;

/// Microseconds a guest, from nothing to an instance and its end.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Host, guest and store: an eventfd, tables, wasmtime-wasi's context.
    store: f64,
    /// The instance alone.
    instance: f64,
    /// The end of all of it.
    end: f64,
}

/// How long the parts of one guest took.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    store: Duration,
    instance: Duration,
    end: Duration,
}

/// Measures the rows of modules.
///
/// # Errors
/// The module cannot be read or made an instance of.
pub(crate) fn measure(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let [pooled, on_demand] = OF_MODULES;
    row(plan, report, pooled, Some(bars::INSTANCE), || {
        module(&engine(true)?, places)
    })?;
    row(plan, report, on_demand, None, || module(&engine(false)?, places))
}

/// The rows of modules.
const OF_MODULES: [&str; 2] = [
    "start: an instance in an embedder, pooled",
    "start: an instance in an embedder, on demand",
];

/// The rows of components.
pub(crate) const OF_COMPONENTS: [&str; 3] = [
    "p2: an instance in an embedder, pooled",
    "p2: an instance in an embedder, on demand",
    "p2: an instance with wasmtime's own WASI, pooled",
];

/// The same of components, and of the same component with wasmtime's own WASI.
///
/// # Errors
/// As of [`measure`].
pub(crate) fn measure_component(places: &Places, plan: &Plan, report: &mut Report) -> Result<()> {
    let [pooled, on_demand, own] = OF_COMPONENTS;
    row(plan, report, pooled, None, || component(&engine(true)?, places))?;
    row(plan, report, on_demand, None, || {
        component(&engine(false)?, places)
    })?;
    row(plan, report, own, None, || {
        let program = Program::new(engine(true)?, &places.component("start"))?;
        Ok(move || {
            let start = Instant::now();
            let store = program.store();
            timed(start, store, |store| program.instance(store))
        })
    })
}

/// Reports a row of the plan. `prepare` makes what all guests share, and what it returns makes and ends one guest.
fn row<G: Fn() -> wasmtime::Result<Times>>(
    plan: &Plan,
    report: &mut Report,
    name: &str,
    bar: Option<f64>,
    prepare: impl FnOnce() -> wasmtime::Result<G>,
) -> Result<()> {
    if !plan.has(name) {
        return Ok(());
    }
    let costs = prepare().and_then(|guest| {
        round(&guest)?;
        (0..plan.rounds)
            .map(|_| round(&guest))
            .collect::<wasmtime::Result<Vec<_>>>()
    });
    let costs = costs.map_err(|error| format!("{name}: {error:#}"))?;
    report.row(name, figures(&costs, bar));
    Ok(())
}

fn figures(costs: &[Cost], bar: Option<f64>) -> Vec<Figure> {
    let of = |label: &str, part: fn(&Cost) -> f64| {
        Figure::new(label, "us", &costs.iter().map(part).collect::<Vec<_>>())
    };
    vec![
        of("host, policy, store and instance", |cost| {
            cost.store + cost.instance
        })
        .at_most(bar),
        of("host, policy and store", |cost| cost.store),
        of("the instance", |cost| cost.instance),
        of("the end of all", |cost| cost.end),
    ]
}

/// An engine as `guestnet run` has it, but for the pool.
fn engine(is_pooled: bool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.allocation_strategy(if is_pooled {
        InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default())
    } else {
        InstanceAllocationStrategy::OnDemand
    });
    Engine::new(&config)
}

/// Guests that are modules.
fn module(
    engine: &Engine,
    places: &Places,
) -> wasmtime::Result<impl Fn() -> wasmtime::Result<Times> + use<>> {
    let adapter: Adapter<GuestCtx<OsHost>> = Adapter::new(engine, |ctx| ctx)?;
    let module = Module::from_file(engine, places.module("tcp_echo"))?;
    let (pre, engine) = (adapter.instantiate_pre(&module)?, engine.clone());
    let policy = Arc::new(Policy::deny_all());
    Ok(move || {
        let start = Instant::now();
        let store = Store::new(&engine, context(&policy)?);
        timed(start, store, |store| pre.instantiate(store).map(drop))
    })
}

/// Guests that are components.
fn component(
    engine: &Engine,
    places: &Places,
) -> wasmtime::Result<impl Fn() -> wasmtime::Result<Times> + use<>> {
    let mut linker: Linker<ComponentCtx<OsHost>> = Linker::new(engine);
    p2::add_to_linker(&mut linker)?;
    let component = Component::from_file(engine, places.component("start"))?;
    let (pre, engine) = (linker.instantiate_pre(&component)?, engine.clone());
    let policy = Arc::new(Policy::deny_all());
    Ok(move || {
        let start = Instant::now();
        let mut store = Store::new(&engine, ComponentCtx::from(context(&policy)?));
        p2::limit_handles(&mut store);
        timed(start, store, |store| pre.instantiate(store).map(drop))
    })
}

fn context(policy: &Arc<Policy>) -> wasmtime::Result<GuestCtx<OsHost>> {
    let guest = GuestThread::new(OsHost::new()?, Arc::clone(policy), Capacity::default());
    GuestCtxBuilder::new(guest).build()
}

/// Makes an instance in a store that was begun at `start`, and ends both.
fn timed<T: 'static>(
    start: Instant,
    mut store: Store<T>,
    instance: impl FnOnce(&mut Store<T>) -> wasmtime::Result<()>,
) -> wasmtime::Result<Times> {
    let stored = Instant::now();
    instance(&mut store)?;
    let made = Instant::now();
    drop(store);
    Ok(Times {
        store: stored - start,
        instance: made - stored,
        end: made.elapsed(),
    })
}

fn round(guest: &impl Fn() -> wasmtime::Result<Times>) -> wasmtime::Result<Cost> {
    let mut sum = Times::default();
    for _ in 0..GUESTS {
        let times = guest()?;
        sum.store += times.store;
        sum.instance += times.instance;
        sum.end += times.end;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(GUESTS);
    Ok(Cost {
        store: each(sum.store),
        instance: each(sum.instance),
        end: each(sum.end),
    })
}
