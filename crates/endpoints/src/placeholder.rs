//! Placeholders in prompts.

/// Puts values in the place of `{{name}}`, blanks inside the braces allowed. The text is read once:
/// what a value says is never looked at, so a value that says `{{other}}` stays as it is. A name that
/// `value_of` does not know stays as well.
pub(crate) fn fill<'v>(template: &str, value_of: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = placeholder(rest).and_then(|(name, length)| Some((value_of(name)?, length)));
        // Of an unknown one only a brace: the next may begin a placeholder, as in `{{{name}}}`.
        let (text, length) = known.unwrap_or(("{", 1));
        filled.push_str(text);
        rest = &rest[length..];
    }
    filled.push_str(rest);
    filled
}

/// Whether `text` is a letter or underscore followed by letters, digits and underscores, all ASCII.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name and the length of the placeholder that `text` begins with.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("{{")?.trim_start_matches(' ');
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, after) = inside.split_at(end);
    let after = after.trim_start_matches(' ').strip_prefix("}}")?;
    is_name(name).then_some((name, text.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(template: &str) -> String {
        fill(template, |name| match name {
            "input" => Some("{{other}} {{input}}"),
            "other" => Some("2"),
            _ => None,
        })
    }

    #[test]
    fn known_names_are_replaced_and_all_else_stays() {
        for (template, text) in [
            ("a {{other}} b {{ other }}", "a 2 b 2"),
            ("{{input}}", "{{other}} {{input}}"),
            ("{{{other}}}", "{2}"),
            ("{{{{other}}}}", "{{2}}"),
            ("{{unknown}} {{ot her}} {{}} {{1}} {{other} }", "{{unknown}} {{ot her}} {{}} {{1}} {{other} }"),
            ("{{öther}} {{", "{{öther}} {{"),
        ] {
            assert_eq!(filled(template), text);
        }
    }

    proptest! {
        #[test]
        fn a_value_is_never_read_as_a_template(before in "[^{]{0,20}", value in ".{0,60}", after in "[^}]{0,20}") {
            let template = format!("{before}{{{{x}}}}{after}");
            let text = fill(&template, |name| match name { "x" => Some(value.as_str()), _ => Some("WRONG") });
            prop_assert_eq!(text.starts_with(&format!("{before}{value}")), true);
        }

        #[test]
        fn any_template_is_filled(template in "[{}a-z ö]{0,200}") {
            let _ = filled(&template);
            prop_assert_eq!(fill(&template, |_| None), template);
        }
    }
}
