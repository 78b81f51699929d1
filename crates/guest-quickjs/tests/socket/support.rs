//! Runs a script on kernel sockets, and returns what it printed and how it ended.

use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::OsHost;
use guestnet_quickjs::{End, ScriptBuilder};
use rustix::process::{Resource, getrlimit, setrlimit};

/// What came of a script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a script that may do everything, with a directory as its root.
pub(crate) fn run_in(directory: &Path, source: &str) -> Outcome {
    run_all(
        Policy::allow_all(),
        |host| {
            host.add_directory(directory, "/").expect("a directory");
        },
        Some(directory),
        source,
        |_| (),
    )
}

/// Runs a script that may do everything, after `prepare` has changed its host.
pub(crate) fn run_on(prepare: impl FnOnce(&mut OsHost), source: &str) -> Outcome {
    run_all(Policy::allow_all(), prepare, None, source, |_| ())
}

/// Runs a script that may do everything.
pub(crate) fn run(source: &str) -> Outcome {
    run_with(source, |_| ())
}

/// As [`run`], after `set_up` has changed the builder.
pub(crate) fn run_with(source: &str, set_up: impl FnOnce(&mut ScriptBuilder<OsHost>)) -> Outcome {
    run_under(Policy::allow_all(), source, set_up)
}

/// As [`run_with`], under a policy.
pub(crate) fn run_under(
    policy: Policy,
    source: &str,
    set_up: impl FnOnce(&mut ScriptBuilder<OsHost>),
) -> Outcome {
    run_all(policy, |_| (), None, source, set_up)
}

fn run_all(
    policy: Policy,
    prepare: impl FnOnce(&mut OsHost),
    directory: Option<&Path>,
    source: &str,
    set_up: impl FnOnce(&mut ScriptBuilder<OsHost>),
) -> Outcome {
    let mut host = OsHost::new().expect("an eventfd");
    prepare(&mut host);
    let (out, stdout) = pipe().expect("a pipe");
    let (err, stderr) = pipe().expect("a pipe");
    let stdout = host.adopt_stream(OwnedFd::from(stdout)).expect("a stream");
    let stderr = host.adopt_stream(OwnedFd::from(stderr)).expect("a stream");
    let (out, err) = (collect(out), collect(err));
    // What scripts hold themselves is the limit here, and not what the kernel holds for them.
    let capacity = Capacity {
        descriptors: 1 << 14,
        sockets: 1 << 14,
        buffers: 1 << 40,
    };
    let guest = Guest::new(Arc::new(policy), capacity, 0).thread(host);
    let mut builder = ScriptBuilder::new(guest);
    builder.arg("test.js").stdout(stdout).stderr(stderr);
    if let Some(directory) = directory {
        builder.directory(directory, "/").expect("a directory");
    }
    set_up(&mut builder);
    let mut script = builder.build().expect("a script");
    let end = script.run("test.js", source.as_bytes());
    drop(script);
    Outcome {
        end,
        out: out.join().expect("the reader ends"),
        err: err.join().expect("the reader ends"),
    }
}

/// Reads to the end in a thread, as the script must not be held up by a full pipe.
pub(crate) fn collect(mut pipe: PipeReader) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What most scripts begin with.
pub(crate) const PRELUDE: &str = include_str!("../js/socket_prelude.js");

/// As [`script`], after `prepare` has changed the script's host.
#[track_caller]
pub(crate) fn prints_on(prepare: impl FnOnce(&mut OsHost), source: &str, expected: &str) {
    let outcome = run_on(prepare, &format!("{PRELUDE}{source}"));
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), (expected, ""));
    assert_eq!(outcome.end, End::Exit(0));
}

/// Runs a script that may do everything, after `prepare` has changed its host and `set_up` its builder.
pub(crate) fn run_all_with(
    prepare: impl FnOnce(&mut OsHost),
    directory: Option<&Path>,
    source: &str,
    set_up: impl FnOnce(&mut ScriptBuilder<OsHost>),
) -> Outcome {
    run_all(Policy::allow_all(), prepare, directory, source, set_up)
}

/// As [`prints`], after the prelude.
#[track_caller]
pub(crate) fn script(source: &str, expected: &str) {
    prints(&format!("{PRELUDE}{source}"), expected);
}

/// Runs a script, and fails unless it ends with 0, prints nothing on its standard error, and prints `expected`.
#[track_caller]
pub(crate) fn prints(source: &str, expected: &str) {
    let outcome = run(source);
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), (expected, ""));
    assert_eq!(outcome.end, End::Exit(0));
}

/// Lets this process open so many files, if it may not yet.
pub(crate) fn allow_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit).expect("the hard limit allows so many files");
    }
}
