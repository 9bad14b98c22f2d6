//! How a database is named in logs.

use url::Url;

/// The database of a URL for logs, never with credentials: `<host>/<database> (port=<port>)` over
/// PostgreSQL, `sqlite <path>` over SQLite. Missing parts are `unknown`; what is no URL is
/// `unparseable_database_url`.
///
/// ```
/// let shown = promptgate_store_sql::describe("postgres://gate:secret@db.internal/promptgate");
/// assert_eq!(shown, "db.internal/promptgate (port=5432)");
/// ```
pub fn describe(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return format!("sqlite {}", path.split('?').next().unwrap_or(path));
    }
    let Ok(url) = Url::parse(url) else { return "unparseable_database_url".into() };
    let query =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let host = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned).or_else(|| query("host"));
    let database = Some(url.path().trim_matches('/'))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .or_else(|| query("dbname"));
    let port = url.port().map(|port| port.to_string()).or_else(|| query("port"));
    format!(
        "{}/{} (port={})",
        host.as_deref().unwrap_or("unknown"),
        database.as_deref().unwrap_or("unknown"),
        port.as_deref().unwrap_or("5432")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_where_and_never_with_what() {
        for (url, shown) in [
            ("postgres://u:canary@h:6432/d?sslmode=require", "h/d (port=6432)"),
            ("postgresql:///d?host=/run/postgresql", "/run/postgresql/d (port=5432)"),
            ("postgres://u:canary@", "unparseable_database_url"),
            ("postgres://u:canary@h", "h/unknown (port=5432)"),
            ("canary", "unparseable_database_url"),
            ("sqlite:./data/promptgate.db?mode=rwc", "sqlite ./data/promptgate.db"),
            ("sqlite:///var/lib/p.db", "sqlite /var/lib/p.db"),
            ("sqlite::memory:", "sqlite :memory:"),
        ] {
            assert_eq!(describe(url), shown, "{url}");
        }
    }
}
