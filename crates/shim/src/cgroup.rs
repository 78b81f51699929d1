//! [`Cgroup`]: the control group of a container, with its limits. Not here: where groups are (`controllers.rs`), and what a
//! group has used (`stats.rs`).

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::controllers::{Hierarchy, group};
use crate::oci::Spec;

/// The file of a bundle that says that its container's group was made.
const MADE: &str = "cgroup";

/// A container's control group: its directories.
#[derive(Clone, Debug)]
pub(crate) enum Cgroup {
    /// One a controller.
    Split(Vec<(String, PathBuf)>),
    Unified(PathBuf),
}

impl Cgroup {
    /// The group of a container, whether it is there or not; none on a machine without control groups.
    ///
    /// # Errors
    /// One sentence: its path is none.
    pub(crate) fn of(spec: &Spec) -> Result<Option<Cgroup>, String> {
        let (Some(group), Some(hierarchy)) = (group(&spec.linux.cgroups_path)?, Hierarchy::find()) else {
            return Ok(None);
        };
        Ok(Some(match hierarchy {
            Hierarchy::Unified(root) => Cgroup::Unified(root.join(group)),
            Hierarchy::Split(roots) => {
                let inside = roots.into_iter().map(|(name, root)| (name, root.join(&group)));
                Cgroup::Split(inside.collect())
            }
        }))
    }

    /// Makes the group, and gives it the container's limits. `bundle` remembers it, for the process that removes it ([`Cgroup::made`]).
    ///
    /// # Errors
    /// One sentence, with the file that could not be written; nothing is left then.
    pub(crate) fn make(&self, spec: &Spec, bundle: &Path) -> Result<(), String> {
        // In the end all of its processes are killed, and those must be the container's.
        if !self.processes().is_empty() {
            return Err(format!(
                "the control group {} is another one's",
                spec.linux.cgroups_path
            ));
        }
        std::fs::write(bundle.join(MADE), "")
            .map_err(|error| format!("cannot write to the bundle: {error}"))?;
        let made = self.make_directories().and_then(|()| self.limit(spec));
        made.inspect_err(|_| self.remove())
    }

    /// The group of a bundle's container, if it was made.
    pub(crate) fn made(spec: &Spec, bundle: &Path) -> Option<Cgroup> {
        let made = bundle.join(MADE).exists();
        Cgroup::of(spec).ok().flatten().filter(|_| made)
    }

    fn make_directories(&self) -> Result<(), String> {
        match self {
            Cgroup::Unified(directory) => {
                enable(directory)?;
                make_directory(directory)?;
            }
            Cgroup::Split(directories) => {
                for (name, directory) in directories {
                    make_directory(directory)?;
                    if name == "cpuset" {
                        inherit_processors(directory)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn limit(&self, spec: &Spec) -> Result<(), String> {
        let resources = &spec.linux.resources;
        let (memory, cpu) = (&resources.memory, &resources.cpu);
        let some = |number: Option<i64>| number.filter(|number| *number != 0);
        let unlimited = |number: i64| {
            if number < 0 {
                "max".to_owned()
            } else {
                number.to_string()
            }
        };
        if let Cgroup::Unified(directory) = self {
            let set = |file: &str, value: &dyn Display| write(directory, file, value);
            if let Some(limit) = some(memory.limit) {
                // It is not there where the kernel counts no swap.
                let swap = some(memory.swap).map(|swap| {
                    if swap < 0 {
                        swap
                    } else {
                        swap.saturating_sub(limit)
                    }
                });
                if let Some(swap) = swap
                    && directory.join("memory.swap.max").exists()
                {
                    set("memory.swap.max", &unlimited(swap))?;
                }
                set("memory.max", &unlimited(limit))?;
            }
            if let Some(limit) = some(resources.pids.limit) {
                set("pids.max", &unlimited(limit))?;
            }
            if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
                // From 2 to 262144, to 1 to 10000.
                let shares = shares.clamp(2, 262_144);
                set("cpu.weight", &(1 + (shares - 2) * 9999 / 262_142))?;
            }
            if cpu.quota.is_some() || cpu.period.is_some() {
                let quota = cpu
                    .quota
                    .filter(|quota| *quota > 0)
                    .map_or("max".to_owned(), |quota| quota.to_string());
                set(
                    "cpu.max",
                    &format!(
                        "{quota} {}",
                        cpu.period.filter(|period| *period != 0).unwrap_or(100_000)
                    ),
                )?;
            }
            for (file, value) in [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)] {
                if !value.is_empty() {
                    set(file, value)?;
                }
            }
            for (file, value) in &resources.unified {
                if file.contains('/') || file.starts_with('.') {
                    return Err(format!("{file:?} is not a file of a control group"));
                }
                set(file, value)?;
            }
            return Ok(());
        }
        let set = |controller: &str, file: &str, value: &dyn Display| match self.directory(controller) {
            Some(directory) => write(directory, file, value),
            None => Ok(()),
        };
        if let Some(limit) = some(memory.limit) {
            set("memory", "memory.limit_in_bytes", &limit)?;
        }
        if let Some(swap) = some(memory.swap)
            && self
                .directory("memory")
                .is_some_and(|path| path.join("memory.memsw.limit_in_bytes").exists())
        {
            set("memory", "memory.memsw.limit_in_bytes", &swap)?;
        }
        if let Some(limit) = some(resources.pids.limit) {
            set("pids", "pids.max", &unlimited(limit))?;
        }
        if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
            set("cpu", "cpu.shares", &shares)?;
        }
        if let Some(period) = cpu.period.filter(|period| *period != 0) {
            set("cpu", "cpu.cfs_period_us", &period)?;
        }
        if let Some(quota) = some(cpu.quota) {
            set("cpu", "cpu.cfs_quota_us", &quota)?;
        }
        for (file, value) in [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)] {
            if !value.is_empty() {
                set("cpuset", file, value)?;
            }
        }
        Ok(())
    }

    /// The directory of one controller.
    pub(crate) fn directory(&self, controller: &str) -> Option<&Path> {
        match self {
            Cgroup::Unified(directory) => Some(directory),
            Cgroup::Split(directories) => {
                let of = directories.iter().find(|(name, _)| name == controller);
                of.map(|(_, directory)| directory.as_path())
            }
        }
    }

    fn directories(&self) -> impl Iterator<Item = &Path> {
        let (one, many) = match self {
            Cgroup::Unified(directory) => (Some(directory), None),
            Cgroup::Split(directories) => (None, Some(directories)),
        };
        let many = many.into_iter().flatten().map(|(_, directory)| directory);
        one.into_iter().chain(many).map(PathBuf::as_path)
    }

    /// The files that a process writes itself into.
    pub(crate) fn members(&self) -> Vec<PathBuf> {
        let mut members: Vec<_> = self
            .directories()
            .map(|directory| directory.join("cgroup.procs"))
            .collect();
        members.dedup();
        members
    }

    /// The processes of the group, and none if it is not there.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all: Vec<u32> = Vec::new();
        for file in self.members() {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            all.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Kills what is left in the group and removes it. What cannot be removed is left, without an error: no caller could do anything about it.
    pub(crate) fn remove(&self) {
        let _ = self.freeze(false);
        // A killed process is in its group until the kernel is done with it.
        for _ in 0..100 {
            for pid in self.processes() {
                if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
            }
            let gone = |directory: &Path| {
                let removed = std::fs::remove_dir(directory);
                removed.is_ok() || removed.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            };
            if self.directories().filter(|directory| !gone(directory)).count() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops every process of the group, or lets them go on. Returns whether this machine can.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn freeze(&self, frozen: bool) -> io::Result<bool> {
        let (Some(directory), file, value) = (match self {
            Cgroup::Unified(directory) => (
                Some(directory.as_path()),
                "cgroup.freeze",
                if frozen { "1" } else { "0" },
            ),
            Cgroup::Split(_) => (
                self.directory("freezer"),
                "freezer.state",
                if frozen { "FROZEN" } else { "THAWED" },
            ),
        }) else {
            return Ok(false);
        };
        let path = directory.join(file);
        if !path.exists() {
            return Ok(false);
        }
        std::fs::write(path, value).map(|()| true)
    }

    /// How many processes of the group the kernel has killed for want of memory.
    pub(crate) fn killed_for_memory(&self) -> u64 {
        let file = match self {
            Cgroup::Unified(_) => "memory.events",
            Cgroup::Split(_) => "memory.oom_control",
        };
        let Some(directory) = self.directory("memory") else {
            return 0;
        };
        let text = std::fs::read_to_string(directory.join(file)).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

/// Lets groups below the directories above a group have the controllers that are used here.
fn enable(directory: &Path) -> Result<(), String> {
    let Some(parent) = directory.parent() else {
        return Ok(());
    };
    std::fs::create_dir_all(parent).map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
    for path in parent.ancestors().collect::<Vec<_>>().into_iter().rev() {
        let control = path.join("cgroup.subtree_control");
        if !control.exists() {
            continue;
        }
        for controller in ["cpu", "cpuset", "memory", "pids"] {
            // One that this machine has not shows when a limit needs it.
            let _ = std::fs::write(&control, format!("+{controller}"));
        }
    }
    Ok(())
}

fn make_directory(directory: &Path) -> Result<(), String> {
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("cannot make the control group {}: {error}", directory.display()))
}

/// A group of version 1 has no processors and no memory before it is given some: those of the group above.
fn inherit_processors(directory: &Path) -> Result<(), String> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let read = |directory: &Path| std::fs::read_to_string(directory.join(file)).unwrap_or_default();
        let mut above: Vec<&Path> = directory
            .ancestors()
            .take_while(|path| path.join(file).exists())
            .collect();
        above.reverse();
        for pair in above.windows(2) {
            if let [parent, child] = pair
                && read(child).trim().is_empty()
            {
                write(child, file, &read(parent).trim())?;
            }
        }
    }
    Ok(())
}

fn write(directory: &Path, file: &str, value: &dyn Display) -> Result<(), String> {
    let path = directory.join(file);
    std::fs::write(&path, value.to_string())
        .map_err(|error| format!("cannot write {value} to {}: {error}", path.display()))
}
