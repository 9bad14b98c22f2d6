//! Questions to a name server and its answers (RFC 1035), as far as addresses need them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const CODE: u16 = 0x000f;
const NO_SUCH_NAME: u16 = 3;

/// Of which version addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

impl Version {
    const fn record_type(self) -> u16 {
        match self {
            Self::V4 => TYPE_A,
            Self::V6 => TYPE_AAAA,
        }
    }
}

/// What a name server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// These are the addresses; there may be none.
    Addresses(Vec<IpAddr>),
    /// There is more than fits.
    Truncated,
    /// It did not say; the code says why.
    Failed(u16),
    /// It answers something else.
    Unrelated,
}

/// The question where a name is; `None` for what is no name.
pub(super) fn question(id: u16, name: &str, version: Version) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    for word in [id, FLAG_RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&version.record_type().to_be_bytes());
    message.extend_from_slice(&CLASS_IN.to_be_bytes());
    (message.len() <= HEADER + 255 + 4).then_some(message)
}

/// What a message answers to a question.
pub(super) fn answer(question: &[u8], version: Version, message: &[u8]) -> Answer {
    read(question, version, message).unwrap_or(Answer::Unrelated)
}

fn read(question: &[u8], version: Version, message: &[u8]) -> Option<Answer> {
    let flags = word(message, 2)?;
    let asked = message.get(HEADER..question.len())?;
    let is_answer = message.get(..2)? == question.get(..2)?
        && flags & FLAG_RESPONSE != 0
        && word(message, 4)? == 1
        && asked.eq_ignore_ascii_case(question.get(HEADER..)?);
    if !is_answer {
        return None;
    }
    match flags & CODE {
        0 => {}
        NO_SUCH_NAME => return Some(Answer::Addresses(Vec::new())),
        code => return Some(Answer::Failed(code)),
    }
    if flags & FLAG_TRUNCATED != 0 {
        return Some(Answer::Truncated);
    }
    let (mut at, mut found) = (question.len(), Vec::new());
    for _ in 0..word(message, 6)? {
        at = behind_name(message, at)?;
        let (record, class) = (word(message, at)?, word(message, at + 2)?);
        let length = usize::from(word(message, at + 8)?);
        let data = message.get(at + 10..at + 10 + length)?;
        // Other records, such as other names for the host, lead to these.
        if (record, class) == (version.record_type(), CLASS_IN) {
            found.push(match version {
                Version::V4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
                Version::V6 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)),
            });
        }
        at += 10 + length;
    }
    Some(Answer::Addresses(found))
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Where a name ends that begins here. One that points elsewhere ends with that.
fn behind_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0..=0xff => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message that answers with records: type and data.
    fn message(question: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&(FLAG_RESPONSE | flags).to_be_bytes());
        message[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        for (record, data) in records {
            message.extend_from_slice(&[0xc0, 12]);
            message.extend_from_slice(&record.to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            message.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    #[test]
    fn addresses_are_read_behind_other_names() {
        let asked = question(7, "a.example.", Version::V4).unwrap();
        assert_eq!(asked[..12], [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(asked[12..], *b"\x01a\x07example\x00\x00\x01\x00\x01");
        let said = message(&asked, 0, &[(5, b"\x01b\xc0\x0e"), (1, &[192, 0, 2, 1]), (1, &[192, 0, 2, 2])]);
        let found = Answer::Addresses(vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]);
        assert_eq!(answer(&asked, Version::V4, &said), found);
        let asked = question(7, "a.example", Version::V6).unwrap();
        let data = "2001:db8::1".parse::<Ipv6Addr>().unwrap();
        let said = message(&asked, 0, &[(28, &data.octets())]);
        assert_eq!(answer(&asked, Version::V6, &said), Answer::Addresses(vec![IpAddr::V6(data)]));
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_none() {
        let asked = question(7, "a.example", Version::V4).unwrap();
        let fits = message(&asked, 0, &[(1, &[192, 0, 2, 1])]);
        let other = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut said = fits.clone();
            change(&mut said);
            answer(&asked, Version::V4, &said)
        };
        assert_eq!(other(&|said| said[1] = 8), Answer::Unrelated, "another question");
        assert_eq!(other(&|said| said[2] = 0), Answer::Unrelated, "a question itself");
        assert_eq!(other(&|said| said[13] = b'b'), Answer::Unrelated, "another name");
        assert_eq!(other(&|said| said[13] = b'A'), answer(&asked, Version::V4, &fits), "the case is nothing");
        assert_eq!(other(&|said| said.truncate(said.len() - 1)), Answer::Unrelated, "half of it");
        assert_eq!(answer(&asked, Version::V4, &message(&asked, 3, &[])), Answer::Addresses(vec![]));
        assert_eq!(answer(&asked, Version::V4, &message(&asked, 2, &[])), Answer::Failed(2));
        assert_eq!(answer(&asked, Version::V4, &message(&asked, 0x200, &[])), Answer::Truncated);
        for wrong in ["", "a..b", &"x".repeat(64), &"abcdefg.".repeat(40)] {
            assert_eq!(question(7, wrong, Version::V4), None, "{wrong}");
        }
    }

    /// Records with names, types, classes and lengths that are right, wrong or nearly so.
    fn record() -> impl Strategy<Value = Vec<u8>> {
        let name = prop_oneof![
            Just(vec![0xc0, 12]),
            Just(vec![0]),
            Just(b"\x01b\x07example\x00".to_vec()),
            // Pointers to themselves and behind the end, labels without an end.
            proptest::collection::vec(prop_oneof![Just(0xc0), Just(0xff), Just(0x3f), any::<u8>()], 1..4),
        ];
        let kind = prop_oneof![Just(1u16), Just(28), Just(5), any::<u16>()];
        let class = prop_oneof![4 => Just(1u16), 1 => any::<u16>()];
        let data = prop_oneof![
            proptest::collection::vec(any::<u8>(), 4),
            proptest::collection::vec(any::<u8>(), 16),
            proptest::collection::vec(any::<u8>(), 0..20),
        ];
        (name, kind, class, data, prop_oneof![6 => Just(None), 1 => any::<u16>().prop_map(Some)]).prop_map(
            |(mut record, kind, class, data, length)| {
                let length = length.unwrap_or_else(|| u16::try_from(data.len()).unwrap());
                for word in [kind, class, 0, 60, length] {
                    record.extend_from_slice(&word.to_be_bytes());
                }
                record.extend_from_slice(&data);
                record
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_taken_for_an_address_stands_in_the_message(
            records in proptest::collection::vec(record(), 0..6),
            (extra, cut) in (0u16..2, 0usize..12),
            v6: bool,
        ) {
            let version = if v6 { Version::V6 } else { Version::V4 };
            let asked = question(7, "a.example", version).unwrap();
            let mut said = message(&asked, 0, &[]);
            said[6..8].copy_from_slice(&(u16::try_from(records.len()).unwrap() + extra).to_be_bytes());
            let length = said.len();
            said.extend(records.concat());
            said.truncate(said.len().saturating_sub(cut).max(length));
            match answer(&asked, version, &said) {
                Answer::Addresses(found) => for address in found {
                    prop_assert_eq!(address.is_ipv6(), v6);
                    let octets = match address {
                        IpAddr::V4(address) => address.octets().to_vec(),
                        IpAddr::V6(address) => address.octets().to_vec(),
                    };
                    prop_assert!(said[length..].windows(octets.len()).any(|window| window == octets));
                },
                Answer::Unrelated => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn no_message_brings_it_down(
            tail in proptest::collection::vec(any::<u8>(), 0..80),
            flags: u16,
            count in 0u16..9,
        ) {
            let asked = question(7, "a.example", Version::V4).unwrap();
            let mut said = message(&asked, flags & !FLAG_TRUNCATED & !CODE, &[]);
            said[6..8].copy_from_slice(&count.to_be_bytes());
            said.extend_from_slice(&tail);
            let _ = answer(&asked, Version::V4, &said);
            let _ = answer(&asked, Version::V4, &tail);
        }
    }
}
