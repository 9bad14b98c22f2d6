//! Every role on every route of the JSON API.

use futures_util::{StreamExt, stream};
use promptgate_e2e::{Client, Gateway, Installation};
use serde_json::{Value, json};

use super::bearer::Bearer;
use super::cast::{Caller, Stage, Who};
use super::issuer::Issuer;
use super::{Line, NO_ID, call, document, others_table, roles_table};

/// How somebody is refused, or `None` for who is not.
type Refusal = Option<(u16, &'static str)>;

/// Who is refused whatever it is that they want, for reasons of their own; what is behind the door has
/// no say.
fn refused_at_once(who: Who, has_provider: bool) -> Refusal {
    match who {
        Who::KeyAsBearer
        | Who::ProjectToken
        | Who::ProjectTokenWithSession
        | Who::PersonalKey
        | Who::ServiceKey
            if has_provider =>
        {
            Some((401, "invalid_token"))
        }
        // Without an identity provider, a bearer is nothing that anybody looks at here.
        Who::Stranger
        | Who::KeyAsBearer
        | Who::ProjectToken
        | Who::ProjectTokenAsApiKey
        | Who::PersonalKey
        | Who::ServiceKey => Some((401, "missing session")),
        Who::ForgedSession | Who::TokenAsSession => Some((401, "invalid session")),
        Who::RoleNone | Who::RoleNoneMember | Who::Ended => Some((403, "account_role_none")),
        Who::Inactive => Some((403, "account_inactive")),
        Who::MustChangePassword => Some((403, "password_change_required")),
        Who::Bearer(bearer) => bearer.refused_at_once(),
        _ => None,
    }
}

fn has_wrong_key(who: Who) -> bool {
    matches!(who, Who::WrongKey | Who::EmptyKey | Who::TwoKeys)
}

fn has_key(who: Who) -> bool {
    let with_bearer = Who::Bearer(Bearer::OverWithKey);
    matches!(who, Who::AdminKey | Who::NamedKey | Who::KeyWithForgedSession) || who == with_bearer
}

/// What somebody is in the project, as a number that grows with what they may.
fn rank(who: Who) -> u8 {
    match who {
        Who::Viewer => 1,
        Who::Developer | Who::Bearer(Bearer::Developer) => 2,
        Who::ProjectAdmin => 3,
        _ => 0,
    }
}

fn needed(door: &str) -> u8 {
    match door.trim_start_matches("thing-") {
        "viewer" => 1,
        "developer" => 2,
        "project-admin" => 3,
        // Nobody is that in a project.
        "installation" => 4,
        other => panic!("nobody knows who is `{other}`"),
    }
}

fn expected(who: Who, door: &str, has_provider: bool) -> Refusal {
    // The header counts where administrators manage, and for programs that set themselves up.
    let takes_keys = !matches!(door, "account" | "own");
    match who {
        who if takes_keys && has_wrong_key(who) => return Some((401, "invalid_admin_api_key")),
        who if takes_keys && has_key(who) => return None,
        Who::AdminKey | Who::NamedKey => return Some((401, "missing session")),
        Who::KeyWithForgedSession => return Some((401, "invalid session")),
        _ => {}
    }
    let is_program = matches!(
        who,
        Who::ProjectToken
            | Who::ProjectTokenAsApiKey
            | Who::ProjectTokenWithSession
            | Who::PersonalKey
            | Who::ServiceKey
    );
    if matches!(door, "setup" | "own") && is_program {
        return None;
    }
    if let Some(refused) = refused_at_once(who, has_provider) {
        return Some(refused);
    }
    let is_administrator = has_wrong_key(who)
        || matches!(
            who,
            Who::Administrator | Who::ProjectTokenWithSession | Who::Bearer(Bearer::Administrator)
        );
    match door {
        "account" | "setup" | "own" => None,
        _ if is_administrator => None,
        "members" if rank(who) > 0 || who == Who::Outsider => None,
        "members" => Some((403, "insufficient_role")),
        "admin" => Some((403, "insufficient_role")),
        door if rank(who) >= needed(door) => None,
        // Whoever is a member somewhere is told about the thing, others that they have no business here.
        door if rank(who) > 0 || (door.starts_with("thing-") && who == Who::Outsider) => {
            Some((403, "forbidden"))
        }
        _ => Some((403, "insufficient_role")),
    }
}

/// The address of a route for a caller: their own project and its things, else nothing.
fn address(line: &Line, caller: &Caller) -> String {
    let of_models = ["/aliases", "/tokens", "/calls", "/usage"].iter().any(|part| line.path.contains(part));
    let project = if of_models { &caller.wrapper } else { &caller.gateway };
    let id = if line.path.contains("/admin/tokens/{id}") || line.path.contains("{uuid}/tokens/{id}") {
        &caller.token
    } else if line.path.contains("/admin/calls/{id}") {
        &caller.call
    } else {
        NO_ID
    };
    let path = line.path.replace("{uuid}", project).replace("{id}", id).replace("{number}", "1");
    let mut filled = String::new();
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        filled.push_str(NO_ID);
        rest = after;
    }
    filled.push_str(rest);
    if line.path == "/api/v1/admin/calls" { format!("{filled}?projectId={project}") } else { filled }
}

/// A body that the route takes, where members come near; elsewhere one that it refuses, so that nothing
/// is changed: whoever may not come in is told so before anything of the body is read.
fn body(line: &Line, document: &Value) -> Option<Value> {
    let request = &document["paths"][&line.path][line.method.as_str().to_lowercase()]["requestBody"];
    let content = request["content"].as_object()?;
    if matches!(line.who.as_str(), "account" | "setup" | "own" | "admin") {
        return Some(json!({"unexpected": true}));
    }
    let example = &content["application/json"]["example"];
    assert!(example.is_object(), "{} {} has no example", line.method, line.path);
    Some(example.clone())
}

/// Walks everybody along every route, a few at a time; how it was not.
async fn walk(stage: &Stage<'_>) -> Vec<String> {
    let (callers, document) = (stage.everybody().await, document(stage.gateway).await);
    let walks = callers.iter().map(|caller| walk_of(stage, caller, &document));
    stream::iter(walks).buffer_unordered(4).concat().await
}

async fn walk_of(stage: &Stage<'_>, caller: &Caller, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in roles_table() {
        let url = format!("{}{}", stage.gateway.api, address(&line, caller));
        let answer = call(&caller.client, &line.method, &url, body(&line, document).as_ref()).await;
        let (status, code) = (answer.status.as_u16(), answer.json()["error"].clone());
        let expected = expected(caller.who, &line.who, stage.issuers.is_some());
        let is_right = match expected {
            Some((expected, expected_code)) => status == expected && code == expected_code,
            None => !matches!(status, 401 | 403) && status < 500,
        };
        if !is_right {
            let Line { who, method, path } = line;
            wrong
                .push(format!("{:?} {method} {path} ({who}): {status} {code}, not {expected:?}", caller.who));
        }
    }
    wrong
}

#[tokio::test]
async fn every_role_opens_what_the_table_says_and_no_more() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_BCRYPT_COST", "4");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let stage = Stage { installation: &installation, gateway: &gateway, issuers: None };
    let wrong = walk(&stage).await;
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn access_tokens_of_a_provider_open_what_the_role_of_their_owner_does() {
    let (issuer, foreign) = (Issuer::start().await, Issuer::start().await);
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    let installation = issuer.trusted_by(installation.set("PROMPTGATE_BCRYPT_COST", "4"));
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let issuers = Some([&issuer, &foreign]);
    let wrong = walk(&Stage { installation: &installation, gateway: &gateway, issuers }).await;
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn what_neither_roles_nor_scopes_open_takes_no_other_credential() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_BCRYPT_COST", "4");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let stage = Stage { installation: &installation, gateway: &gateway, issuers: None };
    let project = gateway.project().await.unwrap();
    let personal = stage.personal_key("somebody@example.com").await;
    let callers = [
        ("nothing", Client::new()),
        ("a project's token", project.client.clone()),
        ("a personal key", Client::new().bearer(&personal)),
        ("the admin key", Client::new().header("x-admin-api-key", promptgate_e2e::ADMIN_KEY)),
    ];
    for line in others_table() {
        for (with, client) in &callers {
            let url = format!("{}{}", gateway.api, line.path);
            let body = (line.method == http::Method::POST).then(|| json!({}));
            let answer = call(client, &line.method, &url, body.as_ref()).await;
            let status = answer.status.as_u16();
            let what = format!("{} {} with {with}: {}", line.method, line.path, answer.text());
            match line.who.as_str() {
                // The wrong password is a 401 that has nothing to do with who asks.
                "open" if line.path == "/auth/password" => {
                    assert_eq!(
                        (status, &answer.json()["error"]),
                        (401, &json!("invalid_credentials")),
                        "{what}"
                    );
                }
                "open" => assert!(status < 500 && !matches!(status, 401 | 403), "{status} {what}"),
                "session" => assert_eq!(status, 401, "{what}"),
                other => panic!("nobody knows what `{other}` is"),
            }
        }
    }
}
