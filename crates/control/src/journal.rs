//! What is written into the audit log about a change.

use std::collections::BTreeMap;

use promptgate_endpoints::{Endpoint, EvalSet};
use promptgate_kernel::{AccountId, GroupId, PlanId, ProjectId, ProviderId, TemplateId};
use promptgate_providers::{Alias, Credential};
use promptgate_tokens::Token;

/// One entry: what was done to what. Details are short names, never secrets or content.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) action: &'static str,
    pub(crate) target_kind: &'static str,
    pub(crate) target_id: String,
    pub(crate) project: Option<ProjectId>,
    pub(crate) details: BTreeMap<String, String>,
}

impl Entry {
    pub(crate) fn of_project(action: &'static str, id: ProjectId) -> Self {
        Self::new(action, "project", id.to_string(), Some(id))
    }

    pub(crate) fn of_token(action: &'static str, token: &Token) -> Self {
        Self::new(action, "token", token.id.to_string(), Some(token.project_id))
    }

    pub(crate) fn of_provider(action: &'static str, id: ProviderId) -> Self {
        Self::new(action, "provider", id.to_string(), None)
    }

    pub(crate) fn of_credential(action: &'static str, credential: &Credential) -> Self {
        Self::new(action, "credential", credential.id.to_string(), None)
            .detail("providerId", credential.provider_id.to_string())
    }

    pub(crate) fn of_template(action: &'static str, id: TemplateId) -> Self {
        Self::new(action, "provider_template", id.to_string(), None)
    }

    pub(crate) fn of_project_provider(action: &'static str, project: ProjectId, id: ProviderId) -> Self {
        Self::new(action, "provider_setting", id.to_string(), Some(project))
    }

    pub(crate) fn of_alias(action: &'static str, alias: &Alias) -> Self {
        Self::new(action, "alias", alias.id.to_string(), Some(alias.project_id))
    }

    pub(crate) fn of_endpoint(action: &'static str, endpoint: &Endpoint) -> Self {
        Self::new(action, "endpoint", endpoint.id.to_string(), Some(endpoint.project_id))
    }

    pub(crate) fn of_eval(action: &'static str, set: &EvalSet) -> Self {
        Self::new(action, "eval", set.id.to_string(), Some(set.project_id))
            .detail("endpointId", set.endpoint_id.to_string())
    }

    pub(crate) fn of_account(action: &'static str, id: AccountId) -> Self {
        Self::new(action, "account", id.to_string(), None)
    }

    pub(crate) fn of_group(action: &'static str, id: GroupId) -> Self {
        Self::new(action, "access_group", id.to_string(), None)
    }

    pub(crate) fn of_plan(action: &'static str, id: PlanId) -> Self {
        Self::new(action, "subscription_plan", id.to_string(), None)
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    fn new(
        action: &'static str,
        target_kind: &'static str,
        target_id: String,
        project: Option<ProjectId>,
    ) -> Self {
        Self { action, target_kind, target_id, project, details: BTreeMap::new() }
    }
}

/// The names of the fields that a change names, separated by commas.
pub(crate) fn named<const N: usize>(fields: [(&str, bool); N]) -> String {
    let named: Vec<&str> = fields.into_iter().filter_map(|(name, changed)| changed.then_some(name)).collect();
    named.join(",")
}

/// The action of an update: one that only switches a thing on or off has a name of its own.
pub(crate) fn update_action(
    fields: &str,
    switch: &str,
    on: Option<bool>,
    [updated, activated, deactivated]: [&'static str; 3],
) -> &'static str {
    match on {
        Some(true) if fields == switch => activated,
        Some(false) if fields == switch => deactivated,
        _ => updated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [&str; 3] = ["x.updated", "x.activated", "x.deactivated"];

    #[test]
    fn a_mere_switch_has_an_action_of_its_own() {
        assert_eq!(update_action("isActive", "isActive", Some(true), ACTIONS), "x.activated");
        assert_eq!(update_action("isActive", "isActive", Some(false), ACTIONS), "x.deactivated");
        assert_eq!(update_action("name,isActive", "isActive", Some(false), ACTIONS), "x.updated");
        assert_eq!(update_action("name", "isActive", None, ACTIONS), "x.updated");
    }

    #[test]
    fn only_changed_fields_are_named() {
        assert_eq!(named([("name", true), ("env", false), ("metadata", true)]), "name,metadata");
    }
}
