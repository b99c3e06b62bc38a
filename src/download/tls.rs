//! Whom a secure connection trusts: the system's certificate authorities, and those that the operator adds. Nothing here
//! can be told to trust everybody.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::DownloadError;

/// The trust, and the connector made from it when it is first needed: reading the system's certificates takes
/// milliseconds, and most origins inside a network are plain HTTP.
#[derive(Clone, Default)]
pub struct Tls {
    added: Vec<CertificateDer<'static>>,
    connector: Arc<OnceLock<TlsConnector>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the system's authorities and {} more", self.added.len())
    }
}

impl Tls {
    /// Trusts the authorities in a PEM file too.
    ///
    /// # Errors
    /// It cannot be read, or holds no certificate.
    pub fn with_file(path: &Path) -> Result<Self, DownloadError> {
        let refuse = |why: String| DownloadError::CertificateFile { path: path.to_owned(), why };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
        let added: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| refuse(error.to_string()))?;
        let mut trial = RootCertStore::empty();
        let (sound, _) = trial.add_parsable_certificates(added.iter().cloned());
        if sound == 0 {
            return Err(refuse("there is no certificate in it".to_owned()));
        }
        Ok(Self { added, connector: Arc::default() })
    }

    /// Makes `stream` secure, talking to `host`.
    ///
    /// # Errors
    /// The handshake fails for good, or the connection breaks off.
    pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, DownloadError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| DownloadError::UrlInvalid { url: host.to_owned(), why: error.to_string() })?;
        self.connector().connect(name, stream).await.map_err(|source| failed(host, source))
    }

    fn connector(&self) -> TlsConnector {
        self.connector.get_or_init(|| connector(&self.added)).clone()
    }
}

/// What rustls has to say is final; what the network says is not.
fn failed(host: &str, source: io::Error) -> DownloadError {
    let host = host.to_owned();
    match source.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        true => DownloadError::Tls { host, source },
        false => DownloadError::Unreachable { host, source },
    }
}

fn connector(added: &[CertificateDer<'static>]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::debug!(%error, "a certificate of the system cannot be used");
    }
    roots.add_parsable_certificates(found.certs);
    roots.add_parsable_certificates(added.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring's provider speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
