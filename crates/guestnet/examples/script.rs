//! Runs a script that may connect to one server, and to nothing else.
//!
//! ```sh
//! cargo run -p guestnet --example script -- examples/js/http_client.js example.org:80 example.org 80 /
//! ```

use std::error::Error;
use std::process::exit;

use guestnet::policy::{PolicyBuilder, Use};
use guestnet::{End, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, server, args @ ..] = arguments.as_slice() else {
        return Err("usage: script SCRIPT.js HOST:PORT [ARGS]...".into());
    };
    let mut policy = PolicyBuilder::new();
    policy.allow(Use::Connect, server)?;

    let source = std::fs::read(path)?;
    let mut guest = Options::new()
        .policy(policy.build())
        .max_memory(64 << 20)
        .inherit_stdio()
        .arg(path)
        .args(args)
        .script()?;
    match guest.run(path, source) {
        End::Exit(code) => exit(code),
        End::Stop => Err("stopped".into()),
    }
}
