//! Behaviour of a switch repository.

use promptgate_auth::Switch;

use super::samples::{WORKS, read, write};
use crate::Store;

async fn set(store: &dyn Store, switch: Switch, on: bool) {
    let mut work = write(store).await;
    work.switches().set(switch, on).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn are_on(store: &dyn Store) -> Vec<Switch> {
    let mut work = read(store).await;
    let mut on = Vec::new();
    for switch in Switch::ALL {
        if work.switches().is_on(switch).await.expect(WORKS) {
            on.push(switch);
        }
    }
    on
}

/// All are off until one is switched on, and each is switched alone.
pub async fn they_are_off_until_switched_on(store: &dyn Store) {
    assert_eq!(are_on(store).await, []);
    set(store, Switch::ManagementApi, true).await;
    set(store, Switch::McpControlPlane, false).await;
    assert_eq!(are_on(store).await, [Switch::ManagementApi]);
    set(store, Switch::McpControlPlane, true).await;
    set(store, Switch::ManagementApi, false).await;
    assert_eq!(are_on(store).await, [Switch::McpControlPlane]);
}
