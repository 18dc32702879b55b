//! `Parameters`: the query or the form of a request.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

use crate::{OAuthError, Secret, form::decode_form};

/// More than all parameters that are known together.
const MAXIMUM_PARAMETERS: usize = 50;
const MAXIMUM_NAME_BYTES: usize = 100;
/// The longest that is of use is a token of 8 KiB.
const MAXIMUM_VALUE_BYTES: usize = crate::MAXIMUM_TOKEN_BYTES;

/// What may be said more than once (RFC 8707 section 2). Anything else may not (RFC 6749 section 3.1).
const REPEATABLE: [&str; 1] = ["resource"];

/// The parameters of a request, decoded. An empty value is as no value (RFC 6749 section 3.1).
///
/// Values may be credentials, so they are wiped when dropped, and only the names are ever printed.
#[derive(Clone, Default)]
pub struct Parameters {
    values: BTreeMap<String, Vec<Zeroizing<String>>>,
}

impl Parameters {
    /// Reads a query or a form body in which no parameter is repeated.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let parameters = Self::parse_with_repetitions(text)?;
        parameters.refuse_repetitions()?;
        Ok(parameters)
    }

    /// Reads a query or a form body. A repeated parameter is as absent to [`get`](Self::get), since nobody knows
    /// which value was meant: for the authorization endpoint, which first has to find out whether the client can be
    /// told.
    pub fn parse_with_repetitions(text: &str) -> Result<Self, OAuthError> {
        let mut parameters = Self::default();
        for (index, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if index == MAXIMUM_PARAMETERS {
                return Err(OAuthError::invalid_request(format!(
                    "The request has more than {MAXIMUM_PARAMETERS} parameters; leave out those that no document names."
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.insert(decode(name)?, Zeroizing::new(decode(value)?))?;
        }
        Ok(parameters)
    }

    fn insert(&mut self, name: String, value: Zeroizing<String>) -> Result<(), OAuthError> {
        if name.len() > MAXIMUM_NAME_BYTES {
            return Err(OAuthError::invalid_request(format!(
                "The name of a parameter is longer than {MAXIMUM_NAME_BYTES} bytes; no document names one that long."
            )));
        }
        if value.len() > MAXIMUM_VALUE_BYTES {
            return Err(OAuthError::invalid_request(format!(
                "The parameter '{name}' is longer than {MAXIMUM_VALUE_BYTES} bytes; send a shorter one."
            )));
        }
        self.values.entry(name).or_default().push(value);
        Ok(())
    }

    /// Refuses what is said more than once, with values or without (RFC 6749 section 3.1).
    pub fn refuse_repetitions(&self) -> Result<(), OAuthError> {
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

fn decode(text: &str) -> Result<String, OAuthError> {
    decode_form(text).ok_or_else(|| {
        OAuthError::invalid_request(
            "A parameter is not properly encoded: application/x-www-form-urlencoded in UTF-8 is expected.",
        )
    })
}

impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Parameters")?;
        formatter.debug_list().entries(self.values.keys()).finish()
    }
}
