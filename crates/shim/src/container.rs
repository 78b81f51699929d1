//! [`Container`]: one container's life, as the shim of its pod sees it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use containerd_shim_protos::api::CreateTaskRequest;
use containerd_shim_protos::events::task::{TaskExit, TaskOOM, TaskStart};
use containerd_shim_protos::protobuf::MessageField;
use containerd_shim_protos::protobuf::well_known_types::timestamp::Timestamp;
use containerd_shim_protos::ttrpc::Code;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::cgroup::Cgroup;
use crate::clock::now;
use crate::containerd::Containerd;
use crate::events::Events;
use crate::guest::CONTAINER;
use crate::oci::{Mount, Spec};
use crate::plan::{Plan, READY, START, Streams};
use crate::refusal::Refusal;
use crate::stdio::{self, Input, Keepers};
use crate::sync::lock;
use crate::terminal::Terminal;

/// Where compiled guests are kept, if the shim's environment has no GUESTNET_CACHE: one place for all containers of a machine.
const CACHE: &str = "/var/cache/guestnet";

/// The file of a bundle with the process id, for a `delete` without a shim.
pub(crate) const PID_FILE: &str = "init.pid";

/// The fifo of a bundle that the container reads.
const STDIN_FILE: &str = "stdin";

/// How long a process may take to set itself up: a volume may be on a server that is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container that has a process.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) bundle: PathBuf,
    pub(crate) streams: Streams,
    pub(crate) pid: u32,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) cgroup: Option<Cgroup>,
    process: OwnedFd,
    /// The process's connection, until it is started.
    control: Mutex<Option<UnixStream>>,
    keepers: Mutex<Keepers>,
    input: Option<Input>,
    life: Mutex<Life>,
    changed: Condvar,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Life {
    /// Its process is set up and waits. Becomes `Running` by Start, and `Stopped` by a signal.
    Created,
    /// Becomes `Paused` by Pause, and `Stopped` when its process ends.
    Running,
    /// Becomes `Running` by Resume, and `Stopped` by SIGKILL.
    Paused,
    Stopped {
        code: u32,
        at: Timestamp,
    },
}

impl Container {
    /// Makes a container and its process, up to the point where it only has to be started; and the channel that has its exit status when the process
    /// ends, for [`Container::watch`].
    ///
    /// # Errors
    /// One sentence. Nothing is left then.
    pub(crate) fn create(
        request: &CreateTaskRequest,
        containerd: &Containerd,
    ) -> Result<(Arc<Container>, Receiver<ExitStatus>), Refusal> {
        let bundle = PathBuf::from(&request.bundle);
        let spec = Spec::read(&bundle)?;
        let mut streams = Streams {
            stdin: stdio::path(&request.stdin)?,
            stdout: stdio::path(&request.stdout)?,
            stderr: stdio::path(&request.stderr)?,
            terminal: None,
        };
        let keepers = Keepers::new(&streams)?;
        let terminal = if request.terminal || spec.process.terminal {
            let terminal = Terminal::new(&streams)?;
            streams.terminal = Some(terminal.path.clone());
            Some(terminal)
        } else {
            None
        };
        let input = match &streams.stdin {
            Some(client) if terminal.is_none() && stdio::is_fifo(client) => {
                let path = bundle.join(STDIN_FILE);
                let input = Input::new(client, &path);
                Some((
                    input.map_err(|error| format!("cannot make the input: {error}"))?,
                    path,
                ))
            }
            _ => None,
        };
        let cgroup = Cgroup::of(&spec)?;
        if let Some(cgroup) = &cgroup {
            cgroup.make(&spec, &bundle)?;
        }
        let plan = Plan {
            shim: std::process::id(),
            id: request.id.clone(),
            containerd: containerd.clone(),
            bundle: bundle.clone(),
            rootfs: request.rootfs.iter().map(of_containerd).collect(),
            cgroups: cgroup.as_ref().map(Cgroup::members).unwrap_or_default(),
            streams: Streams {
                stdin: input
                    .as_ref()
                    .map(|(_, path)| path.clone())
                    .or(streams.stdin.clone()),
                ..streams.clone()
            },
        };
        let process = Process::start(&plan, &request.id, spec.process.user.uid);
        let process = process.inspect_err(|_| {
            if let Some(cgroup) = &cgroup {
                cgroup.remove();
            }
        })?;
        if let Some((input, _)) = &input {
            input.opened();
        }
        let _ = fs::write(bundle.join(PID_FILE), process.pid.to_string());
        let container = Arc::new(Container {
            id: request.id.clone(),
            bundle,
            streams,
            pid: process.pid,
            terminal,
            cgroup,
            process: process.fd,
            control: Mutex::new(Some(process.control)),
            keepers: Mutex::new(keepers),
            input: input.map(|(input, _)| input),
            life: Mutex::new(Life::Created),
            changed: Condvar::new(),
        });
        Ok((container, process.end))
    }

    /// Waits for the end of the process on a thread of its own, once containerd knows of the container.
    ///
    /// # Errors
    /// There is no thread. The process is ended then.
    pub(crate) fn watch(
        self: &Arc<Container>,
        end: Receiver<ExitStatus>,
        events: Events,
    ) -> Result<(), Refusal> {
        let container = Arc::clone(self);
        let waiter = thread::Builder::new().name("end".to_owned()).spawn(move || {
            let code = end.recv().map_or(255, code);
            container.ended(code, &events);
        });
        waiter.map(drop).map_err(|error| {
            let _ = rustix::process::pidfd_send_signal(&self.process, Signal::KILL);
            if let Some(cgroup) = &self.cgroup {
                cgroup.remove();
            }
            Refusal::failed(format!("cannot start a thread: {error}"))
        })
    }

    fn ended(&self, code: u32, events: &Events) {
        // Readers of the output see its end.
        *lock(&self.keepers) = Keepers::default();
        self.close_stdin();
        if self
            .cgroup
            .as_ref()
            .is_some_and(|cgroup| cgroup.killed_for_memory() > 0)
        {
            let mut event = TaskOOM::new();
            event.container_id.clone_from(&self.id);
            events.send("/tasks/oom", &event);
        }
        let at = now();
        let mut event = TaskExit::new();
        event.container_id.clone_from(&self.id);
        event.id.clone_from(&self.id);
        event.pid = self.pid;
        event.exit_status = code;
        event.exited_at = MessageField::some(at.clone());
        events.send("/tasks/exit", &event);
        *lock(&self.life) = Life::Stopped { code, at };
        self.changed.notify_all();
    }

    /// Lets the process go.
    ///
    /// # Errors
    /// It was started before, or has ended.
    pub(crate) fn start(&self, events: &Events) -> Result<(), Refusal> {
        let mut life = lock(&self.life);
        let control = lock(&self.control).take();
        let (Life::Created, Some(mut control)) = (&*life, control) else {
            return Err(self.not("created"));
        };
        // Before the first of whatever the container itself does.
        let mut event = TaskStart::new();
        event.container_id.clone_from(&self.id);
        event.pid = self.pid;
        events.send("/tasks/start", &event);
        writeln!(control, "{START}")
            .map_err(|_| Refusal::failed("the container's process has ended before its start"))?;
        *life = Life::Running;
        Ok(())
    }

    /// Sends a signal to the process.
    ///
    /// # Errors
    /// It has ended, or there is no such signal.
    pub(crate) fn kill(&self, number: u32) -> Result<(), Refusal> {
        let gone = || {
            Refusal::new(
                Code::NOT_FOUND,
                format!("the process of the container {} has ended", self.id),
            )
        };
        if matches!(self.life(), Life::Stopped { .. }) {
            return Err(gone());
        }
        let signal = i32::try_from(number).ok().and_then(Signal::from_named_raw);
        let Some(signal) = signal else {
            return Err(Refusal::new(
                Code::INVALID_ARGUMENT,
                format!("there is no signal {number}"),
            ));
        };
        if signal == Signal::KILL
            && let Some(cgroup) = &self.cgroup
        {
            // A frozen process does not see its end.
            let _ = cgroup.freeze(false);
        }
        match rustix::process::pidfd_send_signal(&self.process, signal) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::SRCH) => Err(gone()),
            Err(error) => Err(Refusal::failed(format!("cannot send a signal: {error}"))),
        }
    }

    /// Stops the process for a while, or lets it go on.
    ///
    /// # Errors
    /// It is not in a state for that, or the machine has nothing to do it with.
    pub(crate) fn freeze(&self, frozen: bool) -> Result<(), Refusal> {
        let mut life = lock(&self.life);
        let (from, to) = if frozen {
            (Life::Running, Life::Paused)
        } else {
            (Life::Paused, Life::Running)
        };
        if *life != from {
            return Err(self.not(if frozen { "running" } else { "paused" }));
        }
        let done = self
            .cgroup
            .as_ref()
            .map_or(Ok(false), |cgroup| cgroup.freeze(frozen));
        match done {
            Ok(true) => {
                *life = to;
                Ok(())
            }
            Ok(false) => Err(Refusal::unsupported(
                "a container without a control group cannot be paused",
            )),
            Err(error) => Err(Refusal::failed(format!("cannot pause the container: {error}"))),
        }
    }

    /// Waits for the end and returns the exit code and the time.
    pub(crate) fn wait(&self) -> (u32, Timestamp) {
        let mut life = lock(&self.life);
        loop {
            if let Life::Stopped { code, at } = &*life {
                return (*code, at.clone());
            }
            life = self.changed.wait(life).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes what the container has outside of its bundle, and returns how it ended.
    ///
    /// # Errors
    /// It runs.
    pub(crate) fn delete(&self) -> Result<(u32, Timestamp), Refusal> {
        match self.life() {
            Life::Running | Life::Paused => return Err(self.not("stopped")),
            Life::Created => self.kill(Signal::KILL.as_raw().cast_unsigned())?,
            Life::Stopped { .. } => {}
        }
        let end = self.wait();
        if let Some(terminal) = &self.terminal {
            terminal.finish();
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
        // The number is no process of the container's any more.
        let _ = fs::remove_file(self.bundle.join(PID_FILE));
        Ok(end)
    }

    pub(crate) fn close_stdin(&self) {
        if let Some(input) = &self.input {
            input.close();
        }
    }

    pub(crate) fn life(&self) -> Life {
        lock(&self.life).clone()
    }

    fn not(&self, state: &str) -> Refusal {
        Refusal::new(
            Code::FAILED_PRECONDITION,
            format!("the container {} is not {state}", self.id),
        )
    }
}

/// A container's process that has set itself up.
struct Process {
    pid: u32,
    fd: OwnedFd,
    control: UnixStream,
    end: Receiver<ExitStatus>,
}

impl Process {
    fn start(plan: &Plan, id: &str, user: u32) -> Result<Process, Refusal> {
        let failed = |error: std::io::Error| Refusal::failed(format!("cannot start a process: {error}"));
        let plan_line = serde_json::to_string(plan).map_err(|error| failed(error.into()))?;
        let (control, theirs) = UnixStream::pair().map_err(failed)?;
        let (started, start) = sync_channel(1);
        let (ended, end) = sync_channel(1);
        let bundle = plan.bundle.clone();
        // The kernel ends the process with the thread that started it, so that is one which lives as long.
        let spawner = move || {
            let mut child = match spawn(theirs, &bundle, user) {
                Ok(child) => child,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            let handle = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
            let _ = started.send(handle.map(|fd| (child.id(), fd)).map_err(Into::into));
            if let Ok(status) = child.wait() {
                let _ = ended.send(status);
            }
        };
        thread::Builder::new()
            .name("process".to_owned())
            .spawn(spawner)
            .map_err(failed)?;
        let (pid, fd) = start
            .recv()
            .unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into()))
            .map_err(failed)?;
        let answer = ask(&control, &plan_line);
        if answer.as_deref().ok() == Some(READY) {
            return Ok(Process {
                pid,
                fd,
                control,
                end,
            });
        }
        // It has ended by itself, or hangs.
        let _ = rustix::process::pidfd_send_signal(&fd, Signal::KILL);
        let status = end.recv();
        Err(Refusal::failed(match answer {
            Ok(sentence) if !sentence.is_empty() => format!("guestnet: {sentence}"),
            _ => format!("the process of the container {id} failed while it was set up: {status:?}"),
        }))
    }
}

fn spawn(control: UnixStream, bundle: &Path, user: u32) -> std::io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg0("guestnet")
        .arg(CONTAINER)
        .env_clear()
        .env("GUESTNET_CACHE", cache(user))
        .current_dir(bundle)
        .stdin(Stdio::from(OwnedFd::from(control)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Where the compiled guests of containers of one user are kept. They are code that the user's processes will run, so no
/// user has those of another one.
fn cache(user: u32) -> PathBuf {
    let all = std::env::var_os("GUESTNET_CACHE").map_or_else(|| CACHE.into(), PathBuf::from);
    if user == 0 {
        return all;
    }
    let own = all.join(format!("user-{user}"));
    // Where it cannot be made, guests are compiled anew each time, and say so.
    let _ = fs::create_dir_all(&own)
        .and_then(|()| fs::set_permissions(&all, Permissions::from_mode(0o755)))
        .and_then(|()| fs::set_permissions(&own, Permissions::from_mode(0o700)))
        .and_then(|()| std::os::unix::fs::chown(&own, Some(user), None));
    own
}

/// Gives a process its plan and returns its answer.
fn ask(control: &UnixStream, plan: &str) -> std::io::Result<String> {
    control.set_read_timeout(Some(PATIENCE))?;
    writeln!(&*control, "{plan}")?;
    let mut answer = String::new();
    BufReader::new(control).read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

/// A mount of a request.
fn of_containerd(mount: &containerd_shim_protos::types::mount::Mount) -> Mount {
    Mount {
        destination: mount.target.clone(),
        kind: mount.type_.clone(),
        source: mount.source.clone(),
        options: mount.options.clone(),
    }
}

/// The exit code: the process's, or, as shells count, 128 and the signal that ended it.
fn code(status: ExitStatus) -> u32 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u32::try_from(code).ok()).unwrap_or(255)
}
