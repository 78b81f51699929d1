//! [`StandIn`]: what stands in for containerd in tests of the client. It talks gRPC at a UNIX socket, and answers what a test says.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use containerd_shim_protos::protobuf::CodedOutputStream;
use http::{HeaderMap, HeaderValue, Response};
use tokio::sync::oneshot;

/// A server, which ends with its owner.
#[derive(Debug)]
pub(crate) struct StandIn {
    directory: tempfile::TempDir,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is answered to one call.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) status: Option<&'static str>,
    /// The call is not answered at all.
    pub(crate) silent: bool,
}

impl Answer {
    pub(crate) fn messages(messages: impl IntoIterator<Item = Vec<u8>>) -> Answer {
        let framed = messages.into_iter().flat_map(|message| {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            [vec![0], length.to_vec(), message].concat()
        });
        Answer {
            body: framed.collect(),
            status: Some("0"),
            silent: false,
        }
    }

    pub(crate) fn status(status: &'static str) -> Answer {
        Answer {
            status: Some(status),
            ..Answer::messages([])
        }
    }
}

impl StandIn {
    /// The only namespace that it has.
    pub(crate) const NAMESPACE: &str = "of-a-test";

    /// Starts one that answers a method and a message.
    pub(crate) fn start(answer: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static) -> StandIn {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let answer = Arc::new(answer);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                let serve = async {
                    loop {
                        let (socket, _) = listener.accept().await.unwrap();
                        let answer = Arc::clone(&answer);
                        tokio::spawn(async move { connection(socket, answer).await });
                    }
                };
                // As select!, which would need tokio's macros.
                let mut serve = std::pin::pin!(serve);
                let mut ended = std::pin::pin!(ended);
                std::future::poll_fn(|context| {
                    let _ = serve.as_mut().poll(context);
                    ended.as_mut().poll(context).map(drop)
                })
                .await;
            });
        });
        StandIn {
            directory,
            end: Some(end),
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.directory.path().join("s").display().to_string()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.end.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the stand-in has panicked");
        }
    }
}

async fn connection<F>(socket: tokio::net::UnixStream, answer: Arc<F>)
where
    F: Fn(&str, &[u8]) -> Answer + Send + Sync + 'static,
{
    let Ok(mut connection) = h2::server::handshake(socket).await else {
        return;
    };
    let mut unanswered = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let answer = Arc::clone(&answer);
        let (head, mut body) = request.into_parts();
        let question = async move {
            let mut question = Vec::new();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
                question.extend_from_slice(&data);
            }
            question
        };
        let header = |name: &str| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let is_right = header("containerd-namespace").as_deref() == Some(StandIn::NAMESPACE)
            && header("content-type").as_deref() == Some("application/grpc");
        let method = head.uri.path().to_owned();
        let (sent, received) = oneshot::channel();
        // The connection goes on meanwhile.
        tokio::spawn(async move {
            let question = question.await;
            let answer = if is_right {
                answer(&method, question.get(5..).unwrap_or_default())
            } else {
                Answer::status("9")
            };
            if answer.silent {
                let _ = sent.send(respond);
                return;
            }
            let mut trailers = HeaderMap::new();
            if let Some(status) = answer.status {
                trailers.insert("grpc-status", HeaderValue::from_static(status));
            }
            if answer.body.is_empty() {
                let mut response = Response::new(());
                *response.headers_mut() = trailers;
                let _ = respond.send_response(response, true);
            } else if let Ok(mut body) = respond.send_response(Response::new(()), false) {
                let _ = body.send_data(Bytes::from(answer.body), false);
                let _ = body.send_trailers(trailers);
            }
        });
        unanswered.push(received);
    }
}

/// A field of a message that is bytes, a text or a message.
pub(crate) fn field(number: u32, value: &[u8]) -> Vec<u8> {
    written(|output| output.write_bytes(number, value))
}

/// A field of a message that is a number.
pub(crate) fn sized(number: u32, value: u64) -> Vec<u8> {
    written(|output| output.write_uint64(number, value))
}

fn written(
    write: impl FnOnce(&mut CodedOutputStream<'_>) -> containerd_shim_protos::protobuf::Result<()>,
) -> Vec<u8> {
    let mut message = Vec::new();
    let mut output = CodedOutputStream::vec(&mut message);
    write(&mut output).and_then(|()| output.flush()).unwrap();
    drop(output);
    message
}
