//! Behaviour of a token repository.

use std::time::Duration;

use futures_util::future::{join, join_all};
use promptgate_kernel::{
    AccountId, EndpointId, Money, Page, PageRequest, ProjectId, SortDirection, Timestamp, TokenId,
};
use promptgate_projects::Project;
use promptgate_tokens::{
    Above, KeyFilter, KeySort, KeyStatus, NewChild, Overlap, PreviousSecret, Scope, Token, TokenChanges,
    TokenEnv, TokenFilter, TokenLimits, TokenName, TokenSecret, TokenSort, TokenState,
};

use super::samples::{
    WORKS, at, clock, document, entropy, limits, read, stored_project, stored_token, token, token_at,
    usage_event, write,
};
use crate::Store;

async fn insert(store: &dyn Store, tokens: &[Token]) {
    let mut work = write(store).await;
    for token in tokens {
        work.tokens().insert(token).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, token: &Token) -> bool {
    let mut work = write(store).await;
    let saved = work.tokens().save(token).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn touch(store: &dyn Store, uses: &[(TokenId, Timestamp)]) {
    let mut work = write(store).await;
    work.tokens().touch(uses).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, id: TokenId) -> Option<Token> {
    read(store).await.tokens().find(id).await.expect(WORKS)
}

async fn list(store: &dyn Store, filter: &TokenFilter, number: u32, size: u32) -> Page<Token> {
    let page = PageRequest::clamped(number, size);
    read(store).await.tokens().list(filter, page).await.expect(WORKS)
}

fn of(project: ProjectId) -> TokenFilter {
    TokenFilter {
        project_id: project,
        include_revoked: false,
        sort: TokenSort::default(),
        direction: SortDirection::Ascending,
    }
}

fn renamed(token: &Token, name: &str) -> Token {
    let name = TokenName::parse(name).expect("a valid name");
    let changes = TokenChanges { name: Some(name), ..Default::default() };
    token.clone().change(changes, at(0)).expect("not revoked").expect("a valid change")
}

/// A token with something in every field.
fn full_token(project: &Project) -> Token {
    let mut token = token(project, "Ünï 日本 🦀");
    token.owner = Some(AccountId::mint(clock(), entropy()));
    token.env = TokenEnv::Test;
    token.scopes = Scope::ALL.into_iter().collect();
    token.endpoint_ids = vec![EndpointId::mint(clock(), entropy()), EndpointId::mint(clock(), entropy())];
    token.limits = TokenLimits {
        rate_limit_per_minute: Some(u32::MAX),
        rate_limit_per_hour: Some(1),
        monthly_budget_usd_cap: Some(Money::from_nanos(i64::MAX)),
        daily_budget_usd_cap: Some(Money::from_nanos(1)),
        daily_token_cap: Some(i64::MAX.unsigned_abs()),
        monthly_token_cap: Some(1),
        token_rate_limit_per_minute: Some(2),
        token_rate_limit_per_hour: Some(i64::MAX.unsigned_abs()),
        max_concurrent_requests: Some(3),
        request_token_cap: Some(4),
        model_limits: limits().models,
    };
    token.metadata = document();
    token.expires_at = Some(Timestamp::from_micros(i64::MAX));
    token.last_used_at = Some(Timestamp::from_micros(i64::MIN));
    token.description = "Für die Übung 🦀".into();
    let previous = TokenSecret::generate(TokenEnv::Test, entropy());
    token.previous = Some(PreviousSecret { hash: previous.hash(), until: at(9) });
    token.expired_at = Some(at(8));
    token
}

/// Every field comes back as it was, after insertion and after a save, by id and by hash.
pub async fn everything_round_trips(store: &dyn Store) {
    let project = stored_project(store).await;
    let full = full_token(&project);
    let mut inactive = token(&project, "plain");
    inactive.state = TokenState::Inactive;
    insert(store, &[full.clone(), inactive.clone()]).await;
    assert_eq!(find(store, full.id).await.as_ref(), Some(&full));
    assert_eq!(find(store, inactive.id).await.as_ref(), Some(&inactive));
    let by_hash = read(store).await.tokens().find_by_hash(full.hash).await.expect(WORKS);
    assert_eq!(by_hash.as_ref(), Some(&full));
    let revoked = Token { limits: TokenLimits::default(), expires_at: None, ..renamed(&full, "other") };
    let revoked = Token { version: full.version, ..revoked }.revoke(at(3)).expect("not revoked");
    assert!(save(store, &revoked).await);
    assert_eq!(find(store, full.id).await, Some(revoked));
}

/// A count that no column takes is kept as the largest one.
pub async fn numbers_too_large_become_the_largest(store: &dyn Store) {
    let mut token = token(&stored_project(store).await, "greedy");
    token.limits.daily_token_cap = Some(u64::MAX);
    insert(store, std::slice::from_ref(&token)).await;
    let found = find(store, token.id).await.expect("it is there");
    assert_eq!(found.limits.daily_token_cap, Some(i64::MAX.unsigned_abs()));
}

/// No two tokens have the same secret.
pub async fn a_second_one_of_the_same_hash_is_a_conflict(store: &dyn Store) {
    let project = stored_project(store).await;
    let first = token(&project, "first");
    insert(store, std::slice::from_ref(&first)).await;
    let second = Token { hash: first.hash, ..token(&project, "second") };
    let error = write(store).await.tokens().insert(&second).await.expect_err("the hash is taken");
    assert!(error.is_conflict("tokens_hash_key"), "{error}");
    let third = token(&project, "third");
    insert(store, std::slice::from_ref(&third)).await;
    let third = Token { hash: first.hash, version: 2, ..third };
    let error = write(store).await.tokens().save(&third).await.expect_err("the hash is taken");
    assert!(error.is_conflict("tokens_hash_key"), "{error}");
}

/// A save of a version that is not the next one changes nothing and says so.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let token = stored_token(store).await;
    let first = renamed(&token, "first");
    assert!(save(store, &first).await);
    assert!(!save(store, &renamed(&token, "second")).await);
    assert_eq!(find(store, token.id).await, Some(first));
}

/// Of two saves at the same time, from the same version, one is made.
pub async fn two_writers_race_and_one_wins(store: &dyn Store) {
    let token = stored_token(store).await;
    let revoked = token.clone().revoke(at(1)).expect("not revoked");
    let renamed = renamed(&token, "other");
    let (first, second) = join(save(store, &revoked), save(store, &renamed)).await;
    assert!(first != second);
    assert_eq!(find(store, token.id).await, Some(if first { revoked } else { renamed }));
}

/// The old secret is forgotten with the save.
pub async fn after_rotation_only_the_new_hash_finds_it(store: &dyn Store) {
    let before = stored_token(store).await;
    let secret = TokenSecret::generate(TokenEnv::Live, entropy());
    let after = before.clone().rotate(&secret, Overlap::NONE, at(0)).expect("not revoked");
    assert!(save(store, &after).await);
    let mut work = read(store).await;
    assert_eq!(work.tokens().find_by_hash(before.hash).await.expect(WORKS), None);
    assert_eq!(work.tokens().find_by_hash(after.hash).await.expect(WORKS), Some(after));
}

/// The latest use counts, whatever the order in which uses are told.
pub async fn a_use_never_moves_back_and_changes_no_version(store: &dyn Store) {
    let token = stored_token(store).await;
    let unknown = TokenId::mint(clock(), entropy());
    touch(store, &[(token.id, at(5)), (unknown, at(9)), (token.id, at(7)), (token.id, at(6))]).await;
    touch(store, &[(token.id, at(4))]).await;
    touch(store, &[]).await;
    let expected = Token { last_used_at: Some(at(7)), ..token };
    assert_eq!(find(store, expected.id).await, Some(expected));
}

/// A change that was decided before a use does not undo it.
pub async fn saving_keeps_a_use_that_was_noted_meanwhile(store: &dyn Store) {
    let token = stored_token(store).await;
    touch(store, &[(token.id, at(5))]).await;
    assert!(save(store, &renamed(&token, "other")).await);
    assert_eq!(find(store, token.id).await.and_then(|token| token.last_used_at), Some(at(5)));
}

/// Writers that name the same tokens in different orders do not stand in each other's way.
pub async fn uses_of_the_same_tokens_are_noted_by_many_at_once(store: &dyn Store) {
    let project = stored_project(store).await;
    let tokens: Vec<Token> = (0..10).map(|_| token(&project, "busy")).collect();
    insert(store, &tokens).await;
    join_all((0..8).map(|writer| {
        let mut uses: Vec<_> = tokens.iter().map(|token| (token.id, at(writer))).collect();
        if writer % 2 == 0 {
            uses.reverse();
        }
        async move { touch(store, &uses).await }
    }))
    .await;
    for token in tokens {
        assert_eq!(find(store, token.id).await.and_then(|token| token.last_used_at), Some(at(7)));
    }
}

/// Whichever way the list is sorted, a token that was never used, or never expires, is at its end.
pub async fn what_never_happened_is_listed_last(store: &dyn Store) {
    let project = stored_project(store).await;
    let [mut early, mut late, never] = ["early", "late", "never"].map(|name| token(&project, name));
    (early.last_used_at, early.expires_at) = (Some(at(1)), Some(at(1)));
    (late.last_used_at, late.expires_at) = (Some(at(2)), Some(at(2)));
    insert(store, &[never, late, early]).await;
    for sort in [TokenSort::LastUsedAt, TokenSort::ExpiresAt] {
        for (direction, expected) in [
            (SortDirection::Ascending, ["early", "late", "never"]),
            (SortDirection::Descending, ["late", "early", "never"]),
        ] {
            let page = list(store, &TokenFilter { sort, direction, ..of(project.id) }, 1, 10).await;
            let names: Vec<&str> = page.items.iter().map(|token| token.name.as_str()).collect();
            assert_eq!(names, expected, "{sort:?} {direction:?}");
        }
    }
}

/// Revoked tokens are kept, but not shown to everybody.
pub async fn revoked_ones_are_listed_when_asked_for(store: &dyn Store) {
    let token = stored_token(store).await;
    let revoked = token.clone().revoke(at(1)).expect("not revoked");
    assert!(save(store, &revoked).await);
    let page = list(store, &of(token.project_id), 1, 10).await;
    assert_eq!((page.items, page.total), (vec![], 0));
    let page = list(store, &TokenFilter { include_revoked: true, ..of(token.project_id) }, 1, 10).await;
    assert_eq!((page.items, page.total), (vec![revoked], 1));
}

/// No project sees the tokens of another one.
pub async fn a_project_lists_its_own_only(store: &dyn Store) {
    let (own, foreign) = (stored_token(store).await, stored_token(store).await);
    assert_ne!(own.project_id, foreign.project_id);
    assert_eq!(list(store, &of(own.project_id), 1, 10).await.items, [own]);
}

/// An owner's tokens are listed, in whatever project they are, but for revoked ones.
pub async fn an_owner_lists_what_still_works(store: &dyn Store) {
    let project = stored_project(store).await;
    let [owner, other] = [(); 2].map(|()| AccountId::mint(clock(), entropy()));
    let key_of = |account| Token { owner: Some(account), ..token(&project, "ci") };
    let tokens = [key_of(owner), key_of(owner), key_of(other), token(&project, "ci")];
    insert(store, &tokens).await;
    let revoked = tokens[0].clone().revoke(at(1)).expect("not revoked yet");
    assert!(save(store, &revoked).await);
    let listed = read(store).await.tokens().list_of_owner(owner).await.expect(WORKS);
    assert_eq!(listed.iter().map(|token| token.id).collect::<Vec<_>>(), [tokens[1].id]);
}

/// A token that comes later does not move what earlier pages showed.
pub async fn pages_are_stable_under_insert(store: &dyn Store) {
    let project = stored_project(store).await;
    let tokens = [1, 2, 3, 4].map(|created| token_at(&project, "t", at(created)));
    insert(store, &tokens).await;
    assert_eq!(list(store, &of(project.id), 1, 2).await.items, tokens[..2]);
    insert(store, &[token_at(&project, "t", at(5))]).await;
    let second = list(store, &of(project.id), 2, 2).await;
    assert_eq!((second.items.as_slice(), second.total), (&tokens[2..], 5));
}

fn secret() -> TokenSecret {
    TokenSecret::generate(TokenEnv::Live, entropy())
}

/// A token below another one.
fn below(parent: &Token) -> Token {
    let new = NewChild {
        name: TokenName::parse("child").expect("a valid name"),
        scopes: None,
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: serde_json::Map::new(),
        expires_at: None,
    };
    parent.mint(TokenId::mint(clock(), entropy()), new, &secret(), at(0)).expect("it has nothing more")
}

/// A stored line of tokens, each below the one before.
pub(super) async fn line<const N: usize>(store: &dyn Store) -> [Token; N] {
    let mut last = stored_token(store).await;
    let mut line = vec![last.clone()];
    while line.len() < N {
        last = below(&last);
        line.push(last.clone());
    }
    insert(store, &line[1..]).await;
    line.try_into().expect("it has this many")
}

/// While the overlap lasts, the secret before the last one finds the token, as one that ends with it.
pub async fn an_old_secret_finds_it_until_the_overlap_ends(store: &dyn Store) {
    let before = stored_token(store).await;
    let overlap = Overlap::parse(60).expect("it is short");
    let after = before.clone().rotate(&secret(), overlap, at(0)).expect("not revoked");
    assert!(save(store, &after).await);
    let mut work = read(store).await;
    let old = work.tokens().find_by_hash(before.hash).await.expect(WORKS).expect("it is found");
    assert_eq!((old.id, old.hash), (before.id, before.hash));
    assert!(old.usable(at(59_999_999)).is_ok() && old.usable(at(60_000_000)).is_err());
    let new = work.tokens().find_by_hash(after.hash).await.expect(WORKS);
    assert_eq!(new.as_ref(), Some(&after));
    drop(work);
    let revoked = after.revoke(at(1)).expect("not revoked");
    assert!(save(store, &revoked).await);
    let old = read(store).await.tokens().find_by_hash(before.hash).await.expect(WORKS).expect("it is found");
    assert!(old.usable(at(2)).is_err());
}

/// A token is told what those above it leave to it, however it is read.
pub async fn what_is_above_decides(store: &dyn Store) {
    let [top, middle, last] = line::<3>(store).await;
    assert_eq!(find(store, last.id).await, Some(last.clone()));
    let ending = TokenChanges { expires_at: Some(Some(at(7))), ..Default::default() };
    let ending = top.change(ending, at(0)).expect("not revoked").expect("a valid change");
    assert!(save(store, &ending).await);
    let above = Above { suspended: false, ends_at: Some(at(7)) };
    assert_eq!(find(store, last.id).await.expect("it is there").above, above);
    let off = TokenChanges { is_active: Some(false), ..Default::default() };
    let off = middle.clone().change(off, at(0)).expect("not revoked").expect("a valid change");
    assert!(save(store, &off).await);
    let suspended = Above { suspended: true, ends_at: None };
    assert_eq!(find(store, last.id).await.expect("it is there").above, suspended);
    let mut work = read(store).await;
    let by_hash = work.tokens().find_by_hash(last.hash).await.expect(WORKS).expect("it is there");
    assert_eq!(by_hash.above, suspended);
    let listed = work.tokens().list(&of(last.project_id), PageRequest::clamped(1, 10)).await.expect(WORKS);
    assert!(listed.items.iter().any(|token| token.id == last.id && token.above == suspended));
    drop(work);
    let on = TokenChanges { is_active: Some(true), ..Default::default() };
    let on = off.change(on, at(0)).expect("not revoked").expect("a valid change");
    assert!(save(store, &on).await);
    assert_eq!(find(store, last.id).await.expect("it is there").above, above);
}

/// Everything below a token is listed, nearest first; what is over does not count as live.
pub async fn a_tree_is_read_from_its_top(store: &dyn Store) {
    let [top, middle, last] = line::<3>(store).await;
    let ends = Token { expires_at: Some(at(5)), ..below(&top) };
    let gone = below(&middle).revoke(at(0)).expect("not revoked");
    insert(store, &[ends.clone(), gone]).await;
    let mut work = write(store).await;
    for id in [top.id, middle.id, last.id] {
        assert_eq!(work.tokens().lock_tree(id).await.expect(WORKS), Some(top.id));
    }
    let unknown = TokenId::mint(clock(), entropy());
    for (id, above) in
        [(last.id, &[middle.id, top.id][..]), (middle.id, &[top.id]), (top.id, &[]), (unknown, &[])]
    {
        assert_eq!(work.tokens().line_above(id).await.expect(WORKS), above);
    }
    assert_eq!(work.tokens().lock_tree(unknown).await.expect(WORKS), None);
    let listed = work.tokens().list_below(top.id).await.expect(WORKS);
    let ids: Vec<TokenId> = listed.iter().map(|token| token.id).collect();
    assert!(ids.len() == 3 && ids[..2].contains(&middle.id) && ids[..2].contains(&ends.id), "{ids:?}");
    assert_eq!(ids[2], last.id);
    assert_eq!(work.tokens().list_below(last.id).await.expect(WORKS), []);
    for (now, live) in [(at(4), 3), (at(5), 2)] {
        assert_eq!(work.tokens().count_live_below(top.id, now).await.expect(WORKS), live);
    }
}

/// Whoever holds a tree keeps others out of it until the end.
pub async fn a_tree_is_changed_by_one_at_a_time(store: &dyn Store) {
    let [top, last] = line::<2>(store).await;
    let mint = async || {
        let mut work = write(store).await;
        work.tokens().lock_tree(last.id).await.expect(WORKS);
        let live = work.tokens().count_live_below(top.id, at(0)).await.expect(WORKS);
        if live < 4 {
            work.tokens().insert(&below(&last)).await.expect(WORKS);
        }
        work.commit().await.expect(WORKS);
    };
    join_all((0..8).map(|_| mint())).await;
    let live = read(store).await.tokens().count_live_below(top.id, at(0)).await.expect(WORKS);
    assert_eq!(live, 4);
}

/// What is past its end is marked once, and nothing else is.
pub async fn what_is_over_is_marked_once(store: &dyn Store) {
    let project = stored_project(store).await;
    let ending = |end| Token { expires_at: Some(at(end)), ..token(&project, "t") };
    let tokens = [ending(1), ending(2), ending(9), token(&project, "never")];
    let revoked = ending(1).revoke(at(0)).expect("not revoked");
    insert(store, &tokens).await;
    insert(store, std::slice::from_ref(&revoked)).await;
    let mark = async |now, limit| {
        let mut work = write(store).await;
        let marked = work.tokens().mark_expired(now, limit).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        marked
    };
    assert_eq!((mark(at(2), 1).await, mark(at(2), 5).await, mark(at(3), 5).await), (1, 1, 0));
    for (token, marked) in tokens.iter().chain([&revoked]).zip([true, true, false, false, false]) {
        let found = find(store, token.id).await.expect("it is there");
        assert_eq!(found.expired_at, marked.then_some(at(2)));
        assert_eq!(found.version, token.version);
    }
}

/// Minted tokens that ended long ago are removed from the ends of their tree on: not those that calls are kept
/// of or were made with in the last month, nor those above what stays, nor what was issued.
pub async fn minted_tokens_that_ended_are_removed(store: &dyn Store) {
    let [top, middle, last] = line::<3>(store).await;
    let [revoked, recent] = [5, 10].map(|end| below(&top).revoke(at(end)).expect("not revoked"));
    let expired = Token { expires_at: Some(at(5)), ..below(&top) };
    let [called, live] = [below(&top).revoke(at(5)).expect("not revoked"), below(&top)];
    let above_live = Token { expires_at: Some(at(5)), ..below(&top) };
    let below_ended = Token { expires_at: None, ..below(&above_live) };
    insert(store, &[revoked.clone(), recent.clone(), expired.clone(), called.clone(), live.clone()]).await;
    insert(store, &[above_live.clone(), below_ended.clone()]).await;
    for token in [top.clone(), middle.clone(), last.clone()] {
        assert!(save(store, &token.revoke(at(5)).expect("not revoked")).await);
    }
    let mut call = usage_event(at(1));
    call.token_id = called.id;
    let mut work = write(store).await;
    work.usage().record(&[&call]).await.expect(WORKS);
    work.commit().await.expect(WORKS);

    let prune_before = async |before, limit| {
        let mut work = write(store).await;
        let removed = work.tokens().prune_minted(before, limit).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        removed
    };
    let prune = async |limit| prune_before(at(10), limit).await;
    let removed = [prune(2).await, prune(9).await, prune(9).await, prune(9).await];
    assert!(removed[0] == 2 && removed.iter().sum::<u64>() == 4 && removed[3] == 0, "{removed:?}");
    for gone in [&revoked, &expired, &last, &middle] {
        assert_eq!(find(store, gone.id).await, None, "{}", gone.id);
    }
    for kept in [&top, &recent, &called, &live, &above_live, &below_ended] {
        assert!(find(store, kept.id).await.is_some(), "{}", kept.id);
    }

    let mut work = write(store).await;
    work.usage().prune(at(2), 10).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    // The month of those above it may still need to know what it spent.
    assert_eq!(prune(9).await, 0);
    let later = at(0).plus(Duration::from_hours(24 * 33));
    assert_eq!(prune_before(later, 9).await, 2);
    for gone in [&called, &recent] {
        assert_eq!(find(store, gone.id).await, None);
    }
}

/// Keys are found by name, description, id and status, and sorted by each of their columns.
pub async fn keys_are_narrowed_and_sorted(store: &dyn Store) {
    let project = stored_project(store).await;
    let owner = AccountId::mint(clock(), entropy());
    let key = |name, created: i64, end: i64| Token {
        owner: Some(owner),
        expires_at: Some(at(end)),
        description: format!("Für {name} 100%"),
        ..token_at(&project, name, at(created))
    };
    let (active, expired) = (key("b", 1, 100), key("c", 2, 10));
    let revoked = key("a", 3, 11).revoke(at(5)).expect("not revoked");
    let marked = Token { expired_at: Some(at(6)), ..key("d", 4, 3) };
    let foreign = Token { owner: Some(AccountId::mint(clock(), entropy())), ..token(&project, "b") };
    insert(store, &[active.clone(), expired.clone(), revoked.clone(), marked, foreign]).await;
    let all = KeyFilter {
        owner,
        search: None,
        status: None,
        include_revoked: true,
        now: at(10),
        sort: KeySort::CreatedAt,
        direction: SortDirection::Ascending,
    };
    let names = async |filter: KeyFilter| {
        let page = PageRequest::clamped(1, 10);
        let page = read(store).await.tokens().list_keys(&filter, page).await.expect(WORKS);
        assert_eq!(page.total, u64::try_from(page.items.len()).expect("few"));
        page.items.iter().map(|key| key.name.as_str().to_owned()).collect::<String>()
    };
    for (sort, expected) in [
        (KeySort::CreatedAt, "bcad"),
        (KeySort::Name, "abcd"),
        (KeySort::Description, "abcd"),
        (KeySort::ExpiresAt, "dcab"),
    ] {
        assert_eq!(names(KeyFilter { sort, ..all.clone() }).await, expected, "{sort:?}");
    }
    // Equal ones follow by id, which is by chance here.
    for (sort, first, last) in
        [(KeySort::RevokedAt, "a", ""), (KeySort::ExpiredAt, "d", ""), (KeySort::Status, "b", "a")]
    {
        let sorted = names(KeyFilter { sort, ..all.clone() }).await;
        assert!(sorted.starts_with(first) && sorted.ends_with(last), "{sort:?}: {sorted}");
    }
    for (status, expected) in
        [(KeyStatus::Active, "b"), (KeyStatus::Expired, "dc"), (KeyStatus::Revoked, "a")]
    {
        assert_eq!(
            names(KeyFilter { status: Some(status), sort: KeySort::ExpiresAt, ..all.clone() }).await,
            expected,
            "{status:?}"
        );
    }
    assert_eq!(names(KeyFilter { include_revoked: false, ..all.clone() }).await, "bcd");
    let id = active.id.to_string();
    for (search, expected) in [("FÜR C", "c"), ("00%", "bcad"), ("0_", ""), (&id[20..], "b"), ("R B 1", "b")]
    {
        let found = names(KeyFilter { search: Some(search.into()), ..all.clone() }).await;
        assert_eq!(found, expected, "{search}");
    }
}
