//! What an operator lists as callable all the same.

use std::net::IpAddr;

use ipnet::IpNet;

/// Something that is neither a host nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host, no address and no network; list hosts without scheme, port and path, or `*`")]
pub struct InvalidAllowedHost(pub String);

/// Hosts, addresses and networks that may be called whatever they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    everything: bool,
    names: Vec<String>,
    networks: Vec<IpNet>,
}

impl AllowedHosts {
    /// Reads names of hosts, addresses, networks such as `10.0.0.0/8`, and `*` for everything.
    pub fn parse<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidAllowedHost> {
        let mut allowed = Self::default();
        for item in items {
            let bare = item.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(item);
            if item == "*" {
                allowed.everything = true;
            } else if let Ok(network) = bare.parse::<IpNet>() {
                allowed.networks.push(network.trunc());
            } else if let Ok(address) = bare.parse::<IpAddr>() {
                allowed.networks.push(address.to_canonical().into());
            } else if is_name(item) {
                allowed.names.push(plain(item));
            } else {
                return Err(InvalidAllowedHost(item.to_owned()));
            }
        }
        Ok(allowed)
    }

    pub(super) fn has_name(&self, host: &str) -> bool {
        self.everything || self.names.contains(&plain(host))
    }

    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.everything || self.networks.iter().any(|network| network.contains(&address))
    }
}

/// A name as it is compared: lower case, without the dot at its end.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_networks_are_told_apart() {
        let listed = ["Tools.Internal.", "10.1.2.3/8", "192.168.1.1", "[::1]", "fd00::/8"];
        let allowed = AllowedHosts::parse(listed).unwrap();
        assert!(allowed.has_name("tools.internal") && allowed.has_name("TOOLS.internal."));
        assert!(!allowed.has_name("x.tools.internal") && !allowed.has_name("internal"));
        for (address, expected) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("192.168.1.1", true),
            ("192.168.1.2", false),
            ("::1", true),
            ("127.0.0.1", false),
            ("fd12::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(allowed.has_address(address.parse().unwrap()), expected, "{address}");
        }
        let all = AllowedHosts::parse(["*"]).unwrap();
        assert!(all.has_name("x") && all.has_address("169.254.169.254".parse().unwrap()));
        assert_eq!(AllowedHosts::parse([]).unwrap(), AllowedHosts::default());
        for wrong in ["", "http://x", "x:80", "10.0.0.0/33", "a..b", "x/y", "ü"] {
            assert_eq!(AllowedHosts::parse([wrong]), Err(InvalidAllowedHost(wrong.to_owned())), "{wrong}");
        }
    }
}
