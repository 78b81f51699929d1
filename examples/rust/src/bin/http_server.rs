//! A server by axum, with TLS by rustls: `http_server ADDRESS [CERTIFICATE KEY]`. It ends after a POST to /quit.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Router, body::Bytes};
use examples::{Failure, end, tls_server};
use guestnet_guest::tokio::TcpListener;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

async fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (address, files) = words.split_first().ok_or("no address")?;
    let listener = TcpListener::bind(*address)?;
    let address = listener.local_addr()?;
    let quit = Arc::new(Notify::new());
    let app = Router::new()
        .route(
            "/hello/{name}",
            get(|Path(name): Path<String>| async move { format!("hello {name}\n") }),
        )
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/large", get(|| async { vec![b'x'; 1 << 20] }))
        .route(
            "/quit",
            post(|State(quit): State<Arc<Notify>>| async move { quit.notify_one() }),
        )
        .with_state(Arc::clone(&quit));
    let ended = async move { quit.notified().await };
    match files {
        [] => {
            println!("listening on http://{address}");
            axum::serve(Plain(listener), app)
                .with_graceful_shutdown(ended)
                .await?;
        }
        [certificate, key] => {
            let tls = TlsAcceptor::from(Arc::new(tls_server(certificate, key)?));
            println!("listening on https://{address}");
            axum::serve(Tls(listener, tls), app)
                .with_graceful_shutdown(ended)
                .await?;
        }
        _ => return Err("http_server ADDRESS [CERTIFICATE KEY]".into()),
    }
    println!("end");
    Ok(())
}

struct Plain(TcpListener);

impl axum::serve::Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        accept(&self.0).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One handshake at a time, which is enough for an example.
struct Tls(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            let (stream, peer) = accept(&self.0).await;
            match self.1.accept(stream).await {
                Ok(stream) => return (stream, peer),
                Err(error) => eprintln!("a handshake failed: {error}"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// axum wants a connection; one that failed before it was accepted is not the server's end.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => eprintln!("accept: {error}"),
        }
        tokio::task::yield_now().await;
    }
}
