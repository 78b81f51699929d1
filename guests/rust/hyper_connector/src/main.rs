//! hyper and tokio, unmodified, over sockets that guestnet-guest opens: a server and its client in one program.
//!
//! `Connector` is what a client that asks for a `tower` service of `Uri` wants. hyper-util's own client does not compile for
//! wasip1, because it needs socket2, so that the connections are hyper's.

use guestnet_guest::{SocketOptions, TcpListener, TcpStream, lookup_host};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

type Stream = TokioIo<tokio::net::TcpStream>;

/// Connects to the host of a URI. The look-up waits for its answer, the connection does not.
#[derive(Debug, Clone, Copy)]
struct Connector;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let host = uri.host().ok_or_else(|| io::Error::other("no host"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let mut last = io::Error::other("no address");
            for addr in lookup_host((host, uri.port_u16().unwrap_or(80)))? {
                match connect(addr).await {
                    Ok(stream) => return Ok(TokioIo::new(stream)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        })
    }
}

/// As `tokio::net::TcpStream::connect`, which is `Unsupported` on wasip1.
async fn connect(addr: SocketAddr) -> io::Result<tokio::net::TcpStream> {
    let stream = TcpStream::connect_nonblocking(&addr)?;
    let stream = tokio::net::TcpStream::from_std(stream.into())?;
    stream.writable().await?;
    match stream.pending_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let mut response = Response::new(Full::default());
    match request.uri().path() {
        "/echo" => *response.body_mut() = Full::new(request.into_body().collect().await?.to_bytes()),
        "/large" => *response.body_mut() = Full::new(Bytes::from(vec![b'x'; 1 << 20])),
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

async fn serve(listener: TcpListener) -> io::Result<Infallible> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener.into())?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer)),
        );
    }
}

async fn request(uri: &Uri, body: &str) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error>> {
    let stream = Connector.call(uri.clone()).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let request = Request::post(uri.path())
        .header("host", host)
        .body(Full::new(Bytes::from(body.to_owned())))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = tokio::spawn(serve(listener));
        for host in ["127.0.0.1", "localhost"] {
            let uri = format!("http://{host}:{port}/echo").parse()?;
            let (status, body) = request(&uri, "a request").await?;
            println!("{host}: {status} {:?}", String::from_utf8_lossy(&body));
        }
        let (status, body) = request(&format!("http://127.0.0.1:{port}/large").parse()?, "").await?;
        println!("large: {status} {} bytes", body.len());
        let (status, _) = request(&format!("http://127.0.0.1:{port}/").parse()?, "").await?;
        println!("nothing there: {status}");
        server.abort();
        // The listener is closed when the task has gone.
        println!(
            "the server has ended: {}",
            server.await.is_err_and(|error| error.is_cancelled())
        );
        let error = connect((std::net::Ipv4Addr::LOCALHOST, port).into())
            .await
            .map(drop);
        println!("closed: {:?}", error.map_err(|error| error.kind()));
        Ok(())
    })
}
