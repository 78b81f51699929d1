//! [`OutputHook`]: takes what a guest writes to a stream, in the place of the stream.

use std::fmt;
use std::sync::Arc;

/// A function that is called with each piece that a guest writes to a stream ([`Io::hook_output`](crate::Io::hook_output)).
/// It returns whether it has taken the piece: the stream is then not written to. It runs on the thread of the guest that
/// writes, which waits for it.
#[derive(Clone)]
pub struct OutputHook(Arc<Take>);

type Take = dyn Fn(&[u8]) -> bool + Send + Sync;

impl fmt::Debug for OutputHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutputHook")
    }
}

impl OutputHook {
    /// A hook that calls `take`.
    #[must_use]
    pub fn new(take: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        OutputHook(Arc::new(take))
    }

    pub(crate) fn takes(&self, bytes: &[u8]) -> bool {
        (self.0)(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, PipeReader, Read, pipe};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use guestnet_core::Host;

    use super::OutputHook;
    use crate::OsHost;

    #[test]
    fn what_a_hook_takes_is_not_written() {
        let (mut reader, writer): (PipeReader, _) = pipe().unwrap();
        let mut host = OsHost::new().unwrap();
        let mut stream = host.adopt_stream(writer.into()).unwrap();
        let (takes, taken) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (may, to) = (Arc::clone(&takes), Arc::clone(&taken));
        stream.hook_output(OutputHook::new(move |bytes| {
            let take = may.load(Ordering::Relaxed);
            if take {
                to.lock().unwrap().extend_from_slice(bytes);
            }
            take
        }));
        assert_eq!(host.write(&stream, &[IoSlice::new(b"taken")]), Ok(5));
        takes.store(false, Ordering::Relaxed);
        assert_eq!(host.write(&stream, &[IoSlice::new(b"written")]), Ok(7));
        host.close(stream);
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(
            (written.as_str(), taken.lock().unwrap().as_slice()),
            ("written", &b"taken"[..])
        );
    }
}
