//! What an endpoint may refer to, as it is stored.

use std::collections::{HashMap, HashSet};

use promptgate_endpoints::{Catalogue, Endpoint, FieldErrors, Named};
use promptgate_firewall::guardrails::{Holder, Rules};
use promptgate_kernel::{CredentialId, ProjectId, ProviderId, RepositoryError, TemplateId};
use promptgate_providers::{Credential, Provider, Template};
use promptgate_store::UnitOfWork;
use serde_json::{Map, Value};

/// Every template, provider and credential. Inactive ones are among them: they may be active again.
pub(super) struct Known {
    templates: Vec<Template>,
    providers: HashSet<ProviderId>,
    owners: HashMap<CredentialId, ProviderId>,
    credentials: Vec<Credential>,
    /// What the levels above say of guardrails.
    above: Rules,
    /// The guardrails that are stored: what was stored when nobody read them stays as it is.
    stored: Map<String, Value>,
}

impl Known {
    /// What an endpoint of this project may refer to.
    pub(super) async fn load(work: &mut dyn UnitOfWork, project: ProjectId) -> Result<Self, RepositoryError> {
        let templates = work.templates().list_all().await?;
        let providers = work.providers().list_all().await?;
        let credentials = work.providers().all_credentials().await?;
        let id = |provider: Provider| provider.id;
        let owner = |credential: &Credential| (credential.id, credential.provider_id);
        let global = work.guardrails().find(Holder::Global).await?.rules;
        let above = work.guardrails().find(Holder::Project(project)).await?.rules.over(&global);
        Ok(Self {
            templates,
            providers: providers.into_iter().map(id).collect(),
            owners: credentials.iter().map(owner).collect(),
            credentials,
            above,
            stored: Map::new(),
        })
    }

    /// The same for an endpoint that is there.
    pub(super) async fn load_for(
        work: &mut dyn UnitOfWork,
        endpoint: &Endpoint,
    ) -> Result<Self, RepositoryError> {
        Ok(Self { stored: endpoint.guardrails.clone(), ..Self::load(work, endpoint.project_id).await? })
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

    fn wrong_guardrails(&self, guardrails: &Map<String, Value>) -> FieldErrors {
        let mut errors = FieldErrors::default();
        if *guardrails == self.stored {
            return errors;
        }
        let checked = Rules::parse(guardrails).and_then(|rules| {
            rules.check()?;
            // Bounds that were fine apart may contradict one another together.
            rules.over(&self.above).check()
        });
        if let Err(wrong) = checked {
            let field = match wrong.field.as_str() {
                "guardrails" => wrong.field,
                field => format!("guardrails.{field}"),
            };
            errors.add(field, wrong.reason);
        }
        errors
    }
}

const fn counted(count: usize) -> Named {
    match count {
        0 => Named::Nothing,
        1 => Named::One,
        _ => Named::Several,
    }
}
