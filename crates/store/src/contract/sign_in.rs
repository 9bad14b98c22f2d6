//! Behaviour of what sign-ins share. Each function is given two ends, as two replicas have them.

use std::time::Duration;

use futures_util::future::{join, join_all};
use promptgate_auth::{
    NewSession, Renewal, Session, SessionHash, SessionSecret, SessionStage, SignInKey, SignInState, Verdict,
};
use promptgate_kernel::{AccountId, Clock, Sealed, SessionId, SystemClock, Timestamp};

use super::samples::{WORKS, clock, entropy};

const MINUTE: Duration = Duration::from_mins(1);

/// The machine's time, because a store may forget by its own clock what is over by it.
fn now() -> Timestamp {
    SystemClock.now()
}

fn hash() -> SessionHash {
    SessionSecret::generate(entropy()).hash()
}

fn account() -> AccountId {
    AccountId::mint(clock(), entropy())
}

fn session(account: AccountId, made: Timestamp) -> Session {
    let new = NewSession {
        account,
        lifetime: Duration::from_hours(1),
        address: Some("2001:db8::1".parse().expect("an address")),
        user_agent: "Mozilla/5.0 (日本)".into(),
        provider: Some("keycloak".into()),
        stage: SessionStage::NeedsTotp,
    };
    Session::open(SessionId::mint(clock(), entropy()), hash(), new, made)
}

/// A session whose provider is asked again a minute after it was made.
fn renewable(made: Timestamp) -> Session {
    let ticket = Sealed::from_text(format!("pg1:ticket {}", hash().to_text()));
    Session { renewal: Some(Renewal { ticket, due_at: made.plus(MINUTE) }), ..session(account(), made) }
}

async fn renewal_of(end: &SignInState, hash: SessionHash) -> Option<Renewal> {
    end.sessions.find(hash).await.expect(WORKS).expect("it is there").renewal
}

fn key(subject: &str) -> SignInKey {
    SignInKey::of("contract", subject)
}

/// Nothing of a session is lost on the way to another replica.
pub async fn a_session_round_trips(here: &SignInState, there: &SignInState) {
    let id_token = Some(Sealed::from_text("pg1:x".into()));
    let full = Session { id_token, ..renewable(now()) };
    let bare =
        Session { address: None, provider: None, stage: SessionStage::Full, ..session(account(), now()) };
    for session in [&full, &bare] {
        here.sessions.insert(session).await.expect(WORKS);
        assert_eq!(there.sessions.find(session.hash).await.expect(WORKS).as_ref(), Some(session));
        assert_eq!(
            there.sessions.list_of(session.account).await.expect(WORKS),
            std::slice::from_ref(session)
        );
    }
    assert_eq!(there.sessions.find(hash()).await.expect(WORKS), None);
}

/// A use is noted, and never moved back.
pub async fn a_use_never_moves_back(here: &SignInState, there: &SignInState) {
    let session = session(account(), now());
    here.sessions.insert(&session).await.expect(WORKS);
    let later = session.last_seen_at.plus(MINUTE);
    assert!(there.sessions.touch(session.hash, later).await.expect(WORKS));
    assert!(here.sessions.touch(session.hash, session.created_at).await.expect(WORKS));
    let found = here.sessions.find(session.hash).await.expect(WORKS).expect("it is there");
    assert_eq!(found, Session { last_seen_at: later, ..session });
}

/// What was removed is gone everywhere, and neither a use nor a rotation brings it back.
pub async fn a_removed_session_never_comes_back(here: &SignInState, there: &SignInState) {
    let session = session(account(), now());
    here.sessions.insert(&session).await.expect(WORKS);
    assert!(there.sessions.remove(session.hash).await.expect(WORKS));
    assert!(!here.sessions.remove(session.hash).await.expect(WORKS));
    assert!(!here.sessions.touch(session.hash, now().plus(MINUTE)).await.expect(WORKS));
    let rotated = session.clone().rotate(hash(), SessionStage::Full, now());
    assert!(!here.sessions.replace(session.hash, &rotated).await.expect(WORKS));
    for hash in [session.hash, rotated.hash] {
        assert_eq!(here.sessions.find(hash).await.expect(WORKS), None);
    }
    assert!(here.sessions.list_of(session.account).await.expect(WORKS).is_empty());
}

/// Rotation leaves one session, under the new secret; of two at once one wins.
pub async fn rotation_ends_the_old_secret(here: &SignInState, there: &SignInState) {
    let session = session(account(), now());
    here.sessions.insert(&session).await.expect(WORKS);
    let (left, right) = (
        session.clone().rotate(hash(), SessionStage::Full, now()),
        session.clone().rotate(hash(), SessionStage::Full, now()),
    );
    let (first, second) =
        join(here.sessions.replace(session.hash, &left), there.sessions.replace(session.hash, &right)).await;
    let (first, second) = (first.expect(WORKS), second.expect(WORKS));
    assert!(first != second, "one of them wins");
    let winner = if first { left } else { right };
    assert_eq!(there.sessions.find(session.hash).await.expect(WORKS), None);
    assert_eq!(there.sessions.list_of(session.account).await.expect(WORKS), [winner]);
}

/// An account's sessions are listed newest first and removed together, but for one.
pub async fn sessions_of_an_account_go_together(here: &SignInState, there: &SignInState) {
    let (owner, other) = (account(), session(account(), now()));
    let made = now();
    let sessions: Vec<Session> =
        (0..3).map(|age| session(owner, made.minus(Duration::from_secs(age)))).collect();
    for session in sessions.iter().rev().chain([&other]) {
        here.sessions.insert(session).await.expect(WORKS);
    }
    assert_eq!(there.sessions.list_of(owner).await.expect(WORKS), sessions);
    let kept = sessions[1].hash;
    assert_eq!(there.sessions.remove_all_of(owner, Some(kept)).await.expect(WORKS), 2);
    assert_eq!(here.sessions.list_of(owner).await.expect(WORKS), sessions[1..2]);
    assert_eq!(here.sessions.remove_all_of(owner, None).await.expect(WORKS), 1);
    assert_eq!(there.sessions.find(kept).await.expect(WORKS), None);
    assert!(there.sessions.find(other.hash).await.expect(WORKS).is_some());
}

/// Sessions past their end or unused for too long are pruned; the others stay.
pub async fn dead_sessions_are_pruned(here: &SignInState, _: &SignInState) {
    let made = now();
    let (live, idle) = (session(account(), made), session(account(), made.minus(MINUTE)));
    for session in [&live, &idle] {
        here.sessions.insert(session).await.expect(WORKS);
    }
    here.sessions.prune(made, made.minus(MINUTE), 100).await.expect(WORKS);
    assert_eq!(here.sessions.find(idle.hash).await.expect(WORKS), None);
    assert!(here.sessions.find(live.hash).await.expect(WORKS).is_some());
    here.sessions.prune(live.expires_at, made.minus(MINUTE), 100).await.expect(WORKS);
    assert_eq!(here.sessions.find(live.hash).await.expect(WORKS), None);
    // However few at a time: all of them in the end.
    let dead = [0, 1, 2].map(|_| session(account(), made.minus(MINUTE)));
    for session in &dead {
        here.sessions.insert(session).await.expect(WORKS);
    }
    while here.sessions.prune(made, made.minus(MINUTE), 1).await.expect(WORKS) > 0 {}
    for session in &dead {
        assert_eq!(here.sessions.find(session.hash).await.expect(WORKS), None);
    }
}

/// Of any number who want to ask the provider at once one does, and what that one writes is there.
pub async fn a_renewal_is_claimed_by_one(here: &SignInState, there: &SignInState) {
    let made = now();
    let session = renewable(made);
    here.sessions.insert(&session).await.expect(WORKS);
    let (due, until) = (made.plus(MINUTE), made.plus(MINUTE * 3));
    let claims = (0..20).map(|number| {
        let end = if number % 2 == 0 { here } else { there };
        end.sessions.claim_renewal(session.id, due, until)
    });
    let claimed = join_all(claims).await.into_iter().filter(|claimed| *claimed.as_ref().expect(WORKS));
    assert_eq!(claimed.count(), 1);
    let before = session.renewal.clone().expect("it has one");
    assert_eq!(renewal_of(there, session.hash).await, Some(Renewal { due_at: until, ..before }));

    let next = Renewal { ticket: Sealed::from_text("pg1:next".into()), due_at: made.plus(MINUTE * 9) };
    assert!(!there.sessions.save_renewal(session.id, due, &next).await.expect(WORKS), "not its claim");
    assert!(here.sessions.save_renewal(session.id, until, &next).await.expect(WORKS));
    assert!(!here.sessions.save_renewal(session.id, until, &next).await.expect(WORKS), "it was used");
    assert_eq!(renewal_of(there, session.hash).await, Some(next.clone()));

    let bare = self::session(account(), made);
    here.sessions.insert(&bare).await.expect(WORKS);
    assert!(!here.sessions.claim_renewal(bare.id, due, until).await.expect(WORKS));
    assert!(here.sessions.remove(session.hash).await.expect(WORKS));
    assert!(!there.sessions.claim_renewal(session.id, next.due_at, until).await.expect(WORKS));
    assert!(!there.sessions.save_renewal(session.id, next.due_at, &next).await.expect(WORKS));
    assert_eq!(there.sessions.find(session.hash).await.expect(WORKS), None, "nothing brings it back");
}

/// What came of a renewal stays when the session goes on under another secret meanwhile, and is written
/// into it when it comes afterwards.
pub async fn a_renewal_survives_rotation(here: &SignInState, there: &SignInState) {
    let made = now();
    let session = renewable(made);
    here.sessions.insert(&session).await.expect(WORKS);
    let (due, until) = (made.plus(MINUTE), made.plus(MINUTE * 3));
    assert!(there.sessions.claim_renewal(session.id, due, until).await.expect(WORKS));
    let rotated = session.clone().rotate(hash(), SessionStage::Full, made);
    assert!(here.sessions.replace(session.hash, &rotated).await.expect(WORKS));
    assert_eq!(renewal_of(there, rotated.hash).await.map(|renewal| renewal.due_at), Some(until));
    let next = Renewal { ticket: Sealed::from_text("pg1:next".into()), due_at: made.plus(MINUTE * 9) };
    assert!(there.sessions.save_renewal(session.id, until, &next).await.expect(WORKS));
    assert_eq!(renewal_of(here, rotated.hash).await, Some(next));
}

/// The tickets of all sessions are listed, and one is replaced if nobody did so before.
pub async fn tickets_are_replaced_one_by_one(here: &SignInState, there: &SignInState) {
    let [one, other] = [renewable(now()), renewable(now())];
    let bare = session(account(), now());
    for session in [&one, &other, &bare] {
        here.sessions.insert(session).await.expect(WORKS);
    }
    let ticket = |session: &Session| session.renewal.as_ref().map(|renewal| renewal.ticket.clone());
    let listed = there.sessions.list_tickets().await.expect(WORKS);
    let of = |id| listed.iter().find(|(known, _)| *known == id).map(|(_, ticket)| ticket.clone());
    assert_eq!((of(one.id), of(other.id), of(bare.id)), (ticket(&one), ticket(&other), None));

    let (was, moved) = (ticket(&one).expect("it has one"), Sealed::from_text("pg1:moved".into()));
    assert!(there.sessions.replace_ticket(one.id, &was, &moved).await.expect(WORKS));
    assert!(!here.sessions.replace_ticket(one.id, &was, &moved).await.expect(WORKS), "it was replaced");
    let due_at = one.renewal.as_ref().expect("it has one").due_at;
    assert_eq!(renewal_of(here, one.hash).await, Some(Renewal { ticket: moved, due_at }));
    assert_eq!(renewal_of(here, other.hash).await, other.renewal);
}

/// As many as the limit are allowed; the next hear how long the window lasts.
pub async fn a_throttle_counts_in_windows(here: &SignInState, there: &SignInState) {
    let (key, begun) = (key("windows"), now());
    let allowed = Verdict { allowed: true, retry_after: Duration::ZERO };
    let hit = async |end: &SignInState, at| end.throttle.hit(&key, 2, MINUTE, at).await.expect(WORKS);
    assert_eq!(hit(here, begun).await, allowed);
    assert_eq!(hit(there, begun.plus(MINUTE / 4)).await, allowed);
    for end in [here, there] {
        let refused = hit(end, begun.plus(MINUTE / 2)).await;
        assert_eq!(refused, Verdict { allowed: false, retry_after: MINUTE / 2 });
    }
    assert_eq!(hit(here, begun.plus(MINUTE)).await, allowed, "a new window");
    there.throttle.reset(&key).await.expect(WORKS);
    for _ in 0..2 {
        assert_eq!(hit(here, begun.plus(MINUTE)).await, allowed, "it was reset");
    }
    assert!(!hit(there, begun.plus(MINUTE)).await.allowed);
    here.throttle.prune(begun.plus(MINUTE * 3), 100).await.expect(WORKS);
    assert!(
        here.throttle.hit(&SignInKey::of("contract", "other"), 1, MINUTE, begun).await.expect(WORKS).allowed
    );
    assert!(
        !here.throttle.hit(&SignInKey::of("contract", "none"), 0, MINUTE, begun).await.expect(WORKS).allowed
    );
}

/// Of two hundred tries at once over two replicas no more than the limit are allowed.
pub async fn a_throttle_holds_under_a_storm(here: &SignInState, there: &SignInState) {
    let (key, now) = (key("storm"), now());
    let tries = (0..200).map(|number| {
        let end = if number % 2 == 0 { here } else { there };
        end.throttle.hit(&key, 5, MINUTE, now)
    });
    let allowed = join_all(tries).await.into_iter().filter(|verdict| verdict.as_ref().expect(WORKS).allowed);
    assert_eq!(allowed.count(), 5);
}

/// What was put is taken once, by one, and not after its time.
pub async fn a_one_time_record_is_read_once(here: &SignInState, there: &SignInState) {
    let (now, value) = (now(), Sealed::from_text("pg1:value".into()));
    here.one_time.put(&key("once"), &value, MINUTE, now).await.expect(WORKS);
    let key_once = key("once");
    let takers = (0..20).map(|number| {
        let end = if number % 2 == 0 { here } else { there };
        end.one_time.take(&key_once, now)
    });
    let taken: Vec<Sealed> =
        join_all(takers).await.into_iter().filter_map(|taken| taken.expect(WORKS)).collect();
    assert_eq!(taken, std::slice::from_ref(&value));
    let newer = Sealed::from_text("pg1:newer".into());
    here.one_time.put(&key("late"), &value, MINUTE, now).await.expect(WORKS);
    here.one_time.put(&key("late"), &newer, MINUTE, now).await.expect(WORKS);
    assert_eq!(there.one_time.take(&key("late"), now.plus(MINUTE)).await.expect(WORKS), None, "too late");
    here.one_time.put(&key("new"), &value, MINUTE, now).await.expect(WORKS);
    here.one_time.put(&key("new"), &newer, MINUTE, now).await.expect(WORKS);
    here.one_time.prune(now, 100).await.expect(WORKS);
    assert_eq!(there.one_time.take(&key("new"), now).await.expect(WORKS), Some(newer), "the last one counts");
    assert_eq!(there.one_time.take(&key("unknown"), now).await.expect(WORKS), None);
}
