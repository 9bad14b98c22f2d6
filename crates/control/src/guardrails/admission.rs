//! Saying whether a call may come from somewhere, and then.

use std::net::IpAddr;

use promptgate_firewall::guardrails::{
    AccessDenied, AccessPolicy, Guardrail, IpAllowlistRule, Rules, TimeWindowRule,
};
use promptgate_kernel::Timestamp;

/// Where a call comes from, and when, as far as that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coming {
    /// The client's address.
    pub from: Option<IpAddr>,
    /// The instant.
    pub at: Option<Timestamp>,
}

/// What the rules for addresses and times say of a call, each that is at work and was asked, in the order
/// in which they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// What they say.
    pub said: Vec<AccessSaid>,
}

impl Admission {
    /// What refuses the call: the first that does.
    pub fn refusal(&self) -> Option<(Guardrail, AccessDenied)> {
        self.said.iter().find_map(|said| said.entry.as_ref().err().map(|denied| (said.guardrail, *denied)))
    }
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSaid {
    /// The rule.
    pub guardrail: Guardrail,
    /// Which of its entries lets the call come, such as `ip_allowlist.cidrs[1]`, or why it may not.
    pub entry: Result<String, AccessDenied>,
}

/// Asks the rules; `None` where neither an address nor an instant is given.
pub(super) fn admit(rules: &Rules, coming: Coming) -> Option<Admission> {
    if coming == Coming::default() {
        return None;
    }
    let by_address = coming.from.filter(|_| rules.enabled(Guardrail::IpAllowlist));
    let by_time = coming.at.filter(|_| rules.enabled(Guardrail::TimeWindow));
    let mut admission = Admission::default();
    if let Some(from) = by_address {
        admission.said.push(of_address(&rules.ip_allowlist, from));
    }
    if let Some(at) = by_time {
        admission.said.push(of_time(&rules.time_window, at));
    }
    Some(admission)
}

fn of_address(rule: &IpAllowlistRule, from: IpAddr) -> AccessSaid {
    let check = |rule: &IpAllowlistRule| {
        AccessPolicy::compile(rule, &TimeWindowRule::default()).check(Some(from), Timestamp::default())
    };
    // As it is on the way, and then which it was.
    let entry = check(rule).map(|()| {
        let cidrs = rule.cidrs.iter().flatten();
        let alone = |cidr: &String| IpAllowlistRule { cidrs: Some(vec![cidr.clone()]), ..rule.clone() };
        let at = cidrs.clone().position(|cidr| check(&alone(cidr)).is_ok());
        at.map_or_else(String::new, |at| format!("ip_allowlist.cidrs[{at}]"))
    });
    AccessSaid { guardrail: Guardrail::IpAllowlist, entry }
}

fn of_time(rule: &TimeWindowRule, at: Timestamp) -> AccessSaid {
    let check =
        |rule: &TimeWindowRule| AccessPolicy::compile(&IpAllowlistRule::default(), rule).check(None, at);
    let entry = check(rule).map(|()| {
        let windows = rule.windows.iter().flatten();
        let found = windows.enumerate().find(|(_, window)| {
            check(&TimeWindowRule { windows: Some(vec![(*window).clone()]), ..rule.clone() }).is_ok()
        });
        found.map_or_else(String::new, |(at, _)| format!("time_window.windows[{at}]"))
    });
    AccessSaid { guardrail: Guardrail::TimeWindow, entry }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(coming: Coming) -> Option<Vec<String>> {
        let rules: Rules = serde_json::from_value(json!({
            "ip_allowlist": {"enabled": true, "cidrs": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]},
            "time_window": {"enabled": true, "timezone": "Europe/Berlin", "windows": [
                {"days": ["sat"], "from": "10:00", "to": "12:00"},
                {"days": ["mon", "tue"], "from": "09:00", "to": "17:00"},
            ]},
        }))
        .unwrap();
        let said = admit(&rules, coming)?.said.into_iter();
        Some(said.map(|said| said.entry.unwrap_or_else(|denied| format!("{denied:?}"))).collect())
    }

    #[test]
    fn the_entry_that_decides_is_named() {
        let from = |address: &str| Some(address.parse().unwrap());
        let at = |instant: &str| Some(instant.parse().unwrap());
        let monday = "2026-11-23T08:00:00Z";
        for (coming, expected) in [
            (Coming { from: from("192.0.2.7"), at: None }, vec!["ip_allowlist.cidrs[1]"]),
            (Coming { from: from("198.51.100.1"), at: None }, vec!["Address"]),
            (Coming { from: None, at: at(monday) }, vec!["time_window.windows[1]"]),
            (Coming { from: None, at: at("2026-11-23T07:59:00Z") }, vec!["Time"]),
            (
                Coming { from: from("2001:db8::1"), at: at(monday) },
                vec!["ip_allowlist.cidrs[2]", "time_window.windows[1]"],
            ),
        ] {
            assert_eq!(told(coming).unwrap(), expected, "{coming:?}");
        }
        assert_eq!(told(Coming::default()), None);
        let off = admit(&Rules::default(), Coming { from: from("192.0.2.7"), at: at(monday) });
        assert_eq!(off, Some(Admission::default()));
    }

    #[test]
    fn the_first_that_refuses_decides() {
        let rules: Rules = serde_json::from_value(json!({
            "ip_allowlist": {"enabled": true}, "time_window": {"enabled": true},
        }))
        .unwrap();
        let coming = Coming { from: Some("192.0.2.7".parse().unwrap()), at: Some(Timestamp::default()) };
        let admission = admit(&rules, coming).unwrap();
        assert_eq!(admission.refusal(), Some((Guardrail::IpAllowlist, AccessDenied::Address)));
        assert_eq!(admission.said.len(), 2);
    }
}
