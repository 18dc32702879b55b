//! From a `Mail` to the bytes and envelope of RFC 5322.

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::{Mail, SendError};

/// Whatever fails here fails again, so every error is permanent.
pub(crate) fn compose(mail: &Mail) -> Result<Message, SendError> {
    let from_name = Some(mail.from_name.clone()).filter(|name| !name.is_empty());
    let mut builder = Message::builder()
        .from(Mailbox::new(from_name, address("sender", &mail.from_address)?))
        .to(Mailbox::new(None, address("recipient", &mail.to)?))
        .subject(&mail.subject)
        .message_id(Some(message_id(&mail.message_id)?.to_owned()));
    for (name, value) in &mail.headers {
        let name = HeaderName::new_from_ascii(name.clone()).map_err(|_| {
            SendError::Permanent("the mail has a header whose name is not allowed".to_owned())
        })?;
        builder = builder.raw_header(HeaderValue::new(name, value.clone()));
    }
    builder
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| SendError::Permanent(format!("the mail could not be composed: {error}")))
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
