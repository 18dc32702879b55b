//! The access token of a request to a resource (RFC 6750 section 2).

use crate::{ErrorCode, OAuthError, Parameters, Secret};

/// Finds the access token in the `Authorization` header, or in the form of a POST (section 2.2); never in a query, which
/// logs keep (RFC 9700 section 4.3.2). `None`: there is none at all, and no error is named (section 3.1).
pub fn read_bearer(
    authorization: Option<&str>,
    form: Option<&Parameters>,
) -> Result<Option<Secret>, OAuthError> {
    let in_form = form.and_then(|form| form.get("access_token")).map(Secret::new);
    let in_header = authorization.map(read_header).transpose()?;
    match (in_header, in_form) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request(
            "There is an access token in the Authorization header and one in the form; send one.",
        )),
        (found, None) | (None, found) => Ok(found),
    }
}

fn read_header(header: &str) -> Result<Secret, OAuthError> {
    let malformed = || {
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "The Authorization header is not of the form: Bearer token.",
        )
    };
    let (scheme, token) = header.split_once(' ').ok_or_else(malformed)?;
    let token = token.trim_matches(' ');
    // RFC 6750 section 2.1: b64token.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || !token.bytes().all(allowed) {
        return Err(malformed());
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, form: Option<&str>) -> Result<Option<String>, ErrorCode> {
        let form = form.map(|form| Parameters::parse(form).unwrap());
        read_bearer(header, form.as_ref())
            .map(|found| found.map(|token| token.expose().to_owned()))
            .map_err(|error| error.code)
    }

    #[test]
    fn one_token_in_one_place() {
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(None, Some("")), Ok(None));
        // RFC 6750 sections 2.1 and 2.2.
        assert_eq!(read(Some("Bearer mF_9.B5f-4.1JqM"), None), Ok(Some("mF_9.B5f-4.1JqM".into())));
        assert_eq!(read(None, Some("access_token=mF_9.B5f-4.1JqM")), Ok(Some("mF_9.B5f-4.1JqM".into())));
        assert_eq!(read(Some("bEARER  x "), None), Ok(Some("x".into())));
        assert_eq!(read(Some("Bearer x"), Some("access_token=x")), Err(ErrorCode::InvalidRequest));
        for header in ["", "Bearer", "Bearer ", "Basic x", "Bearer a b", "Bearer a,b", "Bearer \u{e9}", "x"] {
            assert_eq!(read(Some(header), None), Err(ErrorCode::InvalidRequest), "{header:?}");
        }
    }
}
