//! Item 17: versions.

use http::Method;
use serde_json::{Value, json};

use super::House;

#[tokio::test]
async fn item_17_restoring_makes_a_new_version_that_answers() {
    let house = House::new().await;
    let id = house.endpoint("e", json!({"prompt": "First."})).await;
    let path = format!("{}/{id}", house.endpoints());
    house.change(Method::PATCH, &path, &json!({"prompt": "Second.", "temperature": 0.5})).await;
    let told = house.say("e", "hi").await.expect(200).unwrap();
    assert_eq!(told["content"], "Hello from chat_completions (Second.): hi");
    let difference = house.admin(Method::GET, &format!("{path}/versions/diff"), &Value::Null).await;
    let difference = difference.expect(200).unwrap().to_string();
    assert!(difference.contains("First.") && difference.contains("Second."), "{difference}");
    assert!(!difference.contains("gpt-4o"), "only what changed: {difference}");

    house.change(Method::POST, &format!("{path}/versions/1/restore"), &Value::Null).await;
    let told = house.say("e", "hi").await.expect(200).unwrap();
    assert_eq!(told["content"], "Hello from chat_completions (First.): hi");
    let versions =
        house.admin(Method::GET, &format!("{path}/versions"), &Value::Null).await.expect(200).unwrap();
    let notes: Vec<_> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| (version["number"].as_u64().unwrap(), version["note"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [(3, "restored from v1"), (2, "updated"), (1, "created")];
    assert_eq!(notes, expected.map(|(number, note)| (number, note.to_owned())));
    let newest = house.admin(Method::POST, &format!("{path}/versions/3/restore"), &Value::Null).await;
    assert_eq!(newest.status, 409, "{}", newest.text());
}
