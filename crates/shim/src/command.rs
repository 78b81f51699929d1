//! What containerd calls this program with: `start` and `delete`, and the shim itself, which `start` starts.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use containerd_shim_protos::api::DeleteResponse;
use containerd_shim_protos::create_task;
use containerd_shim_protos::protobuf::{Message, MessageField};
use containerd_shim_protos::ttrpc::Server;
use containerd_shim_protos::types::introspection::RuntimeInfo;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::bootstrap;
use crate::cgroup::Cgroup;
use crate::clock::now;
use crate::container::PID_FILE;
use crate::containerd::Containerd;
use crate::events::Events;
use crate::guest::CONTAINER;
use crate::oci::Spec;
use crate::refusal::shown;
use crate::task::{Pod, Service};

const NAME: &str = "io.containerd.guestnet.v1";

/// Where the sockets of shims are, those of other runtimes too.
const SOCKETS: &str = "/run/containerd/s";

/// The file of a bundle that containerd reads after a restart.
const ADDRESS_FILE: &str = "address";

/// The variable with the socket that containerd takes events at.
const TTRPC_ADDRESS: &str = "TTRPC_ADDRESS";

/// How long the end of a shim that was killed may take.
const DYING: Duration = Duration::from_secs(1);

/// Containers with the same value of one of these have one shim, as runc's have.
const GROUPS: [&str; 2] = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];

/// Flags as Go's programs have them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    namespace: String,
    id: String,
    address: String,
    bundle: String,
    /// Only of our own making.
    socket: String,
    version: bool,
    info: bool,
    action: String,
}

/// Does what the arguments say and returns the exit code.
pub(crate) fn main(arguments: &[OsString]) -> i32 {
    let done = Flags::parse(arguments).and_then(|flags| match flags.action.as_str() {
        _ if flags.version => print(format!("{NAME} {}\n", env!("CARGO_PKG_VERSION")).as_bytes()),
        _ if flags.info => print(&info()?),
        "start" => start(flags),
        "delete" => delete(&flags),
        "" => serve(&flags),
        other => Err(format!("there is no action {other:?}")),
    });
    match done {
        Ok(()) => 0,
        Err(sentence) => {
            let sentence = shown(sentence);
            let _ = writeln!(std::io::stderr(), "containerd-shim-guestnet-v1: {sentence}");
            1
        }
    }
}

impl Flags {
    fn parse(arguments: &[OsString]) -> Result<Flags, String> {
        let mut flags = Flags::default();
        let mut arguments = arguments.iter().map(|argument| {
            let text = argument.to_str();
            text.ok_or_else(|| format!("the argument {} is not UTF-8", argument.display()))
        });
        while let Some(argument) = arguments.next() {
            let argument = argument?;
            let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
                argument.clone_into(&mut flags.action);
                break;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let text = match name {
                "v" | "version" => {
                    flags.version = true;
                    continue;
                }
                "info" => {
                    flags.info = true;
                    continue;
                }
                "debug" => continue,
                "namespace" => &mut flags.namespace,
                "id" => &mut flags.id,
                "address" => &mut flags.address,
                "bundle" => &mut flags.bundle,
                "socket" => &mut flags.socket,
                // A program that takes events; containerd has a socket for them too.
                "publish-binary" => &mut String::new(),
                _ => return Err(format!("there is no flag {argument}")),
            };
            *text = match value {
                Some(value) => value,
                None => arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value"))??
                    .to_owned(),
            };
        }
        Ok(flags)
    }
}

fn print(bytes: &[u8]) -> Result<(), String> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    written.map_err(|error| format!("cannot write: {error}"))
}

/// What the runtime is, for containerd 2.
fn info() -> Result<Vec<u8>, String> {
    let mut info = RuntimeInfo::new();
    NAME.clone_into(&mut info.name);
    info.write_to_bytes().map_err(|error| error.to_string())
}

/// Starts the shim of a container, or finds the one of its pod, and prints its address.
fn start(mut flags: Flags) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot start the shim: {error}");
    // containerd calls this in the bundle.
    let bundle = std::env::current_dir().map_err(failed)?;
    let spec = Spec::read(&bundle)?;
    let parameters = bootstrap::read(&flags.id, &flags.namespace);
    let mut events_at = std::env::var(TTRPC_ADDRESS).ok();
    if let Some(parameters) = &parameters {
        if flags.address.is_empty() {
            flags.address.clone_from(&parameters.containerd_grpc_address);
        }
        events_at = Some(parameters.containerd_ttrpc_address.clone());
    }
    let socket = socket(&flags, &spec);
    let address = format!("unix://{}", socket.display());
    if let Some(listener) = listen(&socket).map_err(failed)? {
        let log = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("log");
        Command::new("/proc/self/exe")
            .arg0("containerd-shim-guestnet-v1")
            .args([
                "-namespace",
                &flags.namespace,
                "-id",
                &flags.id,
                "-address",
                &flags.address,
                "-socket",
            ])
            .arg(&socket)
            .env(
                TTRPC_ADDRESS,
                events_at.unwrap_or_else(|| format!("{}.ttrpc", flags.address)),
            )
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from))
            .spawn()
            .map_err(failed)?;
    }
    std::fs::write(ADDRESS_FILE, &address).map_err(failed)?;
    match parameters {
        Some(_) => print(&bootstrap::answer(&address)?),
        None => print(address.as_bytes()),
    }
}

/// The socket of a container's shim.
fn socket(flags: &Flags, spec: &Spec) -> PathBuf {
    let group = GROUPS
        .iter()
        .find_map(|name| spec.annotation(name))
        .unwrap_or(&flags.id);
    let mut hash = blake3::Hasher::new();
    for part in [NAME, &flags.address, &flags.namespace, group] {
        hash.update(part.as_bytes()).update(b"\0");
    }
    Path::new(SOCKETS).join(hash.finalize().to_hex().as_str())
}

/// Listens at a socket; none if there is a shim that does.
fn listen(socket: &Path) -> std::io::Result<Option<UnixListener>> {
    if let Some(parent) = socket.parent() {
        std::fs::create_dir_all(parent)?;
    }
    loop {
        match UnixListener::bind(socket) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                if UnixStream::connect(socket).is_ok() {
                    return Ok(None);
                }
                // Of a shim that was killed.
                remove(socket)?;
            }
            done => return done.map(Some),
        }
    }
}

fn remove(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether no process listens at a socket, within some time.
fn is_unheard(socket: &Path, time: Duration) -> bool {
    let end = Instant::now() + time;
    loop {
        if UnixStream::connect(socket).is_err() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The shim: answers containerd until it has no use for it.
fn serve(flags: &Flags) -> Result<(), String> {
    if flags.socket.is_empty() {
        return Err("containerd starts this program; by hand it does nothing but -v".to_owned());
    }
    let failed = |error: &dyn std::fmt::Display| format!("cannot serve: {error}");
    let listener = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| failed(&error))?;
    let null = File::open("/dev/null").map_err(|error| failed(&error))?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| failed(&error))?;
    let events_at = std::env::var(TTRPC_ADDRESS).map_err(|error| failed(&error))?;
    let events = Events::new(events_at, flags.namespace.clone()).map_err(|error| failed(&error))?;
    let containerd = Containerd {
        address: flags.address.clone(),
        namespace: flags.namespace.clone(),
    };
    let pod = Arc::new(Pod::new(containerd, events.clone()));
    let methods = create_task(Arc::new(Service(Arc::clone(&pod))));
    // The messages of versions 2 and 3 of the interface are the same; containerd before 2.0 knows 2 only.
    let older = create_task(Arc::new(Service(Arc::clone(&pod))))
        .into_iter()
        .map(|(name, method)| (name.replace("containerd.task.v3.", "containerd.task.v2."), method))
        .collect();
    let mut server = Server::new()
        .add_listener(listener.into_raw_fd())
        .map_err(|error| failed(&error))?
        .register_service(methods)
        .register_service(older);
    server.start().map_err(|error| failed(&error))?;
    pod.wait();
    let _ = remove(Path::new(&flags.socket));
    events.flush();
    // Not by `Server::shutdown`, which waits for threads that may wait for each other: the end of the process is theirs.
    Ok(())
}

/// Cleans up after a shim that has gone without doing so, and prints how its container ended.
fn delete(flags: &Flags) -> Result<(), String> {
    let bundle = match flags.bundle.as_str() {
        "" => std::env::current_dir().map_err(|error| format!("there is no bundle: {error}"))?,
        bundle => PathBuf::from(bundle),
    };
    // A bundle that is damaged has less to clean up.
    if let Ok(spec) = Spec::read(&bundle) {
        let address = std::fs::read_to_string(bundle.join(ADDRESS_FILE)).unwrap_or_default();
        let socket = Path::new(address.strip_prefix("unix://").unwrap_or(&address));
        // A shim that was killed before it had deleted its container may take a moment until the kernel has closed all that it had.
        let was_killed = bundle.join(PID_FILE).exists();
        let time = if was_killed { DYING } else { Duration::ZERO };
        // That of a pod may be another container's still.
        if socket.starts_with(SOCKETS) && is_unheard(socket, time) {
            let _ = remove(socket);
        }
        kill(&bundle);
        if let Some(cgroup) = Cgroup::made(&spec, &bundle) {
            cgroup.remove();
        }
    }
    let mut response = DeleteResponse::new();
    response.exit_status = 128 + Signal::KILL.as_raw().cast_unsigned();
    response.exited_at = MessageField::some(now());
    print(&response.write_to_bytes().map_err(|error| error.to_string())?)
}

/// Kills the process of a container, if it is still there. The kernel has ended it with its shim as a rule.
fn kill(bundle: &Path) {
    let text = std::fs::read_to_string(bundle.join(PID_FILE)).unwrap_or_default();
    let Some(pid) = text.parse::<i32>().ok().and_then(Pid::from_raw) else {
        return;
    };
    // First the handle, then the look at what it is: the number may be another process's by now.
    let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    let proc = Path::new("/proc").join(text);
    let is_ours = std::fs::read_link(proc.join("cwd")).is_ok_and(|directory| directory.starts_with(bundle))
        && std::fs::read(proc.join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(CONTAINER.as_bytes()));
    if is_ours {
        let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, String> {
        Flags::parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read_as_go_writes_them() {
        let flags = parse(&[
            "-namespace",
            "n",
            "-address=/a",
            "-publish-binary",
            "",
            "--id",
            "x",
            "-debug",
            "start",
        ]);
        let flags = flags.unwrap();
        assert_eq!((flags.namespace.as_str(), flags.address.as_str()), ("n", "/a"));
        assert_eq!((flags.id.as_str(), flags.action.as_str()), ("x", "start"));
        assert!(parse(&["-v"]).unwrap().version);
        assert!(parse(&["-namespace"]).is_err() && parse(&["-what"]).is_err());
    }

    #[test]
    fn containers_of_one_pod_have_one_socket() {
        let spec = |text: &str| serde_json::from_str::<Spec>(text).unwrap();
        let flags = |id: &str| Flags {
            id: id.to_owned(),
            ..Flags::default()
        };
        let pod = spec(r#"{"annotations":{"io.kubernetes.cri.sandbox-id":"p"}}"#);
        assert_eq!(socket(&flags("a"), &pod), socket(&flags("b"), &pod));
        let alone = spec("{}");
        assert_ne!(socket(&flags("a"), &alone), socket(&flags("b"), &alone));
        let length = socket(&flags("a"), &pod).as_os_str().len();
        assert!(length < 108, "a path of {length} bytes is too long for a socket");
    }
}
