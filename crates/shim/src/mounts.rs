//! The mounts of a container, in the namespace of its process: the image, the volumes, and the files of the resolver.
//!
//! The kernel keeps read-only what is read-only, and lets no device and no program of an image be used. A mount is made as
//! a tree that is nowhere yet, restricted, and only then moved to its place, which is a descriptor that the kernel resolved
//! inside of the container's root: no path is looked up twice.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags as Flags, MoveMountFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::files::read_all;
use crate::oci::{Mount, Spec};
use crate::system::{MountFlags, restrict_mount};
use crate::within::Root;

/// The files by which names are looked up.
const NAMES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// What a container's files of the resolver may have.
const MOST: u64 = 1 << 20;

/// Mounts a container's root and everything in it.
///
/// # Errors
/// One sentence.
pub(crate) fn mount_all(spec: &Spec, bundle: &Path, rootfs: &[Mount]) -> std::result::Result<Root, String> {
    let path = root_path(spec, bundle);
    let failed = |error: Errno| format!("cannot mount the container's root: {error}");
    for mount in rootfs {
        let tree = filesystem(mount).map_err(|error| format!("{}: {}", failed(error), mount.source))?;
        restrict_mount(
            &tree,
            MountFlags {
                read_only: read_only(mount),
            },
        )
        .map_err(failed)?;
        let place = rustix::fs::open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        put(&tree, &place).map_err(failed)?;
    }
    if rootfs.is_empty() {
        // A mount of its own, which can be restricted.
        let tree = bind(&path, true).map_err(failed)?;
        restrict_mount(&tree, MountFlags { read_only: false }).map_err(failed)?;
        let place = rustix::fs::open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
        put(&tree, &place).map_err(failed)?;
    }
    let root = Root::open(&path).map_err(failed)?;
    for mount in &spec.mounts {
        if !is_for_processes(mount) {
            volume(&root, mount).map_err(|reason| format!("cannot mount {}: {reason}", mount.destination))?;
        }
    }
    if spec.root.readonly {
        // After the volumes, whose mount points may have to be made, and without them: a volume stays what it is.
        let flags = Flags::BIND | Flags::RDONLY | Flags::NOSUID | Flags::NODEV | Flags::NOEXEC;
        rustix::mount::mount_remount(&path, flags, "").map_err(failed)?;
    }
    Ok(root)
}

/// Where a container's root is on the machine.
fn root_path(spec: &Spec, bundle: &Path) -> PathBuf {
    let path = if spec.root.path.as_os_str().is_empty() {
        Path::new("rootfs")
    } else {
        &spec.root.path
    };
    bundle.join(path)
}

/// What ordinary containers have for processes: a guest has none of it, and may have none of the kernel's own.
fn is_for_processes(mount: &Mount) -> bool {
    let kernels = [
        "proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "devtmpfs",
    ];
    let in_dev = Path::new(&mount.destination).starts_with("/dev");
    // A pod's termination log and shared memory are files as others are.
    kernels.contains(&mount.kind.as_str()) || (in_dev && !is_bind(mount))
}

fn volume(root: &Root, mount: &Mount) -> std::result::Result<(), String> {
    let flags = MountFlags {
        // What a guest wrote there would be believed at its next start, and by other containers of the pod: a rule with a name trusts
        // the server that is asked for it.
        read_only: read_only(mount) || NAMES.iter().any(|path| leads_to(mount, path)),
    };
    let errno = |error: Errno| error.to_string();
    let (tree, directory) = if mount.kind == "tmpfs" {
        (tmpfs(&mount.options).map_err(errno)?, true)
    } else if is_bind(mount) {
        let recursive = mount.options.iter().any(|option| option == "rbind");
        let source = Path::new(&mount.source);
        let tree = bind(source, recursive).map_err(|error| format!("{}: {error}", mount.source))?;
        let stat = rustix::fs::fstat(&tree).map_err(errno)?;
        let directory = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory;
        (tree, directory)
    } else {
        return Err(format!(
            "a volume of the type {:?} is none that this runtime mounts",
            mount.kind
        ));
    };
    restrict_mount(&tree, flags).map_err(errno)?;
    let place = root
        .made(Path::new(&mount.destination), directory)
        .map_err(errno)?;
    put(&tree, &place).map_err(errno)
}

/// Whether a mount is at this path, however that is written.
fn leads_to(mount: &Mount, path: &str) -> bool {
    let mut parts = Vec::new();
    for part in Path::new(&mount.destination).components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::ParentDir => drop(parts.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Path::new("/").join(parts.iter().collect::<PathBuf>()) == Path::new(path)
}

fn is_bind(mount: &Mount) -> bool {
    mount.kind == "bind"
        || mount
            .options
            .iter()
            .any(|option| option == "bind" || option == "rbind")
}

fn read_only(mount: &Mount) -> bool {
    let mut said = mount.options.iter().rev().map(String::as_str);
    said.find(|option| matches!(*option, "ro" | "rro" | "rw"))
        .is_some_and(|option| option != "rw")
}

/// Moves a tree of mounts to its place.
fn put(tree: &OwnedFd, place: &OwnedFd) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", place, "", flags)
}

/// A second mount of what there is at a path of the machine.
fn bind(source: &Path, recursive: bool) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(CWD, source, flags)
}

/// What containerd's snapshotter asks for: a directory, or a file system of its own.
fn filesystem(mount: &Mount) -> Result<OwnedFd> {
    if is_bind(mount) {
        return bind(Path::new(&mount.source), true);
    }
    new_filesystem(&mount.kind, Some(&mount.source), &mount.options)
}

fn tmpfs(options: &[String]) -> Result<OwnedFd> {
    new_filesystem("tmpfs", Some("tmpfs"), options)
}

/// A mount of a new file system, with the options that are its own.
fn new_filesystem(kind: &str, source: Option<&str>, options: &[String]) -> Result<OwnedFd> {
    let filesystem = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    if let Some(source) = source {
        fsconfig_set_string(&filesystem, "source", source)?;
    }
    for option in options.iter().filter(|option| !is_of_the_mount(option)) {
        match option.split_once('=') {
            // One directory at a time: a long list of them is too long for one option.
            Some(("lowerdir", directories)) if kind == "overlay" => lower(&filesystem, directories)?,
            Some((name, value)) => fsconfig_set_string(&filesystem, name, value)?,
            None => fsconfig_set_flag(&filesystem, option.as_str())?,
        }
    }
    fsconfig_create(&filesystem)?;
    fsmount(
        &filesystem,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
}

/// The layers of an overlay. Kernels before 6.5 take all of them in one option of at most 255 bytes.
fn lower(filesystem: &OwnedFd, directories: &str) -> Result<()> {
    if directories.len() < 256 {
        return fsconfig_set_string(filesystem, "lowerdir", directories);
    }
    let mut directories = directories.split(':');
    directories.try_for_each(|directory| fsconfig_set_string(filesystem, "lowerdir+", directory))
}

/// Options of a mount, and not of its file system (mount(8)).
fn is_of_the_mount(option: &str) -> bool {
    let known = [
        "ro",
        "rro",
        "rw",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "exec",
        "noexec",
        "relatime",
        "norelatime",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "strictatime",
        "nostrictatime",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "unbindable",
        "runbindable",
        "defaults",
        "sync",
        "async",
        "tmpcopyup",
        "bind",
        "rbind",
    ];
    known.contains(&option)
}

/// Makes the names of this process those of the container: the resolv.conf and hosts that the engine has mounted there are mounted over
/// the machine's own. Those of an image are not believed, since a rule with a name trusts the server that is asked for it, and the image is the
/// guest's. A container in the machine's network that is given none keeps the machine's.
///
/// # Errors
/// One sentence.
pub(crate) fn names(spec: &Spec, root: &Root, bundle: &Path) -> std::result::Result<(), String> {
    let own_network = spec.namespace("network").is_some();
    for path in NAMES {
        let given = spec
            .mounts
            .iter()
            .any(|mount| !is_for_processes(mount) && leads_to(mount, path));
        let content = if given {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK;
            root.file(Path::new(path), flags, Mode::empty())
                .map_err(Into::into)
                .and_then(|file| read_all(file.into(), MOST))
                .map_err(|error| format!("cannot read {path}: {error}"))?
        } else if own_network {
            // As where there is no such file.
            Vec::new()
        } else {
            continue;
        };
        cover(path, &content, bundle).map_err(|error| format!("cannot mount {path}: {error}"))?;
    }
    if own_network {
        // A service of the machine would ask servers of the machine's network.
        let files_and_servers = b"hosts: files dns\nnetworks: files\n";
        cover("/etc/nsswitch.conf", files_and_servers, bundle)
            .map_err(|error| format!("cannot mount /etc/nsswitch.conf: {error}"))?;
    }
    Ok(())
}

/// Puts a file with this content in the place of one of the machine's, for this process. A machine without it needs none.
fn cover(path: &str, content: &[u8], bundle: &Path) -> std::io::Result<()> {
    let Ok(place) = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(());
    };
    let name = Path::new(path).file_name().unwrap_or_default();
    let copy = bundle.join(name);
    std::fs::write(&copy, content)?;
    let tree = bind(&copy, false)?;
    restrict_mount(&tree, MountFlags { read_only: true })?;
    Ok(put(&tree, &place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_of_names_is_known_however_it_is_written() {
        let mount = |destination: &str| Mount {
            destination: destination.to_owned(),
            kind: "bind".to_owned(),
            source: "/x".to_owned(),
            options: Vec::new(),
        };
        for path in ["/etc/hosts", "etc/hosts", "//etc/./hosts/", "/../etc/x/../hosts"] {
            assert!(leads_to(&mount(path), "/etc/hosts"), "{path}");
        }
        for path in [
            "/etc",
            "/etc/hosts.d",
            "/x/etc/hosts",
            "/etc/hosts/../resolv.conf",
        ] {
            assert!(!leads_to(&mount(path), "/etc/hosts"), "{path}");
        }
    }
}
