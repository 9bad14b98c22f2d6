//! Endpoints and what they refer to, for tests.

use promptgate_kernel::{CredentialId, EndpointId, ProjectId, ProviderId, TemplateId, Timestamp};
use serde_json::json;

use crate::{Catalogue, CompiledEndpoint, Endpoint, FieldErrors, Named, NewEndpoint, Saved};

pub(crate) const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// An id by its number.
pub(crate) fn id<T: std::str::FromStr>(number: u8) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
}

/// A catalogue with template 1 (`small`), provider 1 and 2, and credential 1 (`Main`) of provider 1.
pub(crate) struct Shelf;

impl Catalogue for Shelf {
    fn has_template(&self, given: TemplateId) -> bool {
        given == id(1)
    }

    fn has_provider(&self, given: ProviderId) -> bool {
        given == id(1) || given == id(2)
    }

    fn provider_of(&self, given: CredentialId) -> Option<ProviderId> {
        (given == id(1)).then(|| id(1))
    }

    fn template_named(&self, slug: &str) -> Named {
        if slug == "small" { Named::One } else { Named::Nothing }
    }

    fn credential_named(&self, name: &str) -> Named {
        match name {
            "Main" => Named::One,
            "Twice" => Named::Several,
            _ => Named::Nothing,
        }
    }
}

/// An endpoint with a model of its own and a value in most fields.
pub(crate) fn manual() -> NewEndpoint {
    NewEndpoint {
        name: "Summarise Mail".to_owned(),
        provider_model: Some("gpt-4o".to_owned()),
        credential_id: Some(id(1)),
        failover: Some(json!([{"credential_id": id::<CredentialId>(1), "provider_model": "gpt-4o-mini"}])),
        temperature: Some(0.5),
        monthly_budget_usd: Some(12.5),
        prompt: Some("Be kind.".to_owned()),
        session_ttl_seconds: Some(60),
        routing_rules: Some("rules: [{when: {streaming: true}, use: {template: small}}]".to_owned()),
        guardrails: Some(json!({"pii": {"enabled": true}})),
        ..NewEndpoint::default()
    }
}

/// An endpoint that takes everything from template 1.
pub(crate) fn templated() -> NewEndpoint {
    NewEndpoint { name: "T".to_owned(), provider_template_id: Some(id(1)), ..NewEndpoint::default() }
}

pub(crate) fn try_create(new: NewEndpoint) -> Result<Saved, FieldErrors> {
    Endpoint::create(id::<EndpointId>(1), id::<ProjectId>(2), new, &Shelf, None, AT)
}

pub(crate) fn create(new: NewEndpoint) -> Saved {
    try_create(new).unwrap()
}

pub(crate) fn compiled(new: NewEndpoint) -> CompiledEndpoint {
    CompiledEndpoint::compile(create(new).endpoint).unwrap()
}
