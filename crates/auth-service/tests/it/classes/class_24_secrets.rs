//! Class 24: a secret compared with `==`, whose time tells how much of it was right.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Says whether a type has `==`: the constant of its own, which needs `PartialEq`, goes before the trait's.
struct Probe<T>(PhantomData<T>);

trait Incomparable {
    const COMPARABLE: bool = false;
}

impl<T> Incomparable for Probe<T> {}

impl<T: PartialEq> Probe<T> {
    const COMPARABLE: bool = true;
}

macro_rules! comparable {
    ($($type:ty),* $(,)?) => { [$((stringify!($type), Probe::<$type>::COMPARABLE)),*] };
}

#[test]
fn class_24_no_type_that_holds_a_secret_has_an_equality() {
    let table = comparable![
        secrets::SecretString,
        secrets::sealing::Keyring,
        domain::Password,
        auth::Credential,
        auth::Delivery,
        auth::Evidence,
        auth::Mail,
        auth::Message,
        auth::NewSession,
        auth::SignIn,
        auth::SignUp,
        auth::SignedIn,
        auth::Stepped,
        auth_service::server::Secrets,
        outbound::SmtpSettings,
    ];
    for (name, comparable) in table {
        assert!(!comparable, "{name} has an ==");
    }
    // The probe sees one where there is one.
    assert_eq!(comparable![domain::Email, Vec<u8>].map(|(_, comparable)| comparable), [true, true]);
}

/// What a secret shows is bytes and text, which do have `==`. No line of ours uses it on them, nor on a MAC or digest that
/// stands for one.
#[test]
fn class_24_nothing_that_a_secret_shows_is_compared_with_an_operator() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in std::fs::read_dir(crates).unwrap() {
        collect(&folder.unwrap().path().join("src"), &mut files);
    }
    assert!(files.len() > 100, "the sources are found");
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in
            code.lines().map(str::trim).filter(|line| !line.starts_with("//") && compares_a_secret(line))
        {
            found.push(format!("{}: {line}", file.strip_prefix(crates).unwrap().display()));
        }
    }
    // Both are what the database holds: was the password changed meanwhile?
    found.retain(|line| !line.ends_with("&& now.password_hash == found.password_hash"));
    assert!(found.is_empty(), "use secrets::constant_time_equal: {found:#?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Whether what stands right before or behind `==` or `!=` on this line is what a secret shows, or has a secret's name.
fn compares_a_secret(line: &str) -> bool {
    let is_path = |character: char| character.is_alphanumeric() || "_.()".contains(character);
    ["==", "!="].iter().filter_map(|operator| line.split_once(operator)).any(|(left, right)| {
        let left = left.trim_end().rsplit(|character| !is_path(character)).next();
        let right =
            right.trim_start_matches([' ', '&', '*', '(']).split(|character| !is_path(character)).next();
        left.into_iter().chain(right).any(names_a_secret)
    })
}

/// `self.row.code_mac`, `password.expose_secret()`, `token`.
fn names_a_secret(path: &str) -> bool {
    let name = path.trim_end_matches(['(', ')']).rsplit(['.', '(']).next().unwrap_or_default();
    name.starts_with("expose_")
        || name.ends_with("_hash")
        || name.ends_with("_mac")
        || ["mac", "signature", "digest", "secret", "token", "code", "password"].contains(&name)
}

#[test]
fn class_24_the_search_finds_what_it_looks_for() {
    for line in [
        "if token == expected {",
        "password.expose_secret() == other",
        "if given != self.code_mac {",
        "&& session.token_hash == hash",
        "let same = a == mac;",
        "while *code == row.code {",
    ] {
        assert!(compares_a_secret(line), "{line}");
    }
    for line in
        ["if number == 0 {", "code.len() == 6", "secrets::constant_time_equal(&mac, &other)", "a <= b"]
    {
        assert!(!compares_a_secret(line), "{line}");
    }
}
