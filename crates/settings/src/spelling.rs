//! "Did you mean …?"

use crate::table::VARIABLES;

/// The known name that a mistyped one resembles.
pub(crate) fn nearest_name(given: &str) -> Option<String> {
    let names = VARIABLES.iter().flat_map(|variable| [Some(variable.name), variable.alias]).flatten();
    nearest(given, names.map(str::to_owned))
}

/// The known key of the file that a mistyped one resembles.
pub(crate) fn nearest_key(given: &str) -> Option<String> {
    nearest(given, VARIABLES.iter().map(crate::table::Variable::key))
}

fn nearest(given: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|name| (distance(given, &name), name))
        .filter(|(distance, name)| *distance <= 2 + name.len() / 12)
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be added, removed or changed to make `left` into `right`.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = position + 1;
        for (at, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        assert_eq!(nearest_name("PROMPTGATE_DATABSE_URL").as_deref(), Some("PROMPTGATE_DATABASE_URL"));
        assert_eq!(nearest_name("PROMPTGATE_PORTS").as_deref(), Some("PROMPTGATE_PORT"));
        assert_eq!(nearest_name("PROMPTGATE_COLOUR_OF_THE_SKY"), None);
        assert_eq!(nearest_key("log_levle").as_deref(), Some("log_level"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
