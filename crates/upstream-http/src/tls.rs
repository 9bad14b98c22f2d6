//! Whose certificates are believed.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_native_certs};

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
    /// The machine's own certificates cannot all be read.
    #[error("the certificates of this machine cannot be read: {0}")]
    MachineUnreadable(String),
    /// Nothing would be believed any more.
    #[error("this machine has no certificates any more")]
    NoneLeft,
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Unavailable(#[source] rustls::Error),
}

impl TlsSetupError {
    /// Whether it is the bundle that is wrong.
    pub const fn is_of_bundle(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::NoCertificate | Self::Unreadable { .. } => true,
            Self::MachineUnreadable(_) | Self::NoneLeft | Self::Unavailable(_) => false,
        }
    }
}

/// The certificates that calls believe: the machine's own, and those of a bundle. Clones are the same: what
/// is put in the place of one is in force for all calls that are made with any of them.
#[derive(Clone)]
pub struct Trust(Arc<RwLock<Arc<Believed>>>);

/// Certificates, and TLS that believes them.
struct Believed {
    config: Arc<ClientConfig>,
    /// How many certificates there are.
    roots: usize,
    /// Why some of the machine's own are missing.
    missing: Vec<String>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Reads the certificates of this machine now, and those of a bundle of PEM. What cannot be read of the
    /// machine's own is left out; [`Self::warnings`] says so.
    pub fn new(bundle: Option<&[u8]>) -> Result<Self, TlsSetupError> {
        let believed = Believed::new(load_native_certs(), bundle)?;
        Ok(Self(Arc::new(RwLock::new(Arc::new(believed)))))
    }

    /// Reads them anew. What is wrong with them, the machine's own among them, leaves those in force that
    /// were. Connections that were made with the old ones serve no further call.
    pub fn replace(&self, bundle: Option<&[u8]>) -> Result<(), TlsSetupError> {
        self.replace_with(load_native_certs(), bundle)
    }

    fn replace_with(&self, native: CertificateResult, bundle: Option<&[u8]>) -> Result<(), TlsSetupError> {
        let new = Believed::new(native, bundle)?;
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // What could not be read before is no loss.
        let lost: Vec<&str> =
            new.missing.iter().filter(|error| !current.missing.contains(error)).map(String::as_str).collect();
        if !lost.is_empty() {
            return Err(TlsSetupError::MachineUnreadable(lost.join("; ")));
        }
        // Where there were none before, nothing gets lost.
        if new.roots == 0 && current.roots > 0 {
            return Err(TlsSetupError::NoneLeft);
        }
        *current = Arc::new(new);
        Ok(())
    }

    /// What is amiss with the certificates in force, in words.
    pub fn warnings(&self) -> Vec<String> {
        let believed = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let missing = believed.missing.iter();
        let mut warnings: Vec<_> =
            missing.map(|error| format!("a certificate of this machine cannot be loaded: {error}")).collect();
        if believed.roots == 0 {
            warnings.push(
                "this machine has no certificates, so no provider can be reached over https".to_owned(),
            );
        }
        warnings
    }

    pub(crate) fn current(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).config)
    }
}

impl Believed {
    /// The machine's certificates and those of a PEM bundle.
    fn new(native: CertificateResult, bundle: Option<&[u8]>) -> Result<Self, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        let missing = native.errors.iter().map(ToString::to_string).collect();
        roots.add_parsable_certificates(native.certs);
        if let Some(bundle) = bundle {
            add_bundle(&mut roots, bundle)?;
        }
        let number = roots.len();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsSetupError::Unavailable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // HTTP/2 where the other side offers it.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), roots: number, missing })
    }
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

    const CA: &[u8] = include_bytes!("../tests/data/ca.pem");

    fn machine(has_certificate: bool, errors: usize) -> CertificateResult {
        let mut native = CertificateResult::default();
        let certificate = CertificateDer::from_pem_slice(CA).unwrap();
        native.certs.extend(has_certificate.then_some(certificate));
        native.errors.extend((0..errors).map(|_| rustls_native_certs::Error {
            context: "failed to read PEM",
            kind: rustls_native_certs::ErrorKind::Os("no such thing".into()),
        }));
        native
    }

    fn trust(native: CertificateResult) -> Trust {
        Trust(Arc::new(RwLock::new(Arc::new(Believed::new(native, None).unwrap()))))
    }

    #[test]
    fn a_machine_whose_certificates_are_gone_or_broken_leaves_those_in_force_that_were() {
        let trust = trust(machine(true, 0));
        assert_eq!(trust.warnings(), Vec::<String>::new());
        let before = trust.current();
        let broken = trust.replace_with(machine(true, 1), None).unwrap_err();
        assert!(matches!(&broken, TlsSetupError::MachineUnreadable(_)) && !broken.is_of_bundle());
        assert!(broken.to_string().contains("no such thing"), "{broken}");
        assert!(matches!(
            trust.replace_with(machine(false, 1), Some(CA)),
            Err(TlsSetupError::MachineUnreadable(_))
        ));
        assert!(matches!(trust.replace_with(machine(false, 0), None), Err(TlsSetupError::NoneLeft)));
        assert!(Arc::ptr_eq(&before, &trust.current()));
        trust.replace_with(machine(false, 0), Some(CA)).unwrap();
        assert!(!Arc::ptr_eq(&before, &trust.current()));
    }

    #[test]
    fn a_start_takes_what_there_is_and_says_what_is_missing() {
        let trust = trust(machine(false, 2));
        let warnings = trust.warnings();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].contains("failed to read PEM") && warnings[2].contains("no certificates"));
        // It is as it was: a bundle is taken all the same.
        trust.replace_with(machine(false, 2), Some(CA)).unwrap();
        assert_eq!(trust.warnings().len(), 2);
        let trust = self::trust(machine(false, 2));
        // There was nothing that could get lost.
        trust.replace_with(machine(false, 0), None).unwrap();
        assert_eq!(trust.warnings().len(), 1);
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let refused = |bundle: &str| {
            Believed::new(CertificateResult::default(), Some(bundle.as_bytes())).err().unwrap()
        };
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
