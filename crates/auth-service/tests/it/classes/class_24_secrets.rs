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
        for comparison in comparisons_of_secrets(code) {
            found.push(format!("{}: {comparison}", file.strip_prefix(crates).unwrap().display()));
        }
    }
    found.retain(|line| !MAY_BE_COMPARED.iter().any(|known| line.contains(known)));
    assert!(found.is_empty(), "use secrets::constant_time_equal: {found:#?}");
}

/// Comparisons of what the database holds with what it held; of digests by which a release is known to everybody; and of what stands for no
/// password at all.
const MAY_BE_COMPARED: [&str; 5] = [
    "now.password_hash == found.password_hash",
    "now.password_hash.as_deref() == Some(newer)",
    "gate/registry.rs: found == digest",
    "gate/sequence.rs: digest != highest.digest",
    "host/account.rs: password == NO_PASSWORD",
];

/// A type of ours, as its source says it.
struct Declared {
    file: String,
    name: String,
    /// What stands before it: `#[derive(…)]`.
    attributes: String,
    /// What stands in it.
    body: String,
}

/// Types that hold something named like a secret that is none, and why.
const NO_SECRET: [(&str, &str); 3] = [
    ("auth/src/access.rs: KnownAccess", "hashes of tokens"),
    ("auth/src/token.rs: Live", "hashes of tokens"),
    ("auth/src/client.rs: RegisteredClient", "hashes of secrets"),
];

/// Every `struct` and `enum` of a source.
fn declared(file: &str, code: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    let lines: Vec<&str> = code.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let words = words.strip_prefix("pub").map_or(words, |rest| {
            let rest = rest.split_once(") ").filter(|_| rest.starts_with('(')).map_or(rest, |(_, rest)| rest);
            rest.trim_start()
        });
        let Some(rest) = ["struct ", "enum "].iter().find_map(|word| words.strip_prefix(word)) else {
            continue;
        };
        let name: String = rest.chars().take_while(|character| character.is_alphanumeric()).collect();
        let above = lines[..at].iter().rev().map(|line| line.trim());
        let above =
            above.take_while(|line| line.starts_with("#[") || line.starts_with("//") || line.ends_with(")]"));
        let attributes = above.filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join(" ");
        // A body ends with the line that closes it, as far in as the line that opens it; rustfmt sees to that.
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |line: &&str| [format!("{indent}}}"), format!("{indent});")].contains(&(*line).to_owned());
        let is_short = line.ends_with(';') || line.ends_with('}');
        let length = if is_short { 0 } else { lines[at..].iter().position(ends).unwrap_or_default() };
        let body = lines[at..=at + length]
            .iter()
            .map(|line| line.trim())
            .filter(|line| !line.starts_with("//") && !line.starts_with("#["))
            .collect::<Vec<_>>()
            .join("\n");
        found.push(Declared { file: file.to_owned(), name, attributes, body });
    }
    found
}

/// The types that nobody can read a secret off.
const CLOSED: [&str; 6] = ["SecretString", "Password", "Secret", "Typed", "Zeroizing", "Keyring"];

/// Whether a type is text or bytes, which print themselves and have `==`. What is `'static` is in the program.
fn is_plain(kind: &str) -> bool {
    let mut words = kind.split(|character: char| !character.is_alphanumeric() && character != '\'');
    let plain = words.any(|word| ["String", "str", "u8"].contains(&word));
    plain && !kind.contains("'static") && !CLOSED.iter().any(|closed| kind.contains(closed))
}

/// Whether a field of this name holds what somebody is believed for.
fn is_secret_name(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or_default().trim_end_matches('s');
    ["password", "token", "code", "secret", "jwt", "link", "verifier"].contains(&last)
}

impl Declared {
    /// Its fields: names and types. One without a name goes by the type's own.
    fn fields(&self) -> Vec<(String, String)> {
        let own = self.name.chars().fold(String::new(), |name, character| {
            if character.is_uppercase() {
                name + "_" + &character.to_lowercase().to_string()
            } else {
                name + &character.to_string()
            }
        });
        let opened = format!("struct {}(", self.name);
        if let Some((_, inner)) = self.body.split_once(&opened) {
            return vec![(own, inner.replace("pub(crate)", "").replace("pub(super)", ""))];
        }
        let fields = self.body.split(['\n', '{', ',']).filter_map(|field| field.trim().split_once(": "));
        fields
            .map(|(name, kind)| {
                (
                    name.rsplit(' ').next().unwrap_or_default().to_owned(),
                    kind.trim_end_matches(',').to_owned(),
                )
            })
            .collect()
    }

    /// Whether a secret stands in it as text or bytes.
    fn holds_plain(&self) -> bool {
        self.fields().iter().any(|(name, kind)| is_secret_name(name) && is_plain(kind))
    }

    /// Whether a secret stands in it at all.
    fn holds(&self) -> bool {
        let words = |kind: &str| {
            let words = kind.split(|character: char| !character.is_alphanumeric()).map(ToOwned::to_owned);
            words.collect::<Vec<_>>()
        };
        self.holds_plain()
            || self
                .fields()
                .iter()
                .any(|(_, kind)| words(kind).iter().any(|word| CLOSED.contains(&word.as_str())))
    }

    fn derives(&self, what: &str) -> bool {
        self.attributes.split("derive(").skip(1).any(|list| {
            list.split(')').next().unwrap_or_default().split(',').any(|derived| derived.trim() == what)
        })
    }

    fn place(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }
}

/// The types of a source that have an `==` written by hand: `impl<T> PartialEq<&str> for cookie::Token<'_>` has one of `Token`.
fn equalities_in(code: &str) -> Vec<String> {
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for rest in code.split("PartialEq").skip(1) {
        let Some((between, rest)) = rest.split_once("for ") else { continue };
        // What stands between is nothing, or with what it is compared.
        if between.trim().is_empty() || between.starts_with('<') && !between.contains(['{', ';']) {
            let name: String = rest
                .chars()
                .take_while(|character| character.is_alphanumeric() || "_:".contains(*character))
                .collect();
            found.push(name.rsplit(':').next().unwrap_or_default().to_owned());
        }
    }
    found
}

/// Those of every source of ours.
fn equalities() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in std::fs::read_dir(crates).unwrap() {
        collect(&folder.unwrap().path().join("src"), &mut files);
    }
    let codes = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    codes.flat_map(|code| equalities_in(&code)).collect()
}

#[test]
fn class_24_an_equality_that_is_written_by_hand_is_found() {
    let code = "#[derive(PartialEq)]\nstruct One;\nimpl PartialEq for Two {}\nimpl<T> PartialEq<&str>\n    for mod_a::Three<T>\n{}\n\
                impl std::cmp::PartialEq<[u8]> for Four<'_> {}\nfn f<T: PartialEq>(x: T) { for y in x {} }";
    assert_eq!(equalities_in(code), ["Two", "Three", "Four"]);
}

/// Every type of ours.
fn every_type() -> Vec<Declared> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in std::fs::read_dir(crates).unwrap() {
        collect(&folder.unwrap().path().join("src"), &mut files);
    }
    files.sort();
    let mut types = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(crates).unwrap().display().to_string();
        types.extend(declared(&name, text.split("#[cfg(test)]").next().unwrap()));
    }
    types
}

/// A type nobody thought of is found by what its fields are called.
#[test]
fn class_24_no_type_that_holds_a_secret_derives_what_would_show_or_compare_it() {
    let types = every_type();
    assert!(types.len() > 300, "the types are found: {}", types.len());
    let holders: Vec<_> = types
        .iter()
        .filter(|declared| declared.holds() && !NO_SECRET.iter().any(|(place, _)| *place == declared.place()))
        .collect();
    for known in ["SignInBody", "Evidence", "Message", "Asking", "BrowserToken", "SmtpSettings", "Issued"] {
        assert!(holders.iter().any(|holder| holder.name == known), "{known} is not found");
    }
    let written = equalities();
    let compared =
        holders.iter().filter(|holder| holder.derives("PartialEq") || written.contains(&holder.name));
    let compared: Vec<_> = compared.map(|holder| holder.place()).collect();
    assert_eq!(compared, Vec::<String>::new(), "these have an == over a secret");
    let shown = holders.iter().filter(|holder| holder.holds_plain() && holder.derives("Debug"));
    assert_eq!(
        shown.map(|holder| holder.place()).collect::<Vec<_>>(),
        Vec::<String>::new(),
        "these print a secret: write their Debug by hand, or hold the secret in a type that shows nothing"
    );
    for (place, why) in NO_SECRET {
        assert!(types.iter().any(|declared| declared.place() == place), "{place} is gone ({why})");
    }
    // A password is in a type that shows nothing from its first line on.
    let is_open = |(name, kind): &(String, String)| name.ends_with("password") && is_plain(kind);
    let open = types.iter().filter(|declared| declared.fields().iter().any(is_open));
    assert_eq!(
        open.map(Declared::place).collect::<Vec<_>>(),
        Vec::<String>::new(),
        "passwords as plain text"
    );
}

#[test]
fn class_24_a_type_is_read_as_it_is_written() {
    let source = "/// One.\n#[derive(Clone, Debug)]\npub struct Token(pub(crate) String);\n\n#[derive(\n    Debug,\n    PartialEq\n)]\npub(crate) enum Two {\n    /// A.\n    A {\n        /// Six digits.\n        code: String,\n    },\n    B,\n}\nstruct Three<'a> {\n    pub name: &'a str,\n    kind_code: &'static str,\n    password: Password,\n}\n";
    let types = declared("x.rs", source);
    let told: Vec<_> = types
        .iter()
        .map(|declared| {
            (&*declared.name, declared.holds(), declared.holds_plain(), declared.derives("Debug"))
        })
        .collect();
    assert_eq!(told[0], ("Token", true, true, true));
    assert_eq!((told[1].0, told[1].1, told[1].2), ("Two", true, true));
    assert_eq!(told[2], ("Three", true, false, false));
}

/// What is printed of a type that holds secrets.
#[test]
fn class_24_debug_shows_no_code_link_or_token() {
    let (code, link) = ("402913".to_owned(), "https://id.example.com/verify?token=k3Jz0aQ7".to_owned());
    let message = auth::Message::ProveAddress { code: Some(code.clone()), link, hours: 24 };
    let mail = auth::Mail { to: "ana@example.com".to_owned(), locale: "en".to_owned(), message };
    let delivery = auth::Delivery {
        id: domain::MessageId(uuid::Uuid::nil()),
        mail,
        decoy: false,
        attempts: 1,
        expires_at: domain::Timestamp(0),
    };
    let id = domain::ArtefactId(uuid::Uuid::nil());
    let shown = format!(
        "{delivery:?} {:?} {:?}",
        auth::Evidence::Code { id, code },
        auth::Evidence::Link { token: "k3Jz0aQ7".to_owned() },
    );
    for secret in ["402913", "k3Jz0aQ7", "ana@example.com"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("prove_address"), "{shown}");
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

/// Every comparison by `==` or `!=`, however it is broken into lines, where what stands right before or behind the operator is
/// what a secret shows, or has a secret's name.
fn comparisons_of_secrets(code: &str) -> Vec<String> {
    let lines = code.lines().map(|line| line.split(" // ").next().unwrap_or_default().trim());
    let code = lines.filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join(" ").replace(" .", ".");
    let is_path = |character: char| character.is_alphanumeric() || "_.()".contains(character);
    let mut found = Vec::new();
    for operator in ["==", "!="] {
        for (at, _) in code.match_indices(operator) {
            let (left, right) = (code[..at].trim_end(), &code[at + operator.len()..]);
            // What stands in the program is no secret, and nobody finds it out.
            if left.ends_with('"') || right.trim_start().starts_with('"') {
                continue;
            }
            let left = left.rsplit(|character| !is_path(character)).next().unwrap_or_default();
            let right = right.trim_start_matches([' ', '&', '*', '(']);
            let right = right.split(|character| !is_path(character)).next().unwrap_or_default();
            if names_a_secret(left) || names_a_secret(right) {
                found.push(format!("{left} {operator} {right}"));
            }
        }
    }
    found
}

/// Views of the same bytes.
const VIEWS: [&str; 6] = ["as_bytes", "as_deref", "as_ref", "as_slice", "as_str", "clone"];

/// `self.row.code_mac`, `password.expose_secret()`, `token`.
fn names_a_secret(path: &str) -> bool {
    let mut names = path.rsplit(['.', '(', ')']).filter(|name| !name.is_empty());
    let name = names.find(|name| !VIEWS.contains(name)).unwrap_or_default();
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
        "if number == 0 && given == self.code_mac {",
        "if session\n    .token_hash\n    .as_deref()\n    == Some(hash) {",
        "let same = given // as it came\n    ==\n    // as it is\n    *row.signature;",
    ] {
        assert_eq!(comparisons_of_secrets(line).len(), 1, "{line}");
    }
    for line in [
        "if number == 0 {",
        "code.len() == 6",
        "code.as_str() == \"invalid_grant\"",
        "secrets::constant_time_equal(&mac, &other)",
        "a <= b",
    ] {
        assert_eq!(comparisons_of_secrets(line), Vec::<String>::new(), "{line}");
    }
}
