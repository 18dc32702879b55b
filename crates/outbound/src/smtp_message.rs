//! From a `Mail` to the bytes and envelope of RFC 5322.

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::{Mail, SendError, mail::one_line};

/// Whatever fails here fails again, so every error is permanent.
pub(crate) fn compose(mail: &Mail) -> Result<Message, SendError> {
    let from_name = Some(one_line(&mail.from_name)).filter(|name| !name.trim().is_empty());
    let mut builder = Message::builder()
        .from(Mailbox::new(from_name, address("sender", &mail.from_address)?))
        .to(Mailbox::new(None, address("recipient", &mail.to)?))
        .subject(one_line(&mail.subject))
        .message_id(Some(message_id(&mail.message_id)?.to_owned()));
    for (name, value) in &mail.headers {
        let name = HeaderName::new_from_ascii(name.clone()).map_err(|_| {
            SendError::Permanent("the mail has a header whose name is not allowed".to_owned())
        })?;
        builder = builder.raw_header(HeaderValue::new(name, one_line(value)));
    }
    builder
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| SendError::Permanent(format!("the mail could not be composed: {error}")))
}

/// Whether mail can be sent from or to this: an address without a name.
pub fn is_mail_address(text: &str) -> bool {
    address("sender", text).is_ok()
}

/// The domain goes out in its ASCII form (RFC 5891): hardly a server takes any other.
fn address(role: &str, address: &str) -> Result<Address, SendError> {
    let refused = || SendError::Permanent(format!("the {role}'s address is not a mail address"));
    let (local, domain) = address.rsplit_once('@').ok_or_else(refused)?;
    let domain = idna::domain_to_ascii(domain).map_err(|_| refused())?;
    Address::new(local, domain).map_err(|_| refused())
}

/// Written into the header as it is, so it is held to visible ASCII.
fn message_id(id: &str) -> Result<&str, SendError> {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
    if inner.contains('@') && id.len() <= 200 && inner.bytes().all(allowed) {
        Ok(id)
    } else {
        Err(SendError::Permanent("the mail's message id is not of the form <unique@domain>".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// lettre 0.11.23 panicked over a line break in the sender's name.
        #[test]
        fn no_text_makes_it_panic_or_adds_a_header(texts in any::<[String; 8]>()) {
            let [from_name, local, subject, text, html, message_id, name, value] = texts;
            let mail = Mail {
                from_name,
                from_address: "no-reply@auth.example".to_owned(),
                to: "ada@example.com".to_owned(),
                subject,
                text,
                html,
                message_id: "<1@auth.example>".to_owned(),
                headers: vec![("X-Test".to_owned(), value.clone())],
            };
            let message = String::from_utf8_lossy(&compose(&mail).unwrap().formatted()).into_owned();
            let (head, _) = message.split_once("\r\n\r\n").unwrap();
            let headers = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).count();
            prop_assert_eq!(headers, 8, "{}", head);
            let hostile = Mail { to: format!("{local}@example.com"), message_id, headers: vec![(name, value)], ..mail };
            let _ = compose(&hostile);
        }
    }
}
