//! The endpoint entity and its transitions.

use promptgate_kernel::{ActorId, EndpointId, ProjectId, Timestamp};
use serde_json::{Map, Value};

use crate::{Catalogue, EndpointConfig, EndpointVersion, FieldErrors, NewEndpoint, VersionNote, draft};

/// A named AI endpoint of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its identity.
    pub id: EndpointId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// What is configured about it.
    pub config: EndpointConfig,
    /// Guardrail overrides: a map from guardrail to its configuration, kept as given.
    pub guardrails: Map<String, Value>,
    /// Whether it answers; switched off, it is as if it were not there.
    pub is_active: bool,
    /// The number of its newest version, from 1.
    pub latest_version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// An endpoint as it is to be stored, with the version that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its newest version.
    pub version: EndpointVersion,
}

/// Why a version cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It is a version of another endpoint.
    #[error("the version is of another endpoint")]
    ForeignVersion,
    /// It is how the endpoint is already.
    #[error("version {number} is the newest one already")]
    Newest {
        /// Its number.
        number: u32,
    },
    /// What it holds is no configuration.
    #[error("version {number} cannot be read")]
    Unreadable {
        /// Its number.
        number: u32,
    },
    /// What it names is no longer there, or no longer allowed.
    #[error("version {number} does not fit any more: {errors}")]
    Invalid {
        /// Its number.
        number: u32,
        /// What is wrong.
        errors: FieldErrors,
    },
}

impl Endpoint {
    /// Creates an endpoint and its first version, or says everything that is wrong with it.
    pub fn create(
        id: EndpointId,
        project_id: ProjectId,
        new: NewEndpoint,
        catalogue: &dyn Catalogue,
        author: Option<ActorId>,
        at: Timestamp,
    ) -> Result<Saved, FieldErrors> {
        let is_active = new.is_active.unwrap_or(true);
        let (config, guardrails) = draft::check(new, None, catalogue)?;
        let endpoint = Self {
            id,
            project_id,
            config,
            guardrails,
            is_active,
            latest_version: 1,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        Ok(endpoint.saved(VersionNote::Created, author))
    }

    /// Replaces the whole configuration: what `new` leaves out falls back to its default, but for the
    /// slug and whether the endpoint is on, which stay.
    pub fn replace(
        self,
        new: NewEndpoint,
        catalogue: &dyn Catalogue,
        author: Option<ActorId>,
        at: Timestamp,
    ) -> Result<Saved, FieldErrors> {
        let is_active = new.is_active.unwrap_or(self.is_active);
        let (config, guardrails) = draft::check(new, Some(&self.config.slug), catalogue)?;
        let next = Self { config, guardrails, is_active, ..self }.next(at);
        Ok(next.saved(VersionNote::Updated, author))
    }

    /// Makes the configuration of an older version the present one, as a new version. Guardrails and
    /// whether the endpoint is on stay.
    pub fn restore(
        self,
        version: &EndpointVersion,
        catalogue: &dyn Catalogue,
        author: Option<ActorId>,
        at: Timestamp,
    ) -> Result<Saved, RestoreError> {
        let number = version.number;
        if version.endpoint_id != self.id {
            return Err(RestoreError::ForeignVersion);
        }
        if number == self.latest_version {
            return Err(RestoreError::Newest { number });
        }
        let config = version.config().ok_or(RestoreError::Unreadable { number })?;
        let (config, _) = draft::check(config.into(), None, catalogue)
            .map_err(|errors| RestoreError::Invalid { number, errors })?;
        let next = Self { config, ..self }.next(at);
        Ok(next.saved(VersionNote::Restored { from: number }, author))
    }

    /// Switches it on or off. This makes no version.
    #[must_use]
    pub fn switch(self, on: bool, at: Timestamp) -> Self {
        Self { is_active: on, updated_at: at, version: self.version + 1, ..self }
    }

    fn next(self, at: Timestamp) -> Self {
        Self { latest_version: self.latest_version + 1, version: self.version + 1, updated_at: at, ..self }
    }

    fn saved(self, note: VersionNote, author: Option<ActorId>) -> Saved {
        let version = EndpointVersion::of(&self, note, author);
        Saved { endpoint: self, version }
    }
}
