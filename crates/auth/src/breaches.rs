//! Passwords that are known from breaches, asked for by the first five digits of their SHA-1, so that whoever answers learns neither
//! the password nor which of hundreds it is (k-anonymity, as the range service of Have I Been Pwned has it).

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Password, Timestamp, Weakness};
use secrets::legacy::{Digest, digest};

use crate::Auth;

/// An answer is believed for so long.
const FRESH: Duration = Duration::from_hours(24);
/// Answers kept; each has about a thousand lines.
const KEPT: usize = 64;
/// Digits of SHA-1 that are told.
const TOLD: usize = 5;

type Answer = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// Asks for the lines of a range, given its five digits.
type Ask = dyn Fn(String) -> Answer + Send + Sync;

/// What asks, and what it was answered of late.
#[derive(Clone)]
pub struct Breaches(Arc<Known>);

struct Known {
    ask: Box<Ask>,
    answers: Mutex<HashMap<String, (Timestamp, Arc<str>)>>,
}

impl Breaches {
    /// One that asks by `ask`: it is given five digits and gives lines of `REST:COUNT`, or why it cannot.
    pub fn new(ask: impl Fn(String) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Known { ask: Box::new(ask), answers: Mutex::default() }))
    }

    /// Whether a password is known from a breach. No, where that cannot be found out: a service that is away keeps nobody from
    /// setting a password.
    pub async fn know(&self, password: &Password, now: Timestamp) -> bool {
        let hex = digest(Digest::Sha1, &[password.expose_bytes()])
            .iter()
            .fold(String::with_capacity(40), |hex, byte| hex + &format!("{byte:02X}"));
        let (told, rest) = hex.split_at(TOLD);
        match self.range(told, now).await {
            Ok(lines) => lines.lines().any(|line| {
                let (found, count) = line.trim().split_once(':').unwrap_or((line, "0"));
                // Lines that only hide how many there are count nobody.
                found.eq_ignore_ascii_case(rest) && count.trim() != "0"
            }),
            Err(error) => {
                tracing::warn!(
                    error,
                    "whether a password is known from a breach cannot be asked; it is taken"
                );
                false
            }
        }
    }

    async fn range(&self, told: &str, now: Timestamp) -> Result<Arc<str>, String> {
        let answers = || self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers().get(told).cloned();
        if let Some((at, lines)) = known
            && now >= at
            && now < at.plus(FRESH)
        {
            return Ok(lines);
        }
        let lines: Arc<str> = (self.0.ask)(told.to_owned()).await?.into();
        let mut answers = answers();
        if answers.len() >= KEPT {
            answers.clear();
        }
        answers.insert(told.to_owned(), (now, lines.clone()));
        Ok(lines)
    }
}

impl Auth {
    /// Refuses a new password that is known from a breach, if that may be asked. Ask a limit first, or a credential: whoever is asked
    /// is somebody else's server, and takes a moment.
    pub(crate) async fn check_breaches(&self, password: &Password) -> Result<(), Weakness> {
        match &self.breaches {
            Some(breaches) if breaches.know(password, self.clock.now()).await => Err(Weakness::Breached),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Breaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Breaches")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    /// The SHA-1 of "password" is 5BAA6 1E4C9B93F3F0682250B6CF8331B7EE68FD8.
    #[tokio::test]
    async fn a_password_is_known_by_the_rest_of_its_digest_and_asked_for_once() {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = asked.clone();
        let breaches = Breaches::new(move |told| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                Ok(match told.as_str() {
                    "5BAA6" => {
                        "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9\r\n"
                    }
                    // Padding: the rest of "another", and nobody.
                    _ => "08CCC05DE6AAA5DEE4F9C8E3A4D1C7A9E1E:0\r\n",
                }
                .to_owned())
            })
        });
        let password = |text: &str| Password::parse(text).unwrap();
        assert!(breaches.know(&password("password"), NOW).await);
        assert!(breaches.know(&password("password"), NOW).await);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(!breaches.know(&password("another"), NOW).await);
        breaches.know(&password("password"), NOW.plus(FRESH)).await;
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_service_that_is_away_keeps_nobody_out() {
        let breaches = Breaches::new(|_| Box::pin(async { Err("no answer".to_owned()) }));
        assert!(!breaches.know(&Password::parse("password").unwrap(), NOW).await);
    }
}
