//! Data URLs: bytes of pictures and documents where a format has an address.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Source;

/// What an address holds: the bytes themselves if it is a `data:` URL.
pub(crate) fn of_url(url: String) -> Source {
    split(&url).unwrap_or(Source::Url { url })
}

/// What a member for bytes holds: a `data:` URL, or bare base64 of `media_type`.
pub(crate) fn of_data(data: String, media_type: &str) -> Source {
    split(&data).unwrap_or_else(|| Source::Base64 { media_type: media_type.to_owned(), data })
}

/// Bytes as an address.
pub(crate) fn to_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// The bytes in a `data:` URL, <https://www.rfc-editor.org/rfc/rfc2397>: base64, or else text with
/// escapes. Parameters of the type, such as a charset, are no vendor's.
fn split(url: &str) -> Option<Source> {
    let (scheme, rest) = url.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("data") {
        return None;
    }
    let (head, data) = rest.split_once(',')?;
    let mut parts = head.split(';');
    let media_type = named(parts.next().unwrap_or_default().trim());
    let is_base64 = parts.any(|part| part.trim().eq_ignore_ascii_case("base64"));
    let data = if is_base64 { data.to_owned() } else { STANDARD.encode(unescaped(data)) };
    Some(Source::Base64 { media_type, data })
}

/// A type as the vendors spell it.
fn named(media_type: &str) -> String {
    match media_type.to_ascii_lowercase().as_str() {
        "" => "text/plain".to_owned(),
        "image/jpg" => "image/jpeg".to_owned(),
        other => other.to_owned(),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.extend(u8::try_from(high * 16 + low));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

/// The type of a document by the ending of its name.
pub(crate) fn type_of_name(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("txt" | "log") => "text/plain",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        _ => "application/pdf",
    }
}

/// A name for a document that has none.
pub(crate) fn name_of_type(media_type: &str) -> &'static str {
    match media_type {
        "text/plain" => "document.txt",
        "text/markdown" => "document.md",
        "text/csv" => "document.csv",
        "text/html" => "document.html",
        "application/json" => "document.json",
        _ => "document.pdf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_an_address_are_found() {
        let source = of_url("data:image/png;base64,iVBOR".to_owned());
        assert_eq!(source, Source::Base64 { media_type: "image/png".to_owned(), data: "iVBOR".to_owned() });
        assert_eq!(to_url("image/png", "iVBOR"), "data:image/png;base64,iVBOR");
        let url = "https://example.com/a.png".to_owned();
        assert_eq!(of_url(url.clone()), Source::Url { url });
        let named = of_url("data:text/plain;charset=utf-8;base64,YQ==".to_owned());
        assert_eq!(named, Source::Base64 { media_type: "text/plain".to_owned(), data: "YQ==".to_owned() });
    }

    #[test]
    fn addresses_are_read_as_clients_spell_them() {
        let base64 = |url: &str| match of_url(url.to_owned()) {
            Source::Base64 { media_type, data } => (media_type, data),
            other => panic!("{other:?}"),
        };
        let bytes = |media_type: &str, data: &str| (media_type.to_owned(), data.to_owned());
        assert_eq!(base64("data:image/jpg;base64,/9j/"), bytes("image/jpeg", "/9j/"));
        assert_eq!(base64("DATA:Image/PNG;BASE64,iVBOR"), bytes("image/png", "iVBOR"));
        assert_eq!(base64("data:,a%20b%zz"), bytes("text/plain", "YSBiJXp6"));
        assert_eq!(base64("data:image/svg+xml;utf8,<svg/>"), bytes("image/svg+xml", "PHN2Zy8+"));
        assert_eq!(base64("data:;base64,YQ=="), bytes("text/plain", "YQ=="));
    }
}
