use crate::fixture::{ADMIN, Fixture, issue_token};
use promptgate_control::projects;
use promptgate_control::tokens::{self, IssueTokenError, RotateTokenError, UpdateTokenError};
use promptgate_projects::ProjectType;
use promptgate_store::Change;
use promptgate_tokens::{Overlap, Scope, ScopeSet, TokenChanges, TokenState};

#[tokio::test]
async fn a_token_opens_by_default_what_its_project_serves() {
    let fixture = Fixture::new().await;
    for kind in ProjectType::ALL {
        let project = fixture.project(kind).await;
        let token = fixture.token(project.id, None).await.token;
        assert_eq!(token.scopes, tokens::default_scopes(kind));
        assert!(token.scopes.iter().all(|scope| !scope.is_management()), "{kind}");
    }
    let project = fixture.project(ProjectType::AiWrapper).await;
    let asked: ScopeSet = [Scope::Admin].into_iter().collect();
    assert_eq!(fixture.token(project.id, Some(asked.clone())).await.token.scopes, asked);
}

#[tokio::test]
async fn rotation_and_revocation_announce_the_hash_that_is_remembered() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let (id, first) = (issued.token.id, issued.token.hash);
    let rotated = tokens::rotate(&fixture.control, ADMIN, id.into(), Overlap::NONE).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Token { id, hash: first }));
    assert_eq!(rotated.token.hash, rotated.secret.hash());
    tokens::revoke(&fixture.control, ADMIN, id.into()).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Token { id, hash: rotated.token.hash }));
}

#[tokio::test]
async fn revoking_again_records_nothing_and_nothing_else_is_possible() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let id = fixture.token(project.id, None).await.token.id;
    tokens::revoke(&fixture.control, ADMIN, id.into()).await.unwrap();
    let (revision, events) = (fixture.revision().await, fixture.audit().await.len());
    tokens::revoke(&fixture.control, ADMIN, id.into()).await.unwrap();
    assert_eq!((fixture.revision().await, fixture.audit().await.len()), (revision, events));
    let refused = tokens::rotate(&fixture.control, ADMIN, id.into(), Overlap::NONE).await.unwrap_err();
    assert!(matches!(refused, RotateTokenError::Revoked(_)));
    let refused =
        tokens::update(&fixture.control, ADMIN, id.into(), TokenChanges::default()).await.unwrap_err();
    assert!(matches!(refused, UpdateTokenError::Revoked(_)));
}

#[tokio::test]
async fn a_deleted_project_gets_no_token() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    projects::delete(&fixture.control, ADMIN, project.id).await.unwrap();
    let refused = tokens::issue(&fixture.control, ADMIN, issue_token(project.id, None)).await.unwrap_err();
    assert!(matches!(refused, IssueTokenError::UnknownProject(_)));
}

#[tokio::test]
async fn the_log_names_what_happened_and_no_secret() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let id = issued.token.id;
    let off = TokenChanges { is_active: Some(false), ..Default::default() };
    tokens::update(&fixture.control, ADMIN, id.into(), off).await.unwrap();
    let rotated = tokens::rotate(&fixture.control, ADMIN, id.into(), Overlap::NONE).await.unwrap();
    tokens::revoke(&fixture.control, ADMIN, id.into()).await.unwrap();
    let expected =
        ["project.created", "token.created", "token.deactivated", "token.rotated", "token.revoked"];
    assert_eq!(fixture.actions().await, expected);
    let log = format!("{:?}", fixture.audit().await);
    for secret in [issued.secret.expose(), rotated.secret.expose()] {
        assert!(!log.contains(secret) && !log.contains(&secret[..12]));
    }
}

#[tokio::test]
async fn what_is_below_a_token_that_ends_ends_too() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let scopes = |scopes: &[Scope]| Some(scopes.iter().copied().collect::<ScopeSet>());
    let top = fixture.token(project.id, scopes(&[Scope::Chat, Scope::Models])).await.token.id;
    let child = fixture.below(top, scopes(&[Scope::Models])).await;
    let grandchild = fixture.below(child, None).await;
    let [both, kept] = [fixture.below(top, None).await, fixture.below(top, scopes(&[Scope::Chat])).await];
    let last = fixture.below(grandchild, None).await;
    let narrower = TokenChanges { scopes: scopes(&[Scope::Chat]), ..TokenChanges::default() };
    tokens::update(control, ADMIN, top.into(), narrower).await.unwrap();
    let mut states = Vec::new();
    for id in [child, grandchild, last, both, kept] {
        let token = tokens::find(control, ADMIN, id.into()).await.unwrap();
        states.push((matches!(token.state, TokenState::Revoked { .. }), token.scopes.to_string()));
    }
    let (models, chat) = ("models".to_owned(), "chat".to_owned());
    let expected = [
        (true, models.clone()),
        (true, models.clone()),
        (true, models),
        (false, chat.clone()),
        (false, chat),
    ];
    assert_eq!(states, expected);
    let actions = fixture.actions().await;
    let last = &actions[actions.len() - 5..];
    assert_eq!(last.iter().filter(|action| *action == "token.revoked").count(), 3, "{last:?}");
    assert_eq!(last.iter().filter(|action| *action == "token.updated").count(), 2, "{last:?}");
}
