//! The calls of `os` that name files: `stat`, `readdir`, `mkdir`, `rename`, ….

use std::time::Duration;

use cap_fs_ext::{DirExt, SystemTimeSpec};
use cap_std::fs::{DirBuilder, DirBuilderExt, Metadata, MetadataExt};
use cap_std::time::SystemClock;
use guestnet_core::{Errno, Host};
use rquickjs::{Array, Exception, IntoJs, Object, Result, Value};

use crate::argument::number;
use crate::errno;
use crate::native::{Call, Member};
use crate::os::dir::PathTarget;

/// The most names that `readdir` returns. A directory with more is cut off here, with `EOVERFLOW` as the error.
const MAX_NAMES: usize = 1_000_000;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("stat", 1, stat),
        Member::Function("lstat", 1, lstat),
        Member::Function("readdir", 1, readdir),
        Member::Function("mkdir", 1, mkdir),
        Member::Function("utimes", 3, utimes),
        Member::Function("remove", 1, remove),
        Member::Function("rename", 2, rename),
        Member::Function("realpath", 1, realpath),
        Member::Function("symlink", 2, symlink),
        Member::Function("readlink", 1, readlink),
        Member::Function("getcwd", 0, getcwd),
        Member::Function("chdir", 1, chdir),
        Member::Int("S_IFMT", 0o170_000),
        Member::Int("S_IFIFO", 0o010_000),
        Member::Int("S_IFCHR", 0o020_000),
        Member::Int("S_IFDIR", 0o040_000),
        Member::Int("S_IFBLK", 0o060_000),
        Member::Int("S_IFREG", 0o100_000),
        Member::Int("S_IFSOCK", 0o140_000),
        Member::Int("S_IFLNK", 0o120_000),
        Member::Int("S_ISGID", 0o2_000),
        Member::Int("S_ISUID", 0o4_000),
    ]
}

/// The result of a call that gives no value: 0 or -errno.
fn status<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    done: guestnet_core::Result<()>,
) -> Result<Value<'js>> {
    call.value(done.map_or_else(|errno| -errno::number(errno), |()| 0))
}

/// The result of a call that gives a value: the value and 0, or `other` and the errno.
fn result<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    value: impl IntoJs<'js>,
    error: Option<Errno>,
) -> Result<Value<'js>> {
    pair(call, value, error.map_or(0, errno::number))
}

/// An array of two.
pub(crate) fn pair<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    first: impl IntoJs<'js>,
    second: impl IntoJs<'js>,
) -> Result<Value<'js>> {
    let pair = Array::new(call.ctx().clone())?;
    pair.set(0, first)?;
    pair.set(1, second)?;
    Ok(pair.into_value())
}

/// Does something with the place of a path.
fn at<H: Host + 'static, T>(
    call: &Call<'_, '_, H>,
    path: &str,
    act: impl FnOnce(&PathTarget<'_>) -> std::io::Result<T>,
) -> guestnet_core::Result<T> {
    let place = call.state().directories.resolve(path)?;
    act(&place).map_err(|error| errno::of_io(&error))
}

fn stat<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    described(call, at(call, &path, |place| place.dir.metadata(&place.rest)))
}

fn lstat<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    described(
        call,
        at(call, &path, |place| place.dir.symlink_metadata(&place.rest)),
    )
}

fn described<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    found: guestnet_core::Result<Metadata>,
) -> Result<Value<'js>> {
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(errno) => return result(call, rquickjs::Null, Some(errno)),
    };
    let object = Object::new(call.ctx().clone())?;
    for (name, value) in [
        ("dev", metadata.dev()),
        ("ino", metadata.ino()),
        ("mode", u64::from(metadata.mode())),
        ("nlink", metadata.nlink()),
        ("uid", u64::from(metadata.uid())),
        ("gid", u64::from(metadata.gid())),
        ("rdev", metadata.rdev()),
        ("size", metadata.size()),
        ("blocks", metadata.blocks()),
    ] {
        object.set(name, float(value))?;
    }
    for (name, seconds, nanoseconds) in [
        ("atime", metadata.atime(), metadata.atime_nsec()),
        ("mtime", metadata.mtime(), metadata.mtime_nsec()),
        ("ctime", metadata.ctime(), metadata.ctime_nsec()),
    ] {
        let milliseconds = seconds
            .saturating_mul(1_000)
            .saturating_add(nanoseconds / 1_000_000);
        object.set(name, signed(milliseconds))?;
    }
    result(call, object, None)
}

/// A count as JavaScript has numbers: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "JavaScript's numbers are floats")]
pub(crate) const fn float(value: u64) -> f64 {
    value as f64
}

/// The same with a sign.
#[expect(clippy::cast_precision_loss, reason = "JavaScript's numbers are floats")]
pub(crate) const fn signed(value: i64) -> f64 {
    value as f64
}

fn readdir<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let names = Array::new(call.ctx().clone())?;
    let entries = match at(call, &path, |place| place.dir.read_dir(&place.rest)) {
        Ok(entries) => entries,
        Err(errno) => return result(call, names, Some(errno)),
    };
    // readdir(3) has these two, std does not.
    names.set(0, ".")?;
    names.set(1, "..")?;
    for entry in entries {
        let name = match entry {
            Ok(entry) => entry.file_name().to_string_lossy().into_owned(),
            Err(error) => return result(call, names, Some(errno::of_io(&error))),
        };
        if names.len() >= MAX_NAMES {
            return result(call, names, Some(Errno::EOVERFLOW));
        }
        names.set(names.len(), name)?;
    }
    result(call, names, None)
}

fn mkdir<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let mode = mode(call, 1, 0o777)?;
    let mut builder = DirBuilder::new();
    builder.mode(mode);
    let done = at(call, &path, |place| {
        place.dir.create_dir_with(&place.rest, &builder)
    });
    status(call, done)
}

/// A file's mode. A guest cannot set the set-user-ID, set-group-ID and sticky bits.
pub(crate) fn mode<H: Host + 'static>(call: &Call<'_, '_, H>, index: usize, default: u32) -> Result<u32> {
    if call.arg(index).is_undefined() {
        return Ok(default);
    }
    Ok(call.int(index, "the mode")?.cast_unsigned() & 0o777)
}

/// utimes(2), with milliseconds since 1970. Symbolic links are followed. A time before 1970, which cap-std's crate for this cannot
/// have, is `EINVAL`.
fn utimes<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let accessed = time(call, 1, "the access time")?;
    let modified = time(call, 2, "the modification time")?;
    let done = match accessed.zip(modified) {
        Some((accessed, modified)) => at(call, &path, |place| {
            place.dir.set_times(&place.rest, Some(accessed), Some(modified))
        }),
        None => Err(Errno::EINVAL),
    };
    status(call, done)
}

/// A time that an argument gives in milliseconds since 1970, if there is such a time; less than one is left out.
fn time<H: Host + 'static>(
    call: &Call<'_, '_, H>,
    index: usize,
    name: &str,
) -> Result<Option<SystemTimeSpec>> {
    let milliseconds = match call.arg(index) {
        none if none.is_undefined() => 0.0,
        value => number(&value)
            .ok_or_else(|| Exception::throw_type(call.ctx(), &format!("{name} must be a number")))?,
    };
    let since = Duration::try_from_secs_f64(milliseconds.trunc() / 1_000.0).ok();
    let time = since.and_then(|since| SystemClock::UNIX_EPOCH.checked_add(since));
    Ok(time.map(SystemTimeSpec::Absolute))
}

/// remove(3): a file, or a directory that is empty.
fn remove<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let done = at(call, &path, |place| {
        if place.dir.symlink_metadata(&place.rest)?.is_dir() {
            place.dir.remove_dir(&place.rest)
        } else {
            place.dir.remove_file(&place.rest)
        }
    });
    status(call, done)
}

fn rename<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let from = call.string(0, "the old path")?;
    let to = call.string(1, "the new path")?;
    let done = call
        .state()
        .directories
        .resolve(&to)
        .and_then(|to| at(call, &from, |from| from.dir.rename(&from.rest, to.dir, &to.rest)));
    status(call, done)
}

fn realpath<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let real = call
        .state()
        .directories
        .resolve(&path)
        .and_then(|place| place.real());
    match real {
        Ok(real) => result(call, real, None),
        Err(errno) => result(call, "", Some(errno)),
    }
}

/// A target that begins with `/` is refused. One that leads outside of its directory is not, but nothing follows it.
fn symlink<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let target = call.string(0, "the target")?;
    let path = call.string(1, "the path")?;
    let done = at(call, &path, |place| place.dir.symlink(&*target, &place.rest));
    status(call, done)
}

fn readlink<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    match at(call, &path, |place| place.dir.read_link(&place.rest)) {
        Ok(target) => result(call, target.to_string_lossy().into_owned(), None),
        Err(errno) => result(call, "", Some(errno)),
    }
}

fn getcwd<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    result(call, call.state().directories.current(), None)
}

fn chdir<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    status(call, call.state().directories.change(&path))
}
