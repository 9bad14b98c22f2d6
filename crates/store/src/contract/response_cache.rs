//! Behaviour of a repository of cached answers.

use futures_util::future::join_all;
use promptgate_endpoints::{CacheKey, CachedAnswer, Endpoint};

use super::samples::{WORKS, at, stored_endpoint, write};
use crate::Store;

fn answer(endpoint: &Endpoint, number: u8, expires: i64) -> CachedAnswer {
    CachedAnswer {
        key: CacheKey::from_bytes([number; 32]),
        endpoint_id: endpoint.id,
        project_id: endpoint.project_id,
        provider: "main".into(),
        provider_model: "ü".into(),
        prompt_tokens: 1,
        completion_tokens: i64::MAX.unsigned_abs(),
        total_tokens: 3,
        body: "{\"b\":1.0,\"a\":\"日本 🦀\"}".into(),
        hit_count: 0,
        created_at: at(0),
        expires_at: at(expires),
    }
}

async fn put(store: &dyn Store, answers: &[&CachedAnswer]) {
    let mut work = write(store).await;
    for answer in answers {
        work.response_cache().put(answer).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn hit(store: &dyn Store, answer: &CachedAnswer, now: i64) -> Option<CachedAnswer> {
    let mut work = write(store).await;
    let hit = work.response_cache().hit(&answer.key, at(now)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    hit
}

/// An answer comes back as it was, counts its hits, and is no answer any more when its time is over.
pub async fn a_hit_is_counted_while_it_lasts(store: &dyn Store) {
    let answer = answer(&stored_endpoint(store).await, 1, 10);
    assert_eq!(hit(store, &answer, 0).await, None);
    put(store, &[&answer]).await;
    for hits in 1..3 {
        assert_eq!(hit(store, &answer, 9).await, Some(CachedAnswer { hit_count: hits, ..answer.clone() }));
    }
    assert_eq!(hit(store, &answer, 10).await, None);
}

/// The newest answer counts, from its first hit on.
pub async fn a_second_answer_replaces_the_first(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let first = answer(&endpoint, 1, 10);
    put(store, &[&first]).await;
    hit(store, &first, 0).await;
    let second = CachedAnswer { body: "{}".into(), provider: "other".into(), ..answer(&endpoint, 1, 20) };
    put(store, &[&second]).await;
    assert_eq!(hit(store, &first, 15).await, Some(CachedAnswer { hit_count: 1, ..second }));
}

/// Many may write and read the same answer at once.
pub async fn many_use_one_answer_at_once(store: &dyn Store) {
    let answer = answer(&stored_endpoint(store).await, 1, 10);
    let same = [&answer];
    join_all((0..10).map(|_| put(store, &same))).await;
    let hits = join_all((0..20).map(|_| hit(store, &answer, 0))).await;
    assert!(hits.iter().all(Option::is_some));
    assert_eq!(hit(store, &answer, 0).await.map(|answer| answer.hit_count), Some(21));
}

/// An endpoint's answers are removed on demand and with the endpoint; those of others stay.
pub async fn the_answers_of_an_endpoint_go(store: &dyn Store) {
    let (one, other) = (stored_endpoint(store).await, stored_endpoint(store).await);
    let answers = [answer(&one, 1, 10), answer(&one, 2, 10), answer(&other, 3, 10)];
    put(store, &answers.each_ref()).await;
    let mut work = write(store).await;
    assert_eq!(work.response_cache().remove_of(one.id).await.expect(WORKS), 2);
    work.commit().await.expect(WORKS);
    assert!(hit(store, &answers[0], 0).await.is_none() && hit(store, &answers[2], 0).await.is_some());
    let mut work = write(store).await;
    work.endpoints().remove(other.id).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(hit(store, &answers[2], 0).await, None);
}

/// What is over goes, few at a time; what is not stays.
pub async fn expired_ones_go_in_batches(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let answers =
        [answer(&endpoint, 1, 1), answer(&endpoint, 2, 2), answer(&endpoint, 3, 3), answer(&endpoint, 4, 9)];
    put(store, &answers.each_ref()).await;
    for removed in [2, 1, 0] {
        let mut work = write(store).await;
        assert_eq!(work.response_cache().remove_expired(at(3), 2).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
    }
    assert_eq!(hit(store, &answers[2], 0).await, None);
    assert!(hit(store, &answers[3], 0).await.is_some());
}
