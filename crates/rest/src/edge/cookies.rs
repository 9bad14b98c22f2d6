//! Cookies of a request.

use http::{HeaderMap, header};

/// The values of the cookies with this name, in the order in which the browser sent them.
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(given, _)| *given == name)
        .map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "xsid=no; sid=one; sidx=no".parse().unwrap());
        headers.append(header::COOKIE, "sid=\"two\"; sid".parse().unwrap());
        assert_eq!(named(&headers, "sid").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(named(&headers, "si").count(), 0);
    }
}
