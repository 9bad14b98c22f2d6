//! What of a provider's claims becomes of a person.

use promptgate_auth::Role;
use serde_json::Value;

use crate::OidcProvider;
use crate::jwt::{Claims, text};

/// The texts of a claim: one, or a list. The name may be a path, such as `realm_access.roles`, but a
/// claim that is called so comes first.
pub(crate) fn texts(claims: &Claims, name: &str) -> Option<Vec<String>> {
    let step = |value: Option<&Value>| match value? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(several) => {
            Some(several.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
        }
        _ => None,
    };
    step(claims.get(name)).or_else(|| {
        let mut path = name.split('.');
        let mut value = claims.get(path.next()?)?;
        for part in path {
            value = value.get(part)?;
        }
        step(Some(value))
    })
}

/// The highest role that the provider gives; none if it gives none. `None` where roles are given here.
pub(crate) fn role(provider: &OidcProvider, claims: &Claims) -> Option<Role> {
    let (claim, roles) = provider.roles.as_ref()?;
    let given = texts(claims, claim).unwrap_or_default();
    let role = roles.iter().filter(|(value, _)| given.contains(value)).map(|(_, role)| *role).max();
    Some(role.unwrap_or(Role::None))
}

/// The groups that the provider names; a path such as `/team/a`, as Keycloak writes it, counts without
/// its first slash. `None` where groups are given here.
pub(crate) fn groups(provider: &OidcProvider, claims: &Claims) -> Option<Vec<String>> {
    let given = texts(claims, provider.groups_claim.as_ref()?).unwrap_or_default();
    Some(given.into_iter().map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned()).collect())
}

/// Whether something that is wanted of the person was not said yet.
pub(crate) fn is_wanting(provider: &OidcProvider, claims: &Claims) -> bool {
    let [username, role, groups] = [
        Some(provider.username_claim.as_str()),
        provider.roles.as_ref().map(|(claim, _)| claim.as_str()),
        provider.groups_claim.as_deref(),
    ];
    let has_text = |name: &str| text(claims, name).is_some();
    let lacks_list = |name: Option<&str>| name.is_some_and(|name| texts(claims, name).is_none());
    !username.is_some_and(has_text)
        || !has_text("email")
        || !has_text("name")
        || lacks_list(role)
        || lacks_list(groups)
}

/// Adds what was not said yet. What was said stays.
pub(crate) fn fill(claims: &mut Claims, more: Claims) {
    for (name, value) in more {
        let is_there = claims.get(&name).is_some_and(|known| known.as_str() != Some(""));
        if !is_there {
            claims.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    fn provider() -> OidcProvider {
        OidcProvider {
            name: "x".into(),
            issuer: "https://x.example".into(),
            jwks_url: None,
            client_id: "gate".into(),
            client_secret: None,
            scopes: vec![],
            audiences: vec![],
            username_claim: "preferred_username".into(),
            roles: Some((
                "realm_access.roles".into(),
                vec![("admins".into(), Role::Admin), ("staff".into(), Role::User)],
            )),
            groups_claim: Some("groups".into()),
        }
    }

    #[test]
    fn the_highest_role_counts_and_no_role_is_one_too() {
        let of = |roles: Value| role(&provider(), &claims(json!({"realm_access": {"roles": roles}})));
        assert_eq!(of(json!(["staff", "admins"])), Some(Role::Admin));
        assert_eq!(of(json!("staff")), Some(Role::User));
        assert_eq!(of(json!(["other"])), Some(Role::None));
        assert_eq!(role(&provider(), &claims(json!({}))), Some(Role::None));
        let here = OidcProvider { roles: None, ..provider() };
        assert_eq!(role(&here, &claims(json!({"realm_access": {"roles": ["admins"]}}))), None);
    }

    #[test]
    fn a_claim_may_be_called_like_a_path() {
        let both = claims(json!({"a.b": ["literal"], "a": {"b": ["path"]}}));
        assert_eq!(texts(&both, "a.b").unwrap(), ["literal"]);
        assert_eq!(texts(&claims(json!({"a": {"b": "path"}})), "a.b").unwrap(), ["path"]);
        assert_eq!(texts(&claims(json!({"a": 1})), "a.b"), None);
        assert_eq!(
            groups(&provider(), &claims(json!({"groups": ["/team/a", "b"]}))).unwrap(),
            ["team/a", "b"]
        );
    }

    #[test]
    fn what_was_said_first_stays() {
        let mut known = claims(json!({"email": "", "name": "A"}));
        assert!(is_wanting(&provider(), &known));
        fill(
            &mut known,
            claims(
                json!({"email": "a@x", "name": "B", "preferred_username": "a", "groups": [], "realm_access": {"roles": []}}),
            ),
        );
        assert_eq!((text(&known, "email"), text(&known, "name")), (Some("a@x"), Some("A")));
        assert!(!is_wanting(&provider(), &known));
    }
}
