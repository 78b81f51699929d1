//! A connector for HTTP clients: the service that hyper-util's pools and tonic's generated clients are built on.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::net::TcpStream;
use http::Uri;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::option::Opt;
use crate::{addr, sys, tokio};

/// Connects to the host and the port of a URI; without a port to 443 for `https`, to 80 for others. TLS is not its business.
///
/// The look-up of a name waits for its answer; the connection does not hold other tasks up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Connector;

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let host = uri.host().ok_or_else(|| addr::invalid("the URI has no host"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let default = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
                443
            } else {
                80
            };
            let stream = tokio::connect((host, uri.port_u16().unwrap_or(default))).await?;
            // tokio's own method is unsupported on wasm32-wasip1.
            sys::set_option(stream.as_fd(), Opt::TcpNoDelay, 1)?;
            Ok(TokioIo::new(stream))
        })
    }
}
