//! The calls of a program of Emscripten's, as the addon makes them.
#![expect(unsafe_code, reason = "the memory of a program is raw to its adapter")]

use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_emscripten::{Args, CALLS, Call, Memory, RESERVED, ThreadContext};
use guestnet_host_os::OsHost;

use crate::Measure;

/// Where the memory has what: an address, its length, and the bytes.
const ADDR: i32 = 64;
const LEN: i32 = 128;
const BYTES: i32 = 256;

/// Of a `struct sockaddr_in`.
const ADDR_LEN: i32 = 16;

struct Program {
    context: ThreadContext<OsHost>,
    memory: Vec<u8>,
}

impl Program {
    fn call(&mut self, call: &Call, args: [i32; 6]) -> i32 {
        let [a, b, c, d, e, f] = args;
        // SAFETY: the memory outlives the call, and nothing else reaches it meanwhile.
        let memory = unsafe { Memory::new(self.memory.as_mut_ptr(), self.memory.len()) };
        self.context.call(call, memory, &Args([a, b, c, d, e, f, 0]))
    }
}

/// sendto(2) and recvfrom(2) of one datagram.
pub(crate) fn echo(measure: Measure) {
    let call = |name| {
        CALLS
            .iter()
            .find(|call| call.name == name)
            .expect("a call of the adapter")
    };
    let host = OsHost::new().expect("an eventfd can be opened");
    let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), RESERVED).thread(host);
    let mut program = Program {
        context: ThreadContext::new(guest),
        memory: vec![0; 4096],
    };
    // AF_INET, SOCK_DGRAM.
    let socket = program.call(call("socket"), [2, 2, 0, 0, 0, 0]);
    assert!(socket >= 0, "{socket}");
    // sockaddr_in of 127.0.0.1, port 0.
    program.memory[64..72].copy_from_slice(&[2, 0, 0, 0, 127, 0, 0, 1]);
    assert_eq!(program.call(call("bind"), [socket, ADDR, ADDR_LEN, 0, 0, 0]), 0);
    program.memory[128] = 16;
    assert_eq!(program.call(call("getsockname"), [socket, ADDR, LEN, 0, 0, 0]), 0);
    let (sendto, recvfrom) = (call("sendto"), call("recvfrom"));
    measure.times(|| {
        assert_eq!(program.call(sendto, [socket, BYTES, 64, 0, ADDR, ADDR_LEN]), 64);
        assert_eq!(program.call(recvfrom, [socket, BYTES, 64, 0, ADDR, LEN]), 64);
    });
}
