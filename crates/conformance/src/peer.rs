//! The other side of a behaviour: plain std sockets and threads.

use std::io::Read;
use std::net::TcpStream;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::world::eventually;

/// A peer's calls end after this, so that a failed behaviour does not hang.
const PATIENCE: Duration = Duration::from_secs(40);

/// Gives a peer's stream an end to its waits.
pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Runs `act` on a thread of its own once the calling thread sleeps in the kernel, as a guest's does that waits.
///
/// If the caller sleeps for some other reason first, `act` comes early, and the behaviour is shown less sharply but
/// never wrongly.
pub(crate) fn when_asleep<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    act: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let task = std::fs::read_link("/proc/thread-self").unwrap();
    let stat = std::path::Path::new("/proc").join(task).join("stat");
    scope.spawn(move || {
        eventually("the guest's thread sleeps", || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            // The state follows the name, which is in parentheses (proc_pid_stat(5)).
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            (state == Some('S')).then_some(())
        });
        act()
    })
}

/// Reads until the end of file.
pub(crate) fn drain(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Reads exactly so much.
pub(crate) fn take(mut stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut data = vec![0; count];
    stream.read_exact(&mut data).unwrap();
    data
}

/// Closes with RST instead of FIN: the kernel does so where received data is left unread.
pub(crate) fn reset(stream: TcpStream) {
    eventually("the unread data is there", || {
        (stream.peek(&mut [0]).unwrap() > 0).then_some(())
    });
    drop(stream);
}

/// Runs both, the second when the first waits; gives both results.
pub(crate) fn while_waiting<A, B: Send>(wait: impl FnOnce() -> A, act: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let peer = when_asleep(scope, act);
        let waited = wait();
        let acted = match peer.join() {
            Ok(acted) => acted,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        (waited, acted)
    })
}
