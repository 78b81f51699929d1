//! hyper and tokio, unmodified, over sockets that guestnet-guest opens: a server and its client in one program.
//!
//! The crate's connector is what a client that asks for a `tower` service of `Uri` wants. hyper-util's own client does not compile
//! for wasip1, because it needs socket2, so that the connections are hyper's.

use guestnet_guest::hyper::Connector;
use guestnet_guest::tokio::{TcpListener, connect};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tower_service::Service;

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
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
        let error = connect(("127.0.0.1", port)).await.map(drop);
        println!("closed: {:?}", error.map_err(|error| error.kind()));
        Ok(())
    })
}
