//! Accounts to rehearse with.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Failure;
use crate::connection::Connection;
use crate::draw::Draw;

/// Every account's.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// As long, and nobody's.
pub(crate) const WRONG_PASSWORD: &str = "correct horse battery stable";

/// Limits that a rehearsal never meets: what is looked for lies behind them.
pub(crate) const NO_LIMITS: &str = "[limits]
account_failures = 4000000
network_failures = 4000000
network_sign_ups = 4000000
mails = 4000000
network_mails = 4000000
second_step_mails = 4000000
";

/// The mailbox keeps 200 mails: no more than this are written before they are read.
const AT_ONCE: usize = 50;
/// Mail that is not there by then is not coming.
const LONGEST_MAIL: Duration = Duration::from_secs(30);

/// Signs up `count` addresses and proves each by the code from its mail.
pub(crate) async fn proved(
    connection: &mut Connection,
    draw: &mut Draw,
    count: usize,
) -> Result<Vec<String>, Failure> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let mut proofs = Vec::new();
        for _ in 0..AT_ONCE.min(count - all.len()) {
            let email = draw.address();
            let body = json!({ "email": email, "password": PASSWORD });
            let answer = connection.post("/api/v1/sign-up", &body).await?.expect(201, "a sign-up")?;
            proofs.push((email, answer.json()?["proof_id"].clone()));
        }
        let codes = codes(connection, proofs.iter().map(|(email, _)| email.as_str()).collect()).await?;
        for (email, proof) in proofs {
            let body = json!({ "proof_id": proof, "code": codes[&email], "password": PASSWORD });
            connection.post("/api/v1/sign-up/proof", &body).await?.expect(200, "a proof of address")?;
            all.push(email);
        }
    }
    Ok(all)
}

/// The newest code mailed to each address, once there is one.
#[expect(clippy::disallowed_methods, reason = "how long a real server took")]
async fn codes(connection: &mut Connection, emails: Vec<&str>) -> Result<HashMap<String, String>, Failure> {
    let begun = Instant::now();
    loop {
        let messages = connection.get("/dev/mailbox.json").await?.expect(200, "the mailbox")?.json()?;
        let messages = messages.as_array().cloned().unwrap_or_default();
        let code_of = |email: &&str| {
            let message = messages.iter().find(|message| message["to"] == **email)?;
            Some(((*email).to_owned(), message["codes"][0].as_str()?.to_owned()))
        };
        let codes: HashMap<_, _> = emails.iter().filter_map(code_of).collect();
        if codes.len() == emails.len() {
            return Ok(codes);
        }
        if begun.elapsed() > LONGEST_MAIL {
            return Err(format!("{} of {} mails came", codes.len(), emails.len()).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
