//! What an embedder pays for one more guest, measured in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread};
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder, InstancePre};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig, Store};

use crate::run::Places;
use crate::stats::Spread;
use crate::{Plan, Result};

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

/// Measures and prints the rows.
///
/// # Errors
/// The module cannot be read or made an instance of.
pub(crate) fn measure(places: &Places, plan: &Plan) -> Result<()> {
    let pooled = InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default());
    for (name, strategy, bar) in [
        ("start: an instance in an embedder, pooled", pooled, Some(5.0)),
        (
            "start: an instance in an embedder, on demand",
            InstanceAllocationStrategy::OnDemand,
            None,
        ),
    ] {
        if plan.has(name) {
            let costs = rounds(places, plan, strategy).map_err(|error| format!("{name}: {error:#}"))?;
            print(name, &costs, bar);
        }
    }
    Ok(())
}

fn print(name: &str, costs: &[Cost], bar: Option<f64>) {
    let of = |part: fn(&Cost) -> f64| Spread::of(&costs.iter().map(part).collect::<Vec<_>>());
    let whole = of(|cost| cost.store + cost.instance);
    let verdict = bar.map_or_else(String::new, |bar| {
        crate::stats::verdict_at_most(whole.median, bar, "us")
    });
    println!("{name:<48} {whole} us  {verdict}");
    let (store, instance, end) = (
        of(|cost| cost.store),
        of(|cost| cost.instance),
        of(|cost| cost.end),
    );
    println!(
        "    host, policy and store {:.2} us; the instance {:.2} us; the end of all {:.2} us",
        store.median, instance.median, end.median
    );
}

fn rounds(places: &Places, plan: &Plan, strategy: InstanceAllocationStrategy) -> wasmtime::Result<Vec<Cost>> {
    let mut config = Config::new();
    config.allocation_strategy(strategy);
    let engine = Engine::new(&config)?;
    let adapter: Adapter<GuestCtx<OsHost>> = Adapter::new(&engine, |ctx| ctx)?;
    let module = Module::from_file(&engine, places.module("tcp_echo"))?;
    let pre = adapter.instantiate_pre(&module)?;
    let policy = Arc::new(Policy::deny_all());
    round(&engine, &pre, &policy)?;
    (0..plan.rounds).map(|_| round(&engine, &pre, &policy)).collect()
}

fn round(
    engine: &Engine,
    pre: &InstancePre<GuestCtx<OsHost>>,
    policy: &Arc<Policy>,
) -> wasmtime::Result<Cost> {
    let (mut store_time, mut instance_time, mut end_time) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..GUESTS {
        let start = Instant::now();
        let guest = GuestThread::new(OsHost::new()?, Arc::clone(policy), Capacity::default());
        let mut store = Store::new(engine, GuestCtxBuilder::new(guest).build()?);
        let stored = Instant::now();
        pre.instantiate(&mut store)?;
        let made = Instant::now();
        drop(store);
        end_time += made.elapsed();
        store_time += stored - start;
        instance_time += made - stored;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(GUESTS);
    Ok(Cost {
        store: each(store_time),
        instance: each(instance_time),
        end: each(end_time),
    })
}
