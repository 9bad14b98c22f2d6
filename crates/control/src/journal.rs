//! What is written into the audit log about a change.

use std::collections::BTreeMap;

use promptgate_endpoints::{Endpoint, EvalSet};
use promptgate_firewall::Namespace;
use promptgate_firewall::guardrails::Guardrail;
use promptgate_kernel::{
    AccountId, AdminKeyId, CallId, FaqEntryId, GroupId, McpServerId, MonitoredServiceId, NetworkRuleId,
    PlanId, PriceId, ProjectId, ProviderId, RepricingId, SetupGuideId, TemplateId,
};
use promptgate_providers::{Alias, Credential};
use promptgate_tokens::Token;
use serde_json::Value;

use crate::shown::Shown;

/// One entry: what was done to what. Details are short names, never secrets or content.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) action: &'static str,
    pub(crate) target_kind: &'static str,
    pub(crate) target_id: String,
    pub(crate) project: Option<ProjectId>,
    pub(crate) before: BTreeMap<String, String>,
    pub(crate) after: BTreeMap<String, String>,
    pub(crate) details: BTreeMap<String, String>,
}

impl Entry {
    pub(crate) fn of_project(action: &'static str, id: ProjectId) -> Self {
        Self::new(action, "project", id.to_string(), Some(id))
    }

    pub(crate) fn of_account(action: &'static str, id: AccountId) -> Self {
        Self::new(action, "account", id.to_string(), None)
    }

    pub(crate) fn of_member(action: &'static str, project: ProjectId, id: AccountId) -> Self {
        Self::new(action, "account", id.to_string(), Some(project))
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

    pub(crate) fn of_guardrail(
        action: &'static str,
        guardrail: Guardrail,
        project: Option<ProjectId>,
    ) -> Self {
        Self::new(action, "guardrail", guardrail.key().to_owned(), project)
    }

    /// Of all guardrails of a level.
    pub(crate) fn of_guardrails(action: &'static str, project: Option<ProjectId>) -> Self {
        Self::new(action, "guardrail", "*".to_owned(), project)
    }

    /// A guardrail, by its stable name, refused a call that an actor had made, which no client did.
    pub(crate) fn of_refused_run(guardrail: String, endpoint: &Endpoint) -> Self {
        Self::new("guardrail.blocked", "guardrail", guardrail, Some(endpoint.project_id))
            .detail("endpointId", endpoint.id.to_string())
    }

    /// Of a rule of a namespace, which may belong to a project.
    pub(crate) fn of_network_rule(
        action: &'static str,
        whose: (Namespace, Option<ProjectId>),
        id: NetworkRuleId,
    ) -> Self {
        Self::about_network_rules(action, id.to_string(), whose)
    }

    /// Of all rules of a namespace, which may belong to a project.
    pub(crate) fn of_network_rules(action: &'static str, whose: (Namespace, Option<ProjectId>)) -> Self {
        Self::about_network_rules(action, "*".to_owned(), whose)
    }

    fn about_network_rules(
        action: &'static str,
        target: String,
        (namespace, project): (Namespace, Option<ProjectId>),
    ) -> Self {
        let entry = Self::new(action, "network_rule", target, project).detail("namespace", namespace.kind());
        match namespace {
            Namespace::Global | Namespace::Project(_) => entry,
            Namespace::Person(account) | Namespace::Service(account) => {
                entry.detail("accountId", account.to_string())
            }
            Namespace::Token(token) => entry.detail("tokenId", token.to_string()),
        }
    }

    pub(crate) fn of_price(action: &'static str, id: PriceId) -> Self {
        Self::new(action, "price", id.to_string(), None)
    }

    pub(crate) fn of_fallback_price() -> Self {
        Self::new("price.fallback_updated", "price", "fallback".to_owned(), None)
    }

    /// Of what is published, or of several prices at once.
    pub(crate) fn of_prices(action: &'static str, target: impl Into<String>) -> Self {
        Self::new(action, "price", target.into(), None)
    }

    pub(crate) fn of_repricing(action: &'static str, id: RepricingId) -> Self {
        Self::new(action, "repricing", id.to_string(), None)
    }

    pub(crate) fn of_all_prices() -> Self {
        Self::new("price.replaced", "price", "all".to_owned(), None)
    }

    pub(crate) fn of_admin_key(action: &'static str, id: AdminKeyId) -> Self {
        Self::new(action, "admin_key", id.to_string(), None)
    }

    pub(crate) fn of_dead_letter(action: &'static str, id: CallId) -> Self {
        Self::new(action, "dead_letter", id.to_string(), None)
    }

    /// About a drill of a dependency.
    pub(crate) fn of_drill(action: &'static str, dependency: &str) -> Self {
        Self::new(action, "drill", dependency.to_owned(), None)
    }

    pub(crate) fn of_secrets(action: &'static str) -> Self {
        Self::new(action, "secrets", "*".to_owned(), None)
    }

    pub(crate) fn of_mcp_server(action: &'static str, id: McpServerId) -> Self {
        Self::new(action, "mcp_server", id.to_string(), None)
    }

    pub(crate) fn of_monitored_service(action: &'static str, id: MonitoredServiceId) -> Self {
        Self::new(action, "monitored_service", id.to_string(), None)
    }

    pub(crate) fn of_job(action: &'static str, name: &str) -> Self {
        Self::new(action, "job", name.to_owned(), None)
    }

    pub(crate) fn of_faq_entry(action: &'static str, id: FaqEntryId) -> Self {
        Self::new(action, "faq_entry", id.to_string(), None)
    }

    pub(crate) fn of_setup_guide(action: &'static str, id: SetupGuideId) -> Self {
        Self::new(action, "setup_guide", id.to_string(), None)
    }

    /// Of all of them.
    pub(crate) fn of_setup_guides(action: &'static str) -> Self {
        Self::new(action, "setup_guide", "*".to_owned(), None)
    }

    pub(crate) fn of_group(action: &'static str, id: GroupId) -> Self {
        Self::new(action, "access_group", id.to_string(), None)
    }

    pub(crate) fn of_plan(action: &'static str, id: PlanId) -> Self {
        Self::new(action, "subscription_plan", id.to_string(), None)
    }

    pub(crate) fn of_switch(action: &'static str, name: &str) -> Self {
        Self::new(action, "setting", name.to_owned(), None)
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// What of a thing is another than it was. Both are what [`crate::shown`] makes of it.
    pub(crate) fn between(mut self, before: &Shown, after: &Shown) -> Self {
        (self.before, self.after) = differences(before, after);
        self
    }

    /// What there is of a thing that was made.
    pub(crate) fn made(self, after: &Shown) -> Self {
        self.between(&Shown::new(), after)
    }

    /// What there was of a thing that is gone.
    pub(crate) fn gone(self, before: &Shown) -> Self {
        self.between(before, &Shown::new())
    }

    fn new(
        action: &'static str,
        target_kind: &'static str,
        target_id: String,
        project: Option<ProjectId>,
    ) -> Self {
        Self {
            action,
            target_kind,
            target_id,
            project,
            before: BTreeMap::new(),
            after: BTreeMap::new(),
            details: BTreeMap::new(),
        }
    }
}

/// The members of two views that differ, as texts: before and after.
fn differences(before: &Shown, after: &Shown) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let changed = |these: &Shown, others: &Shown| {
        these
            .iter()
            .filter(|(name, value)| others.get(name.as_str()) != Some(value))
            .map(|(name, value)| (name.clone(), flat(value)))
            .collect()
    };
    (changed(before, after), changed(after, before))
}

/// A value as a short text.
fn flat(value: &Value) -> String {
    const MAX: usize = 1_000;
    match value {
        Value::String(text) => text.chars().take(MAX).collect(),
        other => other.to_string().chars().take(MAX).collect(),
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
    fn differences_are_flat_texts_of_what_changed() {
        let shown = |value: Value| value.as_object().unwrap().clone();
        let before = shown(serde_json::json!({"role": "user", "isActive": true, "ids": [1], "same": 1}));
        let after = shown(serde_json::json!({"role": "admin", "isActive": true, "ids": [1, 2], "same": 1}));
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected =
            (texts(&[("ids", "[1]"), ("role", "user")]), texts(&[("ids", "[1,2]"), ("role", "admin")]));
        assert_eq!(differences(&before, &after), expected);
    }

    #[test]
    fn only_changed_fields_are_named() {
        assert_eq!(named([("name", true), ("env", false), ("metadata", true)]), "name,metadata");
    }
}
