//! Headers that are lists.

use http::HeaderMap;

/// The entries of a header, over all its lines, without the blanks around them; empty ones are none.
///
/// They are bytes: a client may write what is no text into a line to which a proxy appends, and that must
/// not make the proxy's own entry disappear.
pub(crate) fn entries<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}
