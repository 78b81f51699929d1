//! The mounts of this process, as `/proc/self/mountinfo` lists them (proc(5)).

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) id: u64,
    /// Where it is, from this process's root.
    pub(crate) point: PathBuf,
    /// The file system's name, without the subtype that FUSE adds.
    pub(crate) kind: String,
}

/// All of them; `None` for a text that is no such list.
pub(crate) fn parse(table: &[u8]) -> Option<Vec<Mount>> {
    let lines = table.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty()).map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    // The parent, the device and the root within it.
    let point = fields.nth(3)?;
    // Behind the point come its options and any number of fields, up to a dash.
    fields.find(|field| *field == b"-")?;
    let kind = String::from_utf8_lossy(&unescaped(fields.next()?)).into_owned();
    Some(Mount {
        id,
        point: PathBuf::from(OsString::from_vec(unescaped(point))),
        kind,
    })
}

/// Without the kernel's escapes: a backslash and three octal digits for white space and the backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match value {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// The first mount of the kernel's own at a path or below it. One that another mount hides counts too: it may come out.
pub(crate) fn interface_below<'m>(all: &'m [Mount], path: &[u8]) -> Option<&'m Mount> {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    all.iter()
        .find(|mount| mount.is_interface() && mount.point.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:20 / /proc rw,nosuid shared:2 master:3 - proc proc rw
24 22 254:0 /srv /srv/data rw - ext4 /dev/vda rw
25 24 0:20 /self /srv/data/a\\040b\\134c/p ro - proc proc rw
26 22 0:99 / /srv/database rw - fuse.sshfs host: rw
27 22 0:21 / /sys/kernel/tracing rw - tracefs none rw
";

    fn below(path: &str) -> Option<PathBuf> {
        let all = parse(TABLE.as_bytes()).unwrap();
        interface_below(&all, path.as_bytes()).map(|mount| mount.point.clone())
    }

    #[test]
    fn a_mount_is_found_below_a_directory_and_not_beside_it() {
        assert_eq!(below("/"), Some("/proc".into()));
        assert_eq!(below("/proc"), Some("/proc".into()));
        assert_eq!(below("/srv/data"), Some("/srv/data/a b\\c/p".into()));
        assert_eq!(below("/srv/data/a b\\c"), Some("/srv/data/a b\\c/p".into()));
        assert_eq!(below("/sys"), Some("/sys/kernel/tracing".into()));
        for path in ["/srv/database", "/srv/dat", "/srv/data/a", "/pro", "/home"] {
            assert_eq!(below(path), None, "{path}");
        }
    }

    #[test]
    fn every_line_is_read_or_the_list_is_not_believed() {
        assert_eq!(parse(TABLE.as_bytes()).unwrap().len(), 6);
        assert_eq!(parse(b""), Some(Vec::new()));
        for table in [
            "x",
            "22 1 254:0 / / rw",
            "22 1 254:0 / / rw -",
            "a 1 0:1 / / rw - proc p rw",
        ] {
            assert_eq!(parse(table.as_bytes()), None, "{table}");
        }
    }
}
