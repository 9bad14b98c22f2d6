//! Whose certificates are believed.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The bundle is not PEM.
    #[error("the certificate bundle is not valid PEM")]
    Malformed(#[source] rustls::pki_types::pem::Error),
    /// The bundle is empty, or has only other things in it.
    #[error("the certificate bundle has no `BEGIN CERTIFICATE` block in it")]
    NoCertificate,
    /// A certificate of the bundle is none.
    #[error("certificate {number} of the bundle cannot be read")]
    Unreadable {
        /// Which one, counted from 1.
        number: usize,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Unavailable(#[source] rustls::Error),
}

/// The certificates that calls believe: the machine's own, and those of a bundle. Clones are the same: what
/// is put in the place of one is in force for all calls that are made with any of them.
#[derive(Clone)]
pub struct Trust(Arc<RwLock<Arc<ClientConfig>>>);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Reads the certificates of this machine now, and those of a bundle of PEM.
    pub fn new(bundle: Option<&[u8]>) -> Result<Self, TlsSetupError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(client_config(bundle)?)))))
    }

    /// Reads them anew. What is wrong with them leaves those in force that were. Connections that were made
    /// with the old ones serve no further call.
    pub fn replace(&self, bundle: Option<&[u8]>) -> Result<(), TlsSetupError> {
        let new = Arc::new(client_config(bundle)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// TLS that believes the machine's certificates and those of a PEM bundle.
fn client_config(bundle: Option<&[u8]>) -> Result<ClientConfig, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a certificate of this machine cannot be loaded");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(bundle) = bundle {
        add_bundle(&mut roots, bundle)?;
    }
    if roots.is_empty() {
        tracing::warn!("this machine has no certificates, so no provider can be reached over https");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsSetupError::Unavailable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // HTTP/2 where the other side offers it.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add_bundle(roots: &mut RootCertStore, bundle: &[u8]) -> Result<(), TlsSetupError> {
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(bundle) {
        number += 1;
        let certificate = certificate.map_err(TlsSetupError::Malformed)?;
        roots.add(certificate).map_err(|source| TlsSetupError::Unreadable { number, source })?;
    }
    if number == 0 { Err(TlsSetupError::NoCertificate) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let refused = |bundle: &str| client_config(Some(bundle.as_bytes())).unwrap_err();
        assert!(matches!(refused(""), TlsSetupError::NoCertificate));
        assert!(matches!(
            refused("-----BEGIN X-----\nAAAA\n-----END X-----\n"),
            TlsSetupError::NoCertificate
        ));
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(refused(no_certificate), TlsSetupError::Unreadable { number: 1, .. }));
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(refused(cut), TlsSetupError::Malformed(_)));
    }
}
