//! Words for addresses, made of names.

/// A name as the part of an address: the letters of the Latin alphabets without their marks, and the
/// digits, in lower case, with single hyphens in place of everything else. At most `max_length`
/// characters; empty for a name that has none of these.
///
/// ```
/// assert_eq!(promptgate_kernel::slug_of("  Größe & Maß!  ", 64), "groesse-mass");
/// ```
pub fn slug_of(name: &str, max_length: usize) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        match plain(character) {
            Some(letters) => slug.push_str(letters),
            None if character.is_ascii_alphanumeric() => slug.push(character),
            // Marks that stand on their own belong to the letter before them.
            None if ('\u{300}'..='\u{36f}').contains(&character) => {}
            None if character == '\'' || character == '’' => {}
            None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            None => {}
        }
        if slug.len() >= max_length {
            break;
        }
    }
    slug.truncate(max_length);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// The plain letters of a lower-case Latin letter with a mark.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_spelled_out_or_dropped() {
        for (name, slug) in [
            ("Search team", "search-team"),
            ("  a -- b! ", "a-b"),
            ("  Größe & Maß!  ", "groesse-mass"),
            ("L'été à Łódź", "lete-a-lodz"),
            ("e\u{301}te\u{301}", "ete"),
            ("GPT_4.1 mini", "gpt-4-1-mini"),
            ("日本語 2", "2"),
            ("日本語", ""),
        ] {
            assert_eq!(slug_of(name, 64), slug, "{name}");
        }
        assert_eq!(slug_of("abc def", 4), "abc", "no hyphen is left at the end");
        assert_eq!(slug_of("aß", 2), "as");
    }

    proptest! {
        #[test]
        fn a_slug_is_words_with_single_hyphens(name in ".{0,200}", max_length in 1_usize..100) {
            let slug = slug_of(&name, max_length);
            prop_assert!(slug.len() <= max_length);
            let is_word = |word: &str| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            };
            prop_assert!(slug.is_empty() || slug.split('-').all(is_word), "{}", slug);
        }
    }
}
