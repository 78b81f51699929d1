//! containerd, started by the tests, and what it runs: images made by hand, containers, networks.
//!
//! It has file systems and process numbers of its own (a mount and a PID namespace, whose `/run` is memory), so that it
//! neither sees nor touches a containerd of the machine. Its first process reads from a pipe that the tests hold: when the tests
//! end, by whatever end, the kernel ends all that is in there, and nothing remains. What a runtime leaves behind *while*
//! containerd runs is another question, which [`Containerd::traces`] answers.

mod container;
mod image;
mod network;

pub use container::{Container, Pod, Runtime, Spec};
pub use image::{Image, ImageBuilder};
pub use network::Network;

use crate::paths::{find_program, shim_bin, target_dir};
use crate::run::Program;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long containerd may take to answer after it was started, and a container's last traces to go.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How the name of each containerd's group begins; its process and a number follow.
const GROUP: &str = "guestnet-tests-";

/// How many this process has started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// The programs, each with its package.
const PROGRAMS: [(&str, &str); 6] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
];

/// containerd as the tests need it: no Kubernetes, and no file outside of `/run`.
const CONFIG: &str = r#"
version = 2
root = "/run/containerd/root"
state = "/run/containerd"
disabled_plugins = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "/run/containerd/containerd.sock"
"#;

/// Where programs in there keep what is temporary.
const TMP: &str = "/run/tmp";

/// How containerd itself is started.
const START: &str = "containerd --config /run/config.toml >>/run/log 2>&1 </dev/null";

/// The first process of the namespaces. It says which process of the machine it is; it ends, and all others with it, when its input does.
const INIT: &str = r#"
set -e
read -r pid rest </proc/self/stat
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/containerd /run/netns /run/tmp
# As ip has it for named networks.
mount --bind /run/netns /run/netns
mount --make-shared /run/netns
printf '%s' "$CONFIG" >/run/config.toml
start=$START
unset CONFIG START
echo "$pid"
eval "exec $start" &
cat >/dev/null
"#;

/// A running containerd.
#[derive(Debug)]
pub struct Containerd {
    /// `unshare`, which ends when the first process of the namespaces has ended, and what that process reads.
    outer: Mutex<Option<(Child, ChildStdin)>>,
    /// The first process of the namespaces, by the machine's numbers.
    init: u32,
    /// containerd's own word for what keeps users apart. The groups of the containers are below it in every cgroup file system.
    namespace: String,
    /// What was mounted before the first container.
    mounts: BTreeSet<String>,
    /// Where containerd finds shims.
    path: OsString,
    counter: AtomicU32,
}

impl Containerd {
    /// Starts one, and returns when it answers.
    ///
    /// # Errors
    ///
    /// One sentence that says what is missing, or what containerd has said.
    pub fn start() -> Result<Self, String> {
        let named = |error: io::Error| format!("containerd: {error}");
        if !rustix::process::geteuid().is_root() {
            return Err(
                "the tests with containerd need root: they mount file systems and make namespaces".into(),
            );
        }
        for (program, package) in PROGRAMS {
            if find_program(program).is_none() {
                return Err(format!(
                    "{program} is not installed: `apt-get install {package}` has it"
                ));
            }
        }
        let groups: Vec<PathBuf> = cgroups().collect();
        if groups.is_empty() {
            return Err(
                "the tests with containerd need cgroups: nothing is mounted below /sys/fs/cgroup".into(),
            );
        }
        // What a test run that was killed has left there.
        for group in &groups {
            for left in entries(group) {
                let name = left
                    .file_name()
                    .and_then(|name| name.to_str()?.strip_prefix(GROUP));
                let pid = name.and_then(|name| name.split('-').next());
                if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                    remove_groups(&left);
                }
            }
        }
        let shim = shim_bin();
        let directory = shim.parent().map(Path::to_path_buf).unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(directory)
            .chain(std::env::split_paths(&path))
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        let path = std::env::join_paths(directories).map_err(|error| error.to_string())?;
        let mut outer = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
                "--kill-child",
            ])
            .args(["sh", "-c", INIT])
            .env("CONFIG", CONFIG)
            .env("START", START)
            .env("TMPDIR", TMP)
            .env("PATH", &path)
            // The modules that the tests of the command have compiled are those of the containers.
            .env("GUESTNET_CACHE", target_dir().join("guestnet-cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(named)?;
        let (Some(stdin), Some(stdout)) = (outer.stdin.take(), outer.stdout.take()) else {
            return Err("containerd: no pipes".into());
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(named)?;
        let Ok(init) = line.trim().parse() else {
            drop(stdin);
            let said = outer.wait_with_output().map_err(named)?;
            return Err(format!(
                "the tests with containerd need namespaces of mounts and processes: {}",
                String::from_utf8_lossy(&said.stderr).trim()
            ));
        };
        let mut started = Self {
            outer: Mutex::new(Some((outer, stdin))),
            init,
            namespace: format!(
                "{GROUP}{}-{}",
                std::process::id(),
                STARTED.fetch_add(1, Ordering::Relaxed)
            ),
            mounts: BTreeSet::new(),
            path,
            counter: AtomicU32::new(0),
        };
        started.await_answer()?;
        started.mounts = started.mounts_now();
        Ok(started)
    }

    /// Waits until it answers.
    fn await_answer(&self) -> Result<(), String> {
        let answers = || {
            let answer = self.command("ctr").arg("version").output();
            answer.is_ok_and(|answer| answer.status.success())
        };
        if eventually(answers) {
            Ok(())
        } else {
            Err(format!("containerd does not answer\n{}", self.log()))
        }
    }

    /// Kills containerd, and nothing else; does something; starts it again.
    ///
    /// # Panics
    ///
    /// When it does not end, or does not come back.
    pub fn restart(&self, meanwhile: impl FnOnce()) {
        let running = || {
            let mut processes = self.processes().into_iter();
            processes.find(|(_, line)| line.starts_with("containerd --config "))
        };
        let (pid, _) = running().expect("containerd");
        let _ = self
            .program("kill")
            .args(["-KILL", &pid.to_string()])
            .finish()
            .success();
        assert!(eventually(|| running().is_none()), "containerd does not end");
        meanwhile();
        let mut again = self.command("sh");
        again
            .args(["-c", &format!("{START} &")])
            .env("PATH", &self.path)
            .env("TMPDIR", TMP)
            .env("GUESTNET_CACHE", target_dir().join("guestnet-cache"));
        let status = again.status().expect("start a shell");
        assert!(status.success(), "{status}");
        self.await_answer().unwrap_or_else(|error| panic!("{error}"));
    }

    /// A program within the namespaces.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(self.enter(program))
            .env("TMPDIR", TMP)
            .stdin(Stdio::null());
        command
    }

    /// The same as a program with a deadline.
    #[must_use]
    pub fn program(&self, program: &str) -> Program {
        Program::new(Path::new("nsenter"))
            .args(self.enter(program))
            .env("TMPDIR", TMP)
    }

    /// What nsenter is to start there.
    fn enter(&self, program: &str) -> [String; 6] {
        let init = self.init.to_string();
        ["--mount", "--pid", "--target", &init, "--", program].map(str::to_owned)
    }

    /// `ctr`, the command line of containerd.
    #[must_use]
    pub fn ctr(&self) -> Program {
        self.program("ctr").args(["--namespace", &self.namespace])
    }

    /// The file of the machine that is `path` within the namespaces.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.init.to_string())
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    /// A new directory within the namespaces, by its name there. It is memory, and goes with containerd.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn directory(&self) -> String {
        let path = format!("/run/{}", self.unique("directory"));
        fs::create_dir(self.path(&path)).expect("make a directory");
        path
    }

    /// What containerd and the shims have logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("/run/log")).unwrap_or_default()
    }

    /// A name that no other thing of this containerd has.
    fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// The shims in there that were started for one of these, containers or pods.
    #[must_use]
    pub fn shims(&self, ids: &[&str]) -> Vec<u32> {
        let is_shim = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let program = words
                .first()
                .is_some_and(|word| word.contains("containerd-shim-"));
            let named = |pair: &[&str]| matches!(pair, ["-id" | "--id", id] if ids.contains(id));
            program && words.windows(2).any(named)
        };
        let processes = self.processes().into_iter();
        processes
            .filter(|(_, line)| is_shim(line))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// The processes in there, with their command lines; by the numbers that they have in there.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, String)> {
        entries(&self.path("/proc"))
            .filter_map(|entry| {
                let pid = entry.file_name()?.to_str()?.parse().ok()?;
                let line = fs::read(entry.join("cmdline")).ok()?;
                // Without a line it is a process that has ended, and that its parent has not yet asked for.
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                (!line.is_empty()).then_some((pid, line))
            })
            .collect()
    }

    /// All that there is of a container: processes, mounts, groups and files, one a line. Of its shim there is the process only
    /// if it is the container's own.
    #[must_use]
    pub fn traces(&self, id: &str) -> Vec<String> {
        let mut found = Vec::new();
        // A word of a command line or a part of a path.
        let is_named = |text: &str| text.split([' ', '/']).any(|word| word == id);
        for (pid, line) in self.processes() {
            let groups = fs::read_to_string(self.path(&format!("/proc/{pid}/cgroup"))).unwrap_or_default();
            if !line.starts_with("ctr ") && (is_named(&line) || groups.lines().any(is_named)) {
                found.push(format!("process {pid}: {line}"));
            }
        }
        found.extend(self.mounts_now().into_iter().filter(|line| is_named(line)));
        for group in cgroups() {
            let group = group.join(&self.namespace).join(id);
            if group.exists() {
                found.push(format!("group {}", group.display()));
            }
        }
        // The image's snapshot is the container's, and goes when the container is removed; so all is to be found here.
        let mut directories = vec![self.path("/run/containerd")];
        while let Some(directory) = directories.pop() {
            for entry in entries(&directory) {
                let name = entry
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                if is_named(name) || name.starts_with(&format!("{id}-")) {
                    found.push(format!("file {}", entry.display()));
                } else if entry.is_dir() && !entry.is_symlink() && name != "root" {
                    directories.push(entry);
                }
            }
        }
        found
    }

    /// What is mounted in there.
    fn mounts_now(&self) -> BTreeSet<String> {
        let table = fs::read_to_string(self.path("/proc/1/mountinfo")).unwrap_or_default();
        table
            .lines()
            .filter_map(|line| Some(format!("mount {}", line.split(' ').nth(4)?)))
            .collect()
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// When anything of a container or a shim remains: all of it, by name.
    pub fn stop(&self) -> Result<(), String> {
        let taken = self.outer.lock().map_or(None, |mut outer| outer.take());
        let Some((mut outer, stdin)) = taken else {
            return Ok(());
        };
        let mut left = Vec::new();
        let clean = eventually(|| {
            left = self.remains();
            left.is_empty()
        });
        drop(stdin);
        outer.wait().map_err(|error| format!("unshare: {error}"))?;
        for group in cgroups().map(|group| group.join(&self.namespace)) {
            for below in entries(&group).filter(|path| path.is_dir()) {
                left.push(format!("group {}", below.display()));
            }
            remove_groups(&group);
        }
        if clean && left.is_empty() {
            Ok(())
        } else {
            Err(format!("after the last test there is still\n{}", left.join("\n")))
        }
    }

    /// What is there of containers, although there are none.
    fn remains(&self) -> Vec<String> {
        let own = ["sh -c ", "cat ", "containerd --config "];
        let mut left: Vec<String> = self
            .processes()
            .into_iter()
            .filter(|(_, line)| !own.iter().any(|own| line.starts_with(own)))
            .map(|(pid, line)| format!("process {pid}: {line}"))
            .collect();
        left.extend(self.mounts_now().difference(&self.mounts).cloned());
        for directory in [
            "/run/containerd/s",
            "/run/containerd/fifo",
            "/run/netns",
            TMP,
            &format!("/run/containerd/io.containerd.runtime.v2.task/{}", self.namespace),
            &format!(
                "/run/containerd/root/io.containerd.runtime.v2.task/{}",
                self.namespace
            ),
            &format!("/run/containerd/runc/{}", self.namespace),
        ] {
            left.extend(entries(&self.path(directory)).map(|path| format!("file {}", path.display())));
        }
        left
    }
}

/// Waits until `condition` holds, and says whether it did in time.
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + DEADLINE;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The roots of the cgroup file systems: one of version 2, or one for each controller of version 1.
fn cgroups() -> impl Iterator<Item = PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted: Vec<PathBuf> = table
        .lines()
        .filter(|line| line.contains(" - cgroup"))
        .filter_map(|line| line.split(' ').nth(4).map(PathBuf::from))
        .collect();
    mounted.into_iter()
}

/// Removes a group and those below it, as far as nothing is in them.
fn remove_groups(group: &Path) {
    for below in entries(group).filter(|path| path.is_dir()) {
        remove_groups(&below);
    }
    // One that is in use stays, and the search for leftovers reports it.
    let _ = fs::remove_dir(group);
}

/// What is in a directory; nothing if it is not there.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path())
}
