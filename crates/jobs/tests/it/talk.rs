//! What was talked about with AI endpoints, and the answers that were kept for others who ask the same.

use std::time::Duration;

use promptgate_endpoints::{AiSession, CacheKey, CachedAnswer, Endpoint};
use promptgate_kernel::testing::SeededEntropy;
use promptgate_kernel::{AiSessionId, CallId, Clock, EndpointId, ProjectId, TokenId};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_store::{Access, Store};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord};
use serde_json::json;

use crate::{DAY, Running, WORKS, clock, options, store, until};

/// A project with an endpoint whose conversations live as long, if it has any.
async fn endpoint(store: &dyn Store, entropy: &SeededEntropy, ttl_seconds: Option<u32>) -> Endpoint {
    let new = NewProject {
        name: ProjectName::parse("Search").expect(WORKS),
        kind: ProjectType::AiGateway,
        env: ProjectEnv::Prod,
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: serde_json::Map::new(),
        active: true,
    };
    let project = Project::create(ProjectId::mint(&*clock(), entropy), new, clock().now()).expect(WORKS);
    let config = json!({
        "name": "a", "slug": "a", "sessions_enabled": ttl_seconds.is_some(), "session_ttl_seconds": ttl_seconds,
    });
    let endpoint = Endpoint {
        id: EndpointId::mint(&*clock(), entropy),
        project_id: project.id,
        config: serde_json::from_value(config).expect(WORKS),
        guardrails: serde_json::Map::new(),
        is_active: true,
        latest_version: 1,
        created_at: clock().now(),
        updated_at: clock().now(),
        version: 1,
    };
    let mut work = store.begin(Access::Write).await.expect(WORKS);
    work.projects().insert(&project).await.expect(WORKS);
    work.endpoints().insert(&endpoint).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    endpoint
}

#[tokio::test]
async fn conversations_go_when_their_endpoint_says_or_after_a_month() {
    const HOUR: Duration = Duration::from_hours(1);
    let (store, _directory) = store().await;
    let entropy = SeededEntropy::new(1);
    let short = endpoint(&*store, &entropy, Some(3_600)).await;
    let long = endpoint(&*store, &entropy, Some(604_800)).await;
    let none = endpoint(&*store, &entropy, None).await;
    let now = clock().now();
    let mut sessions = Vec::new();
    let mut work = store.begin(Access::Write).await.unwrap();
    for (endpoint, silent) in
        [(&short, HOUR * 2), (&short, HOUR / 2), (&long, HOUR * 2), (&none, DAY * 29), (&none, DAY * 31)]
    {
        let session = AiSession {
            id: AiSessionId::mint(&*clock(), &entropy),
            endpoint_id: endpoint.id,
            project_id: endpoint.project_id,
            token_id: TokenId::mint(&*clock(), &entropy),
            total_messages: 0,
            total_tokens: 0,
            created_at: now.minus(silent),
            last_activity_at: now.minus(silent),
        };
        work.sessions().create(&session, &[]).await.unwrap();
        sessions.push(session.id);
    }
    work.commit().await.unwrap();

    let running = Running::start(&store, &options(), 2);
    until(vec![false, true, true, true, false], async || {
        let mut work = store.begin(Access::Read).await.unwrap();
        let mut there = Vec::new();
        for id in &sessions {
            there.push(work.sessions().find(*id).await.unwrap().is_some());
        }
        there
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn answers_go_when_their_time_is_over() {
    let (store, _directory) = store().await;
    let entropy = SeededEntropy::new(1);
    let endpoint = endpoint(&*store, &entropy, None).await;
    let now = clock().now();
    let ends = [now.minus(DAY), now.plus(DAY)];
    let keys = [1, 2].map(|number| CacheKey::from_bytes([number; 32]));
    let token_id = TokenId::mint(&*clock(), &entropy);
    let claims = [1, 2].map(|number| IdempotencyKey { token_id, hash: [number; 32] });
    let mut work = store.begin(Access::Write).await.unwrap();
    for ((end, key), claim) in ends.into_iter().zip(keys).zip(claims) {
        let answer = CachedAnswer {
            key,
            endpoint_id: endpoint.id,
            project_id: endpoint.project_id,
            provider: "echo".into(),
            provider_model: "echo".into(),
            prompt_tokens: 1,
            completion_tokens: 1,
            total_tokens: 2,
            body: "{}".into(),
            hit_count: 0,
            created_at: now,
            expires_at: end,
        };
        work.response_cache().put(&answer).await.unwrap();
        let call = CallId::mint(&*clock(), &entropy);
        let record = IdempotencyRecord::begin(claim, [0; 32], call, now.minus(DAY * 2), end);
        assert_eq!(work.idempotency().claim(&record).await.unwrap(), None);
    }
    work.commit().await.unwrap();

    let running = Running::start(&store, &options(), 2);
    until([[false, false], [true, true]], async || {
        let mut work = store.begin(Access::Write).await.unwrap();
        let mut there = [[false; 2]; 2];
        for ((key, claim), there) in keys.iter().zip(claims).zip(&mut there) {
            // Long before: what is expired and still there would be found.
            let cached = work.response_cache().find(key, now.minus(DAY * 2)).await.unwrap();
            *there = [cached.is_some(), work.idempotency().find(claim).await.unwrap().is_some()];
        }
        there
    })
    .await;
    running.stop().await;
}
