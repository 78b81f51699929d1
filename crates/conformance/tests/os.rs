//! Every behaviour of the suite on the kernel's sockets, one named test each.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitCode};

use guestnet_conformance::{Behaviour, MakeHost, suite};
use guestnet_host_os::{Io, OsHost};
use libtest_mimic::{Arguments, Failed, Trial};

/// Set to a behaviour's name for a process that runs nothing else.
const ALONE: &str = "GUESTNET_CONFORMANCE_ALONE";

struct Os;

impl MakeHost for Os {
    type Host = OsHost;

    fn host() -> OsHost {
        OsHost::new().expect("an eventfd can be opened")
    }

    fn stopper(host: &OsHost) -> Box<dyn Fn() + Send> {
        let stopper = host.stopper();
        Box::new(move || stopper.stop().expect("an eventfd can be written"))
    }

    fn add_directory(host: &mut OsHost, directory: &Path, guest: &str) {
        host.add_directory(directory, guest)
            .expect("the directory exists");
    }

    fn adopt_stream(host: &mut OsHost, fd: OwnedFd) -> Io {
        host.adopt_stream(fd).expect("it is open")
    }

    fn adopt_socket(host: &mut OsHost, fd: OwnedFd) -> Io {
        host.adopt_socket(fd).expect("it is a socket")
    }
}

fn main() -> ExitCode {
    let suite = suite(&Os);
    if let Ok(name) = std::env::var(ALONE) {
        let behaviour = suite
            .iter()
            .find(|behaviour| behaviour.name == name)
            .expect("a behaviour of the suite");
        behaviour.run();
        return ExitCode::SUCCESS;
    }
    let trials = suite
        .into_iter()
        .map(|behaviour| Trial::test(behaviour.name, move || run(behaviour)))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(behaviour: Behaviour) -> Result<(), Failed> {
    if !behaviour.alone {
        behaviour.run();
        return Ok(());
    }
    let output = Command::new(std::env::current_exe()?)
        .env(ALONE, behaviour.name)
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}
