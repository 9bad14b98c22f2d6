use std::time::Duration;

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{AccountId, Clock, Sealed, Timestamp};
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    TestClock::at_millis(1_700_000_000_000).now()
}

fn id(seed: u64) -> AccountId {
    AccountId::mint(&TestClock::at_millis(1_700_000_000_000), &SeededEntropy::new(seed))
}

fn oidc(username: &str) -> OidcPerson {
    OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: "s-1".into(),
        username: username.into(),
        email: "ada@example.com".into(),
        name: "Ada".into(),
    }
}

fn person(role: Role) -> Account {
    Account::person_by_oidc(id(1), oidc("ada"), role, now()).unwrap()
}

fn new_service(identifier: &str) -> NewService {
    NewService {
        identifier: identifier.into(),
        name: " Build ".into(),
        active: true,
        firewall_override: true,
        ..NewService::default()
    }
}

fn hash() -> PasswordHash {
    PasswordHash::from_text("$2b$04$x".into())
}

#[test]
fn a_service_account_has_a_subject_of_its_own_and_the_role_user() {
    let service = Account::service(id(2), &new_service("  Build_Bot-1 "), now()).unwrap();
    assert_eq!(service.username, "build_bot-1");
    assert_eq!(service.subject, format!("service:{}", service.id));
    assert_eq!((service.name.as_str(), service.email.as_str()), ("Build", ""));
    assert_eq!((service.role, service.last_login_at), (Role::User, Some(now())));
    for wrong in ["", " ", "a b", "ä", "a.b", &"x".repeat(65)] {
        let refused = Account::service(id(2), &new_service(wrong), now()).unwrap_err();
        assert_eq!((refused.field(), refused.code()), ("identifier", "invalid_identifier"), "{wrong}");
    }
    let nameless = NewService { name: "  ".into(), ..new_service("x") };
    assert_eq!(Account::service(id(2), &nameless, now()).unwrap_err(), InvalidAccount::Name);
    let promoted = AccountChanges { role: Some(Role::Admin), ..Default::default() };
    assert_eq!(service.change(promoted, now()).unwrap_err(), InvalidAccount::Role);
}

#[test]
fn a_further_sign_in_renews_who_one_is_and_keeps_what_one_may() {
    let mut known = person(Role::Manager);
    known.note = "kept".into();
    let later = now().plus(Duration::from_secs(5));
    let renamed = OidcPerson { name: String::new(), ..oidc("ada.l") };
    let after = known.clone().signed_in_by_oidc(renamed, later).unwrap();
    assert_eq!((after.username.as_str(), after.name.as_str()), ("ada.l", "ada.l"));
    assert_eq!((after.role, after.note.as_str()), (Role::Manager, "kept"));
    assert_eq!((after.last_login_at, after.version), (Some(later), known.version + 1));
    assert_eq!(known.signed_in_by_oidc(oidc(" "), later).unwrap_err(), InvalidAccount::Username);
}

#[test]
fn what_a_provider_says_meanwhile_is_no_sign_in_and_mostly_nothing_new() {
    let later = now().plus(Duration::from_secs(5));
    let known = person(Role::Manager).signed_in_by_oidc(oidc("ada"), now()).unwrap();
    assert!(known.clone().described_by_oidc(oidc("ada"), later).unwrap().is_none());
    let after = known.clone().described_by_oidc(oidc("ada.l"), later).unwrap().unwrap();
    assert_eq!((after.username.as_str(), after.role), ("ada.l", Role::Manager));
    assert_eq!((after.last_login_at, after.updated_at), (known.last_login_at, later));
    assert_eq!(after.version, known.version + 1);
    assert_eq!(known.described_by_oidc(oidc(" "), later).unwrap_err(), InvalidAccount::Username);
}

#[test]
fn a_person_with_a_password_needs_an_address() {
    let new = |email: &str| NewPerson {
        email: email.into(),
        username: String::new(),
        name: String::new(),
        role: Role::User,
        password: hash(),
        must_change_password: true,
    };
    let made = Account::person_by_password(id(3), new(" Ada@example.com "), now()).unwrap();
    assert_eq!((made.email.as_str(), made.username.as_str()), ("Ada@example.com", "Ada@example.com"));
    assert!(made.must_change_password && !made.is_linked());
    for wrong in ["", "ada", "@example.com", "ada@", "a da@example.com"] {
        let refused = Account::person_by_password(id(3), new(wrong), now()).unwrap_err();
        assert_eq!(refused, InvalidAccount::Email, "{wrong}");
    }
    let settled = made.with_password(hash(), false, now());
    assert!(!settled.must_change_password);
}

#[test]
fn the_expiry_is_in_the_future_and_ends_with_the_role() {
    let later = now().plus(Duration::from_mins(1));
    let expiring = AccountChanges { expires_at: Some(Some(later)), ..Default::default() };
    let account = person(Role::User).change(expiring, now()).unwrap();
    assert_eq!(account.usable(now()), Ok(()));
    assert_eq!(account.usable(later), Err(AccountRefused::Expired));
    assert_eq!(account.effective_role(later), Role::None);
    let noted = AccountChanges { note: Some(" kept ".into()), ..Default::default() };
    assert_eq!(account.clone().change(noted, later).unwrap().note, " kept ");
    let past = AccountChanges { expires_at: Some(Some(now())), ..Default::default() };
    assert_eq!(account.clone().change(past.clone(), now()).unwrap_err().code(), "invalid_expiration");
    let none = AccountChanges { role: Some(Role::None), ..past };
    let stripped = account.change(none, now()).unwrap();
    assert_eq!((stripped.expires_at, stripped.usable(now())), (None, Err(AccountRefused::RoleNone)));
}

#[test]
fn a_note_is_counted_in_characters() {
    let noted = |note: String| AccountChanges { note: Some(note), ..Default::default() };
    assert!(person(Role::User).change(noted("ä".repeat(2_000)), now()).is_ok());
    let refused = person(Role::User).change(noted("ä".repeat(2_001)), now()).unwrap_err();
    assert_eq!((refused.field(), refused.code()), ("note", "invalid_note"));
}

#[test]
fn the_seeded_account_counts_only_after_its_password_was_changed() {
    let seeded = Account::seeded(id(4), hash(), true, now());
    assert_eq!((seeded.role, seeded.usable(now())), (Role::Admin, Ok(())));
    assert!(!seeded.counts_as_administrator(now()) && seeded.must_change_password);
    assert!(seeded.with_password(hash(), false, now()).counts_as_administrator(now()));
    assert!(Account::seeded(id(4), hash(), false, now()).counts_as_administrator(now()));
}

#[test]
fn the_last_administrator_stays_one() {
    let admin = person(Role::Admin);
    let changes = [
        AccountChanges { role: Some(Role::Manager), ..Default::default() },
        AccountChanges { active: Some(false), ..Default::default() },
        AccountChanges { expires_at: Some(Some(now().plus(Duration::from_secs(9)))), ..Default::default() },
    ];
    for change in changes {
        let after = admin.clone().change(change.clone(), now()).unwrap();
        assert_eq!(keep_an_administrator(&admin, &after, 0, now()), Err(LastAdministrator), "{change:?}");
        assert_eq!(keep_an_administrator(&admin, &after, 1, now()), Ok(()), "{change:?}");
    }
    let gone = admin.clone().anonymise(now());
    assert_eq!(keep_an_administrator(&admin, &gone, 0, now()), Err(LastAdministrator));
    let manager = person(Role::Manager);
    assert_eq!(keep_an_administrator(&manager, &manager.clone().anonymise(now()), 0, now()), Ok(()));
}

#[test]
fn a_deleted_account_names_nobody() {
    let mut account = person(Role::Admin);
    account.note = "likes tea".into();
    account.password = Some(hash());
    account.totp = Some(Totp::begun(Sealed::from_text("sealed".into())));
    let gone = account.clone().anonymise(now());
    assert_eq!(gone.id, account.id);
    assert_eq!(gone.usable(now()), Err(AccountRefused::Inactive));
    let shown = format!("{gone:?}");
    for trace in ["ada", "Ada", "tea", "id.example", "sealed", "s-1"] {
        assert!(!shown.contains(trace), "{trace} in {shown}");
    }
    assert!(gone.password.is_none() && gone.totp.is_none());
}

proptest! {
    #[test]
    fn whatever_is_typed_makes_a_well_formed_identifier_or_none(given in "\\PC{0,80}") {
        if let Ok(service) = Account::service(id(5), &new_service(&given), now()) {
            let bytes = service.username.as_bytes();
            prop_assert!((1..=64).contains(&bytes.len()));
            prop_assert!(bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')));
        }
    }

    #[test]
    fn an_account_that_is_refused_has_no_role(active: bool, role in 0usize..4, left in -5i64..5) {
        let mut account = person(Role::ALL[role]);
        account.active = active;
        account.expires_at = Some(Timestamp::from_micros(now().as_micros() + left));
        let refused = account.usable(now()).is_err();
        prop_assert_eq!(refused, account.effective_role(now()) == Role::None);
        prop_assert_eq!(refused, !active || role == 0 || left <= 0);
    }
}
