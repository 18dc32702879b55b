//! An electronic mail address that a person may sign up with.

use std::fmt;

/// The most an address may be long, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const MAXIMUM_LENGTH: usize = 254;
/// The most its part before the `@` may be long, in bytes (RFC 5321 section 4.5.3.1.1).
const MAXIMUM_LOCAL_LENGTH: usize = 64;

/// A well-formed address. Two addresses are the same account's when their [`normalized`](Self::normalized) forms are.
///
/// Stricter than RFC 5321 on purpose: no quoted local part, no address literal, no comment, a domain with a dot, and
/// ASCII before the `@` (a mail server that cannot take RFC 6531 would lose the mail). International domain names are
/// taken and held in their ASCII form.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email {
    address: String,
    normalized: String,
}

/// Why a text is not an address that can sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing but white space.
    #[error("the e-mail address is empty: enter one such as ana@example.com")]
    Empty,
    /// More than 254 bytes, or more than 64 before the `@`.
    #[error("the e-mail address is too long: at most 254 characters, 64 of them before the @")]
    TooLong,
    /// It would be an address, were there no umlauts, accents, emoji or other such characters before the `@`.
    #[error(
        "this is not an address that mail can be sent to: use only a to z, digits and signs such as . + - _ before the @"
    )]
    LocalNotAscii,
    /// Anything else.
    #[error("this is not an e-mail address: it should look like ana@example.com")]
    Malformed,
}

impl Email {
    /// Reads an address as a person typed it; white space around it is forgiven.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > MAXIMUM_LENGTH {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        if local.len() > MAXIMUM_LOCAL_LENGTH {
            return Err(EmailError::TooLong);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailError::Malformed)?;
        if !is_host_name(&domain) {
            return Err(EmailError::Malformed);
        }
        if !is_dot_atom(local) {
            let spelt_plainly = local.replace(|c: char| !c.is_ascii(), "a");
            let plain = is_dot_atom(&spelt_plainly);
            return Err(if plain { EmailError::LocalNotAscii } else { EmailError::Malformed });
        }
        let address = format!("{local}@{domain}");
        if address.len() > MAXIMUM_LENGTH {
            return Err(EmailError::TooLong);
        }
        let normalized = address.to_ascii_lowercase();
        Ok(Self { address, normalized })
    }

    /// The address to send to: the local part as typed, the domain in ASCII.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The form that identifies an account: all lower case. (No provider that many people use tells `Ana@` from `ana@`.)
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// Enough of the address for its owner to know it by: `a•••@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.address.rsplit_once('@').unwrap_or((&self.address, ""));
        format!("{}•••@{domain}", local.get(..1).unwrap_or_default())
    }
}

/// `dot-atom` of RFC 5322 section 3.2.3: one or more runs of atom characters, with single dots between.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|run| {
        !run.is_empty()
            && run.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    })
}

/// Two labels or more, the last of them not a number (an IPv4 address is no host name).
fn is_host_name(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && label.len() <= 63)
        && !labels.last().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Masked: an address in a log is personal data.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.address
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_is_taken() {
        for (typed, address, normalized) in [
            ("ana@example.com", "ana@example.com", "ana@example.com"),
            ("  Ana.Maria+shop@Example.COM ", "Ana.Maria+shop@example.com", "ana.maria+shop@example.com"),
            ("ana@bücher.example", "ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
            ("o'neil@sub.example.org", "o'neil@sub.example.org", "o'neil@sub.example.org"),
        ] {
            let email = Email::parse(typed).unwrap();
            assert_eq!((email.address(), email.normalized()), (address, normalized), "{typed}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "b".repeat(250));
        for (typed, error) in [
            ("", EmailError::Empty),
            (" \t ", EmailError::Empty),
            (long.as_str(), EmailError::TooLong),
            (longer.as_str(), EmailError::TooLong),
            ("ana", EmailError::Malformed),
            ("@example.com", EmailError::Malformed),
            ("ana@", EmailError::Malformed),
            ("ana@localhost", EmailError::Malformed),
            ("ana@127.0.0.1", EmailError::Malformed),
            ("ana@[127.0.0.1]", EmailError::Malformed),
            ("ana..b@example.com", EmailError::Malformed),
            ("\"ana b\"@example.com", EmailError::Malformed),
            ("ana\0@example.com", EmailError::Malformed),
            ("ana@example.com\r\nBcc: eve@example.com", EmailError::Malformed),
            ("ana@exa mple.com", EmailError::Malformed),
            ("🙂@example.com", EmailError::LocalNotAscii),
            ("jörg@example.com", EmailError::LocalNotAscii),
            ("أنا@example.com", EmailError::LocalNotAscii),
            ("ana\u{200b}@example.com", EmailError::LocalNotAscii),
            ("jörg@example", EmailError::Malformed),
            ("jörg schmidt@example.com", EmailError::Malformed),
            ("ana@example..com", EmailError::Malformed),
            ("ana@-example.com", EmailError::Malformed),
            ("a@b@example.com", EmailError::Malformed),
        ] {
            assert_eq!(Email::parse(typed), Err(error), "{typed:?}");
        }
    }

    #[test]
    fn neither_debug_nor_the_mask_shows_the_address() {
        let email = Email::parse("secretive@example.com").unwrap();
        assert_eq!(format!("{email:?}"), "Email(s•••@example.com)");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_stable(text in "\\PC{0,300}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(&Email::parse(email.address()).unwrap(), &email);
                prop_assert!(email.address().is_ascii());
                prop_assert!(!email.address().chars().any(char::is_control));
            }
        }
    }
}
