//! Origins and addresses derived from others.

use url::Url;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The origins, each once, and for one on this machine its two other spellings after it.
pub(crate) fn expanded(origins: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |origin: String| {
        if !all.contains(&origin) {
            all.push(origin);
        }
    };
    for origin in origins {
        let origin = origin.trim().trim_end_matches('/').to_owned();
        let spellings = aliases(&origin);
        add(origin);
        spellings.into_iter().for_each(&mut add);
    }
    all
}

fn aliases(origin: &str) -> Vec<String> {
    let Ok(url) = Url::parse(origin) else { return Vec::new() };
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_loopback = url.host_str().is_some_and(|host| LOOPBACK.contains(&host));
    if !is_bare || !is_loopback {
        return Vec::new();
    }
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    LOOPBACK.iter().map(|host| format!("{}://{host}{port}", url.scheme())).collect()
}

/// The origin of an address: its scheme, its host, and its port where that is not the scheme's own.
pub(crate) fn origin_of(address: &str) -> Option<String> {
    let origin = Url::parse(address).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// `base` with another port; its path stays, query and fragment go.
pub(crate) fn with_port(base: &str, port: u16) -> String {
    let Ok(mut url) = Url::parse(base) else { return base.to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    if url.set_port(Some(port)).is_err() {
        return base.to_owned();
    }
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_origins_get_their_other_spellings() {
        let given =
            ["http://localhost:3000/".to_owned(), "https://a.example".into(), "https://a.example/".into()];
        assert_eq!(
            expanded(&given),
            ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000", "https://a.example"]
        );
        assert_eq!(expanded(&["http://localhost:3000/path".to_owned()]), ["http://localhost:3000/path"]);
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin_of("https://A.example:443/gate?x").as_deref(), Some("https://a.example"));
        assert_eq!(origin_of("http://localhost:8080").as_deref(), Some("http://localhost:8080"));
        assert_eq!(origin_of("file:///etc"), None);
    }

    #[test]
    fn another_port_keeps_the_path() {
        assert_eq!(with_port("http://127.0.0.1:8080", 9090), "http://127.0.0.1:9090");
        assert_eq!(with_port("https://pg.example/gate?x#y", 8081), "https://pg.example:8081/gate");
    }
}
