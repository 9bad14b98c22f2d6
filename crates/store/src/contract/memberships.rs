//! Behaviour of a repository of memberships.

use promptgate_auth::{Account, Membership, NewService, ProjectRole};
use promptgate_kernel::AccountId;

use super::samples::{WORKS, at, clock, entropy, project, read, write};
use crate::Store;

fn account(identifier: &str) -> Account {
    let new = NewService {
        identifier: identifier.into(),
        name: identifier.into(),
        active: true,
        firewall_override: false,
        ..NewService::default()
    };
    Account::service(AccountId::mint(clock(), entropy()), &new, at(0)).expect("a valid account")
}

/// Who is a member of what, twice two, all but one of them.
async fn stored(store: &dyn Store) -> [Membership; 3] {
    let (mut projects, mut accounts) = ([project("a"), project("b")], [account("a"), account("b")]);
    projects.sort_by_key(|project| project.id);
    accounts.sort_by_key(|account| account.id);
    let mut work = write(store).await;
    for project in &projects {
        work.projects().insert(project).await.expect(WORKS);
    }
    for account in &accounts {
        work.accounts().insert(account).await.expect(WORKS);
    }
    let member = |project: usize, account: usize, role| Membership {
        project: projects[project].id,
        account: accounts[account].id,
        role,
    };
    let all = [
        member(0, 0, ProjectRole::Viewer),
        member(0, 1, ProjectRole::Developer),
        member(1, 0, ProjectRole::Admin),
    ];
    for membership in all.iter().rev() {
        work.memberships().set(membership).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    all
}

/// They are found by both sides, in order.
pub async fn they_are_found_by_both_sides(store: &dyn Store) {
    let all = stored(store).await;
    let mut work = read(store).await;
    let memberships = work.memberships();
    assert_eq!(memberships.of_project(all[0].project).await.expect(WORKS), all[..2]);
    assert_eq!(memberships.of_account(all[0].account).await.expect(WORKS), [all[0], all[2]]);
    assert_eq!(memberships.find(all[1].project, all[1].account).await.expect(WORKS), Some(all[1]));
    assert_eq!(memberships.find(all[2].project, all[1].account).await.expect(WORKS), None);
}

/// Setting one again gives another role and no second membership.
pub async fn setting_replaces_the_role(store: &dyn Store) {
    let all = stored(store).await;
    let raised = Membership { role: ProjectRole::Admin, ..all[0] };
    let mut work = write(store).await;
    work.memberships().set(&raised).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let found = read(store).await.memberships().of_project(all[0].project).await.expect(WORKS);
    assert_eq!(found, [raised, all[1]]);
}

/// One goes, or all of an account; the others stay.
pub async fn they_are_removed(store: &dyn Store) {
    let all = stored(store).await;
    let mut work = write(store).await;
    assert!(work.memberships().remove(all[1].project, all[1].account).await.expect(WORKS));
    assert!(!work.memberships().remove(all[1].project, all[1].account).await.expect(WORKS));
    assert_eq!(work.memberships().of_project(all[0].project).await.expect(WORKS), [all[0]]);
    assert_eq!(work.memberships().remove_all_of(all[0].account).await.expect(WORKS), 2);
    assert!(work.memberships().of_project(all[0].project).await.expect(WORKS).is_empty());
    work.commit().await.expect(WORKS);
}
