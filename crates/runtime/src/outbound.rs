//! Calls to the outside, and whose certificates they believe.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context;
use promptgate_settings::Settings;
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, Reach, TlsSetupError, Trust};

use crate::base::Base;
use crate::destinations;

/// The certificates that all calls of a process believe: the machine's, and those of `PROMPTGATE_CA_FILE`.
/// Read when they are first needed. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Certificates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    trust: OnceLock<Trust>,
    /// What is amiss with them and was not logged yet.
    untold: Mutex<Vec<String>>,
}

impl Certificates {
    fn trust(&self, settings: &Settings) -> anyhow::Result<Trust> {
        if let Some(trust) = self.0.trust.get() {
            return Ok(trust.clone());
        }
        let bundle = bundle(settings)?;
        let trust = Trust::new(bundle.as_deref()).map_err(named)?;
        Ok(self
            .0
            .trust
            .get_or_init(|| {
                self.untold().extend(trust.warnings());
                trust
            })
            .clone())
    }

    fn untold(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs what is amiss with what was read, once. Whoever exports traces reads them before there are logs.
    pub(crate) fn tell(&self) {
        for warning in std::mem::take(&mut *self.untold()) {
            tracing::warn!("{warning}");
        }
    }

    /// Reads them anew, where the settings say now; whether there was anything to read. What is wrong leaves
    /// those in force that were.
    pub(crate) fn read_anew(&self, settings: &Settings) -> anyhow::Result<bool> {
        let Some(trust) = self.0.trust.get() else { return Ok(false) };
        let bundle = bundle(settings)?;
        trust.replace(bundle.as_deref()).map_err(named)?;
        Ok(true)
    }

    /// Calls that reach so far. Before there are logs; [`Self::tell`] says later what is amiss.
    pub(crate) fn client(&self, settings: &Settings, reach: Reach) -> anyhow::Result<HttpUpstream> {
        let guard = destinations::guard(settings, reach)?;
        let options = HttpUpstreamOptions { guard, ..HttpUpstreamOptions::default() };
        Ok(HttpUpstream::new(self.trust(settings)?, &options))
    }
}

/// Calls to wherever an administrator of the installation or its operator says.
pub(crate) fn trusted(base: &Base) -> anyhow::Result<HttpUpstream> {
    client(base, Reach::Trusted)
}

/// Calls to addresses that come from a form or a project.
pub(crate) fn public(base: &Base) -> anyhow::Result<HttpUpstream> {
    client(base, Reach::Public)
}

fn client(base: &Base, reach: Reach) -> anyhow::Result<HttpUpstream> {
    let client = base.certificates.client(&base.settings, reach)?;
    base.certificates.tell();
    Ok(client)
}

/// With the name of the setting, where that is what is wrong.
fn named(error: TlsSetupError) -> anyhow::Error {
    let is_of_bundle = error.is_of_bundle();
    let error = anyhow::Error::from(error);
    if is_of_bundle { error.context("PROMPTGATE_CA_FILE") } else { error }
}

fn bundle(settings: &Settings) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = settings.secrets()?.ca_file else { return Ok(None) };
    let read = std::fs::read(&path);
    read.map(Some).with_context(|| format!("PROMPTGATE_CA_FILE {}", path.display()))
}
