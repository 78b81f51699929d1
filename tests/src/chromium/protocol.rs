//! The DevTools protocol over a pair of pipes: JSON, each message ended by a NUL. Knows no meaning of a command.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the answer to a command may take that only the browser works on.
const ANSWER: Duration = Duration::from_secs(60);

/// What a page says by itself.
#[derive(Debug)]
pub(super) enum Event {
    /// It called the binding `report`.
    Report(Value),
    /// It printed a line, or did not catch an exception.
    Console(String),
}

/// A command that is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    method: String,
    answer: Receiver<Answer>,
}

impl Pending {
    /// Waits for the answer.
    pub(super) fn within(self, time: Duration) -> io::Result<Value> {
        let answer = match self.answer.recv_timeout(time) {
            Ok(answer) => answer,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("no answer within {time:?}")),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err("the page has crashed, or the browser has ended".to_owned())
            }
        };
        answer.map_err(|error| io::Error::other(format!("{}: {error}", self.method)))
    }
}

/// What comes of a command: its result, or what the browser says is wrong.
type Answer = Result<Value, String>;

/// Who waits for an answer.
#[derive(Debug)]
struct Waiting {
    session: Option<String>,
    sender: Sender<Answer>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Routes {
    last: u64,
    /// By the command's number.
    commands: HashMap<u64, Waiting>,
    sessions: HashMap<String, Sender<Event>>,
    has_ended: bool,
}

/// The two pipes.
#[derive(Debug)]
pub(super) struct Protocol {
    commands: Mutex<ChildStdin>,
    routes: Arc<Mutex<Routes>>,
}

impl Protocol {
    /// Speaks it over these pipes.
    pub(super) fn start(commands: ChildStdin, answers: ChildStdout) -> Self {
        let routes = Arc::new(Mutex::new(Routes::default()));
        let ours = Arc::clone(&routes);
        thread::spawn(move || {
            let mut answers = BufReader::new(answers);
            let mut message = Vec::new();
            while let Ok(1..) = answers.read_until(0, &mut message) {
                if message.pop_if(|last| *last == 0).is_some()
                    && let Ok(value) = serde_json::from_slice(&message)
                {
                    lock(&ours).route(value);
                }
                message.clear();
            }
            let mut ours = lock(&ours);
            ours.has_ended = true;
            ours.commands.clear();
            ours.sessions.clear();
        });
        Self {
            commands: Mutex::new(commands),
            routes,
        }
    }

    /// One command and its answer.
    pub(super) fn call(&self, session: Option<&str>, method: &str, parameters: &Value) -> io::Result<Value> {
        self.begin(session, method, parameters)?.within(ANSWER)
    }

    /// Sends a command.
    pub(super) fn begin(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
    ) -> io::Result<Pending> {
        let (sender, answer) = mpsc::channel();
        let id = {
            let mut routes = lock(&self.routes);
            if routes.has_ended {
                return Err(io::Error::other("the browser has ended"));
            }
            routes.last += 1;
            let id = routes.last;
            let session = session.map(str::to_owned);
            routes.commands.insert(id, Waiting { session, sender });
            id
        };
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.write_all(format!("{message}\0").as_bytes())?;
        commands.flush()?;
        Ok(Pending {
            method: method.to_owned(),
            answer,
        })
    }

    /// What a session says from here on.
    pub(super) fn subscribe(&self, session: &str) -> Receiver<Event> {
        let (sender, events) = mpsc::channel();
        lock(&self.routes).sessions.insert(session.to_owned(), sender);
        events
    }

    /// It is not waited for any more.
    pub(super) fn unsubscribe(&self, session: &str) {
        lock(&self.routes).leave(session);
    }
}

impl Routes {
    fn route(&mut self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = self.commands.remove(&id) {
                let error = &message["error"];
                let answer = if error.is_null() {
                    Ok(message["result"].take())
                } else {
                    Err(error.to_string())
                };
                // It is not waited for any more when a test has failed.
                let _ = waiting.sender.send(answer);
            }
            return;
        }
        let Some(session) = message["sessionId"].as_str().map(str::to_owned) else {
            return;
        };
        let parameters = &message["params"];
        let event = match message["method"].as_str() {
            Some("Runtime.bindingCalled") => {
                let payload = parameters["payload"].as_str().unwrap_or_default();
                Event::Report(serde_json::from_str(payload).unwrap_or_default())
            }
            Some("Runtime.consoleAPICalled") => Event::Console(line(&parameters["args"])),
            Some("Runtime.exceptionThrown") => Event::Console(parameters["exceptionDetails"].to_string()),
            Some("Inspector.targetCrashed" | "Inspector.detached") => return self.leave(&session),
            _ => return,
        };
        if let Some(page) = self.sessions.get(&session) {
            let _ = page.send(event);
        }
    }

    /// Nothing of a session is answered any more.
    fn leave(&mut self, session: &str) {
        self.sessions.remove(session);
        self.commands
            .retain(|_, waiting| waiting.session.as_deref() != Some(session));
    }
}

/// The arguments of a call of the console.
fn line(arguments: &Value) -> String {
    let words = arguments.as_array().into_iter().flatten().map(|argument| {
        let shown = argument["value"].as_str().or(argument["description"].as_str());
        shown.map_or_else(|| argument["value"].to_string(), str::to_owned)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn lock(routes: &Mutex<Routes>) -> MutexGuard<'_, Routes> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}
