//! Behaviour of an endpoint repository.

use futures_util::future::join;
use promptgate_endpoints::{
    Endpoint, EndpointConfig, EndpointFilter, EndpointSort, EndpointVersion, Failover, Slug, VersionNote,
};
use promptgate_kernel::{ActorId, EndpointId, Money, PageRequest, ProjectId, SortDirection};
use promptgate_projects::Project;
use serde_json::json;

use super::samples::{
    WORKS, at, clock, document, endpoint, entropy, limits, project, read, stored_credential, stored_endpoint,
    stored_project, stored_provider, template, write,
};
use crate::Store;

async fn insert(store: &dyn Store, endpoints: &[&Endpoint]) {
    let mut work = write(store).await;
    for endpoint in endpoints {
        work.endpoints().insert(endpoint).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, endpoint: &Endpoint) -> bool {
    let mut work = write(store).await;
    let saved = work.endpoints().save(endpoint).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, id: EndpointId) -> Option<Endpoint> {
    read(store).await.endpoints().find(id).await.expect(WORKS)
}

fn renamed(endpoint: &Endpoint, name: &str) -> Endpoint {
    let mut next = endpoint.clone().switch(true, at(5));
    next.config.name = name.into();
    next
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a valid slug")
}

fn version(endpoint: &Endpoint, number: u32, note: VersionNote) -> EndpointVersion {
    EndpointVersion {
        endpoint_id: endpoint.id,
        number,
        snapshot: document(),
        note,
        author: Some(ActorId::mint(clock(), entropy())),
        created_at: at(i64::from(number)),
    }
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let credential = stored_credential(store, provider.id, "one").await;
    let plain = endpoint(&project, "plain");
    insert(store, &[&plain]).await;
    assert_eq!(find(store, plain.id).await.as_ref(), Some(&plain));
    let config = EndpointConfig {
        name: "Ünï 日本 🦀 \u{0}".into(),
        slug: slug("other"),
        description: Some("a\n\"b\"".into()),
        expose_as_mcp_tool: true,
        provider_id: Some(provider.id),
        credential_id: Some(credential.id),
        provider_model: Some("gpt-4o".into()),
        failover: vec![Failover {
            credential_id: None,
            provider_id: Some(provider.id),
            provider_model: "gpt-4o-mini".into(),
        }],
        temperature: Some(0.1),
        top_p: Some(1.0),
        max_output_tokens: Some(200_000),
        usage_hard_limit_tokens: Some(i64::MAX.unsigned_abs()),
        monthly_budget_usd: Some(Money::from_nanos(12_345_678_000)),
        daily_budget_usd: Some(Money::from_nanos(1_000)),
        max_concurrent_requests: Some(3),
        model_limits: limits().models,
        session_max_tokens: Some(7),
        prompt: Some("é".repeat(10_000)),
        input_schema: Some(json!({"type": "object", "required": ["b", "a"]})),
        routing_rules: Some("rules:\n  - when: {}\n".into()),
        ..plain.config.clone()
    };
    let after = Endpoint {
        config,
        guardrails: document(),
        is_active: false,
        latest_version: u32::MAX,
        updated_at: at(9),
        version: plain.version + 1,
        ..plain
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, after.id).await.as_ref(), Some(&after));
    let mut work = read(store).await;
    let by_slug = work.endpoints().find_by_slug(project.id, &slug("other")).await.expect(WORKS);
    assert_eq!(by_slug, Some(after));
    assert_eq!(work.endpoints().find_by_slug(project.id, &slug("plain")).await.expect(WORKS), None);
}

/// A slug is one endpoint's in its project.
pub async fn a_second_one_of_the_same_slug_is_a_conflict(store: &dyn Store) {
    let (first, second) = (stored_project(store).await, project("Other"));
    let mut work = write(store).await;
    work.projects().insert(&second).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let (one, foreign) = (endpoint(&first, "same"), endpoint(&second, "same"));
    let other = endpoint(&first, "other");
    insert(store, &[&one, &foreign, &other]).await;
    let again = endpoint(&first, "same");
    let error = write(store).await.endpoints().insert(&again).await.expect_err("the slug is taken");
    assert!(error.is_conflict("endpoints_project_id_slug_key"), "{error}");
    let mut moved = renamed(&other, "other");
    moved.config.slug = slug("same");
    let error = write(store).await.endpoints().save(&moved).await.expect_err("the slug is taken");
    assert!(error.is_conflict("endpoints_project_id_slug_key"), "{error}");
    let mut work = read(store).await;
    assert_eq!(work.endpoints().find_by_slug(second.id, &slug("same")).await.expect(WORKS), Some(foreign));
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let (one, other) = (renamed(&endpoint, "one"), renamed(&endpoint, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &renamed(&endpoint, "third")).await);
    assert_eq!(find(store, endpoint.id).await, Some(if first { one } else { other }));
}

/// A removed template, credential or provider is named by no endpoint any more, and whoever read one
/// that named it notices.
pub async fn what_it_names_may_go(store: &dyn Store) {
    let project = stored_project(store).await;
    let (main, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    let credential = stored_credential(store, main.id, "one").await;
    let [removed, gone] = [("a", main.id), ("b", other.id)].map(|(slug, provider)| template(provider, slug));
    let mut by_template = endpoint(&project, "by-template");
    by_template.config.provider_template_id = Some(removed.id);
    let mut by_other_template = endpoint(&project, "by-other-template");
    by_other_template.config.provider_template_id = Some(gone.id);
    let mut by_credential = endpoint(&project, "by-credential");
    by_credential.config.provider_id = Some(main.id);
    by_credential.config.credential_id = Some(credential.id);
    let mut by_provider = endpoint(&project, "by-provider");
    by_provider.config.provider_id = Some(other.id);
    let untouched = endpoint(&project, "untouched");
    let mut work = write(store).await;
    for template in [&removed, &gone] {
        work.templates().insert(template).await.expect(WORKS);
    }
    for endpoint in [&by_template, &by_other_template, &by_credential, &by_provider, &untouched] {
        work.endpoints().insert(endpoint).await.expect(WORKS);
    }
    assert_eq!(work.credentials().uses(credential.id).await.expect(WORKS).endpoints, 1);
    assert!(work.templates().remove(removed.id).await.expect(WORKS));
    assert!(work.credentials().remove(credential.id).await.expect(WORKS));
    assert!(work.providers().remove(other.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    for before in [by_template, by_other_template, by_credential, by_provider] {
        let mut expected = before.clone();
        expected.version += 1;
        expected.config.provider_template_id = None;
        expected.config.credential_id = None;
        expected.config.provider_id = expected.config.provider_id.filter(|id| *id == main.id);
        assert_eq!(find(store, before.id).await, Some(expected));
        assert!(!save(store, &renamed(&before, "stale")).await);
    }
    assert_eq!(find(store, untouched.id).await, Some(untouched));
}

/// A project's list is its own, narrowed, sorted and cut as it is asked for.
pub async fn a_project_lists_its_own(store: &dyn Store) {
    let (own, foreign) = (stored_project(store).await, project("Other"));
    let mut work = write(store).await;
    work.projects().insert(&foreign).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let mut endpoints = ["zeta", "alpha", "beta"].map(|slug| endpoint(&own, slug));
    endpoints[2].config.name = "Beta".into();
    endpoints[2].is_active = false;
    insert(store, &endpoints.each_ref()).await;
    insert(store, &[&endpoint(&foreign, "alpha")]).await;
    let slugs = async |sort, direction, is_active, page| {
        let filter = EndpointFilter { project_id: own.id, is_active, sort, direction };
        let page = read(store).await.endpoints().list(&filter, page).await.expect(WORKS);
        let slugs = page.items.into_iter().map(|endpoint| endpoint.config.slug.as_str().to_owned());
        (slugs.collect::<Vec<_>>(), page.total)
    };
    let (all, up) = (PageRequest::clamped(1, 10), SortDirection::Ascending);
    let expected = ["alpha", "beta", "zeta"].map(str::to_owned).to_vec();
    assert_eq!(slugs(EndpointSort::Name, up, None, all).await, (expected, 3));
    let expected = ["zeta", "beta", "alpha"].map(str::to_owned).to_vec();
    assert_eq!(slugs(EndpointSort::Slug, SortDirection::Descending, None, all).await, (expected, 3));
    assert_eq!(slugs(EndpointSort::CreatedAt, up, Some(false), all).await, (vec!["beta".to_owned()], 1));
    let second = PageRequest::clamped(2, 2);
    assert_eq!(slugs(EndpointSort::UpdatedAt, up, None, second).await.0.len(), 1);
    assert_eq!(read(store).await.endpoints().list_all().await.expect(WORKS).len(), 4);
}

/// Versions come back as they were, newest first, and none twice.
pub async fn versions_are_kept_in_order(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let mut versions = vec![
        version(&endpoint, 1, VersionNote::Created),
        version(&endpoint, 2, VersionNote::Updated),
        version(&endpoint, 10, VersionNote::Restored { from: 1 }),
    ];
    versions[1].author = None;
    let mut work = write(store).await;
    for version in &versions {
        work.endpoints().insert_version(version).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    let again = version(&endpoint, 2, VersionNote::Updated);
    let error = write(store).await.endpoints().insert_version(&again).await.expect_err("it is there");
    assert!(error.is_conflict("endpoint_versions_pkey"), "{error}");
    let mut work = read(store).await;
    for version in &versions {
        let found = work.endpoints().version(endpoint.id, version.number).await.expect(WORKS);
        assert_eq!(found.as_ref(), Some(version));
    }
    assert_eq!(work.endpoints().version(endpoint.id, 3).await.expect(WORKS), None);
    let page = work.endpoints().versions(endpoint.id, PageRequest::clamped(1, 2)).await.expect(WORKS);
    versions.reverse();
    assert_eq!((page.items.as_slice(), page.total), (&versions[..2], 3));
}

/// What is only an endpoint's goes with it, and an endpoint goes with its project.
pub async fn everything_of_it_goes_with_it(store: &dyn Store) {
    let first = stored_endpoint(store).await;
    let second = stored_endpoint(store).await;
    let of = |id: ProjectId| async move { read(store).await.projects().find(id).await.expect(WORKS) };
    let project: Project = of(second.project_id).await.expect("it is there");
    let mut work = write(store).await;
    for endpoint in [&first, &second] {
        work.endpoints().insert_version(&version(endpoint, 1, VersionNote::Created)).await.expect(WORKS);
    }
    assert!(work.endpoints().remove(first.id).await.expect(WORKS));
    assert!(!work.endpoints().remove(first.id).await.expect(WORKS));
    assert!(work.projects().save(&project.delete(at(1)).expect("it was there")).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let mut work = read(store).await;
    assert_eq!(work.endpoints().list_all().await.expect(WORKS), []);
    for endpoint in [first, second] {
        assert_eq!(work.endpoints().version(endpoint.id, 1).await.expect(WORKS), None);
    }
}
