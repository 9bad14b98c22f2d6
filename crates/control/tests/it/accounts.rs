//! What goes with an account, and what a new installation is given once.

use std::time::Duration;

use promptgate_auth::{AccountChanges, AccountKind, NewService, Role};
use promptgate_control::accounts::{CreatePerson, DeleteAccountError, UpdateAccountError};
use promptgate_control::prices::{self, NewPrice};
use promptgate_control::{accounts, network_rules, providers, setup_guides};
use promptgate_firewall::{Action, Namespace, NewNetworkRule, Priority, RuleAddress};
use promptgate_kernel::{AccountId, Clock, SecretString};
use promptgate_store::Access;
use promptgate_usage::{PriceTarget, RateChanges};

use crate::fixture::{ADMIN, Fixture, new_provider};

async fn service(fixture: &Fixture, identifier: &str) -> AccountId {
    let new = NewService {
        identifier: identifier.into(),
        name: identifier.into(),
        active: true,
        firewall_override: true,
        ..NewService::default()
    };
    accounts::create_service(&fixture.control, ADMIN, new).await.unwrap().account.id
}

async fn rule(fixture: &Fixture, namespace: Namespace, priority: i64) {
    let new = NewNetworkRule {
        address: RuleAddress::parse("10.0.0.0/8").unwrap(),
        description: "secret office".into(),
        priority: Priority::new(priority).unwrap(),
        action: Action::Allow,
        enabled: true,
    };
    network_rules::create(&fixture.control, ADMIN, namespace, new).await.unwrap();
}

async fn count_rules(fixture: &Fixture, namespace: Namespace) -> usize {
    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    work.network_rules().list_all(namespace).await.unwrap().len()
}

#[tokio::test]
async fn the_network_rules_of_an_account_go_with_it() {
    let fixture = Fixture::new().await;
    let [gone, stays] = [service(&fixture, "gone").await, service(&fixture, "stays").await];
    for namespace in [Namespace::Global, Namespace::Service(gone), Namespace::Service(stays)] {
        rule(&fixture, namespace, 1).await;
        rule(&fixture, namespace, 2).await;
    }
    accounts::delete(&fixture.control, ADMIN, AccountKind::Service, gone).await.unwrap();
    assert_eq!(count_rules(&fixture, Namespace::Service(gone)).await, 0);
    assert_eq!(count_rules(&fixture, Namespace::Service(stays)).await, 2);
    assert_eq!(count_rules(&fixture, Namespace::Global).await, 2);
    let audit = fixture.audit().await;
    let [.., account, first, second] = &audit[..] else { panic!("{} events", audit.len()) };
    assert_eq!(account.event.action, "service_account.deleted");
    for (chained, priority) in [(first, "1"), (second, "2")] {
        let event = &chained.event;
        assert_eq!(
            (&*event.action, &event.details["accountId"]),
            ("network_rule.deleted", &gone.to_string())
        );
        assert_eq!((&*event.before["address"], &*event.before["priority"]), ("10.0.0.0/8", priority));
        assert!(event.after.is_empty());
    }
    // Somebody who finds the account gone leaves no rule behind.
    let new = NewNetworkRule {
        address: RuleAddress::parse("10.0.0.1").unwrap(),
        description: String::new(),
        priority: Priority::new(1).unwrap(),
        action: Action::Allow,
        enabled: true,
    };
    let refused = network_rules::create(&fixture.control, ADMIN, Namespace::Service(gone), new).await;
    assert!(matches!(refused, Err(network_rules::NetworkRuleError::UnknownService(_))));
    assert_eq!(fixture.audit().await.len(), audit.len());
}

#[tokio::test]
async fn the_default_guides_are_written_once() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let seed =
        async || setup_guides::seed(&*control.store, &*control.clock, &*control.entropy).await.unwrap();
    assert_eq!(seed().await, 12);
    assert_eq!(seed().await, 0);
    let guides = setup_guides::list(control, ADMIN).await.unwrap();
    assert!(guides.iter().map(|guide| guide.position).eq(0..12));
    for (left, guide) in guides.iter().enumerate().rev() {
        setup_guides::delete(control, ADMIN, guide.id).await.unwrap();
        assert_eq!(seed().await, 0, "what somebody deleted does not come back");
        assert_eq!(setup_guides::list(control, ADMIN).await.unwrap().len(), left);
    }
}

#[tokio::test]
async fn two_lists_of_prices_are_not_mixed_and_say_what_they_changed() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    providers::create(control, ADMIN, new_provider("main", "sk-x")).await.unwrap();
    let rates = |input: f64| {
        let changes = RateChanges { input: Some(input), output: Some(2.0), ..RateChanges::default() };
        changes.into_rates().unwrap()
    };
    let price = |model: &str, input: f64| NewPrice {
        target: PriceTarget::new("main", model).unwrap(),
        rates: rates(input),
    };
    let replace = async |models| prices::replace(control, ADMIN, rates(9.0), models).await.unwrap();
    replace(vec![price("same", 1.0), price("dearer", 1.0), price("gone", 1.0)]).await;
    replace(vec![price("same", 1.0), price("dearer", 3.0), price("new", 1.0)]).await;
    let audit = fixture.audit().await;
    let event = &audit.last().unwrap().event;
    let members = |shown: &std::collections::BTreeMap<String, String>| {
        shown.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((&*event.action, &*event.details["models"]), ("price.replaced", "3"));
    assert_eq!(members(&event.before), "main/dearer main/gone");
    assert_eq!(members(&event.after), "main/dearer main/new");
    assert!(event.after["main/dearer"].contains("\"input\":3.0"), "{:?}", event.after);
}

#[tokio::test]
async fn an_administrator_whose_access_ends_one_day_is_not_the_one_who_stays() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let person = async |email: &str| {
        let new = CreatePerson {
            email: email.into(),
            name: String::new(),
            role: Role::Admin,
            password: SecretString::new("correct horse battery".into()),
            must_change_password: false,
        };
        accounts::create_person(control, ADMIN, new).await.unwrap().account.id
    };
    let [stays, guest] = [person("stays@example.com").await, person("guest@example.com").await];
    let change = async |id, changes| accounts::update(control, ADMIN, AccountKind::Person, id, changes).await;
    let end = fixture.clock.now().plus(Duration::from_hours(24));
    let until = AccountChanges { expires_at: Some(Some(end)), ..AccountChanges::default() };
    change(guest, until.clone()).await.unwrap();
    let demoted = || AccountChanges { role: Some(Role::User), ..AccountChanges::default() };
    for changes in [demoted(), until] {
        let refused = change(stays, changes).await.unwrap_err();
        assert!(matches!(refused, UpdateAccountError::LastAdministrator(_)), "{refused}");
    }
    let kept = accounts::delete(control, ADMIN, AccountKind::Person, stays).await.unwrap_err();
    assert!(matches!(kept, DeleteAccountError::LastAdministrator(_)), "{kept}");
    change(guest, demoted()).await.unwrap();
}
