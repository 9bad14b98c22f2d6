//! What is found, and what is not, over all kinds.

use proptest::prelude::*;

use super::*;
use crate::finding::Certainty;

/// What is found, as `(kind, text)`.
fn found(text: &str, strictness: Strictness) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    Pii::new(&PiiKind::ALL, strictness).find(&Text::read(text), &mut findings);
    findings.into_iter().map(|one| (one.kind.into_owned(), text[one.span].to_owned())).collect()
}

#[track_caller]
fn finds(text: &str, kind: PiiKind, what: &str) {
    assert_eq!(found(text, Strictness::Standard), [(kind.name().to_owned(), what.to_owned())], "{text}");
}

#[track_caller]
fn leaves(text: &str) {
    assert_eq!(found(text, Strictness::Standard), [], "{text}");
}

#[test]
fn addresses_of_mail_are_found() {
    finds("write to ada.l+x@mail.example.co.uk.", PiiKind::Email, "ada.l+x@mail.example.co.uk");
    finds("<jürgen@bücher.example>", PiiKind::Email, "jürgen@bücher.example");
    finds("ada@example.org-Office", PiiKind::Email, "ada@example.org");
    finds("ada [at] example [dot] org", PiiKind::Email, "ada [at] example [dot] org");
    finds(r#""line\nada@example.org""#, PiiKind::Email, "ada@example.org");
    for text in [
        "@property",
        "icon@2x.png",
        "react@18.2.0",
        "git@github.com:rust-lang/rust",
        "a@b",
        "x = m@self.w(1)",
    ] {
        leaves(text);
    }
    leaves("postgres://user:pw@db.example.org/x");
}

#[test]
fn rare_ways_to_write_a_persons_number_are_read() {
    finds("henkilötunnus 131052-2210", PiiKind::FiHetu, "131052-2210");
    finds("hetu: 131052A2210", PiiKind::FiHetu, "131052A2210");
    finds("NIR 253072A07300443", PiiKind::FrNir, "253072A07300443");
    finds("rijksregisternummer 85.07.30-033 28", PiiKind::BeNationalNumber, "85.07.30-033 28");
    finds("rijksregisternummer: 85 07 30 033 28", PiiKind::BeNationalNumber, "85 07 30 033 28");
    finds("\"cnpj\": \"12ABC34501DE35\"", PiiKind::BrCnpj, "12ABC34501DE35");
    finds("RUT 7.654.321-6", PiiKind::ClRut, "7.654.321-6");
    finds("RUT: 10000013-K", PiiKind::ClRut, "10000013-K");
    finds("el 10.000.013-K", PiiKind::ClRut, "10.000.013-K");
    finds("SA ID 8001015009087", PiiKind::ZaId, "8001015009087");
    for text in [
        "hetu: 131052-2211",
        "CNPJ 12ABC34501DE36",
        "io.netty:netty-buffer@4.1.114.Final",
        "Convert text from the ISO 8859-15 set",
        "SPDX-FileCopyrightText: Copyright (c) 2023-2026 Ada",
        "the message of the draft 2020-12",
        "const OID_EDDSA = '1.3.101.112'",
        "également appelé ISO 646. L'ISO 8859-10",
    ] {
        leaves(text);
    }
    finds("me@163.com", PiiKind::Email, "me@163.com");
}

#[test]
fn addresses_of_the_internet_are_found() {
    finds("from 203.0.113.7:4711", PiiKind::IpAddress, "203.0.113.7");
    finds("from 2001:db8::8a2e:370:7334 port", PiiKind::IpAddress, "2001:db8::8a2e:370:7334");
    finds(
        "9eb1:fe3b:18bc:4f9b:ee7a:8591:6654:44c3 rid",
        PiiKind::IpAddress,
        "9eb1:fe3b:18bc:4f9b:ee7a:8591:6654:44c3",
    );
    for text in [
        "build 827.85.891.4",
        "version 12.133.20.4",
        "section 1.2.3.4",
        "127.0.0.1",
        "12:34:56",
        "std::fs::read",
    ] {
        leaves(text);
    }
    leaves("43:51:43:a1:b5:fc:8b:b7");
}

#[test]
fn accounts_need_their_checksum_or_their_name() {
    finds("to DE89 3704 0044 0532 0130 00 now", PiiKind::Iban, "DE89 3704 0044 0532 0130 00");
    finds("gb29nwbk60161331926819", PiiKind::Iban, "gb29nwbk60161331926819");
    finds("IBAN: DE83805396459118831944", PiiKind::Iban, "DE83805396459118831944");
    leaves("ref DE83805396459118831944");
    let lenient = found("ref DE83805396459118831944", Strictness::Lenient);
    assert_eq!(lenient, [("iban".to_owned(), "DE83805396459118831944".to_owned())]);
}

#[test]
fn cards_need_their_checksum_or_their_name() {
    finds("pay 4111 1111 1111 1111 now", PiiKind::CreditCard, "4111 1111 1111 1111");
    finds("3782-822463-10005", PiiKind::CreditCard, "3782-822463-10005");
    finds("my credit card 4111111111111112", PiiKind::CreditCard, "4111111111111112");
    for text in
        ["4111 1111 1111 1112", "order id 4111111111111111", "\"ts\": 1662334348564", "0.4111111111111111"]
    {
        leaves(text);
    }
    assert_eq!(found("4111 1111 1111 1112", Strictness::Lenient).len(), 1);
    leaves("3505 0000 1200 0000 3505 0000 1200 0000");
}

#[test]
fn social_security_numbers_are_found() {
    finds("call me at 064-58-6232", PiiKind::SsnUs, "064-58-6232");
    finds("ssn: 078051120", PiiKind::SsnUs, "078051120");
    for text in ["part no. 123-45-6789", "000-12-3456", "666-12-3456", "123456789", "2019-06-12"] {
        leaves(text);
    }
    finds("ITIN 912-70-1234", PiiKind::UsItin, "912-70-1234");
}

#[test]
fn telephone_numbers_that_nothing_else_is_written_like_need_no_word() {
    let us = [
        "(212) 555-1234",
        "212-555-1234",
        "212.555.1234",
        "+1-750-712-3669x32363",
        "1-207-805-6621",
        "001-533-787-3442x9273",
    ];
    for text in us {
        finds(text, PiiKind::PhoneUs, text);
    }
    for text in
        ["+49 (0)89 123456", "+49(0)7725 813920", "0049 176 12345678", "(04517) 85604", "06064 113958"]
    {
        finds(text, PiiKind::PhoneDe, text);
    }
    let others = [
        "+44(0)1174960472",
        "+41 (0)71 494 48 15",
        "+39 37926323429",
        "+46 (0)92 49 26 30",
        "00420 702 467 318",
        "(+358) 654177084",
        "(351) 938 728 033",
        "04 23 65 77 70",
        "02.27.96.63.08",
        "(11) 4706-6184",
        "8 (495) 123-45-67",
        "08-325 560 51",
        "+61.3.6839.0408",
    ];
    for text in others {
        finds(text, PiiKind::PhoneGeneric, text);
    }
}

#[test]
fn other_telephone_numbers_need_a_word_near_them() {
    for (text, number) in [
        ("Rufen Sie an: 785 8949", "785 8949"),
        ("Tlf. 26 58 09 50", "26 58 09 50"),
        ("mój telefon: 513 971 375", "513 971 375"),
        ("They're not answering at 61 51 81", "61 51 81"),
        ("\"userPhone\": \"351377716\"", "351377716"),
        ("513 971 375-Office", "513 971 375"),
    ] {
        finds(text, PiiKind::PhoneGeneric, number);
        leaves(number);
    }
    finds("我的电话是07-4704369。", PiiKind::PhoneDe, "07-4704369");
    finds("VALUES ('x', '966 943 686')", PiiKind::PhoneGeneric, "966 943 686");
    finds("| T: 54819782 |", PiiKind::PhoneGeneric, "54819782");
    finds("Please contact Kelly Page at 797-737-8663 x980", PiiKind::PhoneUs, "797-737-8663 x980");
    leaves("weight='400 500 700'");
    finds("phone 2125551234", PiiKind::PhoneUs, "2125551234");
}

#[test]
fn other_numbers_are_no_telephones() {
    for text in [
        "My driver's license number is 755600751",
        "ts=1524525926",
        "between 1998-10-07 and 12/17/1990",
        "upgraded from 26.20.29",
        "request_id=83c02da8-3197-4234-8123-123456789012",
        "pi = 3.14159265358979",
        "0.49388 0.05952 0.6785438",
        "order 212-555-1234",
        "0000130 00a0 0100 0000 0000 ....",
        "chr18:30039242-21181656",
        "@@ -123,456 +789,123 @@",
        "'0123456789'",
        "2026 01 31 12 45",
        "{\"messages\":[{\"content\":\"12345678\"}]}",
        "I'd like to call a taxi to 14 3684 Court Street",
    ] {
        leaves(text);
    }
}

#[test]
fn a_kind_that_is_not_wanted_leaves_its_numbers_to_the_wider_one() {
    let mut findings = Vec::new();
    Pii::new(&[PiiKind::PhoneGeneric], Strictness::Standard)
        .find(&Text::read("(212) 555-1234"), &mut findings);
    assert_eq!(findings.len(), 1);
    findings.clear();
    Pii::new(&[PiiKind::PhoneDe], Strictness::Standard).find(&Text::read("(212) 555-1234"), &mut findings);
    Pii::new(&[], Strictness::Lenient).find(&Text::read("ada@example.org"), &mut findings);
    assert_eq!(findings, []);
}

#[test]
fn numbers_of_persons_are_found() {
    for (text, kind, number) in [
        ("NI no AB123456C", PiiKind::UkNino, "AB123456C"),
        ("AB 12 34 56 C", PiiKind::UkNino, "AB 12 34 56 C"),
        ("NHS number: 943 476 5919", PiiKind::UkNhs, "943 476 5919"),
        ("Steuer-ID 86095742719", PiiKind::DeSteuerId, "86095742719"),
        ("2 55 08 14 168 025 38", PiiKind::FrNir, "2 55 08 14 168 025 38"),
        ("DNI 12345678-Z", PiiKind::EsDni, "12345678-Z"),
        ("X1234567L", PiiKind::EsDni, "X1234567L"),
        ("RSSMRA85T10A562S", PiiKind::ItCodiceFiscale, "RSSMRA85T10A562S"),
        ("BSN 111222333", PiiKind::NlBsn, "111222333"),
        ("PESEL: 44051401359", PiiKind::PlPesel, "44051401359"),
        ("811218-9876", PiiKind::SePersonnummer, "811218-9876"),
        ("CPR-nummer 070761-4285", PiiKind::DkCpr, "070761-4285"),
        ("131052-308T", PiiKind::FiHetu, "131052-308T"),
        ("131052A308T", PiiKind::FiHetu, "131052A308T"),
        ("fødselsnummer 01010750160", PiiKind::NoFodselsnummer, "01010750160"),
        ("85.07.30-033.28", PiiKind::BeNationalNumber, "85.07.30-033.28"),
        ("529.982.247-25", PiiKind::BrCpf, "529.982.247-25"),
        ("11.222.333/0001-81", PiiKind::BrCnpj, "11.222.333/0001-81"),
        ("Aadhaar 2341 2341 2346", PiiKind::InAadhaar, "2341 2341 2346"),
        ("PAN card ABCPD1234E", PiiKind::InPan, "ABCPD1234E"),
        ("11010519491231002X", PiiKind::CnResidentId, "11010519491231002X"),
        ("910411-1777631", PiiKind::KrRrn, "910411-1777631"),
        ("780123/3540", PiiKind::CzRodneCislo, "780123/3540"),
        ("756.9217.0769.85", PiiKind::ChAhv, "756.9217.0769.85"),
        ("12.345.678-5", PiiKind::ClRut, "12.345.678-5"),
        ("S1234567D", PiiKind::SgNric, "S1234567D"),
        ("passport no. 340020013", PiiKind::UsPassport, "340020013"),
        ("EIN 12-3456789", PiiKind::UsEin, "12-3456789"),
    ] {
        finds(text, kind, number);
    }
    for text in
        ["44051401359", "111222333", "86095742719", "AB123456Z", "12345678A", "2341 2341 2346", "131052-308U"]
    {
        leaves(text);
    }
}

#[test]
fn what_is_encoded_is_found_as_a_whole() {
    finds("q=ada%40example.org&x", PiiKind::Email, "ada%40example.org");
    finds(
        "x TXkgY2FyZCBpcyA0MTExIDExMTEgMTExMSAxMTEx y",
        PiiKind::CreditCard,
        "TXkgY2FyZCBpcyA0MTExIDExMTEgMTExMSAxMTEx",
    );
    finds("４１１１ １１１１ １１１１ １１１１", PiiKind::CreditCard, "４１１１ １１１１ １１１１ １１１１");
    finds(
        "4111\u{200b}1111\u{200b}1111\u{200b}1111",
        PiiKind::CreditCard,
        "4111\u{200b}1111\u{200b}1111\u{200b}1111",
    );
}

#[test]
fn certainty_says_what_speaks_for_it() {
    let certainty = |text: &str| {
        let mut findings = Vec::new();
        Pii::new(&PiiKind::ALL, Strictness::Lenient).find(&Text::read(text), &mut findings);
        findings.first().map(|one| one.certainty)
    };
    assert_eq!(certainty("4111 1111 1111 1111"), Some(Certainty::Certain));
    assert_eq!(certainty("credit card 4111 1111 1111 1112"), Some(Certainty::Likely));
    assert_eq!(certainty("4111 1111 1111 1112"), Some(Certainty::Shape));
}

/// Sixteen digits with the check digit that they need.
fn card(digits: &[u8]) -> String {
    let body: Vec<u8> = [4].into_iter().chain(digits.iter().copied()).collect();
    let check = (0..10).find(|check| checks::luhn(&[&body[..], &[*check]].concat())).unwrap_or(0);
    body.iter().chain([&check]).map(|digit| char::from(b'0' + digit)).collect()
}

proptest! {
    #[test]
    fn any_text_is_read_and_findings_stand_apart(text in "([0-9a-fx]{1,5}|[ .+()/:@-]|\\PC|tel|card|id|\\\\n|%40){0,40}") {
        for strictness in [Strictness::Standard, Strictness::Lenient] {
            let mut findings = Vec::new();
            Pii::new(&PiiKind::ALL, strictness).find(&Text::read(&text), &mut findings);
            for one in &findings {
                prop_assert!(text.get(one.span.clone()).is_some_and(|found| !found.is_empty()));
            }
            let plain = Text::read(&text);
            if plain.layers().next().is_none() {
                prop_assert!(findings.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
            }
        }
    }

    #[test]
    fn every_card_is_found(digits in proptest::collection::vec(0..10_u8, 14), gap in "[ -]?", word in "(pay |\\(|\")?") {
        let card = card(&digits);
        prop_assume!(digits.iter().any(|digit| *digit != 4));
        let grouped = card.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(&gap);
        let text = format!("{word}{grouped}");
        prop_assert_eq!(found(&text, Strictness::Standard), [("credit_card".to_owned(), grouped)]);
    }

    #[test]
    fn every_account_is_found(number in 0..1_000_000_000_000_000_000_u64, gap in " ?") {
        let body = format!("{number:018}");
        let check = 98 - body.bytes().chain(*b"131400").fold(0_u64, |sum, digit| (sum * 10 + u64::from(digit - b'0')) % 97);
        let account = format!("DE{check:02}{body}");
        let grouped = account.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(&gap);
        prop_assert_eq!(found(&format!("to {grouped}, please"), Strictness::Standard), [("iban".to_owned(), grouped)]);
    }
}
