//! The rows of `bench wasi` about bytes that the program does not look at: a file that it sends, and a connection that it passes on.
//! Each stands beside the same by a buffer.

use std::fs::File;
use std::path::PathBuf;

use crate::Result;
use crate::peer::Peer;
use crate::run::{Places, Side, Work};
use crate::work::{BULK, work};

/// The size of the file: all of it stays in the kernel's cache.
const FILE: u64 = 64 << 20;

/// What one row compares: the program, natively and in guestnet with these options.
pub(crate) struct Bulk {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) guest: Side,
}

/// The rows.
///
/// # Errors
/// The file cannot be made.
pub(crate) fn rows(places: &Places) -> Result<Vec<Bulk>> {
    let file = file(places)?;
    let name = file.to_string_lossy().into_owned();
    let directory = file.parent().unwrap_or(&file).to_string_lossy().into_owned();
    let open = |options: &[String]| {
        let all = ["--allow-net".to_owned()]
            .into_iter()
            .chain(options.iter().cloned());
        Side::Guest(all.collect())
    };
    let with_file = [format!("--dir={directory}::{directory}")];
    let sink = Peer::TcpSink(BULK);
    let between = Peer::TcpBetween(BULK);
    let row = |name, work, guest| Bulk { name, work, guest };
    Ok(vec![
        row(
            "TCP sendfile",
            work("tcp_file", &["sendfile", "PORT", &name], BULK, sink),
            open(&with_file),
        ),
        row(
            "TCP send of a file, pread and send 64 KiB",
            work("tcp_file", &["copy", "PORT", &name], BULK, sink),
            open(&with_file),
        ),
        row(
            "TCP proxy, splice",
            work("tcp_proxy", &["splice", "PORT"], BULK, between),
            open(&[]),
        ),
        row(
            "TCP proxy, recv and send 64 KiB",
            work("tcp_proxy", &["copy", "PORT"], BULK, between),
            open(&[]),
        ),
    ])
}

/// A file that takes no room on the disk: its pages are zeros all the same.
fn file(places: &Places) -> Result<PathBuf> {
    let path = places.cache().join("bulk");
    let made = File::create(&path).and_then(|file| file.set_len(FILE));
    made.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
