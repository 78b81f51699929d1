//! The process of one container, from its start to its end.
//!
//! It sets itself up as its container's description says, reports to the shim, waits for the word to start, and becomes the command
//! `guestnet run`. Standard input is the connection to the shim until then. It has one thread all that time, which is what
//! namespaces, users and the command's own confinement ask for.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use guestnet_cli::FoundGuest;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Signal;

use crate::annotations::{self, Paths};
use crate::artifact::{self, NoArtifact};
use crate::files::read_all;
use crate::oci::Spec;
use crate::plan::{Plan, READY, START};
use crate::stdio::Opened;
use crate::within::{Root, path_of};
use crate::{mounts, namespaces, privileges, spec};

/// The only argument of this process; none of containerd's commands is called so.
pub(crate) const CONTAINER: &str = "container-for-guestnet";

/// The directory of a bundle that the process is in.
const DIRECTORY: &str = "guestnet";

/// What a policy file in a container may have.
const MOST: u64 = 1 << 20;

/// Whether the arguments are those of a container's process.
pub(crate) fn is_container(arguments: &[OsString]) -> bool {
    matches!(arguments, [only] if only == CONTAINER)
}

/// Runs the container whose plan stands on standard input, and returns its exit code.
pub(crate) fn main() -> i32 {
    let Ok(control) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return 1;
    };
    let mut control = BufReader::new(UnixStream::from(control));
    let ready = match set_up(&mut control) {
        Ok(ready) => ready,
        Err(sentence) => {
            // The shim waits for one line.
            let _ = writeln!(control.get_mut(), "{}", sentence.replace('\n', " "));
            return 1;
        }
    };
    if writeln!(control.get_mut(), "{READY}").is_err() || line(&mut control).as_deref() != Ok(START) {
        return 1;
    }
    drop(control);
    if ready.streams.install().is_err() {
        return 1;
    }
    // The shim's terminal, if there is one, is this session's.
    if ready.terminal {
        let _ = rustix::process::ioctl_tiocsctty(std::io::stdin());
    }
    let Some(command) = ready.command else {
        // A sandbox holds its pod's namespaces until a signal ends it.
        loop {
            std::thread::park();
        }
    };
    let code = guestnet_cli::run_found(
        command.arguments.into_iter().map(OsString::from),
        command.guest.found(),
    );
    drop(command.held);
    code
}

/// A container that is set up.
struct Ready {
    /// A sandbox has none.
    command: Option<Command>,
    streams: Opened,
    terminal: bool,
}

/// What the process becomes.
struct Command {
    arguments: Vec<String>,
    guest: Guest,
    /// What the arguments name by its descriptors: the root, and files.
    held: (Root, Vec<OwnedFd>),
}

fn set_up(control: &mut BufReader<UnixStream>) -> Result<Ready, String> {
    let plan = line(control)?;
    let plan: Plan =
        serde_json::from_str(&plan).map_err(|error| format!("the shim's plan is broken: {error}"))?;
    end_with(plan.shim)?;
    // Signals for the shim's group are not for a container.
    let _ = rustix::process::setsid();
    for group in &plan.cgroups {
        std::fs::write(group, "0")
            .map_err(|error| format!("cannot join the control group {}: {error}", group.display()))?;
    }
    let spec = Spec::read(&plan.bundle)?;
    if spec.has_hooks() {
        return Err("the container has hooks, and this runtime runs none".to_owned());
    }
    let streams = Opened::new(&plan.streams)?;
    namespaces::enter(&spec)?;
    let terminal = plan.streams.terminal.is_some();
    if spec.is_sandbox() {
        privileges::become_user(&spec.process)?;
        end_with(plan.shim)?;
        return Ok(Ready {
            command: None,
            streams,
            terminal,
        });
    }
    let root = mounts::mount_all(&spec, &plan.bundle, &plan.rootfs)?;
    mounts::names(&spec, &root, &plan.bundle)?;
    let guest = match Guest::find(&spec, &root)? {
        Some(guest) => guest,
        None => Guest::of_artifact(&spec, &root, &plan)?,
    };
    enter_directory(&plan.bundle.join(DIRECTORY), &spec)?;
    privileges::become_user(&spec.process)?;
    // A change of the user takes it away.
    end_with(plan.shim)?;
    // As the user: of a file that annotations name the user's rights count.
    let mut files = Files {
        root: &root,
        held: Vec::new(),
        copies: 0,
    };
    let options = annotations::options(&spec.annotations, &mut files)?;
    let held = files.held;
    let arguments = spec::arguments(&spec, &root.path(), &guest.path, options)?;
    guestnet_cli::check(arguments.iter().map(OsString::from))?;
    Ok(Ready {
        command: Some(Command {
            arguments,
            guest,
            held: (root, held),
        }),
        streams,
        terminal,
    })
}

/// Makes the directory that the process is in, for files of its own; those are the user's.
fn enter_directory(directory: &Path, spec: &Spec) -> Result<(), String> {
    let user = &spec.process.user;
    std::fs::create_dir(directory)
        .and_then(|()| std::os::unix::fs::chown(directory, Some(user.uid), Some(user.gid)))
        .and_then(|()| std::env::set_current_dir(directory))
        .map_err(|error| format!("cannot make a directory in the bundle: {error}"))
}

/// One line of the shim's.
fn line(control: &mut BufReader<UnixStream>) -> Result<String, String> {
    let mut line = String::new();
    control
        .read_line(&mut line)
        .map_err(|error| format!("cannot read from the shim: {error}"))?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err("the shim has gone".to_owned()),
    }
}

/// Has the kernel kill this process when the shim ends, however it ends.
fn end_with(shim: u32) -> Result<(), String> {
    let failed = |error: Errno| format!("cannot ask to end with the shim: {error}");
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    // It may have ended before it was asked for.
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if u32::try_from(parent) == Ok(shim) {
        Ok(())
    } else {
        Err("the shim has gone".to_owned())
    }
}

/// A guest in its container.
struct Guest {
    /// What the container calls it.
    path: PathBuf,
    file: OwnedFd,
    directory: OwnedFd,
}

impl Guest {
    /// The first of the places where it may be.
    fn find(spec: &Spec, root: &Root) -> Result<Option<Guest>, String> {
        let name = spec.process.args.first().map_or("", String::as_str);
        let failed = |error| format!("cannot open the guest {name}: {error}");
        for path in spec::candidates(spec)? {
            let file = match root.handle(&path) {
                Ok(file) => file,
                Err(Errno::NOENT | Errno::NOTDIR) => continue,
                Err(error) => return Err(failed(error)),
            };
            let stat = rustix::fs::fstat(&file).map_err(failed)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(format!("the guest {name} is not a file"));
            }
            let directory = root
                .handle(path.parent().unwrap_or(Path::new("/")))
                .map_err(failed)?;
            return Ok(Some(Guest {
                path,
                file,
                directory,
            }));
        }
        Ok(None)
    }

    /// The one that the container's image is, if it is no file system but an artifact.
    fn of_artifact(spec: &Spec, root: &Root, plan: &Plan) -> Result<Guest, String> {
        let memory = spec.linux.resources.memory.limit;
        let memory = memory
            .and_then(|limit| u64::try_from(limit).ok())
            .filter(|limit| *limit > 0);
        let file = artifact::fetch(&plan.containerd, &plan.id, &plan.bundle, memory);
        let file = file.map_err(|reason| {
            let name = spec.process.args.first().map_or("", String::as_str);
            match reason {
                NoArtifact::Ordinary => format!("the guest {name} is not in the container"),
                NoArtifact::Unknown(reason) => {
                    format!("the guest {name} is not in the container, and containerd does not tell its image: {reason}")
                }
                NoArtifact::Refused(sentence) => sentence,
            }
        })?;
        let path = spec::candidates(spec)?.pop().unwrap_or_default();
        let directory = root.handle(Path::new("/"));
        Ok(Guest {
            path,
            file: file.into(),
            directory: directory.map_err(|error| format!("cannot open the container's root: {error}"))?,
        })
    }

    /// For the command.
    fn found(&self) -> FoundGuest {
        FoundGuest {
            file: path_of(&self.file),
            directory: path_of(&self.directory),
        }
    }
}

/// The files that annotations name.
struct Files<'a> {
    root: &'a Root,
    held: Vec<OwnedFd>,
    /// How many policy files were copied.
    copies: u32,
}

impl Files<'_> {
    fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, String> {
        let failed = |error| format!("cannot open {path}: {error}");
        let mode = if flags.contains(OFlags::CREATE) { 0o644 } else { 0 };
        // No fifo of an image is waited for.
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self
            .root
            .file(Path::new(path), flags, Mode::from_raw_mode(mode))
            .map_err(failed)?;
        let stat = rustix::fs::fstat(&file).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            Ok(file)
        } else {
            Err(format!("{path} is not a file"))
        }
    }

    /// Writes a file for the command, in the process's own directory, so that messages have this name and no path of the machine.
    fn write(name: String, text: &[u8]) -> Result<String, String> {
        std::fs::write(&name, text).map_err(|error| format!("cannot write {name}: {error}"))?;
        Ok(name)
    }

    /// A path for the command that leads to an open file.
    fn hold(&mut self, file: OwnedFd) -> String {
        let path = path_of(&file).display().to_string();
        self.held.push(file);
        path
    }
}

impl Paths for Files<'_> {
    fn input(&mut self, path: &str) -> Result<String, String> {
        let file = self.open(path, OFlags::RDONLY)?;
        Ok(self.hold(file))
    }

    fn output(&mut self, path: &str) -> Result<String, String> {
        let file = self.open(path, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?;
        Ok(self.hold(file))
    }

    fn replaced(&mut self, path: &str) -> Result<String, String> {
        let whole = Path::new(path);
        let (Some(parent), Some(name)) = (whole.parent(), whole.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("{path:?} is not the path of a file"));
        };
        let directory = self
            .root
            .file(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty());
        let directory = directory.map_err(|error| format!("cannot open {}: {error}", parent.display()))?;
        Ok(format!("{}/{name}", self.hold(directory)))
    }

    fn policy(&mut self, name: &str, path: &str) -> Result<String, String> {
        let file = self.open(path, OFlags::RDONLY)?;
        let text =
            read_all(File::from(file), MOST).map_err(|error| format!("cannot read {path}: {error}"))?;
        let file_name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        // Two files may have one name.
        self.copies += 1;
        Self::write(format!("{name}.{}.{file_name}", self.copies), &text)
    }

    fn text(&mut self, name: &str, text: &str) -> Result<String, String> {
        Self::write(name.to_owned(), text.as_bytes())
    }
}
