//! What is searched for in a history, and how: values are compared here, piece by piece, in what git keeps.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};

use secrets::{ExposeSecret as _, SecretString, constant_time_equal};
use url::Url;

/// What is shorter stands everywhere.
pub(super) const SHORTEST: usize = 6;
/// So much of an object is looked at at once.
const CHUNK: usize = 1024 * 1024;
/// So many places of a value are named.
const NAMED: usize = 3;

/// The number of a value, and where it was.
pub(super) type Found = Vec<(usize, String)>;

/// What is searched for.
pub(super) struct Needles {
    /// The number of a value, and a form of it.
    all: Vec<(usize, SecretString)>,
    /// Which two bytes one begins with.
    pairs: Vec<bool>,
    longest: usize,
    pub(super) is_short: bool,
}

impl Needles {
    pub(super) fn of(values: &[&SecretString]) -> Self {
        let mut needles = Self { all: Vec::new(), pairs: vec![false; 1 << 16], longest: 0, is_short: false };
        for (index, value) in values.iter().enumerate() {
            for form in forms(value.expose_secret()) {
                let &[first, second, ..] = form.expose_secret().as_bytes() else {
                    needles.is_short = true;
                    continue;
                };
                if form.expose_secret().len() < SHORTEST {
                    needles.is_short = true;
                    continue;
                }
                needles.pairs[usize::from(u16::from_be_bytes([first, second]))] = true;
                needles.longest = needles.longest.max(form.expose_secret().len());
                needles.all.push((index, form));
            }
        }
        needles
    }

    /// Reads objects to their end.
    pub(super) fn search(
        &self,
        objects: impl Read,
        found: &mut Found,
        mut seen: impl FnMut(),
    ) -> std::io::Result<()> {
        let mut objects = BufReader::with_capacity(64 * 1024, objects);
        let mut header = Vec::new();
        loop {
            header.clear();
            if objects.read_until(b'\n', &mut header)? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&header);
            let mut parts = text.trim_end_matches('\n').splitn(4, ' ');
            let (name, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            // `NAME missing`: a partial copy has not fetched it.
            let Some(size) = parts.next().and_then(|size| size.parse::<u64>().ok()) else { continue };
            let path = parts.next().unwrap_or_default();
            seen();
            // A tree holds names and no text.
            let is_text = kind != "tree";
            let indices = self.search_object(&mut (&mut objects).take(size + 1), is_text)?;
            for index in indices {
                if found.iter().filter(|(of, _)| *of == index).count() < NAMED {
                    let what = if path.is_empty() { kind } else { path };
                    let short = name.get(..10).unwrap_or(name);
                    let shown: String = what.chars().filter(|one| !one.is_control()).collect();
                    found.push((index, format!("{shown} ({short})")));
                }
            }
        }
    }

    /// One object to its end, in pieces that overlap by as much as a value may be cut.
    fn search_object(&self, object: &mut impl Read, is_text: bool) -> std::io::Result<BTreeSet<usize>> {
        let mut found = BTreeSet::new();
        let overlap = self.longest.saturating_sub(1);
        let mut window = Vec::new();
        loop {
            let kept = window.len();
            let read = object.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
            if read == 0 {
                return Ok(found);
            }
            if is_text {
                self.search_text(&window, &mut found);
            }
            let dropped = (kept + read).saturating_sub(overlap);
            window.drain(..dropped);
        }
    }

    fn search_text(&self, text: &[u8], found: &mut BTreeSet<usize>) {
        for (at, pair) in text.windows(2).enumerate() {
            let &[first, second] = pair else { continue };
            if !self.pairs[usize::from(u16::from_be_bytes([first, second]))] {
                continue;
            }
            for (index, form) in &self.all {
                if text[at..].starts_with(form.expose_secret().as_bytes()) {
                    found.insert(*index);
                }
            }
        }
    }
}

/// A value; of a URL its password too, which may stand elsewhere by itself, as it is and as the URL has it.
fn forms(value: &str) -> Vec<SecretString> {
    let mut forms = vec![SecretString::from(value)];
    if let Some(password) = Url::parse(value).ok().as_ref().and_then(Url::password) {
        forms.push(password.into());
        let decoded = decoded(password);
        if !constant_time_equal(decoded.expose_secret().as_bytes(), password.as_bytes()) {
            forms.push(decoded);
        }
    }
    forms
}

/// Without `%XX`.
fn decoded(text: &str) -> SecretString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = std::str::from_utf8(behind.get(..2).unwrap_or_default()).ok();
        let byte = escaped.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(objects: &[u8], values: &[&str]) -> Found {
        let values: Vec<SecretString> = values.iter().map(|value| (*value).into()).collect();
        let needles = Needles::of(&values.iter().collect::<Vec<_>>());
        let mut found = Vec::new();
        needles.search(objects, &mut found, || {}).unwrap();
        found
    }

    fn object(kind: &str, path: &str, text: &[u8]) -> Vec<u8> {
        let header = format!("0123456789abcdef {kind} {} {path}\n", text.len());
        [header.as_bytes(), text, b"\n"].concat()
    }

    #[test]
    fn values_are_found_wherever_they_stand_and_nowhere_else() {
        let large = [&vec![b'x'; CHUNK - 3][..], b"hunter2-large", &vec![b'y'; CHUNK][..]].concat();
        let objects = [
            object("commit", "", b"tree 0\n\nit says hunter2-message"),
            object("blob", "a b/.env", b"A=hunter2-file\nurl=p%40ssw0rd\nB=p@ssw0rd"),
            b"0123456789abcdef missing\n".to_vec(),
            object("tree", "", b"hunter2-tree"),
            object("blob", "large", &large),
            object("blob", "end", b"hunter2-en"),
        ]
        .concat();
        let values = [
            "hunter2-message",
            "hunter2-file",
            "hunter2-tree",
            "hunter2-large",
            "hunter2-end",
            "postgres://a:p%40ssw0rd@b/c",
        ];
        let place = |path: &str| format!("{path} (0123456789)");
        let mut all = found(&objects, &values);
        all.sort();
        assert_eq!(
            all,
            [(0, place("commit")), (1, place("a b/.env")), (3, place("large")), (5, place("a b/.env"))]
        );
        assert!(found(&object("blob", "a", b"abc abcde"), &["abc", "", "a"]).is_empty());
    }

    #[test]
    fn the_password_of_a_url_is_a_form_of_its_own() {
        let told = |value: &str| -> Vec<String> {
            forms(value).iter().map(|form| form.expose_secret().to_owned()).collect()
        };
        assert_eq!(
            told("postgres://a:p%40%zz%4@b/c"),
            ["postgres://a:p%40%zz%4@b/c", "p%40%zz%4", "p@%zz%4"]
        );
        assert_eq!(told("redis://a"), ["redis://a"]);
    }
}
