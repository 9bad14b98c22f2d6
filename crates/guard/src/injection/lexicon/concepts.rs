//! What words mean to the grammar.

/// A set of meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::injection) struct Concepts(u64);

/// The meanings by the names the lists use, in the order of their bits.
const NAMES: [&str; 64] = [
    "ignore",
    "forget",
    "override",
    "bypass",
    "disable",
    "drop",
    "follow",
    "negfollow",
    "neg",
    "instr",
    "rules",
    "safety",
    "text",
    "every",
    "prior",
    "all",
    "your",
    "sysprompt",
    "yoursys",
    "given",
    "reveal",
    "ask",
    "say",
    "only",
    "act",
    "nowyou",
    "persona",
    "icon",
    "nolimits",
    "comply",
    "newtask",
    "stop",
    "ai",
    "auth",
    "secret",
    "data",
    "send",
    "fetch",
    "action",
    "please",
    "reply",
    "modify",
    "important",
    "before",
    "toai",
    "hijack",
    "question",
    "meta",
    "tool",
    "glued",
    "template",
    "turn",
    "rolejson",
    "hides",
    "image",
    "address",
    "duty",
    "explain",
    "voided",
    "pwned",
    "rotten",
    "backward",
    "back",
    "off",
];

impl Concepts {
    /// No meaning.
    pub(in crate::injection) const NONE: Self = Self(0);
    pub(in crate::injection) const IGNORE: Self = Self(1 << 0);
    pub(in crate::injection) const FORGET: Self = Self(1 << 1);
    pub(in crate::injection) const OVERRIDE: Self = Self(1 << 2);
    pub(in crate::injection) const BYPASS: Self = Self(1 << 3);
    pub(in crate::injection) const DISABLE: Self = Self(1 << 4);
    pub(in crate::injection) const DROP: Self = Self(1 << 5);
    pub(in crate::injection) const FOLLOW: Self = Self(1 << 6);
    pub(in crate::injection) const NEGFOLLOW: Self = Self(1 << 7);
    pub(in crate::injection) const NEG: Self = Self(1 << 8);
    pub(in crate::injection) const INSTR: Self = Self(1 << 9);
    pub(in crate::injection) const RULES: Self = Self(1 << 10);
    pub(in crate::injection) const SAFETY: Self = Self(1 << 11);
    pub(in crate::injection) const TEXT: Self = Self(1 << 12);
    pub(in crate::injection) const EVERY: Self = Self(1 << 13);
    pub(in crate::injection) const PRIOR: Self = Self(1 << 14);
    pub(in crate::injection) const ALL: Self = Self(1 << 15);
    pub(in crate::injection) const YOUR: Self = Self(1 << 16);
    pub(in crate::injection) const SYSPROMPT: Self = Self(1 << 17);
    pub(in crate::injection) const YOURSYS: Self = Self(1 << 18);
    pub(in crate::injection) const GIVEN: Self = Self(1 << 19);
    pub(in crate::injection) const REVEAL: Self = Self(1 << 20);
    pub(in crate::injection) const ASK: Self = Self(1 << 21);
    pub(in crate::injection) const SAY: Self = Self(1 << 22);
    pub(in crate::injection) const ONLY: Self = Self(1 << 23);
    pub(in crate::injection) const ACT: Self = Self(1 << 24);
    pub(in crate::injection) const NOWYOU: Self = Self(1 << 25);
    pub(in crate::injection) const PERSONA: Self = Self(1 << 26);
    pub(in crate::injection) const ICON: Self = Self(1 << 27);
    pub(in crate::injection) const NOLIMITS: Self = Self(1 << 28);
    pub(in crate::injection) const COMPLY: Self = Self(1 << 29);
    pub(in crate::injection) const NEWTASK: Self = Self(1 << 30);
    pub(in crate::injection) const STOP: Self = Self(1 << 31);
    pub(in crate::injection) const AI: Self = Self(1 << 32);
    pub(in crate::injection) const AUTH: Self = Self(1 << 33);
    pub(in crate::injection) const SECRET: Self = Self(1 << 34);
    pub(in crate::injection) const DATA: Self = Self(1 << 35);
    pub(in crate::injection) const SEND: Self = Self(1 << 36);
    pub(in crate::injection) const FETCH: Self = Self(1 << 37);
    pub(in crate::injection) const ACTION: Self = Self(1 << 38);
    pub(in crate::injection) const PLEASE: Self = Self(1 << 39);
    pub(in crate::injection) const REPLY: Self = Self(1 << 40);
    pub(in crate::injection) const MODIFY: Self = Self(1 << 41);
    pub(in crate::injection) const IMPORTANT: Self = Self(1 << 42);
    pub(in crate::injection) const BEFORE: Self = Self(1 << 43);
    pub(in crate::injection) const TOAI: Self = Self(1 << 44);
    pub(in crate::injection) const HIJACK: Self = Self(1 << 45);
    pub(in crate::injection) const QUESTION: Self = Self(1 << 46);
    pub(in crate::injection) const META: Self = Self(1 << 47);
    pub(in crate::injection) const TOOL: Self = Self(1 << 48);
    pub(in crate::injection) const GLUED: Self = Self(1 << 49);
    pub(in crate::injection) const TEMPLATE: Self = Self(1 << 50);
    pub(in crate::injection) const TURN: Self = Self(1 << 51);
    pub(in crate::injection) const ROLEJSON: Self = Self(1 << 52);
    pub(in crate::injection) const HIDES: Self = Self(1 << 53);
    pub(in crate::injection) const IMAGE: Self = Self(1 << 54);
    pub(in crate::injection) const ADDRESS: Self = Self(1 << 55);
    pub(in crate::injection) const DUTY: Self = Self(1 << 56);
    pub(in crate::injection) const EXPLAIN: Self = Self(1 << 57);
    pub(in crate::injection) const VOIDED: Self = Self(1 << 58);
    pub(in crate::injection) const PWNED: Self = Self(1 << 59);
    pub(in crate::injection) const ROTTEN: Self = Self(1 << 60);
    pub(in crate::injection) const BACKWARD: Self = Self(1 << 61);
    pub(in crate::injection) const BACK: Self = Self(1 << 62);
    pub(in crate::injection) const OFF: Self = Self(1 << 63);

    /// The meaning a list calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(|bit| Self(1 << bit))
    }

    /// The meanings of both.
    pub(in crate::injection) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether both have a meaning in common.
    pub(in crate::injection) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The meanings as bits, in the order of the names.
    pub(in crate::injection) const fn bits(self) -> u64 {
        self.0
    }

    /// Whether it has every meaning of the other.
    pub(super) const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is no meaning in it.
    pub(in crate::injection) const fn is_none(self) -> bool {
        self.0 == 0
    }
}
