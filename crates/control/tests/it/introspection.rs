use std::time::Duration;

use crate::fixture::{ADMIN, Fixture};
use promptgate_control::introspection::{self, Denied};
use promptgate_control::tokens;
use promptgate_kernel::{Clock, Timestamp};
use promptgate_projects::ProjectType;
use promptgate_tokens::{AccessDenied, Scope, TokenChanges};

#[tokio::test]
async fn a_use_is_noted_to_within_a_minute() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let use_it = async || -> Option<Timestamp> {
        let bearer = Some(issued.secret.expose());
        introspection::authenticate(&fixture.control, bearer, Some(project.id), Scope::Models).await.unwrap();
        tokens::find(&fixture.control, ADMIN, issued.token.id.into()).await.unwrap().last_used_at
    };
    let first = fixture.clock.now();
    assert_eq!(use_it().await, Some(first));
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(use_it().await, Some(first));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(use_it().await, Some(fixture.clock.now()));
}

#[tokio::test]
async fn an_expired_token_is_refused_before_its_scopes_are_looked_at() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let expiry = Some(Some(fixture.clock.now().plus(Duration::from_secs(5))));
    let changes = TokenChanges { expires_at: expiry, ..Default::default() };
    tokens::update(&fixture.control, ADMIN, issued.token.id.into(), changes).await.unwrap();
    let ask =
        || introspection::authenticate(&fixture.control, Some(issued.secret.expose()), None, Scope::Admin);
    let scope = ask().await.unwrap_err();
    assert!(matches!(scope, Denied::Refused(AccessDenied::MissingScope { .. })));
    fixture.clock.advance(Duration::from_secs(5));
    let expired = ask().await.unwrap_err();
    assert!(matches!(expired, Denied::Refused(AccessDenied::Expired { .. })));
}

#[tokio::test]
async fn more_tokens_than_a_page_are_listed_in_one_answer() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let admin = fixture.token(project.id, Some([Scope::Admin].into_iter().collect())).await;
    for _ in 0..120 {
        fixture.token(project.id, None).await;
    }
    let bearer = Some(admin.secret.expose());
    let caller = introspection::authenticate(&fixture.control, bearer, Some(project.id), Scope::Admin).await;
    let caller = caller.unwrap();
    let page = introspection::tokens(&fixture.control, &caller).await.unwrap();
    assert_eq!((page.items.len(), page.total), (121, 121));
    let mut ids: Vec<_> = page.items.iter().map(|token| token.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 121);
    let info = introspection::info(&fixture.control, &caller).await.unwrap();
    assert_eq!((info.tokens_count, info.endpoints_count), (121, 0));
}
