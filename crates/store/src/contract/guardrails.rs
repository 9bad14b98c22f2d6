//! Behaviour of a repository of guardrails.

use promptgate_firewall::guardrails::{AllRules, ContentLengthRule, Holder, KeptRules, RuleFaults, Rules};
use promptgate_kernel::{ProjectId, TokenId};

use super::samples::{WORKS, at, clock, entropy, read, stored_token, write};
use crate::Store;

fn rules(max: u64) -> Rules {
    let content_length =
        ContentLengthRule { enabled: Some(true), max: Some(max), ..ContentLengthRule::default() };
    Rules { content_length, ..Rules::default() }
}

async fn find(store: &dyn Store, holder: Holder) -> KeptRules {
    read(store).await.guardrails().find(holder).await.expect(WORKS)
}

async fn save(store: &dyn Store, holder: Holder, before: &KeptRules, rules: &Rules) -> bool {
    let mut work = write(store).await;
    let saved = work.guardrails().save(holder, before, rules, at(1)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// What a holder says comes back, for each holder by itself.
pub async fn each_holder_says_its_own(store: &dyn Store) {
    let token = stored_token(store).await;
    let holders = [Holder::Global, Holder::Project(token.project_id), Holder::Token(token.id)];
    for (holder, max) in holders.into_iter().zip(1..) {
        assert_eq!(find(store, holder).await, KeptRules::default());
        assert!(save(store, holder, &KeptRules::default(), &rules(max)).await);
    }
    for (holder, max) in holders.into_iter().zip(1..) {
        let found = find(store, holder).await;
        assert_eq!((found.rules, found.version), (rules(max), 1));
    }
    let AllRules { rules: mut all, faults } = read(store).await.guardrails().list_all().await.expect(WORKS);
    assert_eq!(faults, RuleFaults::default());
    all.sort_by_key(|(holder, _)| *holder);
    assert_eq!(
        all,
        holders.into_iter().zip(1..).map(|(holder, max)| (holder, rules(max))).collect::<Vec<_>>()
    );

    let before = find(store, Holder::Global).await;
    assert!(save(store, Holder::Global, &before, &Rules::default()).await);
    let found = find(store, Holder::Global).await;
    assert_eq!((found.rules, found.version), (Rules::default(), 2));
    assert_eq!(read(store).await.guardrails().list_all().await.expect(WORKS).rules.len(), 2);
}

/// Of two that read the same, the second to write is told so, the first time too.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let never = KeptRules::default();
    assert!(save(store, Holder::Global, &never, &rules(1)).await);
    assert!(!save(store, Holder::Global, &never, &rules(2)).await);
    let first = find(store, Holder::Global).await;
    assert!(save(store, Holder::Global, &first, &rules(3)).await);
    assert!(!save(store, Holder::Global, &first, &rules(4)).await);
    assert_eq!(find(store, Holder::Global).await.rules, rules(3));
}

/// A holder that nobody knows has nothing to say.
pub async fn an_unknown_holder_says_nothing(store: &dyn Store) {
    let unknown = [
        Holder::Project(ProjectId::mint(clock(), entropy())),
        Holder::Token(TokenId::mint(clock(), entropy())),
    ];
    for holder in unknown {
        assert_eq!(find(store, holder).await, KeptRules::default());
    }
}
