//! A component on wasmtime's own WASI, in a process of its own: what ours is compared with. It is compiled beforehand, as ours is by the
//! cache of `guestnet run`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::sync::CommandPre;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::Result;

/// The argument with which this program is one of these: behind it a compiled component and its arguments.
pub(crate) const ARGUMENT: &str = "--on-wasmtime";

/// What a store of wasmtime's own WASI has.
pub(crate) struct Own {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Own {
    fn new(args: &[String]) -> Self {
        let wasi = WasiCtx::builder()
            .inherit_stdio()
            .inherit_network()
            .allow_tcp(true)
            .args(args)
            .build();
        let table = ResourceTable::new();
        Own { wasi, table }
    }
}

impl WasiView for Own {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Compiles a component into a file.
///
/// # Errors
/// It cannot be read, or is none.
pub(crate) fn compile(component: &Path, compiled: &Path) -> Result<()> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error:#}", component.display());
    let bytes = fs::read(component).map_err(|error| named(&error))?;
    let code = Engine::default()
        .precompile_component(&bytes)
        .map_err(|error| named(&error))?;
    fs::write(compiled, code).map_err(|error| named(&error))
}

/// Runs a compiled component to its end.
pub(crate) fn run(args: &[String]) -> ExitCode {
    match command(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("guestnet-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> wasmtime::Result<bool> {
    let path = args
        .first()
        .ok_or_else(|| wasmtime::format_err!("a component is missing"))?;
    let engine = Engine::default();
    // SAFETY: `compile` of this program has written it a moment ago.
    #[expect(unsafe_code, reason = "compiled code is trusted; it is ours")]
    let component = unsafe { Component::deserialize_file(&engine, path)? };
    let mut store = Store::new(&engine, Own::new(args));
    let instance = prepared(&engine, &component)?.instantiate(&mut store)?;
    Ok(instance.wasi_cli_run().call_run(&mut store)?.is_ok())
}

fn prepared(engine: &Engine, component: &Component) -> wasmtime::Result<CommandPre<Own>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    CommandPre::new(linker.instantiate_pre(component)?)
}

/// A program of which many instances are made in this process.
pub(crate) struct Program {
    engine: Engine,
    pre: CommandPre<Own>,
}

impl Program {
    /// Compiles a component.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn new(engine: Engine, path: &Path) -> wasmtime::Result<Self> {
        let component = Component::from_file(&engine, path)?;
        let pre = prepared(&engine, &component)?;
        Ok(Program { engine, pre })
    }

    /// A store for one instance.
    pub(crate) fn store(&self) -> Store<Own> {
        Store::new(&self.engine, Own::new(&[]))
    }

    /// An instance.
    ///
    /// # Errors
    /// As of Wasmtime.
    pub(crate) fn instance(&self, store: &mut Store<Own>) -> wasmtime::Result<()> {
        self.pre.instantiate(store).map(drop)
    }
}
