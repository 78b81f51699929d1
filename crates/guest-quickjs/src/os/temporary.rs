//! Temporary files and directories: `mkstemp` and `mkdtemp` of `os`, and the file of `std.tmpfile`, which has no name.

use std::hash::{BuildHasher, RandomState};

use cap_std::fs::{DirBuilder, DirBuilderExt};
use guestnet_core::{Errno, Fd, Host, Result};
use rquickjs::Value;

use crate::errno;
use crate::native::{Call, Member};
use crate::os::dir::MAX_PATH;
use crate::os::file::{self, OpenHow};
use crate::os::path::pair;
use crate::state::State;

/// How often another name is tried.
const ATTEMPTS: u32 = 64;

/// What stands for the random part of a name.
const PLACE: &str = "XXXXXX";

/// What the random part is made of.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const O_RDWR: i32 = 0o2;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("mkdtemp", 0, mkdtemp),
        Member::Function("mkstemp", 0, mkstemp),
    ]
}

/// mkdtemp(3): `[path, 0]`, or `[pattern, -errno]`.
fn mkdtemp<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    made(call, |path| {
        let place = call.state().directories.resolve(path)?;
        let done = place.dir.create_dir_with(&place.rest, &builder);
        done.map(|()| 0).map_err(|error| errno::of_io(&error))
    })
}

/// mkstemp(3): `[path, descriptor]`, or `[pattern, -errno]`.
fn mkstemp<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    made(call, |path| create(call.state(), path))
}

/// Makes what the first argument is the pattern of.
fn made<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    make: impl FnMut(&str) -> Result<Fd>,
) -> rquickjs::Result<Value<'js>> {
    let pattern = if call.arg(0).is_undefined() {
        format!("tmp{PLACE}")
    } else {
        let pattern = call.string(0, "the pattern")?;
        let stem = pattern.strip_suffix(PLACE).unwrap_or(&pattern);
        // So that a long one is not copied again and again.
        if stem.len() > MAX_PATH {
            return pair(call, &*pattern, -errno::number(Errno::ENAMETOOLONG));
        }
        format!("{stem}{PLACE}")
    };
    match named(&pattern, make) {
        Ok((path, fd)) => pair(call, path, fd),
        Err(errno) => pair(call, pattern, -errno::number(errno)),
    }
}

/// A path that is not there yet, with what `make` has made at it.
///
/// # Errors
/// `EEXIST` where too many names are taken, and those of `make`.
fn named<T>(pattern: &str, mut make: impl FnMut(&str) -> Result<T>) -> Result<(String, T)> {
    let stem = pattern.strip_suffix(PLACE).unwrap_or(pattern);
    for _ in 0..ATTEMPTS {
        let path = format!("{stem}{}", random());
        match make(&path) {
            Err(Errno::EEXIST) => {}
            done => return done.map(|made| (path, made)),
        }
    }
    Err(Errno::EEXIST)
}

/// Six letters and digits that are hard to guess.
fn random() -> String {
    // The standard library's only random number: the keys of a new hash table, which come from the system.
    let mut number = RandomState::new().hash_one(PLACE);
    let mut text = String::new();
    for _ in PLACE.chars() {
        let letter = usize::try_from(number % 62)
            .ok()
            .and_then(|index| LETTERS.get(index));
        text.push(char::from(*letter.unwrap_or(&b'a')));
        number /= 62;
    }
    text
}

/// A file that was not there before.
fn create<H: Host + 'static>(state: &State<H>, path: &str) -> Result<Fd> {
    let how = OpenHow {
        flags: O_RDWR | O_CREAT | O_EXCL,
        mode: 0o600,
    };
    file::open_path(state, path, &how)
}

/// A file without a name, in the directory that the script is in: it has no other place.
///
/// # Errors
/// Those of open(2); `EACCES` where no directory of the guest covers the current one.
pub(crate) fn without_name<H: Host + 'static>(state: &State<H>) -> Result<Fd> {
    let (path, fd) = named(&format!(".guestnet-tmp-{PLACE}"), |path| create(state, path))?;
    let place = state.directories.resolve(&path)?;
    let removed = place.dir.remove_file(&place.rest);
    removed.map_err(|error| errno::of_io(&error))?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_is_tried_where_one_is_taken() {
        let mut tried = Vec::new();
        let made = named("/d/tmpXXXXXX", |path| {
            tried.push(path.to_owned());
            if tried.len() < 3 {
                Err(Errno::EEXIST)
            } else {
                Ok(7)
            }
        });
        assert_eq!(made, Ok((tried[2].clone(), 7)));
        assert!(tried[0] != tried[1] && tried[1] != tried[2]);
        for path in &tried {
            let name = path.strip_prefix("/d/tmp").unwrap();
            assert!(name.len() == 6 && name.chars().all(|letter| letter.is_ascii_alphanumeric()));
        }
        let mut count = 0;
        let full = named("XXXXXX", |_| -> Result<()> {
            count += 1;
            Err(Errno::EEXIST)
        });
        assert_eq!((full, count), (Err(Errno::EEXIST), ATTEMPTS));
        let denied = named("XXXXXX", |_| -> Result<()> { Err(Errno::EACCES) });
        assert_eq!(denied, Err(Errno::EACCES));
    }
}
