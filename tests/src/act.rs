//! app_act, the guest that does what a test asks, one action after the other: the test acts between them. The component `attacks` has
//! the same actions, as far as WASI 0.2 has words for them.

use crate::paths::guest;
use crate::run::{Guestnet, Program, ProgramOutput, Running};
use std::io::{PipeWriter, Write};

/// Runs app_act with all its actions at once.
#[must_use]
pub fn acts<'a>(run: Guestnet, actions: impl IntoIterator<Item = &'a str>) -> Program {
    run.guest(&guest("wasip1", "app_act")).args(actions)
}

/// The same as a component. Its sockets of UDP are all bound, to the wildcard and any port, which a rule must allow.
#[must_use]
pub fn component_acts<'a>(run: Guestnet, actions: impl IntoIterator<Item = &'a str>) -> Program {
    component_act(run).args(actions)
}

fn component_act(run: Guestnet) -> Program {
    run.guest(&guest("component", "attacks")).arg("act")
}

/// The results that it has printed, one an action.
#[must_use]
pub fn results(printed: &str) -> Vec<String> {
    printed
        .lines()
        .map(|line| line.rsplit(": ").next().unwrap_or(line).to_owned())
        .collect()
}

/// An app_act that waits for its next action.
#[derive(Debug)]
pub struct Actor {
    running: Running,
    input: PipeWriter,
}

impl Actor {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(run: Guestnet) -> Self {
        Self::of(run.guest(&guest("wasip1", "app_act")))
    }

    /// Starts the component that does the same.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start_component(run: Guestnet) -> Self {
        Self::of(component_act(run))
    }

    fn of(program: Program) -> Self {
        let (output, input) = std::io::pipe().expect("a pipe");
        let running = program.stdin(output).start();
        Self { running, input }
    }

    /// Does one action and returns its result.
    ///
    /// # Panics
    ///
    /// When the guest has ended.
    pub fn act(&mut self, action: &str) -> String {
        self.begin(action);
        self.result(action)
    }

    /// Sends it one action and does not wait for its result.
    ///
    /// # Panics
    ///
    /// When the guest has ended.
    pub fn begin(&mut self, action: &str) {
        self.input
            .write_all(format!("{action}\n").as_bytes())
            .expect("the guest reads");
    }

    /// Waits for the result of an action that was begun.
    ///
    /// # Panics
    ///
    /// When the guest ends without one.
    pub fn result(&mut self, action: &str) -> String {
        self.running.line(&format!("{action}: "))
    }

    /// Ends it.
    #[must_use]
    pub fn finish(self) -> ProgramOutput {
        drop(self.input);
        self.running.finish()
    }
}
