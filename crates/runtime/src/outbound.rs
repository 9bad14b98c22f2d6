//! Calls to the outside, and whose certificates they believe.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use promptgate_settings::Settings;
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, Reach, Trust};

use crate::base::Base;
use crate::destinations;

/// The certificates that all calls of a process believe: the machine's, and those of `PROMPTGATE_CA_FILE`.
/// Read when they are first needed. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Certificates(Arc<OnceLock<Trust>>);

impl Certificates {
    fn trust(&self, settings: &Settings) -> anyhow::Result<Trust> {
        if let Some(trust) = self.0.get() {
            return Ok(trust.clone());
        }
        let bundle = bundle(settings)?;
        let trust = Trust::new(bundle.as_deref()).context("PROMPTGATE_CA_FILE")?;
        Ok(self.0.get_or_init(|| trust).clone())
    }

    /// Reads them anew, where the settings say now; whether there was anything to read. What is wrong leaves
    /// those in force that were.
    pub(crate) fn read_anew(&self, settings: &Settings) -> anyhow::Result<bool> {
        let Some(trust) = self.0.get() else { return Ok(false) };
        let bundle = bundle(settings)?;
        trust.replace(bundle.as_deref()).context("PROMPTGATE_CA_FILE")?;
        Ok(true)
    }

    /// Calls that reach so far.
    pub(crate) fn client(&self, settings: &Settings, reach: Reach) -> anyhow::Result<HttpUpstream> {
        let guard = destinations::guard(settings, reach)?;
        let options = HttpUpstreamOptions { guard, ..HttpUpstreamOptions::default() };
        Ok(HttpUpstream::new(self.trust(settings)?, &options))
    }
}

/// Calls to wherever an administrator of the installation or its operator says.
pub(crate) fn trusted(base: &Base) -> anyhow::Result<HttpUpstream> {
    base.certificates.client(&base.settings, Reach::Trusted)
}

/// Calls to addresses that come from a form or a project.
pub(crate) fn public(base: &Base) -> anyhow::Result<HttpUpstream> {
    base.certificates.client(&base.settings, Reach::Public)
}

fn bundle(settings: &Settings) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = settings.secrets()?.ca_file else { return Ok(None) };
    let read = std::fs::read(&path);
    read.map(Some).with_context(|| format!("PROMPTGATE_CA_FILE {}", path.display()))
}
