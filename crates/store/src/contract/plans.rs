//! Behaviour of a repository of subscription plans.

use futures_util::future::join;
use promptgate_access::{ListedPlan, NewPlan, Plan, PlanFilter, PlanSort};
use promptgate_kernel::{AccountId, PageRequest, PlanId, SortDirection};

use super::groups::{stored_person, stored_service};
use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn plan(name: &str) -> Plan {
    let new = NewPlan {
        name: name.to_owned(),
        description: String::new(),
        quota_5h_tokens: None,
        quota_7d_tokens: None,
        is_default: false,
    };
    Plan::create(PlanId::mint(clock(), entropy()), new, at(0)).expect("a valid plan")
}

async fn insert(store: &dyn Store, plans: &[&Plan]) {
    let mut work = write(store).await;
    for plan in plans {
        work.plans().insert(plan).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, plan: &Plan) -> bool {
    let mut work = write(store).await;
    let saved = work.plans().save(plan).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn assign(store: &dyn Store, account: AccountId, plan: Option<PlanId>) -> bool {
    let mut work = write(store).await;
    let assigned = work.plans().assign(account, plan, at(3)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assigned
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let before = plan("plain");
    insert(store, &[&before]).await;
    let found = async || read(store).await.plans().find(before.id).await.expect(WORKS);
    assert_eq!(found().await.as_ref(), Some(&before));
    let after = Plan {
        name: "Ünï 🦀".into(),
        description: "a\nb".into(),
        quota_5h_tokens: Some(1),
        quota_7d_tokens: Some(i64::MAX.unsigned_abs()),
        is_default: true,
        updated_at: at(8),
        version: 2,
        ..before.clone()
    };
    assert!(save(store, &after).await);
    assert_eq!(found().await.as_ref(), Some(&after));
    assert_eq!(read(store).await.plans().list_all().await.expect(WORKS), [after]);
}

/// Names are unique whatever their case, and free again when the plan is gone.
pub async fn a_second_one_of_the_same_name_is_a_conflict(store: &dyn Store) {
    let (first, second) = (plan("Same"), plan("sAME"));
    insert(store, &[&first]).await;
    let error = write(store).await.plans().insert(&second).await.expect_err("the name is taken");
    assert!(error.is_conflict("subscription_plans_name_folded_key"), "{error}");
    let mut work = write(store).await;
    assert!(work.plans().remove(first.id).await.expect(WORKS));
    assert!(!work.plans().remove(first.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    insert(store, &[&second]).await;
}

/// Never are two plans the default.
pub async fn a_second_default_one_is_a_conflict(store: &dyn Store) {
    let (first, second) = (Plan { is_default: true, ..plan("a") }, plan("b"));
    assert_eq!(read(store).await.plans().find_default().await.expect(WORKS), None);
    insert(store, &[&first, &second]).await;
    let both = Plan { is_default: true, version: 2, ..second.clone() };
    let error = write(store).await.plans().save(&both).await.expect_err("there is a default one");
    assert!(error.is_conflict("subscription_plans_is_default_key"), "{error}");
    assert_eq!(read(store).await.plans().find_default().await.expect(WORKS), Some(first.clone()));
    let mut work = write(store).await;
    let ordinary = Plan { is_default: false, version: 2, ..first };
    assert!(work.plans().save(&ordinary).await.expect(WORKS));
    assert!(work.plans().save(&both).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.plans().find_default().await.expect(WORKS), Some(both));
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let plan = plan("one");
    insert(store, &[&plan]).await;
    let next = |limit| Plan { quota_5h_tokens: Some(limit), version: 2, ..plan.clone() };
    let (one, other) = (next(1), next(2));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(3)).await);
    let found = read(store).await.plans().find(plan.id).await.expect(WORKS);
    assert_eq!(found, Some(if first { one } else { other }));
}

/// Accounts have the plan that they were given, else the default one, and are counted so.
pub async fn accounts_have_plans(store: &dyn Store) {
    let (ada, ben) = (stored_person(store, "ada").await, stored_person(store, "ben").await);
    let bot = stored_service(store, "bot").await;
    let (default, team) = (Plan { is_default: true, ..plan("default") }, plan("team"));
    insert(store, &[&default, &team]).await;
    let plans = async |account| {
        let plans = read(store).await.plans().of_account(account).await.expect(WORKS);
        (plans.given.map(|plan| plan.name), plans.effective.map(|plan| plan.name))
    };
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(plans(ada.id).await, (None, named("default")));
    assert!(assign(store, ada.id, Some(team.id)).await && assign(store, bot.id, Some(team.id)).await);
    assert_eq!(plans(ada.id).await, (named("team"), named("team")));
    let account = read(store).await.accounts().find(ada.id).await.expect(WORKS).expect("it is there");
    assert_eq!((account.plan_id, account.version), (Some(team.id), ada.version + 1));
    let nobody = AccountId::mint(clock(), entropy());
    assert!(!assign(store, nobody, None).await);
    assert_eq!(plans(nobody).await, (None, None));

    let counts = async |id| {
        let listed = read(store).await.plans().find_listed(id).await.expect(WORKS);
        let ListedPlan { people, service_accounts, inheriting, .. } = listed.expect("it is there");
        (people, service_accounts, inheriting)
    };
    assert_eq!((counts(team.id).await, counts(default.id).await), ((1, 1, 0), (0, 0, 1)));
    assert!(assign(store, ben.id, Some(default.id)).await);
    assert_eq!(counts(default.id).await, (1, 0, 0));
    let mut work = write(store).await;
    assert!(work.plans().remove(team.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(plans(ada.id).await, (None, named("default")));
}

/// The list is sorted and cut; plans without a limit come last.
pub async fn they_are_sorted(store: &dyn Store) {
    let small = Plan { quota_5h_tokens: Some(10), quota_7d_tokens: Some(5), ..plan("small") };
    let large = Plan { quota_5h_tokens: Some(20), quota_7d_tokens: Some(1), ..plan("Large") };
    let free = Plan { is_default: true, ..plan("free") };
    insert(store, &[&small, &large, &free]).await;
    let names = async |sort, direction| {
        let filter = PlanFilter { sort, direction };
        let page = read(store).await.plans().list(filter, PageRequest::clamped(1, 100)).await.expect(WORKS);
        assert_eq!(page.total, 3);
        page.items.into_iter().map(|listed| listed.plan.name).collect::<Vec<_>>()
    };
    let (up, down) = (SortDirection::Ascending, SortDirection::Descending);
    assert_eq!(names(PlanSort::Name, up).await, ["free", "Large", "small"]);
    assert_eq!(names(PlanSort::Quota5h, up).await, ["small", "Large", "free"]);
    assert_eq!(names(PlanSort::Quota5h, down).await, ["Large", "small", "free"]);
    assert_eq!(names(PlanSort::Quota7d, up).await, ["Large", "small", "free"]);
    assert_eq!(names(PlanSort::IsDefault, down).await[0], "free");
    assert_eq!(names(PlanSort::CreatedAt, up).await.len(), 3);
    assert_eq!(names(PlanSort::UpdatedAt, up).await.len(), 3);
    let page = read(store).await.plans().list(PlanFilter::default(), PageRequest::clamped(2, 2)).await;
    assert_eq!(page.expect(WORKS).items.len(), 1);
}
