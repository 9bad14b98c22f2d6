//! What everybody may read of what was wrong.

use url::Url;

use crate::MonitoredService;

/// What stands in the place of an address.
const HIDDEN: &str = "…";

impl MonitoredService {
    /// What was wrong, without anything that says where the service is: no URL, not its host, and no
    /// name or address of any machine.
    pub fn public_error(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_ascii_lowercase();
        let words = self.condition.error.split_inclusive(char::is_whitespace);
        words.map(|word| hide(word, &host)).collect()
    }
}

/// A word without the addresses in it; what surrounds them stays.
fn hide(word: &str, host: &str) -> String {
    if word.contains("://") || word.contains('@') {
        let blank = word.len() - word.trim_end().len();
        return format!("{HIDDEN}{}", &word[word.len() - blank..]);
    }
    let of_name = |character: char| character.is_alphanumeric() || "-._[]:%".contains(character);
    let mut shown = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find(of_name) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|character| !of_name(character)).unwrap_or(from.len());
        let (name, after) = from.split_at(length);
        shown.push_str(before);
        // What ends a sentence or begins its next part is no part of a name.
        let bare = name.trim_end_matches(['.', ':']);
        shown.push_str(if is_address(bare, host) { HIDDEN } else { bare });
        shown.push_str(&name[bare.len()..]);
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Whether a word names a machine: it is the host, has a dot or several colons inside.
fn is_address(name: &str, host: &str) -> bool {
    let bare = name.trim_matches(['[', ']']).to_ascii_lowercase();
    let without_port = bare.rsplit_once(':').map_or(&*bare, |(name, _)| name).trim_matches(['[', ']']);
    let is_host = |name: &str| !host.is_empty() && name == host.trim_matches(['[', ']']);
    is_host(&bare) || is_host(without_port) || bare.contains('.') || bare.matches(':').count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, NewMonitoredService};
    use promptgate_kernel::Timestamp;
    use proptest::prelude::*;

    fn public(url: &str, error: &str) -> String {
        let new = NewMonitoredService { name: "a".into(), url: url.into(), ..NewMonitoredService::default() };
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let mut service = MonitoredService::create(id, new, Timestamp::default()).unwrap();
        service.condition = Condition { error: error.into(), ..Condition::default() };
        service.public_error()
    }

    #[test]
    fn what_says_where_it_is_goes_and_the_rest_stays() {
        for (error, shown) in [
            ("expected HTTP 200, got 502", "expected HTTP 200, got 502"),
            (
                "cannot connect: connection refused (os error 111)",
                "cannot connect: connection refused (os error 111)",
            ),
            ("GET http://db:81/x?key=1: refused", "GET … refused"),
            ("dial db:81, then DB: refused", "dial …, then …: refused"),
            ("no route to 10.0.0.7:443", "no route to …"),
            ("no route to [fd00::7]:443.", "no route to …."),
            ("valid for \"a.internal.example\" only.", "valid for \"…\" only."),
        ] {
            assert_eq!(public("http://db:81/x?key=1", error), shown);
        }
    }

    proptest! {
        #[test]
        fn neither_a_url_nor_the_host_is_ever_shown(
            before in "[a-z ]{0,10}", host in "[a-z]{3,8}(\\.[a-z]{2,3})?", port in 1u16..9999, after in "[a-z,. ]{0,10}"
        ) {
            let url = format!("http://{host}:{port}/canary");
            for said in [url.clone(), host.clone(), format!("{host}:{port}"), format!("({host})")] {
                let shown = public(&url, &format!("{before} {said} {after}"));
                prop_assert!(!shown.contains("://") && !shown.contains("canary"), "{}", shown);
                let mut words = shown.split(|character: char| !character.is_alphanumeric() && character != '.');
                prop_assert!(!words.any(|word| word == host), "{}", shown);
            }
        }
    }
}
