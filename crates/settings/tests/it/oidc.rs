//! Identity providers, any number of them.

use promptgate_settings::{Process, Settings};

use crate::with;

const FIRST: [(&str, &str); 2] = [
    ("PROMPTGATE_KEYCLOAK_ISSUER_URL", "https://login.example/realms/x/"),
    ("PROMPTGATE_OIDC_CLIENT_ID", "gate"),
];

fn problem(settings: &Settings) -> String {
    settings.check(Process::Api).expect_err("refused").to_string()
}

#[test]
fn none_is_needed() {
    let settings = with(&[]);
    settings.check(Process::Api).expect("valid");
    assert!(settings.oidc().expect("valid").is_empty());
}

#[test]
fn a_second_provider_has_a_name_of_its_own() {
    let settings = with(&[
        FIRST[0],
        FIRST[1],
        ("PROMPTGATE_OIDC_GOOGLE_ISSUER_URL", "https://accounts.google.com"),
        ("PROMPTGATE_OIDC_GOOGLE_CLIENT_ID", "abc"),
        ("PROMPTGATE_OIDC_GOOGLE_CLIENT_SECRET", "canary"),
        ("PROMPTGATE_OIDC_GOOGLE_USERNAME_CLAIM", "email"),
        ("PROMPTGATE_OIDC_GOOGLE_ROLE_CLAIM", "groups"),
        ("PROMPTGATE_OIDC_GOOGLE_ROLES", "a=b=admin, staff = user"),
    ]);
    assert!(settings.warnings().is_empty(), "{:?}", settings.warnings());
    settings.check(Process::Api).expect("valid");
    let [first, second] = settings.oidc().expect("valid").try_into().expect("two");
    assert_eq!((&*first.name, &*first.issuer_url), ("oidc", "https://login.example/realms/x"));
    assert_eq!((&*first.username_claim, first.scopes.len()), ("preferred_username", 2));
    assert_eq!((&*second.name, &*second.client_id, &*second.username_claim), ("google", "abc", "email"));
    assert_eq!(second.scopes, ["profile", "email"]);
    assert_eq!(second.client_secret.expect("given").expose(), "canary");
    let pair = |value: &str, role: &str| (value.to_owned(), role.to_owned());
    assert_eq!(second.roles, [pair("a=b", "admin"), pair("staff", "user")]);
    let shown = format!("{settings:?}");
    assert!(shown.contains("PROMPTGATE_OIDC_GOOGLE_CLIENT_ID") && !shown.contains("canary"), "{shown}");
}

#[test]
fn half_a_provider_is_refused_with_what_is_missing() {
    assert!(problem(&with(&FIRST[..1])).contains("PROMPTGATE_OIDC_CLIENT_ID is required"));
    assert!(problem(&with(&FIRST[1..])).contains("PROMPTGATE_OIDC_ISSUER_URL is required"));
    let named = ("PROMPTGATE_OIDC_X_SCOPES", "email");
    assert!(problem(&with(&[named])).contains("PROMPTGATE_OIDC_X_ISSUER_URL is required"));
    let roles = ("PROMPTGATE_OIDC_ROLES", "a=admin");
    assert!(problem(&with(&[FIRST[0], FIRST[1], roles])).contains("PROMPTGATE_OIDC_ROLE_CLAIM is required"));
    with(&FIRST[..1]).check(Process::Proxy).expect("the proxy does not read it");
}

#[test]
fn wrong_values_and_names_are_told() {
    let wrong = |name: &'static str, value| problem(&with(&[FIRST[0], FIRST[1], (name, value)]));
    assert!(
        wrong("PROMPTGATE_OIDC_X_ISSUER_URL", "ftp://x").contains("PROMPTGATE_OIDC_X_ISSUER_URL must begin")
    );
    for roles in ["a=root", "admin", "=admin", "a="] {
        assert!(wrong("PROMPTGATE_OIDC_ROLES", roles).contains("must be value=role"), "{roles}");
    }
    let settings = with(&[("PROMPTGATE_OIDC_GOOGLE_CLIENT", "x")]);
    assert_eq!(settings.warnings().len(), 1);
}
