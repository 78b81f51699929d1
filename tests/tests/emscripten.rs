//! What only Emscripten programs can do: socket callbacks and asynchronous look-ups. No other system has them, so what
//! each program prints is written down.

use guestnet_tests::emscripten::{Engine, Variant, program};
use guestnet_tests::run::assert_same_transcript;

/// Every way to link with every engine that runs it.
const COLUMNS: [(Variant, Engine); 7] = [
    (Variant::Plain, Engine::Node20),
    (Variant::Plain, Engine::Node26),
    (Variant::Plain, Engine::Bun),
    (Variant::Module, Engine::Deno),
    (Variant::Pthread, Engine::Node20),
    (Variant::Proxy, Engine::Node20),
    (Variant::Jspi, Engine::Node26),
];

#[test]
fn a_look_up_is_under_way_while_the_program_goes_on_under_every_engine() {
    for (variant, engine) in COLUMNS {
        let printed = program(variant, engine, "dns_async").finish().success();
        assert_same_transcript(include_str!("transcripts/emscripten_dns_async.txt"), &printed);
    }
}

#[test]
fn callbacks_tell_of_connections_messages_and_ends_under_every_engine() {
    for (variant, engine) in COLUMNS {
        let printed = program(variant, engine, "callbacks").finish().success();
        // Which end of the connection hears of it first is the kernel's choice.
        let sorted = |text: &str| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        assert_same_transcript(
            &sorted(include_str!("transcripts/emscripten_callbacks.txt")),
            &sorted(&printed),
        );
    }
}
