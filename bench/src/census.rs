//! What the processes of containers have: memory, and the processor time that they have used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use guestnet_tests::containers::Containerd;

use crate::Result;

/// Bytes of memory and nanoseconds of processor time of some processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// How many they are.
    pub(crate) processes: usize,
    /// Proportional set size: a page that several processes have is divided among them.
    pub(crate) pss: u64,
    /// Since each was started.
    pub(crate) cpu: u64,
}

/// All that runs for the containers of a containerd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// The programs in them.
    pub(crate) containers: Sum,
    /// The processes that look after them.
    pub(crate) shims: Sum,
    /// What the kernel counts for the containers' groups, page cache included. 0 where the groups count no memory.
    pub(crate) groups: u64,
}

impl Census {
    /// Of the containers with these processes. Every other process of this containerd that is neither its own nor `ctr` is a shim.
    ///
    /// # Errors
    /// A container has ended.
    pub(crate) fn take(containerd: &Containerd, containers: &BTreeSet<u32>) -> Result<Census> {
        const OWN: [&str; 4] = ["sh -c ", "cat ", "containerd --config ", "ctr "];
        let mut census = Census::default();
        for (pid, line) in containerd.processes() {
            let directory = containerd.path(&format!("/proc/{pid}"));
            if containers.contains(&pid) {
                census.containers.add(&directory)?;
                census.groups += group_memory(&directory);
            } else if !OWN.iter().any(|own| line.starts_with(own)) {
                census.shims.add(&directory)?;
            }
        }
        if census.containers.processes == containers.len() {
            Ok(census)
        } else {
            Err(format!(
                "of {} containers {} are running",
                containers.len(),
                census.containers.processes
            ))
        }
    }

    /// Processor time of programs and shims.
    pub(crate) fn cpu(&self) -> u64 {
        self.containers.cpu + self.shims.cpu
    }
}

impl Sum {
    fn add(&mut self, process: &Path) -> Result<()> {
        let rollup = process.join("smaps_rollup");
        let text = fs::read_to_string(&rollup).map_err(|error| format!("{}: {error}", rollup.display()))?;
        self.processes += 1;
        self.pss += kibibytes(&text, "Pss:")?;
        let tasks = fs::read_dir(process.join("task")).into_iter().flatten();
        for task in tasks.filter_map(std::result::Result::ok) {
            // A thread that has ended meanwhile is none.
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let used = text.split(' ').next().and_then(|used| used.parse::<u64>().ok());
            self.cpu += used.unwrap_or(0);
        }
        Ok(())
    }
}

/// A line of smaps_rollup, in bytes.
fn kibibytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    number
        .map(|number| number * 1024)
        .ok_or_else(|| format!("the kernel says no {name}"))
}

/// The memory of the group that a process is in, with cgroups of either version.
fn group_memory(process: &Path) -> u64 {
    let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    let file = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (controllers, path) = (parts.nth(1)?, parts.next()?.trim_start_matches('/'));
        let (root, name) = match controllers {
            "memory" => ("/sys/fs/cgroup/memory", "memory.usage_in_bytes"),
            "" => ("/sys/fs/cgroup", "memory.current"),
            _ => return None,
        };
        let file: PathBuf = [root, path, name].iter().collect();
        file.is_file().then_some(file)
    });
    let text = file.map(fs::read_to_string).and_then(std::result::Result::ok);
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Sum, kibibytes};
    use std::path::Path;

    #[test]
    fn this_process_has_memory_and_has_used_a_processor() {
        let mut sum = Sum::default();
        sum.add(Path::new("/proc/self")).expect("this process");
        assert_eq!(sum.processes, 1);
        assert!(sum.pss > 0 && sum.cpu > 0, "{sum:?}");
        assert!(Sum::default().add(Path::new("/proc/none")).is_err());
    }

    #[test]
    fn a_line_that_is_not_there_is_no_zero() {
        assert_eq!(kibibytes("Rss: 1 kB\nPss:    3 kB\n", "Pss:"), Ok(3072));
        assert!(kibibytes("Rss: 1 kB\n", "Pss:").is_err());
    }
}
