//! AI endpoints, ready for use.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_endpoints::{CompiledEndpoint, Endpoint};
use promptgate_kernel::{EndpointId, ProjectId};

/// AI endpoints.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    pub(super) by_id: HashMap<EndpointId, Arc<CompiledEndpoint>>,
    by_slug: HashMap<ProjectId, HashMap<String, Arc<CompiledEndpoint>>>,
}

impl Endpoints {
    /// Those in their new state. What did not change is not compiled again; what cannot be compiled,
    /// because the program is another one than it was made with, is left out with a word.
    pub(super) fn compile(&self, endpoints: Vec<Endpoint>) -> Self {
        let mut compiled = Self::default();
        for endpoint in endpoints {
            let (id, slug) = (endpoint.id, endpoint.config.slug.as_str().to_owned());
            let before = self.by_id.get(&id).filter(|before| *before.endpoint() == endpoint);
            let project = endpoint.project_id;
            let ready = match before {
                Some(same) => Arc::clone(same),
                None => match CompiledEndpoint::compile(endpoint) {
                    Ok(ready) => Arc::new(ready),
                    Err(errors) => {
                        tracing::error!(endpoint.id = %id, %errors, "an AI endpoint cannot be read");
                        continue;
                    }
                },
            };
            compiled.by_slug.entry(project).or_default().insert(slug, Arc::clone(&ready));
            compiled.by_id.insert(id, ready);
        }
        compiled
    }

    /// The endpoint of a project with this slug, if it is on.
    pub(super) fn find(&self, project: ProjectId, slug: &str) -> Option<&Arc<CompiledEndpoint>> {
        self.by_slug.get(&project)?.get(slug).filter(|compiled| compiled.endpoint().is_active)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use promptgate_endpoints::{Catalogue, Named, NewEndpoint};
    use promptgate_kernel::testing::{SeededEntropy, TestClock};
    use promptgate_kernel::{Clock, CredentialId, ProviderId, TemplateId};

    use super::*;

    /// Knows every id and no name.
    struct Everything;

    impl Catalogue for Everything {
        fn has_template(&self, _: TemplateId) -> bool {
            true
        }
        fn has_provider(&self, _: ProviderId) -> bool {
            true
        }
        fn provider_of(&self, _: CredentialId) -> Option<ProviderId> {
            None
        }
        fn template_named(&self, _: &str) -> Named {
            Named::Nothing
        }
        fn credential_named(&self, _: &str) -> Named {
            Named::Nothing
        }
    }

    /// Two of one project.
    pub(in crate::snapshot) fn endpoints() -> Vec<Endpoint> {
        let (clock, entropy) = (TestClock::at_millis(1), SeededEntropy::new(6));
        let project = ProjectId::mint(&clock, &entropy);
        let create = |name: &str| {
            let new = NewEndpoint {
                name: name.to_owned(),
                provider_id: Some(ProviderId::mint(&clock, &entropy)),
                provider_model: Some("m".to_owned()),
                prompt: Some("Answer in one sentence.".to_owned()),
                ..NewEndpoint::default()
            };
            let id = EndpointId::mint(&clock, &entropy);
            Endpoint::create(id, project, new, &Everything, None, clock.now()).unwrap().endpoint
        };
        vec![create("One"), create("Two")]
    }

    #[test]
    fn only_what_changed_is_compiled_again() {
        let mut stored = endpoints();
        let project = stored[0].project_id;
        let before = Endpoints::default().compile(stored.clone());
        stored[0].config.prompt = Some("Answer in two.".to_owned());
        let after = before.compile(stored);
        let same =
            |slug| Arc::ptr_eq(before.find(project, slug).unwrap(), after.find(project, slug).unwrap());
        assert_eq!([same("one"), same("two")], [false, true]);
    }

    #[test]
    fn what_is_off_or_gone_is_not_found() {
        let mut stored = endpoints();
        let project = stored[0].project_id;
        stored[0].is_active = false;
        let compiled = Endpoints::default().compile(stored.clone());
        assert!(compiled.find(project, "one").is_none() && compiled.find(project, "two").is_some());
        stored.pop();
        assert!(compiled.compile(stored).find(project, "two").is_none());
    }
}
