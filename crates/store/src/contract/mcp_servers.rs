//! Behaviour of a repository of MCP servers.

use promptgate_kernel::{McpServerId, PageRequest, Sealed, SortDirection};
use promptgate_mcp::{Header, HeaderValue, McpServer, McpServerFilter, McpServerSort};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn server(name: &str) -> McpServer {
    McpServer {
        id: McpServerId::mint(clock(), entropy()),
        name: name.into(),
        display_name: name.to_uppercase(),
        url: format!("https://{name}.example"),
        headers: vec![],
        allow_pattern: String::new(),
        deny_pattern: String::new(),
        enabled: true,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

fn header(name: &str, value: HeaderValue) -> Header {
    Header { name: name.into(), value }
}

async fn insert(store: &dyn Store, servers: &[&McpServer]) {
    let mut work = write(store).await;
    for server in servers {
        work.mcp_servers().insert(server).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, server: &McpServer) -> bool {
    let mut work = write(store).await;
    let saved = work.mcp_servers().save(server).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// Every field comes back as it was, after insertion and after a save; what is removed is gone.
pub async fn everything_round_trips(store: &dyn Store) {
    let first = server("search");
    insert(store, &[&first]).await;
    let found = read(store).await.mcp_servers().find(first.id).await.expect(WORKS);
    assert_eq!(found.as_ref(), Some(&first));
    let after = McpServer {
        name: "other".into(),
        display_name: "Ünï 日本".into(),
        url: "http://h/x?y".into(),
        headers: vec![
            header("X-Plain", HeaderValue::Plain("a \"b\" é".into())),
            header("X-None", HeaderValue::Plain(String::new())),
            header("X-Secret", HeaderValue::Sensitive(Some(Sealed::from_text("pg1:x:y".into())))),
            header("X-Unset", HeaderValue::Sensitive(None)),
        ],
        allow_pattern: "^a".into(),
        deny_pattern: "b$".into(),
        enabled: false,
        updated_at: at(9),
        version: 2,
        ..first
    };
    assert!(save(store, &after).await);
    let found = read(store).await.mcp_servers().find(after.id).await.expect(WORKS);
    assert_eq!(found.as_ref(), Some(&after));
    let mut work = write(store).await;
    assert!(work.mcp_servers().remove(after.id).await.expect(WORKS));
    assert!(!work.mcp_servers().remove(after.id).await.expect(WORKS));
    work.mcp_servers().insert(&after).await.expect("its name is free again");
}

/// A name belongs to one server; a save of a version that is not the next one changes nothing.
pub async fn conflicts_and_lost_updates_are_noticed(store: &dyn Store) {
    let (one, other) = (server("one"), server("other"));
    insert(store, &[&one, &other]).await;
    let error = write(store).await.mcp_servers().insert(&server("one")).await.expect_err("taken");
    assert!(error.is_conflict("mcp_servers_name_key"), "{error}");
    let renamed = McpServer { name: "one".into(), version: 2, ..other };
    let error = write(store).await.mcp_servers().save(&renamed).await.expect_err("taken");
    assert!(error.is_conflict("mcp_servers_name_key"), "{error}");
    assert!(save(store, &McpServer { version: 2, ..one.clone() }).await);
    assert!(!save(store, &McpServer { version: 2, enabled: false, ..one }).await);
}

/// The list is sorted by every key, headers by their number and filters by the patterns together.
pub async fn they_are_sorted_and_cut(store: &dyn Store) {
    let headers = |number: usize| {
        (0..number).map(|n| header(&format!("x{n}"), HeaderValue::Plain(String::new()))).collect()
    };
    let one = McpServer { headers: headers(2), allow_pattern: "b".into(), ..server("a") };
    let two = McpServer { headers: headers(10), deny_pattern: "a".into(), ..server("b") };
    let three = McpServer { enabled: false, created_at: at(5), updated_at: at(5), ..server("c") };
    insert(store, &[&one, &two, &three]).await;
    for (sort, expected) in [
        (McpServerSort::Name, "abc"),
        (McpServerSort::DisplayName, "abc"),
        (McpServerSort::Url, "abc"),
        (McpServerSort::Headers, "cab"),
        (McpServerSort::Filters, "cba"),
        (McpServerSort::Enabled, "cab"),
        (McpServerSort::CreatedAt, "abc"),
        (McpServerSort::UpdatedAt, "abc"),
    ] {
        let filter = McpServerFilter { sort, direction: SortDirection::Ascending };
        let page = read(store).await.mcp_servers().list(&filter, PageRequest::default()).await.expect(WORKS);
        let names: String = page.items.into_iter().map(|server| server.name).collect();
        assert_eq!((names.as_str(), page.total), (expected, 3), "{sort:?}");
    }
    let down = McpServerFilter { direction: SortDirection::Descending, ..McpServerFilter::default() };
    let page = read(store).await.mcp_servers().list(&down, PageRequest::clamped(2, 2)).await.expect(WORKS);
    assert_eq!((page.items[0].name.as_str(), page.items.len(), page.total), ("a", 1, 3));
}
