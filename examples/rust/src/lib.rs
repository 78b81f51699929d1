//! What the examples share: TLS without C, and how a failed program says why.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Any error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How a program ends. A failure is printed with what caused it, and with the kind of the I/O error that it came from:
/// `PermissionDenied` where the policy does not allow it.
pub fn end(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("failed: {failure}");
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*failure);
    while let Some(error) = cause {
        // The crate redis has it behind a shared pointer.
        let shared = error.downcast_ref::<Arc<dyn Error + Send + Sync>>();
        let inner = shared.map_or_else(|| error.downcast_ref(), |shared| shared.downcast_ref());
        if let Some(error) = inner {
            eprintln!("kind: {:?}", io::Error::kind(error));
        }
        cause = error.source();
        if let Some(cause) = cause {
            eprintln!("because: {cause}");
        }
    }
    ExitCode::FAILURE
}

/// TLS for a client that believes the authorities of one file.
///
/// # Errors
/// When the file is none of certificates.
pub fn tls_client(authorities: &str) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authorities)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls_rustcrypto::provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// TLS for a server with this certificate and its key.
///
/// # Errors
/// When a file is not what it is said to be.
pub fn tls_server(certificate: &str, key: &str) -> Result<ServerConfig, Failure> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)?.collect();
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls_rustcrypto::provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config
        .with_no_client_auth()
        .with_single_cert(certificates?, key)?)
}
