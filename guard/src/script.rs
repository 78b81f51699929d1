//! The calls of a script, with its event loop.

use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::OsHost;
use guestnet_quickjs::{End, ScriptBuilder};

use crate::{Measure, TIMES, measured};

/// Two datagram sockets, and what both paths have.
const DATAGRAMS: &str = "
    const [one, other] = [0, 0].map(() => {
        const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
        os.bind(fd, any);
        return fd;
    });
    const to = os.getsockname(other);
    for (let i = 0; i < TIMES; i++) {
        os.sendto(one, to, message);
        await os.recvfrom(other, buffer);
    }";

/// Both ends of a connection. Each receive is there before what it receives.
const STREAM: &str = "
    const listener = os.socket(os.AF_INET, os.SOCK_STREAM), one = os.socket(os.AF_INET, os.SOCK_STREAM);
    os.bind(listener, any);
    os.listen(listener);
    await os.connect(one, os.getsockname(listener));
    const [other] = await os.accept(listener);
    for (let i = 0; i < TIMES; i++) {
        const received = os.recv(other, buffer);
        os.send(one, message);
        await received;
    }";

/// sendto and recvfrom of one datagram, both of which are settled at once.
pub(crate) fn datagrams(measure: Measure) {
    run(measure, DATAGRAMS);
}

/// A receive that waits, and the send that it waits for.
pub(crate) fn stream(measure: Measure) {
    run(measure, STREAM);
}

/// The whole script is counted: what it does once is little beside what it does often.
fn run(_measure: Measure, calls: &str) {
    let mut host = OsHost::new().expect("an eventfd can be opened");
    host.stop_by_signal().expect("nothing else handles SIGURG");
    let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host);
    let mut script = ScriptBuilder::new(guest).build().expect("no limit of memory");
    let source = format!(
        "import * as os from 'os';
         const TIMES = {TIMES}, any = {{addr: '127.0.0.1', port: 0}};
         const message = new Uint8Array(64), buffer = new Uint8Array(64);{calls}"
    );
    measured(|| assert_eq!(script.run("guard.js", source.as_bytes()), End::Exit(0)));
}
