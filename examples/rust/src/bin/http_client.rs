//! GET by hyper, with TLS by rustls: `http_client [--ca FILE] URL...`. Connections are those of guestnet-guest, whose connector is a
//! service as hyper-util's pools and tonic's clients take it.

use examples::{Failure, end, tls_client};
use guestnet_guest::hyper::Connector;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::rt::{Read, Write};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::process::ExitCode;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    end(run().await)
}

async fn run() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut tls = None;
    if arguments.first().is_some_and(|first| first == "--ca") && arguments.len() > 1 {
        tls = Some(TlsConnector::from(Arc::new(tls_client(&arguments[1])?)));
        arguments.drain(..2);
    }
    for url in arguments {
        let uri: Uri = url.parse()?;
        let stream = Connector.call(uri.clone()).await?;
        if uri.scheme_str() == Some("https") {
            let tls = tls.as_ref().ok_or("https needs --ca")?;
            let name = ServerName::try_from(uri.host().unwrap_or_default())?.to_owned();
            let stream = tls.connect(name, stream.into_inner()).await?;
            let (_, session) = stream.get_ref();
            println!("{:?}", session.protocol_version().ok_or("no version of TLS")?);
            get(TokioIo::new(stream), &uri).await?;
        } else {
            get(stream, &uri).await?;
        }
    }
    Ok(())
}

async fn get(stream: impl Read + Write + Send + Unpin + 'static, uri: &Uri) -> Result<(), Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header("host", host)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("{path}: {status}, {} bytes", body.len());
    if body.len() < 1000 {
        println!("{}", String::from_utf8_lossy(&body).trim_end());
    }
    Ok(())
}
