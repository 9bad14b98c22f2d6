//! The rules of the grammar, with how much each speaks for an attack where it is put as an order.

use crate::injection::lexicon::Concepts as C;

/// A verb and its object in one sentence.
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of its own, set by its name")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The stable name of what it is a sign of.
    pub(super) kind: &'static str,
    /// The verb.
    pub(super) head: C,
    /// What it is done to.
    pub(super) object: C,
    /// Words of which one has to stand near, if there are any.
    pub(super) with: C,
    /// More words of which one has to stand near.
    pub(super) and: C,
    /// How far the object may stand from the verb, in bytes.
    pub(super) gap: usize,
    /// Whether nothing may follow that says more of the object ("the rules of chess").
    pub(super) bare: bool,
    /// Whether the object may stand before an English verb.
    pub(super) either: bool,
    /// Whether one word may be both.
    pub(super) same: bool,
    /// Whether it counts only in what a tool or a document brought.
    pub(super) fed: bool,
    /// How it has to be put.
    pub(super) put: Put,
    /// How much it speaks for an attack.
    pub(super) weight: f32,
}

/// How a rule's words have to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// As an order to do what the verb says.
    Order,
    /// As an order or a question: to ask is to attack.
    Asked,
    /// As a statement, too.
    Said,
}

/// A word that is a sign by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Solo {
    pub(super) kind: &'static str,
    pub(super) concept: C,
    pub(super) fed: bool,
    pub(super) weight: f32,
}

impl Rule {
    const fn new(kind: &'static str, head: C, object: C, weight: f32) -> Self {
        let gap = 60;
        let (with, and, put) = (C::NONE, C::NONE, Put::Order);
        Self {
            kind,
            head,
            object,
            with,
            and,
            gap,
            bare: false,
            either: false,
            same: false,
            fed: false,
            put,
            weight,
        }
    }

    const fn with(self, with: C) -> Self {
        Self { with, ..self }
    }

    const fn and(self, and: C) -> Self {
        Self { and, ..self }
    }

    const fn within(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    const fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    const fn either(self) -> Self {
        Self { either: true, ..self }
    }

    const fn fed(self) -> Self {
        Self { fed: true, ..self }
    }

    const fn asked(self) -> Self {
        Self { put: Put::Asked, ..self }
    }

    const fn said(self) -> Self {
        Self { put: Put::Said, ..self }
    }

    const fn same(self) -> Self {
        Self { same: true, ..self }
    }
}

/// To do as if something had not been said.
const IGNORE: C = C::IGNORE.or(C::FORGET);
/// To break what binds.
const BREAK: C = C::OVERRIDE.or(C::BYPASS).or(C::DISABLE);
/// Which of the instructions: those the model has.
const OWN: C = C::PRIOR.or(C::YOUR);
/// What restrains a model.
const BOUNDS: C = C::RULES.or(C::SAFETY);

/// To say what is to be said nowhere.
const REVEALING: C = C::REVEAL.or(C::EXPLAIN);
/// What was said to the model.
const SAID: C = C::INSTR.or(C::TEXT).or(C::SYSPROMPT).or(C::EVERY).or(C::RULES).or(C::GIVEN);

/// The rules of two words, the strongest of a kind first.
pub(super) fn rules() -> Vec<Rule> {
    [dismissals(), leaks(), roles(), tasks(), fed()].concat()
}

fn dismissals() -> Vec<Rule> {
    vec![
        Rule::new("ignore_previous", IGNORE, C::INSTR, 0.95).with(C::PRIOR),
        Rule::new("ignore_previous", IGNORE, BOUNDS.or(C::SYSPROMPT), 0.85).with(C::PRIOR).within(40),
        Rule::new("ignore_previous", IGNORE, C::TEXT, 0.75).with(C::PRIOR).within(30),
        Rule::new("ignore_previous", IGNORE, C::DUTY, 0.65)
            .with(C::PRIOR)
            .and(C::ALL.or(C::YOUR))
            .within(30)
            .bare(),
        Rule::new("ignore_previous", IGNORE, C::DUTY, 0.4).with(C::PRIOR).within(30),
        Rule::new("ignore_previous", IGNORE, C::EVERY, 0.85).with(C::PRIOR).within(24),
        Rule::new("ignore_previous", IGNORE, C::GIVEN, 0.85),
        Rule::new("ignore_previous", IGNORE, C::BACK, 0.65).within(14).bare(),
        Rule::new("disregard", IGNORE, C::INSTR.or(C::SYSPROMPT), 0.9).with(C::YOUR).within(40),
        Rule::new("disregard", IGNORE, C::INSTR.or(C::SYSPROMPT), 0.85).with(C::ALL).within(40),
        Rule::new("disregard", IGNORE, BOUNDS, 0.85).with(C::YOUR).within(40),
        Rule::new("disregard", IGNORE, BOUNDS, 0.65).with(C::ALL).within(40).bare(),
        Rule::new("disregard", IGNORE, C::SAFETY, 0.6).within(40),
        Rule::new("disregard", IGNORE, C::YOURSYS.or(C::SYSPROMPT), 0.85),
        Rule::new("disregard", IGNORE, C::INSTR, 0.45).within(30).bare(),
        Rule::new("disregard", IGNORE, BOUNDS, 0.3).within(30).bare(),
        Rule::new("disregard", C::FORGET, C::EVERY, 0.4).within(8),
        Rule::new("disregard", IGNORE, C::EVERY, 0.8).with(C::NEWTASK.or(C::SAY).or(C::ACT)).within(16),
        Rule::new("disregard", C::DROP, C::INSTR.or(C::YOURSYS).or(C::RULES), 0.75).with(C::YOUR).within(40),
        Rule::new("disregard", C::DROP, C::INSTR, 0.55).with(C::PRIOR).and(C::ALL).within(40).bare(),
        Rule::new("disregard", C::STOP, C::DUTY.or(C::INSTR), 0.55).within(30).bare(),
        Rule::new("override", C::OVERRIDE, C::INSTR.or(C::SYSPROMPT), 0.85).with(OWN.or(C::ALL)).within(40),
        Rule::new("override", C::OVERRIDE, C::YOURSYS, 0.85).within(20),
        Rule::new("override", C::INSTR.or(C::SYSPROMPT).or(BOUNDS), C::VOIDED, 0.8)
            .with(C::YOUR)
            .said()
            .within(30),
        Rule::new("override", C::INSTR.or(C::SYSPROMPT).or(C::RULES), C::VOIDED, 0.6)
            .with(C::PRIOR)
            .and(C::ALL)
            .said()
            .within(30),
        Rule::new("override", C::SYSPROMPT, C::VOIDED, 0.6).said().within(20),
        Rule::new("override", C::OVERRIDE, BOUNDS, 0.75).with(C::YOUR).within(40),
        Rule::new("override", C::OVERRIDE, C::SAFETY, 0.6).with(C::ALL.or(C::AI)).within(40),
        Rule::new("instruction_bypass", C::NEGFOLLOW, C::INSTR.or(C::RULES).or(C::SAFETY), 0.85)
            .within(40)
            .with(OWN.or(C::ALL))
            .said(),
        Rule::new("instruction_bypass", C::NEG, C::FOLLOW, 0.45)
            .with(C::INSTR.or(C::RULES).or(C::YOURSYS))
            .and(OWN)
            .said()
            .within(12),
        Rule::new("instruction_bypass", C::NEGFOLLOW, C::YOURSYS.or(C::SYSPROMPT).or(C::GIVEN), 0.85).said(),
        Rule::new("instruction_bypass", C::NEGFOLLOW, C::RULES.or(C::INSTR), 0.45).said().within(24).bare(),
        Rule::new("instruction_bypass", C::BYPASS, C::INSTR.or(BOUNDS).or(C::YOURSYS), 0.8)
            .with(C::YOUR)
            .within(40),
        Rule::new("instruction_bypass", C::BYPASS, BOUNDS, 0.45).with(C::ALL.or(C::PRIOR)).within(40).bare(),
        Rule::new("safety_disable", C::DISABLE, C::SAFETY, 0.8).with(C::YOUR).within(40),
        Rule::new("safety_disable", C::DISABLE, C::SAFETY, 0.45).with(C::ALL).within(30).bare(),
        Rule::new("safety_disable", C::DISABLE, C::RULES.or(C::YOURSYS), 0.75).with(C::YOUR).within(40),
        Rule::new("safety_disable", C::SAFETY, C::VOIDED.or(C::OFF), 0.35).said().within(30),
        Rule::new("override", C::OVERRIDE, C::INSTR, 0.35).with(C::PRIOR).said().within(40),
        Rule::new("ignore_previous", C::GLUED, C::GLUED, 0.85).same().said(),
    ]
}

fn leaks() -> Vec<Rule> {
    const LEAK: &str = "system_prompt_leak";
    vec![
        Rule::new(LEAK, C::REVEAL, C::YOURSYS, 0.85).within(50),
        Rule::new(LEAK, C::EXPLAIN, C::YOURSYS, 0.65).within(40),
        Rule::new(LEAK, C::SAY, C::YOURSYS, 0.5).within(40),
        Rule::new(LEAK, C::REVEAL.or(C::EXPLAIN), C::SYSPROMPT, 0.85).with(C::YOUR).within(60),
        Rule::new(LEAK, C::REVEAL, C::SYSPROMPT, 0.65).within(40).bare(),
        Rule::new(LEAK, C::REVEAL, C::SYSPROMPT, 0.4).within(40),
        Rule::new(LEAK, C::ASK, C::YOURSYS, 0.75).asked().within(30).bare(),
        Rule::new(LEAK, C::ASK, C::YOURSYS, 0.3).asked().within(30),
        Rule::new(LEAK, REVEALING.or(C::ASK), C::GIVEN, 0.8).with(SAID).asked(),
        Rule::new(LEAK, C::REVEAL, C::INSTR, 0.75)
            .with(C::PRIOR)
            .and(C::ALL.or(C::YOUR).or(C::ONLY))
            .within(50),
        Rule::new(LEAK, C::REVEAL, C::INSTR, 0.45).with(C::PRIOR).within(50).bare(),
        Rule::new(LEAK, C::REVEAL, C::TEXT, 0.45)
            .with(C::PRIOR)
            .and(C::ALL.or(C::ONLY).or(C::GIVEN))
            .within(40),
        Rule::new(LEAK, C::REVEAL, C::EVERY, 0.55).with(C::PRIOR).within(30).bare(),
        Rule::new("secret_leak", C::REVEAL, C::SECRET, 0.35).with(C::YOUR.or(C::SYSPROMPT)).within(30),
    ]
}

fn roles() -> Vec<Rule> {
    const ROLE: &str = "role_assumption";
    vec![
        Rule::new(ROLE, C::ACT, C::ICON, 0.9).within(80),
        Rule::new(ROLE, C::NOWYOU, C::PERSONA.or(C::NOLIMITS), 0.9).within(100).same(),
        Rule::new(ROLE, C::ACT, C::NOLIMITS, 0.8).within(120),
        Rule::new(ROLE, C::ACT, C::PERSONA, 0.7).within(50),
        Rule::new(ROLE, C::SAY, C::NOLIMITS, 0.45).within(60),
        Rule::new(ROLE, C::AI, C::NOLIMITS, 0.45).within(60).said(),
        Rule::new(ROLE, C::AI, C::COMPLY, 0.45).within(80).said(),
        Rule::new(ROLE, C::ACT, C::COMPLY, 0.6).within(140).said(),
        Rule::new(ROLE, C::NOLIMITS, C::COMPLY, 0.6).within(140).said(),
        Rule::new(ROLE, C::COMPLY, C::NOLIMITS, 0.6).within(140).said(),
        Rule::new(ROLE, C::NOWYOU, C::AI, 0.2).within(60),
        Rule::new(ROLE, C::PERSONA, C::NOLIMITS, 0.6).with(C::AI).said().within(60),
        Rule::new("authority_claim", C::AUTH, IGNORE.or(BREAK).or(C::NEGFOLLOW), 0.35).said().within(120),
        Rule::new("authority_claim", C::AUTH, C::SYSPROMPT.or(C::YOURSYS).or(C::NOLIMITS), 0.6)
            .said()
            .within(120),
    ]
}

fn tasks() -> Vec<Rule> {
    vec![
        Rule::new("safety_disable", C::DISABLE, BOUNDS, 0.45).with(C::ALL).within(24).bare(),
        Rule::new("task_switch", IGNORE, C::NEWTASK, 0.7).within(120),
        Rule::new("task_switch", C::STOP, C::SAY.or(C::ONLY).or(C::NEWTASK), 0.55).within(60),
        Rule::new("task_switch", C::NEWTASK, C::YOUR.or(C::ACT), 0.3).within(20),
        Rule::new("output_hijack", C::SAY, C::HIJACK.or(C::PWNED), 0.9).within(90),
        Rule::new("output_hijack", IGNORE, C::SAY, 0.6)
            .with(C::EVERY.or(C::PRIOR).or(C::ALL))
            .and(C::ONLY)
            .within(90),
        Rule::new("exfiltration", C::IMAGE, C::DATA.or(C::SECRET), 0.6).said().within(120),
        Rule::new("exfiltration", C::SEND, C::DATA.or(C::SECRET).or(C::YOURSYS), 0.5)
            .with(C::ADDRESS)
            .within(80),
    ]
}

/// What only a text that nobody typed to the model should not say to it.
fn fed() -> Vec<Rule> {
    vec![
        Rule::new("embedded_instruction", C::TOAI, C::IMPORTANT.or(C::BEFORE), 0.85).said().within(120).fed(),
        Rule::new("embedded_instruction", C::IMPORTANT, C::TOAI.or(C::BEFORE), 0.85).said().within(140).fed(),
        Rule::new("embedded_instruction", C::BEFORE, C::SAY.or(C::ACTION).or(C::SEND), 0.6)
            .said()
            .within(100)
            .fed(),
        Rule::new("embedded_instruction", C::MODIFY, C::REPLY, 0.65).within(70).either().fed(),
        Rule::new("embedded_instruction", C::AI, C::MODIFY, 0.5).said().within(50).fed(),
        Rule::new("embedded_instruction", C::AI, C::PLEASE.or(C::ACTION), 0.35).said().within(50).fed(),
        Rule::new("embedded_instruction", C::PLEASE, C::ACTION.or(C::FETCH), 0.38)
            .with(C::DATA)
            .within(24)
            .fed(),
        Rule::new("embedded_instruction", C::PLEASE, C::ACTION, 0.15).within(16).fed(),
        Rule::new("exfiltration", C::FETCH, C::SEND, 0.75).with(C::ADDRESS).within(120).fed(),
        Rule::new("exfiltration", C::SEND, C::ADDRESS, 0.4).with(C::DATA.or(C::SECRET)).within(100).fed(),
        Rule::new("exfiltration", C::PLEASE, C::SEND, 0.4).with(C::ADDRESS).within(24).fed(),
        Rule::new("tool_abuse", C::TOOL, C::TOOL, 0.1).same().said().fed(),
    ]
}

/// The words that are signs by themselves.
pub(super) const SOLO: [Solo; 9] = [
    Solo { kind: "role_assumption", concept: C::ICON, fed: false, weight: 0.7 },
    Solo { kind: "role_assumption", concept: C::NOWYOU, fed: false, weight: 0.2 },
    Solo { kind: "role_assumption", concept: C::COMPLY, fed: false, weight: 0.25 },
    Solo { kind: "output_hijack", concept: C::PWNED, fed: false, weight: 0.5 },
    Solo { kind: "authority_claim", concept: C::AUTH, fed: false, weight: 0.15 },
    Solo { kind: "task_switch", concept: C::STOP, fed: false, weight: 0.2 },
    Solo { kind: "embedded_instruction", concept: C::TOAI, fed: true, weight: 0.45 },
    Solo { kind: "embedded_instruction", concept: C::BEFORE, fed: true, weight: 0.35 },
    Solo { kind: "task_switch", concept: C::NEWTASK, fed: true, weight: 0.3 },
];
