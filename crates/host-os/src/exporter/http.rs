//! [`Connection`]: one client that asks for the metrics by HTTP, from its request to the end of the answer. Nothing in it waits.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

/// The longest head of a request.
const MAX_REQUEST: usize = 8 << 10;

/// How long a client may take in all, whatever it does.
const LIFETIME: Duration = Duration::from_secs(5);

/// A client.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    deadline: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What has come of its request.
    Request(Vec<u8>),
    /// What is still to be sent.
    Answer(Vec<u8>, usize),
    /// Everything is sent: until the client closes. A close before it has would reset the connection if it had sent more.
    End,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    GoesOn,
    Over,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, now: Instant) -> Self {
        Connection {
            socket,
            deadline: now.checked_add(LIFETIME).unwrap_or(now),
            state: State::Request(Vec::new()),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// What it waits for.
    pub(super) fn wants(&self) -> PollFd<'_> {
        let flags = match self.state {
            State::Request(_) | State::End => PollFlags::IN,
            State::Answer(..) => PollFlags::OUT,
        };
        PollFd::from_borrowed_fd(self.socket.as_fd(), flags)
    }

    /// Does what can be done at once; `metrics` writes what is answered.
    pub(super) fn go_on(&mut self, metrics: impl Fn() -> String) -> Progress {
        loop {
            let step = match &mut self.state {
                State::Request(request) => receive(&self.socket, request, &metrics),
                State::Answer(answer, sent) => transmit(&self.socket, answer, sent),
                State::End => drain(&self.socket),
            };
            match step {
                Ok(Step::Again) => {}
                Ok(Step::To(state)) => self.state = state,
                Ok(Step::Wait) | Err(Errno::AGAIN | Errno::INTR) => return Progress::GoesOn,
                Err(_) => return Progress::Over,
            }
        }
    }
}

/// What comes after one system call. `EAGAIN` waits too, and every other error ends the connection.
enum Step {
    Again,
    To(State),
    Wait,
}

fn receive(socket: &OwnedFd, request: &mut Vec<u8>, metrics: impl Fn() -> String) -> Result<Step, Errno> {
    let mut piece = [0; 1024];
    let (count, _) = recv(socket, &mut piece, RecvFlags::empty())?;
    if count == 0 {
        // It ends before its request does.
        return Err(Errno::CONNRESET);
    }
    request.extend_from_slice(piece.get(..count).unwrap_or_default());
    Ok(if has_ended(request) {
        Step::To(State::Answer(answer(request, metrics), 0))
    } else if request.len() > MAX_REQUEST {
        Step::To(State::Answer(
            refusal("431 Request Header Fields Too Large", ""),
            0,
        ))
    } else {
        Step::Again
    })
}

fn transmit(socket: &OwnedFd, answer: &[u8], sent: &mut usize) -> Result<Step, Errno> {
    let rest = answer.get(*sent..).unwrap_or_default();
    if rest.is_empty() {
        shutdown(socket, Shutdown::Write)?;
        return Ok(Step::To(State::End));
    }
    *sent += send(socket, rest, SendFlags::NOSIGNAL)?;
    Ok(Step::Again)
}

fn drain(socket: &OwnedFd) -> Result<Step, Errno> {
    match recv(socket, &mut [0; 4096], RecvFlags::empty())? {
        (0, _) => Err(Errno::NOTCONN),
        // One piece at a time: a client that sends without an end keeps no other one waiting.
        _ => Ok(Step::Wait),
    }
}

/// Whether an empty line has come.
fn has_ended(request: &[u8]) -> bool {
    let ends = |end: &[u8]| request.windows(end.len()).any(|window| window == end);
    ends(b"\r\n\r\n") || ends(b"\n\n")
}

/// The answer to a whole request.
fn answer(request: &[u8], metrics: impl Fn() -> String) -> Vec<u8> {
    let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.trim_ascii().split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with(b"HTTP/1.")) {
        return refusal("400 Bad Request", "");
    }
    let path = target.and_then(|target| target.split(|byte| *byte == b'?').next());
    match (method, path) {
        (Some(b"GET"), Some(b"/metrics")) => found(&metrics(), true),
        (Some(b"HEAD"), Some(b"/metrics")) => found(&metrics(), false),
        (Some(b"GET" | b"HEAD"), _) => refusal("404 Not Found", ""),
        _ => refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
    }
}

fn found(text: &str, with_text: bool) -> Vec<u8> {
    let mut answer = head("200 OK", "", text.len());
    if with_text {
        answer.extend_from_slice(text.as_bytes());
    }
    answer
}

fn refusal(status: &str, header: &str) -> Vec<u8> {
    head(status, header, 0)
}

fn head(status: &str, header: &str, length: usize) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\n\
         {header}Connection: close\r\n\r\n"
    )
    .into_bytes()
}
