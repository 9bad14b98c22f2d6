//! Behaviour of a repository of cached answers.

use futures_util::future::join_all;
use promptgate_endpoints::{CacheKey, CachedAnswer, Endpoint};

use super::samples::{WORKS, at, read, stored_endpoint, write};
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

async fn find(store: &dyn Store, answer: &CachedAnswer, now: i64) -> Option<CachedAnswer> {
    read(store).await.response_cache().find(&answer.key, at(now)).await.expect(WORKS)
}

async fn count(store: &dyn Store, hits: &[(CacheKey, u64)]) {
    let mut work = write(store).await;
    work.response_cache().count_hits(hits).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

/// An answer comes back as it was, and is no answer any more when its time is over. Reading is enough.
pub async fn an_answer_is_found_while_it_lasts(store: &dyn Store) {
    let answer = answer(&stored_endpoint(store).await, 1, 10);
    assert_eq!(find(store, &answer, 0).await, None);
    put(store, &[&answer]).await;
    for _ in 0..2 {
        assert_eq!(find(store, &answer, 9).await, Some(answer.clone()));
    }
    assert_eq!(find(store, &answer, 10).await, None);
}

/// The newest answer counts, from its first hit on.
pub async fn a_second_answer_replaces_the_first(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let first = answer(&endpoint, 1, 10);
    put(store, &[&first]).await;
    count(store, &[(first.key, 3)]).await;
    let second = CachedAnswer { body: "{}".into(), provider: "other".into(), ..answer(&endpoint, 1, 20) };
    put(store, &[&second]).await;
    assert_eq!(find(store, &first, 15).await, Some(second.clone()));
    count(store, &[(first.key, 1)]).await;
    assert_eq!(find(store, &first, 15).await, Some(CachedAnswer { hit_count: 1, ..second }));
}

/// Hits of many answers add up, one named twice too; those of answers that are gone are nothing.
pub async fn hits_add_up(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let answers: Vec<CachedAnswer> = (0..120).map(|number| answer(&endpoint, number, 10)).collect();
    put(store, &answers.iter().collect::<Vec<_>>()).await;
    count(store, &[]).await;
    let gone = CacheKey::from_bytes([200; 32]);
    let hits: Vec<_> = answers.iter().map(|answer| (answer.key, 2)).chain([(gone, 1)]).collect();
    count(store, &hits).await;
    count(store, &[(answers[7].key, 1), (answers[8].key, 5), (answers[7].key, 1)]).await;
    for (number, hits) in [(0, 2), (7, 4), (8, 7), (119, 2)] {
        assert_eq!(find(store, &answers[number], 0).await.map(|answer| answer.hit_count), Some(hits));
    }
    assert_eq!(find(store, &CachedAnswer { key: gone, ..answers[0].clone() }, 0).await, None);
}

/// Many may write, count and read the same answers at once, in whatever order.
pub async fn many_use_one_answer_at_once(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let answers: Vec<CachedAnswer> = (0..60).map(|number| answer(&endpoint, number, 10)).collect();
    let first = [&answers[0]];
    join_all((0..10).map(|_| put(store, &first))).await;
    put(store, &answers.iter().collect::<Vec<_>>()).await;
    join_all((0..20).map(|writer| {
        let mut hits: Vec<_> = answers.iter().map(|answer| (answer.key, 1)).collect();
        if writer % 2 == 0 {
            hits.reverse();
        }
        async move { count(store, &hits).await }
    }))
    .await;
    let found = join_all((0..20).map(|_| find(store, &answers[0], 0))).await;
    assert!(found.iter().all(|answer| answer.as_ref().is_some_and(|answer| answer.hit_count == 20)));
}

/// An endpoint's answers are removed on demand and with the endpoint; those of others stay.
pub async fn the_answers_of_an_endpoint_go(store: &dyn Store) {
    let (one, other) = (stored_endpoint(store).await, stored_endpoint(store).await);
    let answers = [answer(&one, 1, 10), answer(&one, 2, 10), answer(&other, 3, 10)];
    put(store, &answers.each_ref()).await;
    let mut work = write(store).await;
    assert_eq!(work.response_cache().remove_of(one.id).await.expect(WORKS), 2);
    work.commit().await.expect(WORKS);
    assert!(find(store, &answers[0], 0).await.is_none() && find(store, &answers[2], 0).await.is_some());
    let mut work = write(store).await;
    work.endpoints().remove(other.id).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &answers[2], 0).await, None);
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
    assert_eq!(find(store, &answers[2], 0).await, None);
    assert!(find(store, &answers[3], 0).await.is_some());
}
