//! [`Client`]: gRPC over a UNIX socket, one call after the other, as much of it as questions to containerd need.
//!
//! The frames are h2's. Here is what gRPC adds: a path, a few headers, five bytes before each message, and a status at the end.
//! What is in a message is its sender's and its reader's business.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout_at};

/// The largest message that is taken. containerd itself sends none that is larger.
const MOST: usize = 16 << 20;

/// The most that an answer may have in headers: a status and a sentence.
const MOST_HEADERS: u32 = 64 << 10;

/// How much may be on its way: one message of a content as containerd cuts it.
const WINDOW: u32 = 1 << 20;

/// The status of a call that has done what it was asked for.
const OK: &str = "0";

/// The status where there is no such thing.
const NOT_FOUND: &str = "5";

/// Why a call has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such thing.
    Missing,
    /// There is no answer, or another one than expected: one sentence.
    Broken(String),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// Has this thread only, and ends with the connection.
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    metadata: HeaderMap,
    until: Instant,
}

impl Client {
    /// Connects to a socket. All calls together have `patience`, and say `metadata`.
    ///
    /// # Errors
    /// No server is there that talks HTTP/2.
    pub(crate) fn connect(
        address: &str,
        metadata: &[(&'static str, &str)],
        patience: Duration,
    ) -> Result<Client, Failure> {
        let path = address.strip_prefix("unix://").unwrap_or(address);
        let mut headers = HeaderMap::new();
        for (name, value) in metadata {
            headers.insert(
                *name,
                HeaderValue::from_str(value).map_err(|error| broken(&error))?,
            );
        }
        let until = Instant::now() + patience;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| broken(&error))?;
        let connect = async {
            let socket = UnixStream::connect(path).await.map_err(|error| broken(&error))?;
            h2::client::Builder::new()
                .enable_push(false)
                .initial_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_header_list_size(MOST_HEADERS)
                .handshake(socket)
                .await
                .map_err(|error| broken(&error))
        };
        let (requests, connection) = runtime
            .block_on(async { timeout_at(until, connect).await })
            .map_err(late)??;
        runtime.spawn(connection);
        Ok(Client {
            runtime,
            requests,
            metadata: headers,
            until,
        })
    }

    /// Asks, and returns the one message of the answer.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub(crate) fn ask(&mut self, method: &str, question: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut answers = Vec::new();
        self.ask_for_all(method, question, &mut |message| {
            answers.push(message.to_vec());
            answers.len() < 2
        })?;
        match answers.pop() {
            Some(answer) if answers.is_empty() => Ok(answer),
            _ => Err(broken(&"not one message is the answer")),
        }
    }

    /// Asks, and hands over each message of the answer until `each` has enough and says false.
    ///
    /// # Errors
    /// As they are.
    pub(crate) fn ask_for_all(
        &mut self,
        method: &str,
        question: &[u8],
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        let mut request = Request::post(format!("http://localhost{method}"))
            .body(())
            .map_err(|error| broken(&error))?;
        let headers = request.headers_mut();
        headers.clone_from(&self.metadata);
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        let (requests, until) = (self.requests.clone(), self.until);
        let call = call(requests, request, framed(question)?, each);
        self.runtime
            .block_on(async { timeout_at(until, call).await })
            .map_err(late)?
    }
}

async fn call(
    requests: SendRequest<Bytes>,
    request: Request<()>,
    question: Bytes,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), Failure> {
    let failed = |error: h2::Error| broken(&error);
    let mut requests = requests.ready().await.map_err(failed)?;
    let (response, mut body) = requests.send_request(request, false).map_err(failed)?;
    body.send_data(question, true).map_err(failed)?;
    let (head, mut body) = response.await.map_err(failed)?.into_parts();
    if head.status != StatusCode::OK {
        return Err(broken(&format!("the answer is {}", head.status)));
    }
    let mut received = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(failed)?;
        body.flow_control().release_capacity(data.len()).map_err(failed)?;
        received.extend_from_slice(&data);
        while let Some(message) = message(&mut received)? {
            if !each(&message) {
                return Ok(());
            }
        }
    }
    if !received.is_empty() {
        return Err(broken(&"the answer ends within a message"));
    }
    let trailers = body.trailers().await.map_err(failed)?;
    // An answer without a message has its status in its only headers.
    status(trailers.as_ref().unwrap_or(&head.headers))
}

/// A message with its length before it.
fn framed(message: &[u8]) -> Result<Bytes, Failure> {
    let length = u32::try_from(message.len()).map_err(|error| broken(&error))?;
    Ok([&[0], &length.to_be_bytes()[..], message].concat().into())
}

/// Takes the first message, if all of it is there.
fn message(received: &mut BytesMut) -> Result<Option<BytesMut>, Failure> {
    let Some((head, _)) = received.split_first_chunk::<5>() else {
        return Ok(None);
    };
    let [compressed, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if compressed != 0 || length > MOST {
        return Err(broken(&"a message is compressed or larger than 16 MiB"));
    }
    if received.len() - head.len() < length {
        return Ok(None);
    }
    received.advance(5);
    Ok(Some(received.split_to(length)))
}

fn status(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get("grpc-status") {
        Some(status) if status == OK => Ok(()),
        Some(status) if status == NOT_FOUND => Err(Failure::Missing),
        Some(status) => {
            let text = headers
                .get("grpc-message")
                .map_or(&b""[..], HeaderValue::as_bytes);
            Err(broken(&match String::from_utf8_lossy(text) {
                text if text.is_empty() => {
                    format!("the status is {}", String::from_utf8_lossy(status.as_bytes())).into()
                }
                text => text,
            }))
        }
        None => Err(broken(&"the answer has no status")),
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

fn late(_: tokio::time::error::Elapsed) -> Failure {
    broken(&"it takes too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Answer, StandIn};

    const ENOUGH: Duration = Duration::from_secs(30);

    fn ask(answer: Answer, patience: Duration) -> Result<Vec<u8>, Failure> {
        let server = StandIn::start(move |_, _| answer.clone());
        let metadata = [("containerd-namespace", StandIn::NAMESPACE)];
        Client::connect(&server.address(), &metadata, patience)?.ask("/a.B/C", b"question")
    }

    fn body(body: &[u8]) -> Answer {
        Answer {
            body: body.to_vec(),
            ..Answer::messages([])
        }
    }

    fn sentence(answer: Result<Vec<u8>, Failure>) -> String {
        match answer {
            Err(Failure::Broken(sentence)) => sentence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_message_is_an_answer() {
        assert_eq!(
            ask(Answer::messages([b"answer".to_vec()]), ENOUGH).unwrap(),
            b"answer"
        );
        assert_eq!(ask(Answer::messages([Vec::new()]), ENOUGH).unwrap(), b"");
        let not_one = "not one message is the answer";
        assert_eq!(sentence(ask(Answer::messages([]), ENOUGH)), not_one);
        let many = std::iter::repeat_n(vec![7; 1000], 1000);
        assert_eq!(sentence(ask(Answer::messages(many), ENOUGH)), not_one);
    }

    #[test]
    fn a_status_counts_where_it_stands() {
        assert_eq!(ask(Answer::status("5"), ENOUGH), Err(Failure::Missing));
        assert_eq!(sentence(ask(Answer::status("13"), ENOUGH)), "the status is 13");
        let late = Answer {
            status: Some("5"),
            ..Answer::messages([b"answer".to_vec()])
        };
        assert_eq!(ask(late, ENOUGH), Err(Failure::Missing));
        for message in [Some(b"answer".to_vec()), None] {
            let none = Answer {
                status: None,
                ..Answer::messages(message)
            };
            assert_eq!(sentence(ask(none, ENOUGH)), "the answer has no status");
        }
    }

    #[test]
    fn no_server_costs_more_than_its_share() {
        let large = "a message is compressed or larger than 16 MiB";
        assert_eq!(
            sentence(ask(body(&[0, 0xff, 0xff, 0xff, 0xff, 1]), ENOUGH)),
            large
        );
        assert_eq!(sentence(ask(body(&[1, 0, 0, 0, 0]), ENOUGH)), large);
        let cut = "the answer ends within a message";
        for part in [&[0][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 2, 1]] {
            assert_eq!(sentence(ask(body(part), ENOUGH)), cut, "{part:?}");
        }
        let silent = Answer {
            silent: true,
            ..Answer::messages([])
        };
        assert_eq!(
            sentence(ask(silent, Duration::from_millis(100))),
            "it takes too long"
        );
    }

    #[test]
    fn what_is_no_server_is_said() {
        assert!(!sentence(Client::connect("/nowhere", &[], ENOUGH).map(|_| Vec::new())).is_empty());
        let bad = [("containerd-namespace", "a\nb")];
        assert!(!sentence(Client::connect("/nowhere", &bad, ENOUGH).map(|_| Vec::new())).is_empty());
        // One that hangs up, after it has said something else.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let answer = Client::connect(path.to_str().unwrap(), &[], ENOUGH)
            .and_then(|mut client| client.ask("/a.B/C", b""));
        assert!(!sentence(answer).is_empty());
        server.join().unwrap();
    }
}
