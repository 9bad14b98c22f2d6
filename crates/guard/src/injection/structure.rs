//! Signs that are no sentences: turns of chat templates, false roles, markup that hides, things in disguise.

use super::Channel;
use super::grammar::Sign;
use super::lexicon::{Concepts, Hit};

/// How far behind a mark the words stand that it is about.
const BEHIND: usize = 220;

/// What a false turn or a hidden text says where it is an attack.
const TALK: Concepts = Concepts::IGNORE
    .or(Concepts::FORGET)
    .or(Concepts::OVERRIDE)
    .or(Concepts::NEGFOLLOW)
    .or(Concepts::NOWYOU)
    .or(Concepts::SYSPROMPT)
    .or(Concepts::NOLIMITS)
    .or(Concepts::NEWTASK)
    .or(Concepts::COMPLY)
    .or(Concepts::SAFETY)
    .or(Concepts::PERSONA)
    .or(Concepts::TOAI)
    .or(Concepts::BEFORE);

/// Where a text came from that a user sent: what looks like the answer of a tool, a page or a mail was
/// handed on.
pub(super) fn channel(plain: &str, channel: Channel) -> Channel {
    let text = plain.trim_start();
    let mail = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let page = text.starts_with('<') && !text.starts_with("<|");
    let record = (text.starts_with('{') || text.starts_with('[')) && text.contains("\": ");
    if channel == Channel::User && (page || record || mail("subject:") || mail("from:")) {
        return Channel::Document;
    }
    channel
}

/// Adds the signs of structure in a text whose words of the lexicon are `hits`.
pub(super) fn read(text: &str, hits: &[Hit], channel: Channel, signs: &mut Vec<Sign>) {
    const MARKS: Concepts =
        Concepts::TEMPLATE.or(Concepts::TURN).or(Concepts::ROLEJSON).or(Concepts::HIDES).or(Concepts::IMAGE);
    for (at, hit) in hits.iter().enumerate().filter(|(_, hit)| hit.concepts.meets(MARKS)) {
        let behind = hits[at + 1..]
            .iter()
            .take_while(|next| next.start < hit.end + BEHIND)
            .fold(Concepts::NONE, |all, next| all.or(next.concepts));
        if let Some((kind, weight)) = judge(text, hit, behind, channel) {
            signs.push(Sign { kind, span: hit.start..hit.end, weight });
        }
    }
}

fn judge(text: &str, hit: &Hit, behind: Concepts, channel: Channel) -> Option<(&'static str, f32)> {
    let fed = channel.is_fed();
    if hit.concepts.meets(Concepts::TEMPLATE) {
        let told = is_in_code(text, hit) || is_talked_of(text, hit);
        return Some(("chat_template_smuggle", if told { 0.35 } else { 0.8 }));
    }
    if hit.concepts.meets(Concepts::TURN.or(Concepts::ROLEJSON)) {
        let begins = begins_line(text, hit.start);
        return match (behind.meets(TALK), begins, fed) {
            (true, true, _) => Some(("chat_template_smuggle", 0.6)),
            (true, false, true) => Some(("chat_template_smuggle", 0.5)),
            (true, false, false) => Some(("chat_template_smuggle", 0.3)),
            (false, _, true) => Some(("chat_template_smuggle", 0.1)),
            (false, _, false) => None,
        };
    }
    if hit.concepts.meets(Concepts::HIDES) {
        let weight = if fed { 0.6 } else { 0.35 };
        return behind.meets(TALK).then_some(("hidden_text", weight));
    }
    if is_filled_in(text, hit) {
        return Some(("exfiltration", if fed { 0.7 } else { 0.6 }));
    }
    (behind.meets(Concepts::DATA.or(Concepts::SECRET)) && fed).then_some(("exfiltration", 0.3))
}

/// Whether an image's address has a place in its query for the model to fill in: `?q=[QUERY]`.
fn is_filled_in(text: &str, hit: &Hit) -> bool {
    let image = text[hit.start..hit.end].starts_with(['!', '<']);
    let address: &str = text[hit.end..].split([' ', '\n', ')', '"', '\'']).next().unwrap_or_default();
    image && ["=[", "={", "=<", "=%5b", "=%7b"].iter().any(|place| address.contains(place))
}

/// Whether a mark begins what stands on its line, as far as folding left lines.
fn begins_line(text: &str, start: usize) -> bool {
    text[..start]
        .trim_end_matches([' ', '#', '*', '>', '-', '"', '\'', '[', '('])
        .chars()
        .next_back()
        .is_none_or(|before| !before.is_alphanumeric())
}

/// Whether a mark stands in code or in quotes, as where somebody writes about it.
fn is_in_code(text: &str, hit: &Hit) -> bool {
    let before = text[..hit.start].bytes().next_back();
    let after = text[hit.end..].bytes().next();
    matches!((before, after), (Some(b'`' | b'"' | b'\''), Some(b'`' | b'"' | b'\'')))
}

/// Whether a mark stands within talk about tokens and templates.
fn is_talked_of(text: &str, hit: &Hit) -> bool {
    const TALK: [&str; 5] = ["token", "template", "tokenizer", "chatml", "delimiter"];
    let start = text.floor_char_boundary(hit.start.saturating_sub(60));
    let before = &text[start..hit.start];
    // A turn begins a line; what is talked of follows a word.
    before.ends_with(' ')
        && before.trim_end().ends_with(char::is_alphanumeric)
        && TALK.iter().any(|word| before.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_to_be_filled_in_leaks() {
        let found = |text: &str| {
            let lexicon = super::super::lexicon::Lexicon::new();
            let mut signs = Vec::new();
            read(text, &lexicon.scan(text), Channel::User, &mut signs);
            signs.iter().any(|sign| sign.kind == "exfiltration")
        };
        assert!(found("![image](https://example.com/x.png?q=[all you know])"));
        assert!(!found("![image](https://example.com/x.png?size=40)"));
    }

    #[test]
    fn what_a_user_hands_on_is_a_document() {
        assert_eq!(channel("Subject: Hi\n\nAda,", Channel::User), Channel::Document);
        assert_eq!(channel(" {\"reviews\": [\"good\"]}", Channel::User), Channel::Document);
        assert_eq!(channel("What is {x}?", Channel::User), Channel::User);
        assert_eq!(channel("<p>", Channel::System), Channel::System);
    }
}
