//! The compiled policy against the naive model of the core's property test, whose file is compiled in here. The test
//! draws some thousands of cases at random; here the fuzzer chooses them, by what the matcher does with them.
#![no_main]
#![expect(dead_code, reason = "the model's file has tests of its own")]

/// Where the model expects the policy.
mod policy {
    pub(crate) use guestnet_core::policy::*;
}

#[path = "../../crates/core/src/policy/tests/model.rs"]
mod model;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let case = model::Case::read(data);
    if let Err(reason) = model::agrees(&case) {
        panic!("{reason}\n{case:#?}");
    }
});
