use promptgate_control::providers;
use promptgate_control::secrets::{Resealed, reseal};
use promptgate_kernel::{KeyRing, SecretsKey};
use promptgate_store::Access;

use crate::fixture::{ADMIN, Fixture, new_provider};

fn key(byte: u8) -> SecretsKey {
    SecretsKey::from_bytes([byte; 32])
}

#[tokio::test]
async fn everything_moves_to_the_newest_key_once_and_what_cannot_be_opened_is_named() {
    let fixture = Fixture::new().await;
    let mut control = fixture.control.clone();
    let lost = KeyRing::new(key(1), vec![]);
    for (name, keys) in [("lost", lost), ("one", control.keys.clone()), ("two", control.keys.clone())] {
        control.keys = keys;
        providers::create(&control, ADMIN, new_provider(name, "sk-canary-0123456789-abcdef")).await.unwrap();
    }
    control.keys = KeyRing::new(key(2), vec![key(7)]);
    let first = reseal(&control, ADMIN).await.unwrap();
    assert_eq!((first.moved, first.current, first.busy, first.unreadable.len()), (2, 0, 0, 1));
    assert_eq!(first.unreadable[0].table, "credentials");
    let again = reseal(&control, ADMIN).await.unwrap();
    let expected = Resealed { current: 2, unreadable: first.unreadable, ..Resealed::default() };
    assert_eq!(again, expected);
    let newest = KeyRing::new(key(2), vec![]);
    let mut work = control.store.begin(Access::Read).await.unwrap();
    let all = work.providers().all_credentials().await.unwrap();
    drop(work);
    let readable: Vec<bool> = all.iter().map(|credential| credential.open(&newest).is_ok()).collect();
    assert_eq!(readable.iter().filter(|it| **it).count(), 2);
    assert_eq!(all.len(), 3, "what cannot be opened stays");
    let log = fixture.audit().await;
    let row = log.iter().find(|row| row.event.action == "secrets.resealed").unwrap();
    assert_eq!((row.event.details["moved"].as_str(), row.event.details["unreadable"].as_str()), ("2", "1"));
}
