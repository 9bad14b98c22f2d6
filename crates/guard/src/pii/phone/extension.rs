//! Extensions behind a telephone number.

/// How they are written.
const MARKS: [&str; 9] = ["extension", "ext", "durchwahl", "poste", "anexo", "ramal", "dw", "x", "#"];

/// Where the extension behind a number ends; where the number ends, if it has none.
pub(super) fn end(text: &str, number: usize) -> usize {
    read(text, number).unwrap_or(number)
}

fn read(text: &str, number: usize) -> Option<usize> {
    let rest = &text[number..];
    let bytes = rest.as_bytes();
    let skip = |at: usize, signs: &[u8], most: usize| {
        at + bytes[at..].iter().take(most).take_while(|byte| signs.contains(byte)).count()
    };
    let mark = skip(0, b" ,;(", 2);
    let length = MARKS
        .iter()
        .find(|known| {
            bytes
                .get(mark..mark + known.len())
                .is_some_and(|here| here.eq_ignore_ascii_case(known.as_bytes()))
        })?
        .len();
    let first = skip(mark + length, b" .:=", 2);
    let digits = bytes[first..].iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    let end = first + digits;
    let word_goes_on = rest[end..].chars().next().is_some_and(char::is_alphanumeric);
    ((1..=6).contains(&digits) && !word_goes_on).then_some(number + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_belong_to_the_number() {
        assert_eq!(end("123x4567 and", 3), 8);
        assert_eq!(end("123 ext. 45", 3), 11);
        assert_eq!(end("123 extra", 3), 3);
        assert_eq!(end("123x45678901", 3), 3);
    }
}
