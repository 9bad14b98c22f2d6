//! The endpoint entity and its transitions.

use promptgate_kernel::{ActorId, CredentialId, EndpointId, ProjectId, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Catalogue, EndpointConfig, EndpointVersion, FieldErrors, NewEndpoint, VersionNote, draft};

/// A named AI endpoint of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

    /// The endpoint with no entry in its failover list that names a deleted credential: such an entry
    /// goes on with the other credentials of `provider`. `None` if no entry names it. This makes no
    /// version.
    #[must_use]
    pub fn without_credential(
        mut self,
        credential: CredentialId,
        provider: ProviderId,
        at: Timestamp,
    ) -> Option<Self> {
        let mut found = false;
        for entry in self.config.failover.iter_mut().filter(|entry| entry.credential_id == Some(credential)) {
            (entry.credential_id, entry.provider_id) = (None, Some(provider));
            found = true;
        }
        found.then(|| Self { updated_at: at, version: self.version + 1, ..self })
    }

    /// The endpoint with no entry in its failover list that names a deleted provider or one of its
    /// credentials. `None` if no entry does. This makes no version.
    #[must_use]
    pub fn without_provider(
        mut self,
        provider: ProviderId,
        credentials: &[CredentialId],
        at: Timestamp,
    ) -> Option<Self> {
        let before = self.config.failover.len();
        self.config.failover.retain(|entry| {
            entry.provider_id != Some(provider)
                && !entry.credential_id.is_some_and(|credential| credentials.contains(&credential))
        });
        let found = self.config.failover.len() < before;
        found.then(|| Self { updated_at: at, version: self.version + 1, ..self })
    }

    fn next(self, at: Timestamp) -> Self {
        Self { latest_version: self.latest_version + 1, version: self.version + 1, updated_at: at, ..self }
    }

    fn saved(self, note: VersionNote, author: Option<ActorId>) -> Saved {
        let version = EndpointVersion::of(&self, note, author);
        Saved { endpoint: self, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{self, AT, Shelf};
    use std::time::Duration;

    #[test]
    fn a_new_endpoint_has_its_defaults_and_version_1() {
        let saved = samples::create(samples::templated());
        let (endpoint, version) = (&saved.endpoint, &saved.version);
        assert!(endpoint.is_active && endpoint.guardrails.is_empty());
        assert_eq!((endpoint.latest_version, endpoint.version), (1, 1));
        assert_eq!((version.number, version.note), (1, VersionNote::Created));
        assert_eq!(version.config().as_ref(), Some(&endpoint.config));
    }

    #[test]
    fn replacing_resets_what_is_left_out_but_slug_and_switch() {
        let first = samples::create(samples::manual()).endpoint.switch(false, AT);
        assert_eq!((first.latest_version, first.version), (1, 2));
        let later = AT.plus(Duration::from_secs(1));
        let renamed = NewEndpoint { name: "Other".to_owned(), ..samples::templated() };
        let saved = first.clone().replace(renamed, &Shelf, None, later).unwrap();
        let endpoint = &saved.endpoint;
        assert_eq!(endpoint.config.name, "Other");
        assert_eq!(endpoint.config.slug, first.config.slug);
        assert_eq!((endpoint.config.prompt.as_ref(), endpoint.config.temperature), (None, None));
        assert!(!endpoint.is_active && endpoint.guardrails.is_empty());
        assert_eq!((endpoint.latest_version, endpoint.version), (2, 3));
        assert_eq!((endpoint.created_at, endpoint.updated_at), (AT, later));
        assert_eq!((saved.version.note, saved.version.created_at), (VersionNote::Updated, later));
        let on = NewEndpoint { is_active: Some(true), ..samples::templated() };
        assert!(first.replace(on, &Shelf, None, later).unwrap().endpoint.is_active);
    }

    #[test]
    fn what_is_deleted_leaves_the_failover_list() {
        let endpoint = samples::create(samples::manual()).endpoint;
        assert_eq!(endpoint.clone().without_credential(samples::id(9), samples::id(1), AT), None);
        let without = endpoint.clone().without_credential(samples::id(1), samples::id(1), AT).unwrap();
        let entry = &without.config.failover[0];
        assert_eq!((entry.credential_id, entry.provider_id), (None, Some(samples::id(1))));
        assert_eq!((without.latest_version, without.version), (1, 2));
        assert_eq!(endpoint.clone().without_provider(samples::id(2), &[samples::id(9)], AT), None);
        let by_credential = endpoint.without_provider(samples::id(2), &[samples::id(1)], AT).unwrap();
        assert!(by_credential.config.failover.is_empty());
        assert!(without.without_provider(samples::id(1), &[], AT).unwrap().config.failover.is_empty());
    }

    #[test]
    fn restoring_makes_a_new_version_of_an_old_one() {
        let first = samples::create(samples::manual());
        let second = first.endpoint.clone().replace(samples::templated(), &Shelf, None, AT).unwrap();
        let third = second.endpoint.clone().restore(&first.version, &Shelf, None, AT).unwrap();
        assert_eq!(third.endpoint.config, first.endpoint.config);
        assert_eq!((third.version.number, third.version.note), (3, VersionNote::Restored { from: 1 }));
        assert_eq!(third.version.snapshot, first.version.snapshot);
        // Guardrails are not part of a version.
        assert_eq!(third.endpoint.guardrails, second.endpoint.guardrails);
        let newest = third.endpoint.clone().restore(&third.version, &Shelf, None, AT);
        assert_eq!(newest, Err(RestoreError::Newest { number: 3 }));
    }

    #[test]
    fn what_does_not_fit_any_more_is_not_restored() {
        let first = samples::create(samples::manual());
        let second = first.endpoint.clone().replace(samples::templated(), &Shelf, None, AT).unwrap().endpoint;
        let restore = |version: &EndpointVersion| second.clone().restore(version, &Shelf, None, AT);
        let mut version = first.version.clone();
        version.snapshot.insert("credential_id".to_owned(), "018f4e6e-0000-7000-8000-0000000000ff".into());
        let Err(RestoreError::Invalid { number: 1, errors }) = restore(&version) else { panic!("restored") };
        assert_eq!(errors.as_slice()[0].field, "credential_id");
        version.snapshot.insert("slug".to_owned(), 1.into());
        assert_eq!(restore(&version), Err(RestoreError::Unreadable { number: 1 }));
        let foreign = EndpointVersion { endpoint_id: samples::id(9), ..first.version };
        assert_eq!(restore(&foreign), Err(RestoreError::ForeignVersion));
    }
}
