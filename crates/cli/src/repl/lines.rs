//! What the thread that reads lines and the script's thread say to each other.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use guestnet::quickjs::SessionHandle;

use crate::failure::Failure;
use crate::repl::interrupt::Interrupter;
use crate::signals::Verdict;
use crate::stop::Interruptible;

/// How long Ctrl-C or Tab at the prompt waits for a script whose handlers compute.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the thread that reads lines asks of the script's.
pub(super) enum Request {
    /// Evaluate a whole input.
    Input(String),
    /// Answer: a line was given up.
    Nothing,
    /// What can stand where a text ends.
    Complete(String, Sender<(usize, Vec<String>)>),
    /// The input has ended.
    End,
    /// It cannot be read.
    Broken(Failure),
}

/// The end of the thread that reads lines.
pub(super) struct Lines {
    pub(super) requester: Requester,
    /// One for each request that was performed.
    answers: Receiver<()>,
    interrupter: Arc<Interrupter>,
}

/// Sends requests to the script's thread.
#[derive(Clone)]
pub(super) struct Requester {
    requests: Sender<Request>,
    session: SessionHandle,
}

/// The end of the script's thread.
pub(super) struct Requests {
    pub(super) requests: Receiver<Request>,
    pub(super) answers: Sender<()>,
}

impl Lines {
    pub(super) fn new(session: SessionHandle, interrupter: Arc<Interrupter>) -> (Lines, Requests) {
        let (requests, their_requests) = channel();
        let (their_answers, answers) = channel();
        let lines = Lines {
            requester: Requester { requests, session },
            answers,
            interrupter,
        };
        let requests = Requests {
            requests: their_requests,
            answers: their_answers,
        };
        (lines, requests)
    }

    /// Has a request performed; whether the session goes on.
    pub(super) fn perform(&self, request: Request) -> bool {
        let given_up = matches!(request, Request::Nothing);
        self.interrupter.at_line();
        if !self.requester.send(request) {
            return false;
        }
        if given_up {
            match self.answers.recv_timeout(PATIENCE) {
                // A handler computes: it is what Ctrl-C was typed for.
                Err(RecvTimeoutError::Timeout) => {
                    self.interrupter.interrupt(Verdict::End);
                }
                answer => return answer.is_ok(),
            }
        }
        self.answers.recv().is_ok()
    }
}

impl Requester {
    /// What can stand where a text ends; `None` if the script is busy.
    pub(super) fn completions(&self, text: &str) -> Option<(usize, Vec<String>)> {
        let (sender, answer) = channel();
        self.send(Request::Complete(text.to_owned(), sender));
        answer.recv_timeout(PATIENCE).ok()
    }

    fn send(&self, request: Request) -> bool {
        let sent = self.requests.send(request).is_ok();
        self.session.wake();
        sent
    }
}
