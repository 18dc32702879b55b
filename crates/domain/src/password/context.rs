//! Passwords made of what others know of an account (NIST SP 800-63B-4 section 3.1.1.2: context-specific words).

/// The shortest word that counts: a shorter one stands in many a password by chance.
const SHORTEST: usize = 4;

/// What stands in the place of a word that was found.
const GAP: &str = "\0";

/// Whether more than half of `password` are words of `known`, or pieces of them between their dots and marks.
pub(super) fn is_made_of(password: &str, known: &[&str]) -> bool {
    let mut words: Vec<String> = known
        .iter()
        .flat_map(|text| {
            let pieces = text.split(|c: char| !c.is_alphanumeric());
            pieces.chain([*text]).map(str::to_lowercase).collect::<Vec<_>>()
        })
        .filter(|word| word.chars().count() >= SHORTEST)
        .collect();
    // The longest first, so that no piece breaks a whole.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let whole = password.to_lowercase();
    let mut rest = whole.clone();
    for word in &words {
        // What is left on both sides must not grow together to another word.
        rest = rest.replace(word.as_str(), GAP);
    }
    let gaps = |text: &str| text.matches(GAP).count();
    // Whoever types that very sign has not typed a word for each.
    let (length, left) = (whole.chars().count(), rest.chars().count() - (gaps(&rest) - gaps(&whole)));
    left * 2 < length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_mostly_what_is_known_is_found() {
        let known = ["ana.maria@mail.example.com", "ana.maria", "mail.example.com", "Wiki of Acme"];
        for made in [
            "ana.maria@mail.example.com",
            "ANA.MARIA@mail.example.com1",
            "mariamariamaria",
            "maria-2024-maria",
            "wiki of acme 24",
            "acmeacmeacme!!!",
            "mail.example.com",
        ] {
            assert!(is_made_of(made, &known), "{made}");
        }
        for own in [
            "correct horse battery",
            "maria has a little lamb",
            "ana ana ana ana",
            "an example of a password",
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert!(!is_made_of(own, &known), "{own}");
        }
    }
}
