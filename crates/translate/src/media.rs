//! Data URLs: bytes of pictures and documents where a format has an address.

use crate::Source;

/// What an address holds: the bytes themselves if it is a `data:` URL.
pub(crate) fn of_url(url: String) -> Source {
    match split(&url) {
        Some((media_type, data)) => {
            Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
        }
        None => Source::Url { url },
    }
}

/// What a member for bytes holds: a `data:` URL, or bare base64 of `media_type`.
pub(crate) fn of_data(data: String, media_type: &str) -> Source {
    match split(&data) {
        Some((media_type, data)) => {
            Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
        }
        None => Source::Base64 { media_type: media_type.to_owned(), data },
    }
}

/// Bytes as an address.
pub(crate) fn to_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

fn split(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), data))
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
}
