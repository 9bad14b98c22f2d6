//! Endpoints over providers that answer as a test tells them to.

mod answers;
mod conversations;
mod guarded;
mod kept;
mod limits;
mod recorded;
mod routes;
mod runs;

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use promptgate_endpoints::{Catalogue, Endpoint, Named, NewEndpoint};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CredentialId, EndpointId, ProviderId, TemplateId, Timestamp};
use promptgate_projects::ProjectType;
use promptgate_providers::{Credential, Provider, ProviderKind, Template};
use serde_json::{Value, json};

use crate::limits::GatewayLimits;
use crate::receive::{Entry, IncomingRequest, RequestBody, Route};
use crate::reply::ReplyBody;
use crate::scripted::{Got, Scene, credential_of, provider_at, read};
use crate::snapshot::{Configuration, Snapshot};
use crate::testing::{compiler, project};

/// Knows everything that it is asked for.
struct Everything;

impl Catalogue for Everything {
    fn has_template(&self, _: TemplateId) -> bool {
        true
    }

    fn has_provider(&self, _: ProviderId) -> bool {
        true
    }

    fn provider_of(&self, given: CredentialId) -> Option<ProviderId> {
        (given == credential(&first()).id).then(|| first().id)
    }

    fn template_named(&self, _: &str) -> Named {
        Named::One
    }

    fn credential_named(&self, _: &str) -> Named {
        Named::One
    }
}

/// A gateway with the providers `first` and `second` (openai) and `claude` (anthropic), each with a
/// credential named like it, the template `small` of `second`, and the endpoints of a test.
struct House {
    scene: Scene,
    configuration: Configuration,
}

fn first() -> Provider {
    provider_at("first", ProviderKind::OpenAi)
}

fn second() -> Provider {
    provider_at("second", ProviderKind::OpenAi)
}

fn claude() -> Provider {
    provider_at("claude", ProviderKind::Anthropic)
}

fn credential(provider: &Provider) -> Credential {
    let name = provider.name.as_str().to_owned();
    Credential { name, ..credential_of(provider, &format!("sk-{}", provider.name)) }
}

fn id<T: std::str::FromStr>(number: u8) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
}

fn template() -> Template {
    Template {
        id: id(1),
        name: "Small".to_owned(),
        slug: "small".to_owned(),
        description: String::new(),
        tags: vec![],
        provider_id: second().id,
        model: "small-1".to_owned(),
        credential_id: None,
        temperature: Some(0.25),
        top_p: None,
        max_output_tokens: Some(77),
        active: true,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        version: 1,
    }
}

/// An endpoint of `first`.
fn of_first() -> NewEndpoint {
    NewEndpoint {
        name: "E".to_owned(),
        slug: Some("e".to_owned()),
        provider_id: Some(first().id),
        provider_model: Some("gpt-4o".to_owned()),
        ..NewEndpoint::default()
    }
}

impl House {
    fn new(new: NewEndpoint) -> Self {
        Self::with_limits(new, GatewayLimits::default())
    }

    fn with_limits(new: NewEndpoint, limits: GatewayLimits) -> Self {
        let project = project(ProjectType::AiGateway);
        let entropy = SeededEntropy::new(21);
        let endpoint = EndpointId::mint(&TestClock::at_millis(1), &entropy);
        let saved =
            Endpoint::create(endpoint, project.id, new, &Everything, None, Timestamp::default()).unwrap();
        let providers = vec![first(), second(), claude()];
        let configuration = Configuration {
            projects: vec![project.clone()],
            credentials: providers.iter().map(credential).collect(),
            providers,
            templates: vec![template()],
            endpoints: vec![saved.endpoint],
            ..Configuration::default()
        };
        Self { scene: Scene::over(project, configuration.clone(), limits), configuration }
    }

    /// Puts another configuration in force.
    fn change(&mut self, change: impl FnOnce(&mut Configuration)) {
        change(&mut self.configuration);
        let (snapshot, _) = Snapshot::compile(self.configuration.clone(), &compiler());
        self.scene.snapshot.store(snapshot);
    }

    fn provider(&mut self, name: &str, change: impl FnOnce(&mut Provider)) {
        self.change(|configuration| {
            let found = configuration.providers.iter_mut().find(|each| each.name.as_str() == name);
            change(found.unwrap());
        });
    }

    fn request(&self, secret: &str, body: &Value) -> IncomingRequest {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {secret}")).unwrap());
        let body = Full::new(Bytes::from(body.to_string()));
        IncomingRequest {
            entry: Entry::Project(self.scene.project.id),
            route: Route::Endpoint,
            ids: vec!["e".to_owned()],
            query: None,
            headers,
            peer: IpAddr::from([127, 0, 0, 1]),
            body: RequestBody::new(body.map_err(|never| match never {})),
        }
    }

    async fn begin_with(&self, secret: &str, body: &Value) -> Response<ReplyBody> {
        self.scene.gateway.call(self.request(secret, body)).await
    }

    async fn begin(&self, body: &Value) -> Response<ReplyBody> {
        self.begin_with(&self.scene.secret, body).await
    }

    async fn ask(&self, body: &Value) -> Got {
        read(self.begin(body).await).await
    }

    async fn say(&self, text: &str) -> Got {
        self.ask(&json!({"message": text})).await
    }

    /// What the provider was sent last.
    fn sent(&self) -> Value {
        let last = self.scene.upstream.seen().pop().expect("a provider was called");
        serde_json::from_slice(&last.body).unwrap()
    }
}
