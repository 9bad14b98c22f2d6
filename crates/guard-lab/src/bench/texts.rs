//! Texts as requests hold them, made up: the same ones every time.

use std::fmt::Write;

/// Numbers that look drawn at random.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below another one.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).unwrap_or_default()]
    }
}

/// What a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prose,
    Code,
    Json,
    Logs,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Prose, Self::Code, Self::Json, Self::Logs];

    /// A line or a paragraph, without anything that a guardrail would find.
    pub(super) fn write(self, dice: &mut Dice, out: &mut String) {
        match self {
            Self::Prose => prose(dice, out),
            Self::Code => code(dice, out),
            Self::Json => json(dice, out),
            Self::Logs => log(dice, out),
        }
    }
}

const NOUNS: [&str; 24] = [
    "report", "customer", "garden", "meeting", "contract", "river", "budget", "machine", "letter", "kitchen",
    "library", "harbour", "question", "weather", "schedule", "invoice", "window", "village", "engine",
    "summary", "coffee", "project", "teacher", "morning",
];
const VERBS: [&str; 16] = [
    "describes",
    "needs",
    "follows",
    "opened",
    "explained",
    "reached",
    "changes",
    "covers",
    "left",
    "supports",
    "compared",
    "moved",
    "takes",
    "showed",
    "answers",
    "paid for",
];
const ADJECTIVES: [&str; 16] = [
    "quiet", "second", "recent", "large", "detailed", "green", "careful", "late", "monthly", "simple",
    "broken", "familiar", "short", "warm", "northern", "new",
];
const LINKS: [&str; 10] = [
    "because",
    "although",
    "while the team said that",
    "and then",
    "so",
    "but",
    "which is why",
    "after",
    "until",
    "as far as we know",
];
const EXTRAS: [&str; 10] = [
    " in March 2024",
    " at about 9:30",
    " for 42 people",
    " with Anna and Jürgen",
    " on page 117",
    ", which cost €1,250",
    " (see section 3.2)",
    " — more or less",
    ", 18 % more than last year",
    "",
];

/// A few sentences.
fn prose(dice: &mut Dice, out: &mut String) {
    for _ in 0..3 + dice.below(4) {
        let _ = write!(
            out,
            "The {} {} {} the {} {}{} {} it's the {} that {} our {}. ",
            dice.one(&ADJECTIVES),
            dice.one(&NOUNS),
            dice.one(&VERBS),
            dice.one(&ADJECTIVES),
            dice.one(&NOUNS),
            dice.one(&EXTRAS),
            dice.one(&LINKS),
            dice.one(&NOUNS),
            dice.one(&VERBS),
            dice.one(&NOUNS),
        );
    }
    out.push_str("\n\n");
}

/// A function in one of three languages.
fn code(dice: &mut Dice, out: &mut String) {
    let (name, list, item) = (dice.one(&NOUNS), dice.one(&NOUNS), dice.one(&NOUNS));
    let (limit, mask) = (dice.below(5000), dice.below(1 << 16));
    let _ = match dice.below(3) {
        0 => write!(
            out,
            "    /// Returns every {item} of the {list}.\n    pub fn {name}_{item}s(&self, {list}: &[u32]) -> \
             Result<Vec<u32>, Error> {{\n        let mut {item} = Vec::with_capacity({limit});\n        for (index, \
             value) in {list}.iter().enumerate() {{\n            if *value & 0x{mask:04x} != 0 && index < {limit} {{\n                \
             {item}.push(*value << 2);\n            }}\n        }}\n        Ok({item})\n    }}\n\n"
        ),
        1 => write!(
            out,
            "@cached(ttl={limit})\ndef {name}_for_{item}(self, {list}: list[str], *, retries: int = 3) -> dict:\n    \
             \"\"\"Group the {list} by {item}.\"\"\"\n    result = defaultdict(list)\n    for key, {item} in \
             sorted({list}, key=lambda pair: pair[1]):\n        if not {item}.startswith(\"{name}-\"):\n            \
             continue\n        result[key].append(float({item}[2:]) * 0.{limit})\n    return dict(result)\n\n"
        ),
        _ => write!(
            out,
            "export async function {name}({{ {list}, {item} = [] }}) {{\n  const response = await \
             fetch(`/api/v2/{list}/${{{item}.id}}?limit={limit}`, {{ method: \"POST\" }});\n  if (!response.ok) throw \
             new Error(`{name} failed: ${{response.status}}`);\n  return (await response.json()).map((x) => x.{item} ?? \
             null);\n}}\n\n"
        ),
    };
}

/// A record.
fn json(dice: &mut Dice, out: &mut String) {
    let id = (dice.below(1 << 32), dice.below(1 << 16), dice.below(1 << 12), dice.below(1 << 48));
    let _ = writeln!(
        out,
        "{{\"id\":\"{:08x}-{:04x}-4{:03x}-9abc-{:012x}\",\"name\":\"{} {}\",\"active\":{},\"score\":{}.{},\"tags\":[\"{}\",\
         \"{}\"],\"updated_at\":\"2024-{:02}-{:02}T{:02}:{:02}:07Z\",\"size\":{},\"parent\":null,\"note\":\"the {} {}\"}},",
        id.0,
        id.1,
        id.2,
        id.3,
        dice.one(&ADJECTIVES),
        dice.one(&NOUNS),
        dice.below(2) == 0,
        dice.below(100),
        dice.below(1000),
        dice.one(&NOUNS),
        dice.one(&NOUNS),
        1 + dice.below(12),
        1 + dice.below(28),
        dice.below(24),
        dice.below(60),
        dice.below(100_000),
        dice.one(&ADJECTIVES),
        dice.one(&NOUNS),
    );
}

/// A line of a log.
fn log(dice: &mut Dice, out: &mut String) {
    let _ = writeln!(
        out,
        "2024-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} {}::{}[{}]: {} {} took {}ms, request={:016x} path=/v1/{}/{} status={}",
        1 + dice.below(12),
        1 + dice.below(28),
        dice.below(24),
        dice.below(60),
        dice.below(60),
        dice.below(1000),
        dice.one(&["INFO", "INFO", "WARN", "DEBUG"]),
        dice.one(&NOUNS),
        dice.one(&NOUNS),
        dice.below(30_000),
        dice.one(&NOUNS),
        dice.one(&VERBS),
        dice.below(900),
        dice.roll(),
        dice.one(&NOUNS),
        dice.below(10_000),
        dice.one(&["200", "204", "404", "503"]),
    );
}

/// Something that guardrails find, in a sentence.
pub(super) fn hit(dice: &mut Dice, out: &mut String) {
    let number = dice.below(9_000) + 1_000;
    let _ = match dice.below(5) {
        0 => writeln!(out, "Write to {}.{number}@example.org today.", dice.one(&NOUNS)),
        1 => writeln!(out, "Transfer it to DE89 3704 0044 0532 0130 00, please."),
        2 => writeln!(out, "Call +49 30 90{number} or pay with 4111 1111 1111 1111."),
        3 => writeln!(out, "export GITHUB_TOKEN=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"),
        _ => writeln!(out, "DATABASE_URL=postgres://app:4oWgwYYeBarc8vJW{number}@db.internal:5432/prod"),
    };
}

/// A word that stands in no text.
pub(super) fn word(dice: &mut Dice) -> String {
    const SYLLABLES: [&str; 16] = [
        "zor", "qua", "bli", "vex", "nim", "tra", "kul", "fyr", "gho", "dza", "wim", "plo", "hux", "jor",
        "ske", "yev",
    ];
    (0..3 + dice.below(3)).map(|_| dice.one(&SYLLABLES)).collect()
}
