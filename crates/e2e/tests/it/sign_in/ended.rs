//! What ends a session ends it at every replica, with the next request.

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use serde_json::{Value, json};

use super::visitor::Visitor;
use super::{ADMINISTRATOR, PASSWORD, prepared};

/// A session that was opened at one door and works at both.
async fn everywhere(doors: &[String]) -> Visitor {
    let visitor = Visitor::signed_in(&doors[0], ADMINISTRATOR).await;
    for door in doors {
        assert_eq!(visitor.moved(door).status().await, 200, "{door}");
    }
    visitor
}

async fn nowhere(doors: &[String], visitor: &Visitor) {
    for door in doors {
        visitor.moved(door).is_out().await;
    }
}

/// The sessions of whoever asks: the one that asks, and the others.
async fn listed(visitor: &Visitor) -> (Value, Vec<Value>) {
    let items = visitor.get("/api/v1/me/sessions").await.expect(200).unwrap()["items"].clone();
    let items = items.as_array().unwrap().clone();
    let (mut current, others): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| item["isCurrent"] == true);
    assert_eq!(current.len(), 1);
    (current.remove(0), others)
}

async fn dead_at_once(installation: Installation) {
    let installation = prepared(installation);
    let gateway = Gateway::replicated(&installation).await.unwrap();
    let doors = gateway.apis();
    let far = doors.last().unwrap();
    assert_eq!(doors.len(), 2);

    let left = everywhere(&doors).await;
    left.moved(far).post("/auth/logout", &json!({})).await.expect(204).unwrap();
    nowhere(&doors, &left).await;

    let (own, other) = (everywhere(&doors).await, everywhere(&doors).await);
    let (_, others) = listed(&own).await;
    assert_eq!(others.len(), 1);
    let path = format!("/api/v1/me/sessions/{}", others[0]["id"].as_str().unwrap());
    own.moved(far).send(Method::DELETE, &path, "").await.expect(204).unwrap();
    nowhere(&doors, &other).await;
    assert_eq!(own.status().await, 200);

    // By an administrator: one session, then all.
    let other = everywhere(&doors).await;
    let (current, _) = listed(&other).await;
    let profile = own.get("/api/v1/me").await.expect(200).unwrap();
    let sessions = format!("/users/{}/sessions", profile["id"].as_str().unwrap());
    let one = format!("{sessions}/{}", current["id"].as_str().unwrap());
    gateway.admin(Method::DELETE, &one, &Value::Null).await.unwrap().expect(204).unwrap();
    nowhere(&doors, &other).await;
    assert_eq!(own.moved(far).status().await, 200);
    let other = everywhere(&doors).await;
    gateway.admin(Method::DELETE, &sessions, &Value::Null).await.unwrap().expect(204).unwrap();
    nowhere(&doors, &own).await;
    nowhere(&doors, &other).await;

    // A new password ends the others, and the old secret of its own.
    let (own, other) = (everywhere(&doors).await, everywhere(&doors).await);
    let body = json!({"currentPassword": PASSWORD, "newPassword": "four black horses"});
    let changed = own.moved(far).post("/auth/password/change", &body).await;
    changed.expect(200).unwrap();
    nowhere(&doors, &own).await;
    nowhere(&doors, &other).await;
    let own = own.with_session_of(&changed);
    for door in &doors {
        assert_eq!(own.moved(door).status().await, 200, "{door}");
    }
}

#[tokio::test]
async fn over_postgres_alone() {
    dead_at_once(Installation::on_postgres().await.unwrap()).await;
}

#[tokio::test]
async fn over_postgres_and_redis() {
    dead_at_once(Installation::on_postgres_and_redis().await.unwrap()).await;
}
