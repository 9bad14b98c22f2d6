use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::catalog::{
    self, ListingAnswer, ListingRequest, ModelCatalog, ModelLister, Offer, Unreachable,
};
use promptgate_control::providers::{self, UpdateProvider};
use promptgate_kernel::ProviderId;
use promptgate_providers::{ProviderChanges, ProviderKind};

use crate::fixture::{ADMIN, Fixture, new_provider};

/// Providers by the host in their address: some refuse, all others list two models.
#[derive(Default)]
struct Vendors(Mutex<Vec<ListingRequest>>);

#[async_trait]
impl ModelLister for Vendors {
    async fn fetch(&self, request: ListingRequest) -> Result<ListingAnswer, Unreachable> {
        let url = request.url.clone();
        self.0.lock().unwrap().push(request);
        let answer = |status, body: &str| Ok(ListingAnswer { status, body: body.as_bytes().to_vec() });
        if url.contains("refuses") {
            return answer(401, "{}");
        }
        answer(200, r#"{"data":[{"id":"one"},{"id":"two"}]}"#)
    }
}

impl Vendors {
    fn asked(&self) -> Vec<ListingRequest> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

async fn fixture() -> (Fixture, Arc<Vendors>) {
    let vendors = Arc::<Vendors>::default();
    let mut fixture = Fixture::new().await;
    fixture.control.catalog = ModelCatalog::new(vendors.clone());
    (fixture, vendors)
}

async fn provider(fixture: &Fixture, name: &str, kind: ProviderKind, key: &str) -> ProviderId {
    let mut command = new_provider(name, key);
    command.provider.kind = kind;
    command.provider.base_url =
        Some(promptgate_providers::BaseUrl::parse(&format!("http://{name}.test/v1")).unwrap());
    providers::create(&fixture.control, ADMIN, command).await.unwrap().provider.id
}

async fn offers(fixture: &Fixture) -> Vec<Offer> {
    catalog::list(&fixture.control, ADMIN, &[]).await.unwrap()
}

#[tokio::test]
async fn each_kind_is_asked_with_its_own_credential() {
    let (fixture, vendors) = fixture().await;
    for (name, kind) in [
        ("a", ProviderKind::OpenAi),
        ("b", ProviderKind::Anthropic),
        ("c", ProviderKind::Google),
        ("d", ProviderKind::AzureOpenAi),
    ] {
        provider(&fixture, name, kind, "sk-1").await;
    }
    provider(&fixture, "e", ProviderKind::Ollama, "").await;
    provider(&fixture, "f", ProviderKind::Echo, "").await;
    assert_eq!(offers(&fixture).await.len(), 6);
    let headers: Vec<String> = vendors
        .asked()
        .into_iter()
        .map(|request| {
            let of = request.headers.iter().filter(|(name, _)| *name != "accept");
            of.map(|(name, value)| format!("{name}: {}", value.expose())).collect::<Vec<_>>().join(", ")
        })
        .collect();
    let expected = [
        "authorization: Bearer sk-1",
        "anthropic-version: 2023-06-01, x-api-key: sk-1",
        "x-goog-api-key: sk-1",
        "api-key: sk-1",
        "authorization: Bearer ollama",
    ];
    assert_eq!(headers, expected, "echo has no network");
}

#[tokio::test]
async fn answers_are_remembered_for_a_minute_and_never_beyond_a_change() {
    let (fixture, vendors) = fixture().await;
    let works = provider(&fixture, "works", ProviderKind::OpenAi, "sk-1").await;
    provider(&fixture, "refuses", ProviderKind::OpenAi, "sk-1").await;
    let asked = async || {
        offers(&fixture).await;
        vendors.asked().len()
    };
    assert_eq!(asked().await, 2);
    assert_eq!(asked().await, 0);
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(asked().await, 1, "the failure is forgotten sooner");
    fixture.clock.advance(Duration::from_secs(50));
    assert_eq!(asked().await, 2);
    let provider = ProviderChanges { models: Some(vec!["mine".into(), "one".into()]), ..Default::default() };
    let command = UpdateProvider { provider, ..UpdateProvider::default() };
    providers::update(&fixture.control, ADMIN, works, command).await.unwrap();
    assert_eq!(offers(&fixture).await[1].models, ["one", "two", "mine"]);
    assert_eq!(vendors.asked().len(), 1);
}
