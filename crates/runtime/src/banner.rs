//! What `run-all` says when it is ready. It is printed, not logged: it may hold a token, once.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use promptgate_auth::Account;
use promptgate_control::bootstrap::{Overview, Seeded};
use promptgate_providers::{Provider, ProviderKind};

/// Everything the banner tells.
pub(crate) struct Banner<'a> {
    /// Where things are kept; `None` where there is no such directory.
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Where the proxy listens.
    pub(crate) proxy: SocketAddr,
    /// How the admin routes are opened.
    pub(crate) admin_key: AdminKeyPlace,
    /// The administrator, if that account was made just now.
    pub(crate) administrator: Option<&'a Account>,
    /// What was made just now, at a first start.
    pub(crate) seeded: Option<&'a Seeded>,
    /// What is there, at a later one.
    pub(crate) overview: &'a Overview,
    /// The model that the example asks.
    pub(crate) model: Option<String>,
}

/// Where the admin API key is to be found.
pub(crate) enum AdminKeyPlace {
    /// In a file that was made.
    File(PathBuf),
    /// In the settings.
    Setting,
    /// Nowhere: it is switched off.
    Off,
}

impl Banner<'_> {
    /// The text, which ends with a line that can be pasted.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\n");
        let mut row = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<15}{value}");
        };
        if let Some(directory) = &self.data_dir {
            row("Data directory", &directory.display().to_string());
        }
        row("API docs", &format!("{}/api/docs", base_url(self.api)));
        row("Proxy", &base_url(self.proxy));
        let admin_key = match &self.admin_key {
            AdminKeyPlace::File(path) => format!("in {}", path.display()),
            AdminKeyPlace::Setting => "as set by PROMPTGATE_ADMIN_API_KEY".into(),
            AdminKeyPlace::Off => "off (set PROMPTGATE_ADMIN_API_KEY to switch the admin routes on)".into(),
        };
        row("Admin API key", &admin_key);
        if let Some(account) = self.administrator {
            let remark = if account.well_known_password {
                format!("{} / admin, to set a password from this machine with", account.email)
            } else {
                format!("{}, with the password of PROMPTGATE_ADMIN_PASSWORD, at", account.email)
            };
            row("Administrator", &format!("{remark} POST {}/auth/password", base_url(self.api)));
        }
        row("Providers", &self.providers());
        let Some(project) = &self.overview.project else {
            row("Project", "none; create one with POST /api/v1/admin/projects");
            text.push_str("\nPromptGate is ready.\n");
            return text;
        };
        row("Project", &format!("{} ({})", project.name.as_str(), project.id));
        let bearer = match (self.seeded, &self.overview.token) {
            (Some(seeded), _) => {
                let secret = seeded.issued.secret.expose().to_owned();
                row("Token", &format!("{secret}  (shown only now; keep it)"));
                secret
            }
            (None, Some(token)) => {
                row(
                    "Token",
                    &format!("{}…{} (its secret was shown when it was made)", token.prefix, token.last_four),
                );
                // A first start that was killed may have made it and shown it to nobody.
                row("If it is lost", &self.post(&format!("tokens/{}/rotate", token.id), ""));
                "$PROMPTGATE_TOKEN".into()
            }
            (None, None) => {
                row("Token", "none that works");
                let body = " -d '{\"name\":\"My token\"}'";
                row("To issue one", &self.post(&format!("projects/{}/tokens", project.id), body));
                "$PROMPTGATE_TOKEN".into()
            }
        };
        text.push_str("\nPromptGate is ready.");
        if let Some(model) = &self.model {
            let _ = write!(
                text,
                " Try it:\n\ncurl {}/api/{}/v1/chat/completions -H \"Authorization: Bearer {bearer}\" -H 'Content-Type: application/json' -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
                base_url(self.proxy),
                project.id,
            );
        }
        text.push('\n');
        text
    }

    /// A line that posts to an admin route.
    fn post(&self, route: &str, body: &str) -> String {
        let (key, first) = match &self.admin_key {
            AdminKeyPlace::File(path) => {
                (format!("$(cat '{}')", path.display().to_string().replace('\'', "'\\''")), "")
            }
            AdminKeyPlace::Setting => ("$PROMPTGATE_ADMIN_API_KEY".to_owned(), ""),
            AdminKeyPlace::Off => {
                ("$PROMPTGATE_ADMIN_API_KEY".to_owned(), "set PROMPTGATE_ADMIN_API_KEY, start again, then: ")
            }
        };
        let api = base_url(self.api);
        format!("{first}curl -X POST {api}/api/v1/admin/{route} -H \"X-Admin-API-Key: {key}\"{body}")
    }

    /// The providers by name, and where a key came from that was picked up just now.
    fn providers(&self) -> String {
        let picked_up = |provider: &Provider| {
            self.seeded.is_some_and(|seeded| seeded.providers.iter().any(|new| new.id == provider.id))
        };
        let names = self.overview.providers.iter().map(|provider| {
            let remark = match provider.kind {
                ProviderKind::Echo => " (built in, answers without a network)",
                ProviderKind::OpenAi if picked_up(provider) => " (key taken from OPENAI_API_KEY)",
                ProviderKind::Anthropic if picked_up(provider) => " (key taken from ANTHROPIC_API_KEY)",
                _ => "",
            };
            format!("{}{remark}", provider.name.as_str())
        });
        let names = names.collect::<Vec<_>>().join(", ");
        if names.is_empty() { "none; create one with POST /api/v1/admin/providers".into() } else { names }
    }
}

/// The address to reach a socket from this machine.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::Revision;

    use super::*;

    #[test]
    fn addresses_can_be_reached_from_this_machine() {
        for (bound, shown) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
        ] {
            assert_eq!(base_url(bound.parse().expect("an address")), shown);
        }
    }

    #[test]
    fn a_lost_secret_can_be_replaced_by_a_line_that_is_said() {
        let overview =
            Overview { project: None, token: None, providers: Vec::new(), revision: Revision::default() };
        let banner = |admin_key| Banner {
            data_dir: None,
            api: "127.0.0.1:1".parse().expect("an address"),
            proxy: "127.0.0.1:2".parse().expect("an address"),
            admin_key,
            administrator: None,
            seeded: None,
            overview: &overview,
            model: None,
        };
        assert_eq!(
            banner(AdminKeyPlace::File("/d's/keys/admin_api_key".into())).post("tokens/1/rotate", ""),
            "curl -X POST http://127.0.0.1:1/api/v1/admin/tokens/1/rotate \
             -H \"X-Admin-API-Key: $(cat '/d'\\''s/keys/admin_api_key')\""
        );
        let off = banner(AdminKeyPlace::Off).post("x", "");
        assert!(off.starts_with("set PROMPTGATE_ADMIN_API_KEY"), "{off}");
    }

    #[test]
    fn without_a_project_there_is_no_example_and_the_way_to_one_is_said() {
        let overview =
            Overview { project: None, token: None, providers: Vec::new(), revision: Revision::default() };
        let banner = Banner {
            data_dir: None,
            api: "127.0.0.1:1".parse().expect("an address"),
            proxy: "127.0.0.1:2".parse().expect("an address"),
            admin_key: AdminKeyPlace::Off,
            administrator: None,
            seeded: None,
            overview: &overview,
            model: None,
        };
        let text = banner.text();
        assert!(text.contains("POST /api/v1/admin/projects") && !text.contains("curl"), "{text}");
        assert!(text.ends_with("PromptGate is ready.\n"), "{text}");
    }
}
