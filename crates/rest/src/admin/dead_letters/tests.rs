use promptgate_kernel::{CallId, ProjectId, Timestamp, TokenId};
use promptgate_usage::{DeadLetter, Outcome, UsageEvent};
use serde_json::json;

use crate::testing::Api;

const PATH: &str = "/api/v1/admin/usage/dead-letters";
const ID: &str = "018f4e6e-0000-7000-8000-00000000000";

fn id(number: u8) -> CallId {
    format!("{ID}{number}").parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + second * 1_000_000)
}

fn letter(number: u8, event: String) -> DeadLetter {
    DeadLetter::now(id(number), event, "the database said no", 5, at(number.into()))
}

fn event(number: u8) -> String {
    let (project, token): (ProjectId, TokenId) = (
        "018f4e6e-0000-7000-8000-0000000000a1".parse().unwrap(),
        "018f4e6e-0000-7000-8000-0000000000a2".parse().unwrap(),
    );
    let event = UsageEvent::of_call(id(number), at(0), project, token, "models", Outcome::Completed, 200);
    serde_json::to_string(&UsageEvent { request_id: format!("r-{number}"), ..event }).unwrap()
}

#[tokio::test]
async fn letters_are_listed_and_shown_with_their_events() {
    let api = Api::new().await;
    api.put_dead_letter(letter(1, event(1))).await;
    api.put_dead_letter(letter(2, "no json".to_owned())).await;
    let listed = api.get(&format!("{PATH}?pageSize=1")).await.ok();
    assert_eq!((&listed["total"], &listed["items"][0]["event"]), (&json!(2), &json!("no json")));
    let shown = api.get(&format!("{PATH}/{}", id(1))).await.ok();
    assert_eq!(
        (&shown["event"]["request_id"], &shown["error"], &shown["attempts"], &shown["discardedAt"]),
        (&json!("r-1"), &json!("the database said no"), &json!(5), &json!(null))
    );
    for unknown in [id(9).to_string(), "x".to_owned()] {
        api.get(&format!("{PATH}/{unknown}")).await.refused(404, "dead_letter_not_found");
        api.delete(&format!("{PATH}/{unknown}")).await.refused(404, "dead_letter_not_found");
        api.post(&format!("{PATH}/{unknown}/retry"), &json!({})).await.refused(404, "dead_letter_not_found");
    }
    api.get(&format!("{PATH}?discarded=maybe")).await.refused(400, "invalid_filter");
}

#[tokio::test]
async fn a_letter_that_is_tried_again_counts_once_or_says_why_not() {
    let api = Api::new().await;
    api.put_dead_letter(letter(1, event(1))).await;
    api.put_dead_letter(letter(2, "{}".to_owned())).await;
    let retry = async |number| api.post(&format!("{PATH}/{}/retry", id(number)), &json!({})).await;
    retry(1).await.no_content();
    retry(1).await.refused(404, "dead_letter_not_found");
    let call = api.get(&format!("/api/v1/admin/calls/{}", id(1))).await.ok();
    assert_eq!(call["requestId"], "r-1");
    // As if the same event had come again and been refused, by a worker of an older version, say.
    api.put_dead_letter(letter(1, event(1))).await;
    retry(1).await.no_content();
    assert_eq!(api.get("/api/v1/admin/calls").await.ok()["items"].as_array().unwrap().len(), 1);

    retry(2).await.refused(409, "dead_letter_refused");
    let kept = api.get(&format!("{PATH}/{}", id(2))).await.ok();
    assert_eq!(kept["attempts"], 6);
    assert!(kept["error"].as_str().unwrap().starts_with("not a usage event of this version"), "{kept}");
    assert_eq!(api.audit_actions().await.iter().filter(|action| *action == "dead_letter.retried").count(), 3);
}

#[tokio::test]
async fn a_discarded_letter_is_off_the_list_and_may_still_be_tried() {
    let api = Api::new().await;
    api.put_dead_letter(letter(1, event(1))).await;
    api.delete(&format!("{PATH}/{}", id(1))).await.no_content();
    api.delete(&format!("{PATH}/{}", id(1))).await.refused(404, "dead_letter_not_found");
    assert_eq!(api.get(PATH).await.ok()["total"], 0);
    let discarded = api.get(&format!("{PATH}?discarded=true")).await.ok();
    assert!(discarded["items"][0]["discardedAt"].is_string());
    assert!(api.audit_actions().await.contains(&"dead_letter.discarded".to_owned()));
    api.post(&format!("{PATH}/{}/retry", id(1)), &json!({})).await.no_content();
    assert_eq!(api.get(&format!("{PATH}?discarded=true")).await.ok()["total"], 0);
}
