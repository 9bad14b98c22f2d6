//! What an endpoint may refer to, as it is stored.

use std::collections::{HashMap, HashSet};

use promptgate_endpoints::{Catalogue, Named};
use promptgate_kernel::{CredentialId, ProviderId, RepositoryError, TemplateId};
use promptgate_providers::{Credential, Provider, Template};
use promptgate_store::UnitOfWork;

/// Every template, provider and credential. Inactive ones are among them: they may be active again.
pub(super) struct Known {
    templates: Vec<Template>,
    providers: HashSet<ProviderId>,
    owners: HashMap<CredentialId, ProviderId>,
    credentials: Vec<Credential>,
}

impl Known {
    pub(super) async fn load(work: &mut dyn UnitOfWork) -> Result<Self, RepositoryError> {
        let templates = work.templates().list_all().await?;
        let providers = work.providers().list_all().await?;
        let credentials = work.providers().all_credentials().await?;
        let id = |provider: Provider| provider.id;
        let owner = |credential: &Credential| (credential.id, credential.provider_id);
        Ok(Self {
            templates,
            providers: providers.into_iter().map(id).collect(),
            owners: credentials.iter().map(owner).collect(),
            credentials,
        })
    }
}

impl Catalogue for Known {
    fn has_template(&self, id: TemplateId) -> bool {
        self.templates.iter().any(|template| template.id == id)
    }

    fn has_provider(&self, id: ProviderId) -> bool {
        self.providers.contains(&id)
    }

    fn provider_of(&self, credential: CredentialId) -> Option<ProviderId> {
        self.owners.get(&credential).copied()
    }

    fn template_named(&self, slug: &str) -> Named {
        counted(self.templates.iter().filter(|template| template.slug == slug).count())
    }

    fn credential_named(&self, name: &str) -> Named {
        counted(self.credentials.iter().filter(|credential| credential.name == name).count())
    }
}

const fn counted(count: usize) -> Named {
    match count {
        0 => Named::Nothing,
        1 => Named::One,
        _ => Named::Several,
    }
}
