//! Markdown as HTML that can be put into a page as it is.
//!
//! There is no HTML to be cleaned afterwards: what people write as HTML is left out, so that every tag
//! of the result is one that the renderer writes for a piece of Markdown, with attributes of its own.
//! What is left to refuse are addresses, and those are refused in the parsed document, by their scheme.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;

use comrak::adapters::{HeadingAdapter, HeadingMeta};
use comrak::nodes::{NodeValue, Sourcepos};
use comrak::options::Plugins;
use comrak::{Arena, Options, format_html_with_plugins, parse_document};
use promptgate_kernel::slug_of;

const MAX_HEADING_ID: usize = 80;

/// What addresses may begin with, where they have a scheme at all.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// GitHub's Markdown as HTML: tables, task lists, struck-out text and bare links too. Headings have ids,
/// and may be written without the blank, as in `#Title`. HTML and addresses of other schemes than http,
/// https and mailto are left out.
pub fn render(markdown: &str) -> String {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    let arena = Arena::new();
    let root = parse_document(&arena, &with_blanks(markdown), &options);
    for node in root.descendants() {
        match &mut node.data_mut().value {
            NodeValue::Link(link) | NodeValue::Image(link) if !is_harmless(&link.url) => link.url.clear(),
            _ => {}
        }
    }
    let headings = Headings::default();
    let mut plugins = Plugins::default();
    plugins.render.heading_adapter = Some(&headings);
    let mut html = String::with_capacity(markdown.len() * 2);
    format_html_with_plugins(root, &options, &mut html, &plugins).expect("a text takes whatever is written");
    html.replace("<!-- raw HTML omitted -->", "")
}

/// The text with a blank behind the signs of headings that have none. What stands in fences is code.
fn with_blanks(markdown: &str) -> String {
    let mut spaced = String::with_capacity(markdown.len() + 16);
    let mut fence: Option<(char, usize)> = None;
    for line in markdown.split_inclusive('\n') {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'));
        let run = mark.map_or(0, |mark| text.chars().take_while(|character| *character == mark).count());
        match (fence, mark) {
            (Some((open, length)), Some(mark))
                if mark == open && run >= length && indent < 4 && text[run..].trim().is_empty() =>
            {
                fence = None;
            }
            (None, Some(mark)) if run >= 3 && indent < 4 => fence = Some((mark, run)),
            _ => {}
        }
        let signs = text.bytes().take_while(|byte| *byte == b'#').count();
        let title = text[signs..].chars().next();
        let is_compact = fence.is_none()
            && indent < 4
            && (1..=6).contains(&signs)
            && title.is_some_and(|first| !first.is_whitespace());
        if is_compact {
            spaced.push_str(&line[..indent + signs]);
            spaced.push(' ');
            spaced.push_str(&line[indent + signs..]);
        } else {
            spaced.push_str(line);
        }
    }
    spaced
}

/// Whether an address leads to a page, into this page or to a mailbox, and runs nothing.
fn is_harmless(url: &str) -> bool {
    // Browsers skip these wherever they stand in a scheme.
    let bare: String = url.chars().filter(|character| !character.is_control() && *character != ' ').collect();
    let end = bare.find(['/', '?', '#']).unwrap_or(bare.len());
    bare[..end]
        .split_once(':')
        .is_none_or(|(scheme, _)| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// Writes headings with an id each, made of their text.
#[derive(Default)]
struct Headings {
    taken: Mutex<HashSet<String>>,
}

impl Headings {
    fn id(&self, title: &str) -> String {
        let slug = slug_of(title, MAX_HEADING_ID);
        let slug = if slug.is_empty() { "heading".to_owned() } else { slug };
        let mut taken = self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut id = slug.clone();
        let mut number = 1;
        while !taken.insert(id.clone()) {
            number += 1;
            id = format!("{slug}-{number}");
        }
        id
    }
}

impl HeadingAdapter for Headings {
    fn enter(&self, output: &mut dyn fmt::Write, heading: &HeadingMeta, _: Option<Sourcepos>) -> fmt::Result {
        write!(output, "<h{} id=\"{}\">", heading.level, self.id(&heading.content))
    }

    fn exit(&self, output: &mut dyn fmt::Write, heading: &HeadingMeta) -> fmt::Result {
        writeln!(output, "</h{}>", heading.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAGS: [&str; 30] = [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "a",
        "img",
        "em",
        "strong",
        "del",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "input",
        "sup",
        "section",
        "span",
    ];
    const ATTRIBUTES: [&str; 11] =
        ["id", "href", "src", "alt", "title", "class", "align", "start", "type", "checked", "disabled"];

    /// Reads HTML as strictly as it can be read, and refuses whatever is not on the lists.
    fn complaint(html: &str) -> Option<String> {
        let mut rest = html;
        while let Some((text, tagged)) = rest.split_once('<') {
            if text.contains('>') {
                return Some(format!("a stray sign in {text:?}"));
            }
            let Some((tag, after)) = tagged.split_once('>') else { return Some("an open tag".into()) };
            let tag = tag.trim_end_matches('/').trim_end();
            let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            if !TAGS.contains(&name.trim_start_matches('/')) {
                return Some(format!("the tag {name:?}"));
            }
            while !attributes.trim().is_empty() {
                let (attribute, quoted) = attributes.trim_start().split_once("=\"")?;
                let (value, others) = quoted.split_once('"')?;
                if !ATTRIBUTES.contains(&attribute) {
                    return Some(format!("the attribute {attribute:?}"));
                }
                let value = value.replace("&amp;", "&");
                if matches!(attribute, "href" | "src") && !is_harmless(&value) {
                    return Some(format!("the address {value:?}"));
                }
                attributes = others;
            }
            rest = after;
        }
        rest.contains('>').then(|| format!("a stray sign in {rest:?}"))
    }

    #[test]
    fn markdown_as_github_has_it() {
        for (markdown, html) in [
            ("a **b** ~~c~~ `d`", "<p>a <strong>b</strong> <del>c</del> <code>d</code></p>"),
            (
                "# Über uns\n## Über uns",
                "<h1 id=\"ueber-uns\">Über uns</h1>\n<h2 id=\"ueber-uns-2\">Über uns</h2>",
            ),
            ("#Title", "<h1 id=\"title\">Title</h1>"),
            ("  ###Title *x*", "<h3 id=\"title-x\">Title <em>x</em></h3>"),
            ("# 日本", "<h1 id=\"heading\">日本</h1>"),
            ("```\n#x\n```\n#y", "<pre><code>#x\n</code></pre>\n<h1 id=\"y\">y</h1>"),
            ("see https://a.example/x", "<p>see <a href=\"https://a.example/x\">https://a.example/x</a></p>"),
            ("[a](/faq#x)", "<p><a href=\"/faq#x\">a</a></p>"),
            ("####### x", "<p>####### x</p>"),
        ] {
            assert_eq!(render(markdown).trim_end(), html, "{markdown}");
        }
        assert!(render("|a|\n|-|\n|b|").contains("<td>b</td>"));
        assert!(render("- [x] a").contains("checkbox"));
    }

    #[test]
    fn nothing_that_runs_gets_through() {
        for (markdown, html) in [
            ("<script>alert(1)</script>", ""),
            ("a <img src=x onerror=alert(1)> b", "<p>a  b</p>"),
            ("[a](javascript:alert(1))", "<p><a href=\"\">a</a></p>"),
            ("[a](JaVa&#x0A;script:alert(1))", "<p><a href=\"\">a</a></p>"),
            ("[a](data:text/html,x)", "<p><a href=\"\">a</a></p>"),
            ("![a](vbscript:x)", "<p><img src=\"\" alt=\"a\" /></p>"),
            ("<javascript:alert(1)>", "<p><a href=\"\">javascript:alert(1)</a></p>"),
            ("#<b>x</b>", "<h1 id=\"x\">x</h1>"),
            (
                "[a](https://h \"x\\\" onclick=\\\"y\")",
                "<p><a href=\"https://h\" title=\"x&quot; onclick=&quot;y\">a</a></p>",
            ),
        ] {
            let rendered = render(markdown);
            assert_eq!(rendered.trim(), html, "{markdown}");
            assert_eq!(complaint(&rendered), None);
        }
    }

    #[test]
    fn the_deepest_nesting_is_rendered_too() {
        for part in [">", "- ", "[", "*a ", "![", "`", "<"] {
            assert_eq!(complaint(&render(&part.repeat(20_000 / part.len()))), None, "{part}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn every_tag_attribute_and_address_is_one_that_is_known(
            parts in proptest::collection::vec(prop_oneof![
                Just("[a](".to_owned()), Just(")".to_owned()), Just("![".to_owned()), Just("]: ".to_owned()),
                Just("javascript:".to_owned()), Just("&#106;avascript:".to_owned()), Just("\\".to_owned()),
                Just("<script>".to_owned()), Just("<a href=\"".to_owned()), Just("\"".to_owned()),
                Just(" onclick=\"".to_owned()), Just("\n".to_owned()), Just("#".to_owned()), Just("|".to_owned()),
                Just("|-|".to_owned()), Just("```".to_owned()), Just("`".to_owned()), Just("- [x] ".to_owned()),
                Just("<!--".to_owned()), Just("-->".to_owned()), Just("<svg/onload=".to_owned()),
                Just("https://h".to_owned()), Just("www.h.de".to_owned()), Just("a@b.de".to_owned()),
                Just("&lt;".to_owned()), Just("&#0;".to_owned()), Just("**".to_owned()), ".{0,8}",
            ], 0..24)
        ) {
            let markdown = parts.concat();
            let html = render(&markdown);
            prop_assert_eq!(complaint(&html), None, "{:?} became {:?}", markdown, html);
        }
    }
}
