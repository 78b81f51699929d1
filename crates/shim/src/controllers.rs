//! Where the kernel's control groups are mounted, of which version, and what a container's group is called there.

use std::path::{Path, PathBuf};

/// What is used of control groups of version 1.
const USED: [&str; 6] = ["cpu", "cpuacct", "cpuset", "freezer", "memory", "pids"];

/// The control groups of a machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 1: a directory a controller, of which some may be the same.
    Split(Vec<(String, PathBuf)>),
    /// Version 2: one directory for all of them.
    Unified(PathBuf),
}

impl Hierarchy {
    /// That of this machine, if it has one.
    pub(crate) fn find() -> Option<Hierarchy> {
        Hierarchy::parse(&std::fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// proc(5) has the format of a line.
    fn parse(mountinfo: &str) -> Option<Hierarchy> {
        let mut split = Vec::new();
        let mut unified = None;
        for line in mountinfo.lines() {
            let Some((mount, filesystem)) = line.split_once(" - ") else {
                continue;
            };
            let (Some(point), mut filesystem) = (mount.split(' ').nth(4), filesystem.split(' ')) else {
                continue;
            };
            match filesystem.next() {
                Some("cgroup") => {
                    let controllers = filesystem.nth(1).unwrap_or_default().split(',');
                    let used = controllers.filter(|name| USED.contains(name));
                    split.extend(used.map(|name| (name.to_owned(), PathBuf::from(point))));
                }
                Some("cgroup2") => unified = Some(PathBuf::from(point)),
                _ => {}
            }
        }
        if split.is_empty() {
            unified.map(Hierarchy::Unified)
        } else {
            // Beside controllers of version 1, version 2 has none of those that are used here.
            Some(Hierarchy::Split(split))
        }
    }
}

/// The path of a container's group below the hierarchy's root, or none if it is to have no group of its own.
///
/// `cgroupsPath` is a path, or, if the engine leaves groups to systemd, `SLICE:PREFIX:NAME`. systemd has made the slice then; the
/// group in it is made here, under the name that systemd's would have.
///
/// # Errors
/// One sentence: it leads out of the hierarchy.
pub(crate) fn group(cgroups_path: &str) -> Result<Option<PathBuf>, String> {
    let path = match cgroups_path.split(':').collect::<Vec<_>>().as_slice() {
        [""] => return Ok(None),
        [slice, prefix, name] => slice_path(slice).join(match *prefix {
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        }),
        _ => PathBuf::from(cgroups_path.trim_start_matches('/')),
    };
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    if path.components().all(plain) && path != Path::new("") {
        Ok(Some(path))
    } else {
        Err(format!("{cgroups_path:?} is not the path of a control group"))
    }
}

/// `a-b.slice` is in `a.slice` (systemd.slice(5)).
fn slice_path(slice: &str) -> PathBuf {
    let name = match slice {
        "" => "system",
        slice => slice.strip_suffix(".slice").unwrap_or(slice),
    };
    let mut path = PathBuf::new();
    if name == "-" {
        return path;
    }
    for (end, _) in name.match_indices('-').chain([(name.len(), "")]) {
        path.push(format!("{}.slice", name.get(..end).unwrap_or_default()));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found_in_the_table_of_mounts() {
        let unified = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(
            Hierarchy::parse(unified),
            Some(Hierarchy::Unified("/sys/fs/cgroup".into()))
        );
        let split = "1 2 0:3 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                     4 2 0:5 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                     6 2 0:7 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        let cpu = |name: &str| (name.to_owned(), PathBuf::from("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(
            Hierarchy::parse(split),
            Some(Hierarchy::Split(vec![cpu("cpu"), cpu("cpuacct")]))
        );
        assert_eq!(Hierarchy::parse("nonsense\n\n1 2 - 3"), None);
    }

    #[test]
    fn names_of_systemd_become_paths() {
        let path = |text: &str| group(text).unwrap().unwrap();
        assert_eq!(path("/default/app"), Path::new("default/app"));
        assert_eq!(
            path("kubepods-burstable-pod1.slice:cri-containerd:abc"),
            Path::new(
                "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-abc.scope"
            )
        );
        assert_eq!(path(":nerdctl:abc"), Path::new("system.slice/nerdctl-abc.scope"));
        assert_eq!(group("").unwrap(), None);
    }

    #[test]
    fn no_path_leads_out_of_the_hierarchy() {
        for text in [
            "/",
            "..",
            "/a/../../b",
            "../x",
            "a/../../b",
            "x:..:/../..",
            "/..",
            "..:a:b",
        ] {
            let group = group(text);
            let inside = |path: &Path| {
                !path
                    .components()
                    .any(|part| part == std::path::Component::ParentDir)
            };
            assert!(
                group.as_ref().is_err() || group.as_ref().unwrap().as_deref().is_some_and(inside),
                "{text}"
            );
        }
        for text in ["/", "/a/../b", ".."] {
            assert!(group(text).is_err(), "{text}");
        }
    }
}
