//! The other side of a behaviour: what peers do, and when.

use std::thread::{self, Scope, ScopedJoinHandle};

use crate::patience::eventually;
use crate::world::{PeerStream, World};

/// Runs `act` on a thread of its own once the calling thread waits in a call of its host, as a guest's does that blocks.
pub(crate) fn when_waiting<'scope, W: World, T: Send + 'scope>(
    world: &W,
    scope: &'scope Scope<'scope, '_>,
    act: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let waits = world.waits();
    scope.spawn(move || {
        eventually("the guest's thread waits", || waits().then_some(()));
        act()
    })
}

/// Runs both, the second when the first waits; gives both results.
pub(crate) fn while_waiting<W: World, A, B: Send>(
    world: &W,
    wait: impl FnOnce() -> A,
    act: impl FnOnce() -> B + Send,
) -> (A, B) {
    thread::scope(|scope| {
        let peer = when_waiting(world, scope, act);
        let waited = wait();
        let acted = match peer.join() {
            Ok(acted) => acted,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        (waited, acted)
    })
}

/// Reads until the end of file.
pub(crate) fn drain(stream: &impl PeerStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Reads exactly so much.
pub(crate) fn take(stream: &impl PeerStream, count: usize) -> Vec<u8> {
    let mut data = vec![0; count];
    stream.read_exact(&mut data).unwrap();
    data
}

/// Closes with RST instead of FIN: a socket does so where received data is left unread.
pub(crate) fn reset(stream: impl PeerStream) {
    eventually("the unread data is there", || {
        (stream.peek(&mut [0]).unwrap() > 0).then_some(())
    });
    drop(stream);
}
