//! A27 guests that take all the time they can: others make progress, and --timeout and Ctrl-C end them.

use super::support::{PATIENCE, attack, component};
use guestnet_tests::{Guestnet, Program, guest};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

const MODES: [&str; 6] = ["poll", "storm", "clock", "receive", "lookup", "denied"];

/// Those of a component.
const COMPONENT_MODES: [&str; 8] = [
    "poll", "storm", "clock", "receive", "lookup", "denied", "write", "random",
];

/// Every spinner, under a policy that allows nothing of what it tries.
fn spinners() -> impl Iterator<Item = (String, Box<dyn Fn(Guestnet) -> Program>)> {
    let modules = MODES.map(|mode| {
        let spinner = move |run: Guestnet| attack(run, "spin").arg(mode);
        (
            mode.to_owned(),
            Box::new(spinner) as Box<dyn Fn(Guestnet) -> Program>,
        )
    });
    let components = COMPONENT_MODES.map(|mode| {
        // It is bound before it spins.
        let spinner =
            move |run: Guestnet| component(run.option("--allow-listen=127.0.0.1:0"), "spin").arg(mode);
        let name = format!("{mode} of a component");
        (name, Box::new(spinner) as Box<dyn Fn(Guestnet) -> Program>)
    });
    modules.into_iter().chain(components)
}

/// A spinner ends within this time after the signal, on a machine that is busy with other work.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_timeout_ends_every_spinner() {
    for (mode, spinner) in spinners() {
        let run = Guestnet::run()
            .option("--timeout=300ms")
            .option("--allow-connect=10.0.0.1");
        let finished = spinner(run).deadline(PATIENCE).finish();
        assert_eq!(finished.status.code(), Some(124), "{mode}: {finished}");
        assert_eq!(finished.stdout, "spinning\n", "{mode}: {finished}");
    }
}

#[test]
fn an_interrupt_ends_every_spinner() {
    for (mode, spinner) in spinners() {
        let run = Guestnet::run().option("--allow-connect=10.0.0.1");
        let mut guest = spinner(run).deadline(PATIENCE).start();
        let _ = guest.line("spinning");
        let signalled = Instant::now();
        let kill = Command::new("kill")
            .arg("-INT")
            .arg(guest.id().to_string())
            .status();
        assert!(kill.expect("kill(1)").success());
        let finished = guest.finish();
        assert_eq!(finished.status.code(), Some(130), "{mode}: {finished}");
        assert!(signalled.elapsed() < SOON, "{mode}: {:?}", signalled.elapsed());
    }
}

#[test]
fn another_guest_goes_on_while_spinners_take_every_processor() {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut spinners = Vec::new();
    for mode in MODES.into_iter().cycle().take(processors) {
        let run = Guestnet::run().option("--allow-connect=10.0.0.1");
        let mut spinner = attack(run, "spin").arg(mode).start();
        let _ = spinner.line("spinning");
        spinners.push(spinner);
    }
    let mut server = Guestnet::run()
        .option("--allow-listen=127.0.0.1:0")
        .guest(&guest("go", "tcp_echo"))
        .arg("server")
        .arg("127.0.0.1:0")
        .arg("1")
        .start();
    let mut connection = TcpStream::connect(server.line("listening ")).expect("connect");
    connection
        .set_read_timeout(Some(PATIENCE))
        .expect("set_read_timeout");
    for round in 0..100_u32 {
        connection.write_all(&round.to_be_bytes()).expect("write");
        let mut echoed = [0; 4];
        connection.read_exact(&mut echoed).expect("read");
        assert_eq!(u32::from_be_bytes(echoed), round);
    }
    drop(connection);
    assert!(server.finish().success().ends_with("echoed 1 connections\n"));
    for spinner in spinners {
        // proc(5): the state stands behind the name. One that has ended is a zombie until it is waited for.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", spinner.id())).expect("the process");
        assert!(!stat.contains(") Z "), "a spinner ended by itself: {stat}");
    }
}
