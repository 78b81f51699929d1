//! [`add_to_linker`]: the whole of `wasi:cli/imports` for components, ours where it touches sockets, streams, waiting and time.

use guestnet_core::Host;
use smallvec::SmallVec;
use wasmtime::component::{Component, HasData, Linker, Resource, ResourceType, WasmList};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi::cli::{WasiCli, WasiCliCtxView, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::DirectoryEntryStream;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasmtime_wasi::p2::bindings::sync::io::streams::{Host as Streams, StreamError as WitStreamError};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets, sync};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError};
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx, WasiRandomView};
use wasmtime_wasi_io::bindings::wasi::io::error;

use super::ctx::{ComponentView, State};
use super::error::file_error;
use super::object::Handle;
use super::poll::check_length;

/// The version under which wasmtime-wasi's bindings register; older ones find it.
const VERSION: &str = "0.2.12";

/// Handles that a component may have for each descriptor: a connection of tokio's has its socket, two streams and a pollable of
/// each, and what a call is lent counts too.
const HANDLES_PER_DESCRIPTOR: usize = 16;

/// Every interface that [`add_to_linker`] defines, without its version.
const INTERFACES: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The functions of a component: `State` behind the embedder's data.
struct Ours<H>(std::marker::PhantomData<fn() -> H>);

impl<H: Host + 'static> HasData for Ours<H> {
    type Data<'a> = &'a mut State<H>;
}

/// wasmtime-wasi's table, for `wasi:io/error`.
struct Errors;

impl HasData for Errors {
    type Data<'a> = &'a mut wasmtime_wasi::ResourceTable;
}

/// Defines `wasi:cli/imports` of WASI 0.2 in a component linker, for stores whose data has a
/// [`ComponentCtx`](crate::ComponentCtx).
///
/// The embedder's own interfaces are defined in the same linker, before or after. wasmtime-wasi's own
/// `add_to_linker` functions must not be: its sockets know nothing of the policy. Streams and pollables that an embedder makes
/// itself are a trap in the guest.
///
/// # Errors
/// Something is defined already.
pub fn add_to_linker<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_wasmtime_wasi(linker)?;
    add_ours(linker)?;
    add_over_them(linker)
}

/// What needs neither sockets nor waiting.
fn add_wasmtime_wasi<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, |data| state(data).ctx.inner.clocks())?;
    filesystem::preopens::add_to_linker::<T, WasiFilesystem>(linker, files)?;
    sync::filesystem::types::add_to_linker::<T, WasiFilesystem>(linker, files)?;
    random::random::add_to_linker::<T, WasiRandom>(linker, numbers)?;
    random::insecure::add_to_linker::<T, WasiRandom>(linker, numbers)?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, numbers)?;
    cli::exit::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::environment::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, program)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, program)?;
    error::add_to_linker::<T, Errors>(linker, |data| state(data).table())
}

/// What reaches the core.
fn add_ours<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    type Of<T> = Ours<<T as ComponentView>::Host>;
    clocks::monotonic_clock::add_to_linker::<T, Of<T>>(linker, state)?;
    cli::stdin::add_to_linker::<T, Of<T>>(linker, state)?;
    cli::stdout::add_to_linker::<T, Of<T>>(linker, state)?;
    cli::stderr::add_to_linker::<T, Of<T>>(linker, state)?;
    sync::io::poll::add_to_linker::<T, Of<T>>(linker, state)?;
    sync::io::streams::add_to_linker::<T, Of<T>>(linker, state)?;
    let mut options = sockets::network::LinkOptions::default();
    options.network_error_code(true);
    sockets::network::add_to_linker::<T, Of<T>>(linker, &options, state)?;
    sockets::instance_network::add_to_linker::<T, Of<T>>(linker, state)?;
    sockets::ip_name_lookup::add_to_linker::<T, Of<T>>(linker, state)?;
    sync::sockets::tcp::add_to_linker::<T, Of<T>>(linker, state)?;
    sockets::tcp_create_socket::add_to_linker::<T, Of<T>>(linker, state)?;
    sync::sockets::udp::add_to_linker::<T, Of<T>>(linker, state)?;
    sync::sockets::udp_create_socket::add_to_linker::<T, Of<T>>(linker, state)
}

/// Registers some functions a second time: where the bindings copy a list that can be read where it is, where a file's stream
/// would be one of wasmtime-wasi's, and where what a guest may keep needs a limit.
fn add_over_them<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = add_streams(linker)
        .and_then(|()| add_poll(linker))
        .and_then(|()| add_files(linker));
    linker.allow_shadowing(false);
    added
}

fn add_streams<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut streams = linker.instance(&format!("wasi:io/streams@{VERSION}"))?;
    streams.func_wrap(
        "[method]input-stream.read",
        |mut store: StoreContextMut<'_, T>, (stream, len): (Resource<DynInputStream>, u64)| {
            let state = state(store.data_mut());
            let read = state.read_now(Handle::of(&stream)?, len);
            answer(state, read)
        },
    )?;
    streams.func_wrap(
        "[method]input-stream.blocking-read",
        |mut store: StoreContextMut<'_, T>, (stream, len): (Resource<DynInputStream>, u64)| {
            let state = state(store.data_mut());
            let read = state.read_blocking(Handle::of(&stream)?, len);
            answer(state, read)
        },
    )?;
    streams.func_wrap(
        "[method]output-stream.write",
        |store: StoreContextMut<'_, T>, (stream, bytes): (Resource<DynOutputStream>, WasmList<u8>)| {
            write(store, &stream, &bytes, State::write_now)
        },
    )?;
    streams.func_wrap(
        "[method]output-stream.blocking-write-and-flush",
        |store: StoreContextMut<'_, T>, (stream, bytes): (Resource<DynOutputStream>, WasmList<u8>)| {
            write(store, &stream, &bytes, State::write_blocking)
        },
    )
}

fn add_poll<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut poll = linker.instance(&format!("wasi:io/poll@{VERSION}"))?;
    poll.func_wrap(
        "poll",
        |mut store: StoreContextMut<'_, T>, (list,): (WasmList<Resource<DynPollable>>,)| {
            // Before any of it is looked at.
            check_length(list.len())?;
            let handles = list
                .iter(&mut store)?
                .map(|pollable| Handle::of(&pollable?))
                .collect::<wasmtime::Result<SmallVec<[Handle; 8]>>>()?;
            let ready = state(store.data_mut()).wait(&handles, true)?;
            Ok((ready.into_vec(),))
        },
    )
}

fn add_files<T: ComponentView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut files = linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?;
    files.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, T>, descriptor| state(store.data_mut()).drop_descriptor(descriptor),
    )?;
    files.func_wrap(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, T>,
         (descriptor, path_flags, path, open_flags, flags): (
            Resource<Descriptor>,
            PathFlags,
            String,
            OpenFlags,
            DescriptorFlags,
        )| { state(store.data_mut()).open_at(descriptor, path_flags, path, open_flags, flags) },
    )?;
    files.func_wrap(
        "filesystem-error-code",
        |mut store: StoreContextMut<'_, T>, (error,): (Resource<wasmtime::Error>,)| {
            let error = state(store.data_mut()).table().get(&error)?;
            Ok((file_error(error),))
        },
    )?;
    files.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, T>, (descriptor, position): (Resource<Descriptor>, u64)| {
            state(store.data_mut()).read_via_stream(descriptor, position)
        },
    )?;
    files.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, T>, (descriptor, position): (Resource<Descriptor>, u64)| {
            state(store.data_mut()).write_via_stream(descriptor, Some(position))
        },
    )?;
    files.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, T>, (descriptor,): (Resource<Descriptor>,)| {
            state(store.data_mut()).write_via_stream(descriptor, None)
        },
    )?;
    files.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, T>, (descriptor,): (Resource<Descriptor>,)| {
            state(store.data_mut()).read_directory(descriptor)
        },
    )?;
    files.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |mut store: StoreContextMut<'_, T>, list| state(store.data_mut()).drop_list(list),
    )?;
    files.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: StoreContextMut<'_, T>, (list,): (Resource<DirectoryEntryStream>,)| {
            state(store.data_mut()).read_directory_entry(list)
        },
    )
}

fn state<T: ComponentView>(data: &mut T) -> &mut State<T::Host> {
    data.component().state()
}

fn files<T: ComponentView>(data: &mut T) -> WasiFilesystemCtxView<'_> {
    state(data).ctx.inner.filesystem()
}

fn numbers<T: ComponentView>(data: &mut T) -> &mut WasiRandomCtx {
    state(data).ctx.inner.random()
}

fn program<T: ComponentView>(data: &mut T) -> WasiCliCtxView<'_> {
    state(data).ctx.inner.cli()
}

/// What a function of streams returns to the guest.
type Answer<R> = wasmtime::Result<(Result<R, WitStreamError>,)>;

fn answer<H: Host, R>(state: &mut State<H>, result: Result<R, StreamError>) -> Answer<R> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(Streams::convert_stream_error(state, error)?),
    },))
}

/// Writes from the guest's memory, which stays where it is: the state is out of the store for so long.
fn write<T: ComponentView>(
    mut store: StoreContextMut<'_, T>,
    stream: &Resource<DynOutputStream>,
    bytes: &WasmList<u8>,
    call: impl FnOnce(&mut State<T::Host>, Handle, &[u8]) -> Result<(), StreamError>,
) -> Answer<()> {
    let handle = Handle::of(stream)?;
    let Some(mut taken) = store.data_mut().component().take() else {
        return Err(wasmtime::format_err!("a call within a call"));
    };
    let written = call(&mut taken, handle, bytes.as_le_slice(&store));
    let component = store.data_mut().component();
    component.put_back(taken);
    answer(component.state(), written)
}

/// Bounds the handles of a store's component, which are memory of the host's: sixteen for each descriptor that the guest may
/// have. One more is a trap. Wasmtime's own limit is the same for all stores.
pub fn limit_handles<T: ComponentView>(store: &mut Store<T>) {
    let descriptors = store.data_mut().component().guest().capacity().descriptors;
    store.set_max_component_handles(descriptors.saturating_mul(HANDLES_PER_DESCRIPTOR));
}

/// One import of a component, and whether [`add_to_linker`] defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentImport {
    /// Its name, such as `wasi:sockets/tcp@0.2.3`.
    pub name: String,
    /// Whether it is an interface of WASI 0.2 that is there. An interface may still lack a function, which
    /// [`Linker::instantiate_pre`] finds.
    pub is_defined: bool,
}

/// What a component imports, in its order.
pub fn component_imports(component: &Component) -> Vec<ComponentImport> {
    let engine = component.engine();
    let ty = component.component_type();
    ty.imports(engine)
        .map(|(name, _)| ComponentImport {
            name: name.to_owned(),
            is_defined: is_interface(name),
        })
        .collect()
}

/// Whether a name is one of ours, in a version that is compatible, as Wasmtime compares them: the same minor one.
fn is_interface(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else {
        return false;
    };
    INTERFACES.contains(&interface)
        && version
            .strip_prefix("0.2.")
            .is_some_and(|patch| patch.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_interface;

    #[test]
    fn patch_versions_are_compatible_and_others_are_not() {
        for name in [
            "wasi:io/poll@0.2.0",
            "wasi:io/poll@0.2.12",
            "wasi:sockets/tcp@0.2.99",
        ] {
            assert!(is_interface(name), "{name}");
        }
        for name in [
            "wasi:io/poll",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll@0.2.0-rc-2023-11-10",
            "wasi:http/types@0.2.0",
            "wasi:io/poll@10.2.0",
        ] {
            assert!(!is_interface(name), "{name}");
        }
    }
}
