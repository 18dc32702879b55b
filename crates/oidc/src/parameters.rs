//! `Parameters`: the query or the form of a request.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

use crate::{OAuthError, Secret, form::decode_form};

/// More than all parameters that are known together.
const MAXIMUM_PARAMETERS: usize = 50;
/// No document names one that long.
const MAXIMUM_NAME_BYTES: usize = 100;
/// The longest that is of use is a token of 8 KiB.
const MAXIMUM_VALUE_BYTES: usize = crate::MAXIMUM_TOKEN_BYTES;

/// What may be said more than once (RFC 8707 section 2). Anything else may not (RFC 6749 section 3.1).
const REPEATABLE: [&str; 1] = ["resource"];

/// What some endpoint reads. What nobody knows is passed over (RFC 6749 sections 3.1 and 3.2), so that its length and number
/// are nobody's mistake.
const KNOWN: [&str; 34] = [
    "access_token",
    "acr_values",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "error",
    "error_description",
    "grant_type",
    "id_token_hint",
    "iss",
    "login_hint",
    "logout_token",
    "max_age",
    "nonce",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "registration",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "token_type_hint",
    "ui_locales",
];

/// The parameters of a request, decoded. An empty value is as no value (RFC 6749 section 3.1).
///
/// Values may be credentials, so they are wiped when dropped, and only the names are ever printed.
#[derive(Clone, Default)]
pub struct Parameters {
    values: BTreeMap<String, Vec<Zeroizing<String>>>,
    /// The first thing that cannot be read.
    fault: Option<OAuthError>,
}

impl Parameters {
    /// Reads a query or a form body, in which all can be read and no parameter is repeated.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let parameters = Self::read(text);
        parameters.refuse_uncertain()?;
        Ok(parameters)
    }

    /// Reads a query or a form body as far as that goes. A parameter that is repeated, or cannot be read, is as absent to
    /// [`get`](Self::get), since nobody knows which value was meant: for the authorization endpoint, which first has to find
    /// out whether the client can be told, and then [refuses](Self::refuse_uncertain) it.
    pub fn read(text: &str) -> Self {
        let mut parameters = Self::default();
        let (mut known, mut unknown) = (0, 0);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = decode_form(name) else {
                parameters.blame(not_encoded());
                continue;
            };
            // Of one that cannot be read it is kept that it was there: beside another of its name neither is certain.
            let value = Zeroizing::new(decode_form(value).unwrap_or_else(|| {
                parameters.blame(not_encoded());
                String::new()
            }));
            if KNOWN.contains(&name.as_str()) {
                known += 1;
                parameters.insert_known(name, value, known);
            } else if unknown < MAXIMUM_PARAMETERS
                && name.len() <= MAXIMUM_NAME_BYTES
                && value.len() <= MAXIMUM_VALUE_BYTES
            {
                unknown += 1;
                parameters.values.entry(name).or_default().push(value);
            }
        }
        parameters
    }

    /// What a query or a form body has of parameters of these names: each as it stands, and as often, so that what is repeated or
    /// malformed stays so. A name that cannot be read, and may be one of them, stays as something that cannot be.
    pub fn of_names(text: &str, names: &[&str]) -> String {
        let kept = text.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            match decode_form(name) {
                Some(name) => names.contains(&name.as_str()).then_some(pair),
                None => Some("%"),
            }
        });
        kept.collect::<Vec<_>>().join("&")
    }

    fn insert_known(&mut self, name: String, mut value: Zeroizing<String>, number: usize) {
        if value.len() > MAXIMUM_VALUE_BYTES {
            self.blame(OAuthError::invalid_request(format!(
                "The parameter '{name}' is longer than {MAXIMUM_VALUE_BYTES} bytes; send a shorter one."
            )));
            value = Zeroizing::default();
        }
        if number > MAXIMUM_PARAMETERS {
            self.blame(OAuthError::invalid_request(format!(
                "The request has more than {MAXIMUM_PARAMETERS} parameters; send fewer."
            )));
        }
        self.values.entry(name).or_default().push(value);
    }

    fn blame(&mut self, fault: OAuthError) {
        self.fault.get_or_insert(fault);
    }

    /// Refuses what cannot be read, and what is said more than once, with values or without (RFC 6749 section 3.1).
    pub fn refuse_uncertain(&self) -> Result<(), OAuthError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let repeated =
            |(name, values): &(&String, &Vec<_>)| values.len() > 1 && !REPEATABLE.contains(&name.as_str());
        match self.values.iter().find(repeated) {
            None => Ok(()),
            Some((name, _)) => Err(OAuthError::invalid_request(format!(
                "The parameter '{name}' occurs more than once, so its value is not certain; send it once."
            ))),
        }
    }

    /// The value, if it is there once and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name).map(Vec::as_slice) {
            Some([value]) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// As [`get`](Self::get), of a parameter without which the request says nothing.
    pub fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| {
            OAuthError::invalid_request(format!(
                "The parameter '{name}' is missing; it has to be sent, once and not empty."
            ))
        })
    }

    /// As [`require`](Self::require), of a parameter that is a credential.
    pub fn require_secret(&self, name: &str) -> Result<Secret, OAuthError> {
        self.require(name).map(Secret::new)
    }

    /// Every value that is not empty, in the order of the request, of a parameter that may be repeated.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values
            .get(name)
            .into_iter()
            .flatten()
            .map(|value| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

fn not_encoded() -> OAuthError {
    OAuthError::invalid_request(
        "A parameter is not properly encoded: application/x-www-form-urlencoded in UTF-8 is expected.",
    )
}

impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Parameters")?;
        formatter.debug_list().entries(self.values.keys()).finish()
    }
}
