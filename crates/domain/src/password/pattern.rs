//! Passwords that are long and yet a pattern: whoever guesses tries them first.

use secrecy::zeroize::Zeroizing;

/// A unit of so many characters, over and over, is a pattern; one that is longer may be a phrase.
const LONGEST_UNIT: usize = 8;
/// Pieces of so many characters, on average, are keys in a row and not words with a neighbour or two by chance.
const PIECE: usize = 4;

/// What lies side by side: rows of the common keyboards, and columns; digits, which go round. Letters and digits in the
/// order of their alphabet need no row.
const ROWS: [&str; 20] = [
    "12345678901234567890",
    "!@#$%^&*()",
    "!\"§$%&/()=",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "1yaq",
];

/// Whether a text is blank, one short unit over and over, or little else than characters that follow one another.
pub(super) fn is_pattern(text: &str) -> bool {
    let mut characters = Zeroizing::new(Vec::with_capacity(text.len()));
    characters.extend(text.chars().flat_map(char::to_lowercase));
    characters.iter().all(|character| character.is_whitespace())
        || (1..=LONGEST_UNIT).any(|length| repeats(&characters, length))
        || pieces(&characters) * PIECE <= characters.len()
}

/// Whether the text is a unit of `length` characters, twice or more; the last may be cut short.
fn repeats(text: &[char], length: usize) -> bool {
    text.len() >= length * 2 && text.iter().zip(&text[length..]).all(|(one, next)| one == next)
}

/// The fewest runs that the text can be cut into. Taking the longest each time gives it, since a part of a run is a run.
fn pieces(text: &[char]) -> usize {
    let mut rest = text;
    let mut pieces = 0;
    while !rest.is_empty() {
        rest = &rest[longest_run(rest)..];
        pieces += 1;
    }
    pieces
}

/// How many characters, from the first on, are the same, or follow one another in one direction.
fn longest_run(text: &[char]) -> usize {
    let alphabet = [-1, 0, 1].map(|step| run(text, |one, next| follows(one, next, step)));
    let rows = ROWS.iter().flat_map(|row| {
        [run(text, |one, next| is_beside(row, one, next)), run(text, |one, next| is_beside(row, next, one))]
    });
    alphabet.into_iter().chain(rows).max().unwrap_or(1)
}

fn run(text: &[char], joined: impl Fn(char, char) -> bool) -> usize {
    1 + text.windows(2).take_while(|pair| joined(pair[0], pair[1])).count()
}

/// Whether `next` lies `step` code points after `one`: the alphabets of Unicode lie in their order.
fn follows(one: char, next: char, step: i64) -> bool {
    let distance = i64::from(u32::from(next)) - i64::from(u32::from(one));
    distance == step && (step == 0 || (one.is_alphanumeric() && next.is_alphanumeric()))
}

fn is_beside(row: &str, one: char, next: char) -> bool {
    row.chars().zip(row.chars().skip(1)).any(|pair| pair == (one, next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_tried_first_is_a_pattern() {
        for text in [
            "               ",
            "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}",
            "aaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaa1",
            "AaAaAaAaAaAaAaA",
            "abcabcabcabcabc",
            "passwordpassword",
            "123456789012345",
            "987654321098765",
            "12345678",
            "abcdefghijklmno",
            "zyxwvutsrqponml",
            "абвгдежзийклмно",
            "qwertyuiopasdfg",
            "qwertzuiopasdfgh",
            "azertyuiopqsdfgh",
            "poiuytrewqlkjhgf",
            "QWERTYuiop12345",
            "1234qwerasdfzxcv",
            "1qaz2wsx3edc4rfv",
            "aaaabbbbccccdddd",
            "!@#$%^&*()!@#$%",
            "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂",
        ] {
            assert!(is_pattern(text), "{text}");
        }
    }

    #[test]
    fn what_somebody_made_up_is_none() {
        for text in [
            "correct horse battery",
            "fifteen chars !",
            "8letters",
            "ümlaut🙂8",
            "defghi is no alphabet",
            "a phrase, a phrase",
            "1999-12-31 23:59",
            "mississippi mississippi",
            "Tr0ub4dor&3",
            "9f86d081884c7d65",
            "パスワードは長いほど良い",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_short_unit_over_and_over_is_a_pattern(unit in "\\PC{1,8}", times in 2_usize..20, more in 0_usize..8) {
            // One capital letter is two small ones.
            prop_assume!(unit.chars().flat_map(char::to_lowercase).count() <= LONGEST_UNIT);
            let more: String = unit.chars().take(more).collect();
            prop_assert!(is_pattern(&(unit.repeat(times) + &more)));
        }

        #[test]
        fn a_stretch_of_a_row_in_either_direction_is_a_pattern(row in 0..ROWS.len(), at in 0_usize..20, upper: bool) {
            let row: Vec<char> = ROWS[row].chars().collect();
            let mut stretch: String = row[at % (row.len() - 3)..].iter().collect();
            if upper {
                stretch = stretch.to_uppercase();
            }
            prop_assert!(is_pattern(&stretch), "{stretch}");
            prop_assert!(is_pattern(&stretch.chars().rev().collect::<String>()), "{stretch}");
        }

        #[test]
        fn words_are_no_pattern(words in proptest::sample::subsequence(WORDS.to_vec(), 3..=6), gap in "[ .-]") {
            let text = words.join(&gap);
            prop_assert!(!is_pattern(&text), "{text}");
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,80}") {
            is_pattern(&text);
        }
    }

    const WORDS: [&str; 12] = [
        "correct", "horse", "battery", "staple", "first", "define", "hijack", "student", "monopoly", "power",
        "property", "were",
    ];
}
