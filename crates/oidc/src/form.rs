//! `application/x-www-form-urlencoded`, read strictly.

/// Decodes one name or value: `+` is a space, `%` and two digits a byte, the whole UTF-8 (WHATWG URL section 5.1).
/// `None` where the common decoders guess: a `%` without its digits, or bytes that are no UTF-8.
pub(crate) fn decode_form(text: &str) -> Option<String> {
    // Tokens, ids and most of what else is sent need no decoding.
    if !text.as_bytes().contains(&b'%') && !text.as_bytes().contains(&b'+') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let (digits, behind) = behind.split_at_checked(2)?;
                bytes.push(hexadecimal(digits[0])? << 4 | hexadecimal(digits[1])?);
                behind
            }
            b'+' => {
                bytes.push(b' ');
                behind
            }
            other => {
                bytes.push(other);
                behind
            }
        };
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Adds parameters to the query of a URI, which else stays letter by letter as it is (RFC 6749 section 3.1.2).
pub(crate) fn append_query<N: AsRef<str>, V: AsRef<str>>(uri: &str, parameters: &[(N, V)]) -> String {
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{uri}{joint}{query}")
}

/// Encodes one name or value.
pub(crate) fn encode_form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
