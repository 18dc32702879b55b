//! A file of variables (`.env`), as Compose, systemd and shells read it. They do not agree in everything: a value that they would read
//! differently is refused rather than guessed, and every byte that is not taken out stays as it is.

use std::ops::Range;

use secrets::{ExposeSecret, SecretString};

use crate::secrets::are_alike;

/// What is read of a file.
#[derive(Debug)]
pub(super) struct EnvFile {
    text: SecretString,
    pub(super) entries: Vec<Entry>,
    /// Lines that say something, and not in a form that is read here.
    pub(super) unread: Vec<usize>,
}

/// A variable.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// On which line it begins, from 1.
    pub(super) line: usize,
    /// Its value, or why nobody can say what that is.
    pub(super) value: Result<SecretString, &'static str>,
    /// Its lines, with the ends of them.
    span: Range<usize>,
}

const EXPANDED: &str = "it holds a `$`, a backslash or a backtick, which some readers replace and others do not: put it in single quotes";
const UNENDED: &str = "its quote does not end";
const BEHIND: &str = "something stands behind its closing quote";
const QUOTED: &str = "it holds a quote within, which readers take differently: put all of it in quotes";
const HASH: &str = "it begins with `#`, which some readers take for a comment: put it in quotes";

impl EnvFile {
    /// Reads a text. Whatever it is, it is read to its end.
    pub(super) fn parse(text: SecretString) -> Self {
        let (mut entries, mut unread) = (Vec::new(), Vec::new());
        let whole = text.expose_secret();
        let (mut at, mut line) = (whole.len() - whole.trim_start_matches('\u{feff}').len(), 1);
        while at < whole.len() {
            let rest = &whole[at..];
            let first_line = &rest[..rest.find('\n').map_or(rest.len(), |end| end + 1)];
            let said = first_line.trim();
            let length = match assignment(first_line) {
                _ if said.is_empty() || said.starts_with('#') => first_line.len(),
                None => {
                    unread.push(line);
                    first_line.len()
                }
                Some((name, before)) => {
                    let (value, length) = value(rest, before, first_line.len());
                    entries.push(Entry { name: name.to_owned(), line, value, span: at..at + length });
                    length
                }
            };
            line += rest[..length].matches('\n').count();
            at += length;
        }
        Self { text, entries, unread }
    }

    /// The text as it was read.
    pub(super) fn text(&self) -> &SecretString {
        &self.text
    }

    /// The one variable of that name; what is said twice and not alike is nobody's to choose from.
    pub(super) fn find(&self, name: &str) -> Option<(usize, Result<&SecretString, &'static str>)> {
        let mut all = self.entries.iter().filter(|entry| entry.name == name);
        let first = all.next()?;
        let mut value = first.value.as_ref().map_err(|why| *why);
        for other in all {
            let alike = matches!((&value, &other.value), (Ok(one), Ok(two)) if are_alike(one, two));
            if !alike {
                value = Err("it is set more than once, and not alike: leave one of the lines");
            }
        }
        Some((first.line, value))
    }

    /// Every variable whose value is known, for whoever reads the rest.
    pub(super) fn variables_without(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let left = self.entries.iter().filter(|entry| !names.contains(&entry.name.as_str()));
        let known =
            left.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_ref().ok()?.expose_secret())));
        known.collect()
    }

    /// The text without these variables.
    pub(super) fn without(&self, names: &[&str]) -> SecretString {
        let whole = self.text.expose_secret();
        let mut left = String::with_capacity(whole.len());
        let mut at = 0;
        for entry in self.entries.iter().filter(|entry| names.contains(&entry.name.as_str())) {
            left.push_str(&whole[at..entry.span.start]);
            at = entry.span.end;
        }
        left.push_str(&whole[at..]);
        left.into()
    }
}

/// The name that a line sets, and how many bytes stand before its value, blanks included.
fn assignment(line: &str) -> Option<(&str, usize)> {
    let (left, right) = line.split_once('=')?;
    let name = left.trim();
    let name =
        name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(name, str::trim);
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let blanks = right.len() - right.trim_start_matches([' ', '\t']).len();
    is_name.then_some((name, left.len() + 1 + blanks))
}

/// A value that begins `before` bytes into the text, and the bytes of all its lines.
fn value(text: &str, before: usize, first_line: usize) -> (Result<SecretString, &'static str>, usize) {
    let rest = &text[before..];
    let quoted = match rest.chars().next() {
        Some('\'') => single(rest),
        Some('"') => double(rest),
        _ => return (bare(&text[before..first_line], text[..before].ends_with([' ', '\t'])), first_line),
    };
    // A quote that does not end would take the rest of the file with it.
    let Some((value, length)) = quoted else { return (Err(UNENDED), first_line) };
    let behind = &rest[length..];
    let behind = &behind[..behind.find('\n').map_or(behind.len(), |end| end + 1)];
    let said = behind.trim();
    let is_comment = said.starts_with('#') && behind.starts_with([' ', '\t']);
    let value = if said.is_empty() || is_comment { value } else { Err(BEHIND) };
    (value, before + length + behind.len())
}

/// What single quotes hold, to the letter, and its length with them.
fn single(text: &str) -> Option<(Result<SecretString, &'static str>, usize)> {
    let inner = text.strip_prefix('\'')?;
    let inner = &inner[..inner.find('\'')?];
    // Compose takes the quote behind it for one more letter.
    let value = if inner.ends_with('\\') { Err(EXPANDED) } else { Ok(inner.into()) };
    Some((value, inner.len() + 2))
}

/// What double quotes hold. Three escapes mean the same to everybody.
fn double(text: &str) -> Option<(Result<SecretString, &'static str>, usize)> {
    let mut value = String::with_capacity(text.len().min(4096));
    let (mut is_plain, mut escaped) = (true, false);
    for (index, character) in text.char_indices().skip(1) {
        match (escaped, character) {
            (false, '\\') => escaped = true,
            (false, '"') => {
                let value = SecretString::from(value);
                return Some((if is_plain { Ok(value) } else { Err(EXPANDED) }, index + 1));
            }
            (escape, character) => {
                is_plain &= if escape { "\\\"$".contains(character) } else { !"$`".contains(character) };
                value.push(character);
                escaped = false;
            }
        }
    }
    None
}

/// What stands without quotes, up to a comment.
fn bare(line: &str, after_blank: bool) -> Result<SecretString, &'static str> {
    if line.starts_with('#') {
        return if after_blank { Ok("".into()) } else { Err(HASH) };
    }
    let end = [" #", "\t#"].iter().filter_map(|comment| line.find(comment)).min().unwrap_or(line.len());
    let value = line[..end].trim();
    if value.contains(['$', '\\', '`']) {
        return Err(EXPANDED);
    }
    if value.contains(['"', '\'']) { Err(QUOTED) } else { Ok(value.into()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> EnvFile {
        EnvFile::parse(text.into())
    }

    /// Names, lines and values; the reason where there is no value.
    fn told(file: &EnvFile) -> Vec<(&str, usize, Result<&str, &'static str>)> {
        let told = file.entries.iter().map(|entry| {
            let value = entry.value.as_ref().map(ExposeSecret::expose_secret).map_err(|why| *why);
            (entry.name.as_str(), entry.line, value)
        });
        told.collect()
    }

    #[test]
    fn what_all_readers_take_alike_is_read() {
        let file = read(
            "\u{feff}# A comment\n\nA=one\nexport B = two # said\n\tC='three $HOME \\n # no comment'\r\nD=\"fo\\\"ur \\\\ \\$\" # yes\n\
             E=\nF= # nothing\nG=a#b\nH='two\nlines'\nI=a b\nJ=\"\"",
        );
        let expected = [
            ("A", 3, Ok("one")),
            ("B", 4, Ok("two")),
            ("C", 5, Ok("three $HOME \\n # no comment")),
            ("D", 6, Ok("fo\"ur \\ $")),
            ("E", 7, Ok("")),
            ("F", 8, Ok("")),
            ("G", 9, Ok("a#b")),
            ("H", 10, Ok("two\nlines")),
            ("I", 12, Ok("a b")),
            ("J", 13, Ok("")),
        ];
        assert_eq!(told(&file), expected);
        assert_eq!(file.unread, [0; 0]);
    }

    #[test]
    fn what_they_take_differently_is_refused_with_its_reason_and_without_itself() {
        for (text, why) in [
            ("A=$HOME", EXPANDED),
            ("A=\"hunter2 ${B}\"", EXPANDED),
            ("A=\"hunter2\\n\"", EXPANDED),
            ("A=hunter2\\", EXPANDED),
            ("A='hunter2\\'", EXPANDED),
            ("A=`hunter2`", EXPANDED),
            ("A='hunter2'more", BEHIND),
            ("A='hunter2'#more", BEHIND),
            ("A=hun'ter2", QUOTED),
            ("A=#hunter2", HASH),
            ("A='hunter2", UNENDED),
            ("A=\"hunter2\\\"", UNENDED),
        ] {
            let file = read(&format!("{text}\nB=next\n"));
            assert_eq!(told(&file), [("A", 1, Err(why)), ("B", 2, Ok("next"))], "{text}");
            assert!(!why.contains("hunter2") && !format!("{file:?}").contains("hunter2"));
        }
        let file = read("hunter2\n1A=x\nA-B=x\nA: x\n=x\nB=next");
        assert_eq!(told(&file), [("B", 6, Ok("next"))]);
        assert_eq!(file.unread, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn one_that_is_there_twice_is_known_only_if_both_say_the_same() {
        let file = read("A=1\nB=2\nA=1\nB=3\n");
        assert_eq!(file.find("A").unwrap().1.unwrap().expose_secret(), "1");
        assert!(file.find("B").unwrap().1.is_err() && file.find("C").is_none());
        assert_eq!(file.without(&["A"]).expose_secret(), "B=2\nB=3\n");
    }

    /// A variable as somebody may have written it.
    fn written() -> impl Strategy<Value = (String, String)> {
        let text = "[^\\x00\\r\"'\\\\$`\\n]{0,12}";
        let blanks = "[ \t]{0,2}";
        let single = "[^\\x00']{0,12}"
            .prop_filter("", |value| !value.ends_with('\\'))
            .prop_map(|value| (format!("'{value}'"), value));
        let double = "[^\\x00`]{0,12}".prop_map(|value| {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            (format!("\"{escaped}\""), value)
        });
        let bare = text
            .prop_filter("", |value| !value.contains('#'))
            .prop_map(|value| (value.clone(), value.trim().to_owned()));
        (prop_oneof![single, double, bare], blanks, prop_oneof![Just(""), Just(" # said"), Just("\r")])
            .prop_map(|((written, value), blanks, behind)| (format!("{blanks}{written}{behind}"), value))
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end_and_loses_nothing(text in "\\PC{0,20}|[A-C=#'\"\\\\$ \n\r\t]{0,60}") {
            let file = read(&text);
            let mut end = 0;
            for entry in &file.entries {
                prop_assert!(entry.span.start >= end && entry.span.end > entry.span.start);
                prop_assert_eq!(entry.line, text[..entry.span.start].matches('\n').count() + 1);
                end = entry.span.end;
            }
            prop_assert!(end <= text.len());
            let without = file.without(&[]);
            prop_assert_eq!(without.expose_secret(), &text);
        }

        #[test]
        fn what_was_written_is_read_and_what_is_taken_out_leaves_the_rest(
            all in prop::collection::vec(written(), 1..6), taken in any::<prop::sample::Index>()
        ) {
            let line = |(index, (written, _)): (usize, &(String, String))| format!("V{index}={written}\n");
            let text: String = all.iter().enumerate().map(line).collect();
            let file = read(&text);
            let values: Vec<_> = file.entries.iter().map(|entry| entry.value.as_ref().unwrap().expose_secret()).collect();
            let expected: Vec<_> = all.iter().map(|(_, value)| value.as_str()).collect();
            prop_assert_eq!(values, expected);
            let taken = taken.index(all.len());
            let left: String = all.iter().enumerate().filter(|(index, _)| *index != taken).map(line).collect();
            let without = file.without(&[&format!("V{taken}")]);
            prop_assert_eq!(without.expose_secret(), &left);
        }
    }
}
