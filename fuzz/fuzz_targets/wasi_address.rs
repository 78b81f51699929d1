//! What a WASI guest passes as addresses, flags and times: any bytes and numbers. Nothing panics, and what was decoded
//! is encoded to what decodes alike.
//!
//! The adapter's sources are compiled in here without the rest of it: nothing below needs Wasmtime, and Wasmtime
//! takes minutes to instrument.
#![no_main]
#![expect(dead_code, reason = "the sources hold more than this target asks for")]

#[path = "../../crates/guest-wasi/src/p1/abi.rs"]
mod abi;
#[path = "../../crates/guest-wasi/src/p1/convert.rs"]
mod convert;

use guestnet_core::{Errno, SockAddr};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<4>() else {
        return;
    };
    let number = u32::from_le_bytes(*head);
    // All lengths that mean something, from any input, and the input's own.
    for len in [4, 16, 128, bytes.len()] {
        let mut buffer = bytes.to_vec();
        buffer.resize(len, 0);
        match convert::address(&buffer, number) {
            Ok(addr) => decoded(&addr, number),
            Err(errno) => assert!(matches!(
                errno,
                Errno::EINVAL | Errno::EAFNOSUPPORT | Errno::EILSEQ
            )),
        }
    }
    if let Ok(flags) = convert::recv_flags(number) {
        assert_eq!(number & 0xffff == 0, flags.is_empty());
    }
    if let Ok(flags) = convert::send_flags(number) {
        assert_eq!(number & 0xffff == 0, flags.is_empty());
    }
    let _ = convert::shutdown(number);
    if let Some((time, _)) = bytes.split_first_chunk::<16>() {
        let (seconds, micros) = time.split_at(8);
        let [seconds, micros] =
            [seconds, micros].map(|word| i64::from_le_bytes(word.try_into().expect("8 bytes")));
        match convert::timeval(seconds, micros) {
            Ok(limit) => {
                assert!((0..1_000_000).contains(&micros));
                assert_eq!(limit.is_none(), seconds == 0 && micros == 0);
                assert!(limit.is_none_or(|limit| !limit.is_zero()));
            }
            Err(errno) => assert_eq!(errno, Errno::EDOM),
        }
    }
});

fn decoded(addr: &SockAddr, port: u32) {
    match addr {
        SockAddr::Inet(inet) => assert_eq!(u32::from(inet.port()), port & 0xffff),
        SockAddr::Unix(path) => assert!(!path.contains('\0')),
        SockAddr::Unspec => {}
        SockAddr::UnixUnnamed => panic!("no guest can say it"),
    }
    let (bytes, port) = convert::address_v2(addr).expect("what fitted in fits again");
    assert_eq!(convert::address(&bytes, port).as_ref(), Ok(addr));
}
