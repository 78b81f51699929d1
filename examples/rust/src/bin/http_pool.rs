//! GET by hyper-util's client, which keeps its connections, with TLS by hyper-rustls: `http_pool [--ca FILE] URL...`. Not for
//! wasm32-wasip1, where that client does not compile.

#[cfg(not(target_env = "p1"))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    examples::end(run().await)
}

#[cfg(target_env = "p1")]
fn main() {
    eprintln!("hyper-util's client needs the crate socket2, which does not compile for wasm32-wasip1");
    std::process::exit(1);
}

#[cfg(not(target_env = "p1"))]
async fn run() -> Result<(), examples::Failure> {
    use guestnet_guest::hyper::Connector;
    use http_body_util::{BodyExt, Empty};
    use hyper::body::Bytes;
    use hyper::{Request, Uri};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [option, authorities, urls @ ..] = words.as_slice() else {
        return Err("http_pool --ca FILE URL...".into());
    };
    if *option != "--ca" {
        return Err("no certificates: --ca FILE".into());
    }
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(examples::tls_client(authorities)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(Connector);
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    for url in urls {
        let uri: Uri = url.parse()?;
        let path = uri.path().to_owned();
        let response = client.request(Request::get(uri).body(Empty::new())?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{path}: {status}, {} bytes", body.len());
    }
    Ok(())
}
