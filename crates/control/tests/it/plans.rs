//! Subscription plans: what everybody who works with them is told, and who wins.

use promptgate_access::{NewPlan, PlanChanges, PlanFilter};
use promptgate_auth::{AccountChanges, AccountKind, Role};
use promptgate_control::accounts::{self, CreatePerson, DeleteAccountError, UpdateAccountError};
use promptgate_control::plans::{self, PlanError, UpdatePlan};
use promptgate_kernel::{AccountId, PageRequest, PlanId, SecretString};
use promptgate_store::{Access, Change};
use promptgate_store_sql::{SqlOptions, connect};

use crate::fixture::{ADMIN, Fixture};

fn new_plan(name: &str, is_default: bool) -> NewPlan {
    NewPlan {
        name: name.into(),
        description: String::new(),
        quota_5h_tokens: Some(5),
        quota_7d_tokens: None,
        is_default,
    }
}

async fn create(fixture: &Fixture, name: &str) -> PlanId {
    plans::create(&fixture.control, ADMIN, new_plan(name, false)).await.unwrap().plan.id
}

async fn defaults(fixture: &Fixture) -> Vec<PlanId> {
    let page = plans::list(&fixture.control, ADMIN, PlanFilter::default(), PageRequest::clamped(1, 100))
        .await
        .unwrap();
    page.items
        .into_iter()
        .map(|listed| listed.plan)
        .filter(|plan| plan.is_default)
        .map(|plan| plan.id)
        .collect()
}

#[tokio::test]
async fn every_process_is_told_of_every_change_of_a_plan() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let first = create(&fixture, "first").await;
    assert_eq!(fixture.last_change().await, Some(Change::Plan(first)));
    let second = create(&fixture, "second").await;
    let quota = PlanChanges { quota_5h_tokens: Some(Some(9)), ..PlanChanges::default() };
    plans::update(control, ADMIN, first, UpdatePlan { changes: quota, is_default: None }).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Plan(first)));
    plans::make_default(control, ADMIN, second).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Plan(second)));
    plans::delete(control, ADMIN, first).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Plan(first)));
    let revision = fixture.revision().await;
    plans::make_default(control, ADMIN, second).await.unwrap();
    plans::update(control, ADMIN, second, UpdatePlan::default()).await.unwrap();
    assert_eq!(fixture.revision().await, revision, "what changes nothing is told to nobody");
}

#[tokio::test]
async fn one_plan_is_the_default_whoever_wants_another_at_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    one_default(&format!("sqlite:{}", folder.path().join("plans.db").display())).await;
}

#[tokio::test]
async fn one_plan_is_the_default_whoever_wants_another_at_once_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    one_default(database.url()).await;
}

async fn one_default(url: &str) {
    let connected = connect(url, SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let control = &fixture.control;
    // The first two of an installation each want to be it.
    let (a, b) = tokio::join!(
        plans::create(control, ADMIN, new_plan("a", false)),
        plans::create(control, ADMIN, new_plan("b", true)),
    );
    for result in [&a, &b] {
        assert!(matches!(result, Ok(_) | Err(PlanError::Changed)), "{result:?}");
    }
    assert_eq!(defaults(&fixture).await.len(), 1);
    let [one, two, three] =
        [create(&fixture, "one").await, create(&fixture, "two").await, create(&fixture, "three").await];
    let by_change = |id| {
        plans::update(control, ADMIN, id, UpdatePlan { is_default: Some(true), ..UpdatePlan::default() })
    };
    for _ in 0..10 {
        let (first, second, third) = tokio::join!(
            plans::make_default(control, ADMIN, one),
            plans::make_default(control, ADMIN, two),
            by_change(three),
        );
        for result in [&first, &second, &third] {
            assert!(matches!(result, Ok(_) | Err(PlanError::Changed)), "{result:?}");
        }
        assert_eq!(defaults(&fixture).await.len(), 1);
    }
    let last = defaults(&fixture).await[0];
    let ordinary = UpdatePlan { is_default: Some(false), ..UpdatePlan::default() };
    let refused = plans::update(control, ADMIN, last, ordinary).await.unwrap_err();
    assert!(matches!(refused, PlanError::DefaultRequired), "{refused}");
    let refused = plans::delete(control, ADMIN, last).await.unwrap_err();
    assert!(matches!(refused, PlanError::DefaultNotDeleted), "{refused}");
}

async fn administrator(fixture: &Fixture, email: &str) -> AccountId {
    let new = CreatePerson {
        email: email.into(),
        name: String::new(),
        role: Role::Admin,
        password: SecretString::new("correct horse battery".into()),
        must_change_password: false,
    };
    accounts::create_person(&fixture.control, ADMIN, new).await.unwrap().account.id
}

/// Two administrators who end each other at the same moment: one of them stays.
#[tokio::test]
async fn an_administrator_stays_whoever_goes_at_once_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    let connected = connect(database.url(), SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let control = &fixture.control;
    let mut stays = administrator(&fixture, "first@example.com").await;
    for round in 0..8 {
        let other = administrator(&fixture, &format!("other-{round}@example.com")).await;
        let demoted = AccountChanges { role: Some(Role::User), ..AccountChanges::default() };
        let (changed, deleted) = tokio::join!(
            accounts::update(control, ADMIN, AccountKind::Person, stays, demoted),
            accounts::delete(control, ADMIN, AccountKind::Person, other),
        );
        match (&changed, &deleted) {
            (Ok(_), Err(DeleteAccountError::LastAdministrator(_))) => stays = other,
            (Err(UpdateAccountError::LastAdministrator(_)), Ok(())) => {}
            both => panic!("{both:?}"),
        }
        let mut work = control.store.begin(Access::Read).await.unwrap();
        let left = work.accounts().count_other_administrators(None, control.clock.now()).await.unwrap();
        assert_eq!(left, 1);
    }
}
