//! Every column that holds something sealed, over all tables: how much is sealed under which key, and how that is exchanged for
//! the same under another. A new one belongs into [`Column`]; a test asks the tables whether one is missing.

use uuid::Uuid;

use crate::{Error, Tx};

/// A column that holds something sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// The keys that sign tokens.
    SigningKey,
    /// Mail that waits.
    Mail,
    /// What a mailed code or link is of.
    Artefact,
    /// What an app asks for while a person signs in.
    Request,
    /// What an app was given a code for.
    Code,
    /// A refresh token whose answer may have been lost.
    Successor,
    /// How a request is answered that is sent again under its `Idempotency-Key`.
    Answer,
}

/// What a row is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// A text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// A hash.
    Hash(Vec<u8>),
}

impl RowKey {
    /// As it is bound into the envelope.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Id(id) => id.as_bytes(),
            Self::Hash(hash) => hash,
        }
    }
}

/// How many values of a column are sealed under one key.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Counted {
    /// The key's id.
    pub key_id: Vec<u8>,
    /// How many there are.
    pub number: i64,
    /// When the last of them ends by itself, Unix microseconds; nothing where they are sealed anew before.
    pub ends: Option<i64>,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SigningKey,
        Self::Mail,
        Self::Artefact,
        Self::Request,
        Self::Code,
        Self::Successor,
        Self::Answer,
    ];

    /// The name of its table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::SigningKey => "signing_keys",
            Self::Mail => "outbox",
            Self::Artefact => "artefacts",
            Self::Request => "authorization_requests",
            Self::Code => "authorization_codes",
            Self::Successor => "refresh_tokens",
            Self::Answer => "idempotency_keys",
        }
    }

    /// Its own name.
    pub const fn column(self) -> &'static str {
        match self {
            Self::SigningKey => "private_key",
            Self::Mail | Self::Artefact | Self::Code => "payload",
            Self::Request => "request",
            Self::Successor => "successor",
            Self::Answer => "answer",
        }
    }

    /// Whether what it holds ends by itself, and is not sealed anew.
    pub const fn ends_by_itself(self) -> bool {
        matches!(self, Self::Artefact)
    }

    /// What finds a first row, before all others.
    fn before_all(self) -> RowKey {
        match self {
            Self::SigningKey => RowKey::Text(String::new()),
            Self::Mail | Self::Artefact | Self::Request => RowKey::Id(Uuid::nil()),
            Self::Code | Self::Successor | Self::Answer => RowKey::Hash(Vec::new()),
        }
    }

    /// An envelope is a version, four bytes of the key's id, and the rest.
    const fn counting(self) -> &'static str {
        match self {
            Self::SigningKey => {
                "SELECT substr(private_key, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM signing_keys GROUP BY substr(private_key, 2, 4)"
            }
            Self::Mail => {
                "SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM outbox WHERE payload IS NOT NULL GROUP BY substr(payload, 2, 4)"
            }
            Self::Artefact => {
                "SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, MAX(expires_at) AS ends
                 FROM artefacts GROUP BY substr(payload, 2, 4)"
            }
            Self::Request => {
                "SELECT substr(request, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM authorization_requests GROUP BY substr(request, 2, 4)"
            }
            Self::Code => {
                "SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM authorization_codes GROUP BY substr(payload, 2, 4)"
            }
            Self::Successor => {
                "SELECT substr(successor, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM refresh_tokens WHERE successor IS NOT NULL GROUP BY substr(successor, 2, 4)"
            }
            Self::Answer => {
                "SELECT substr(answer, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends
                 FROM idempotency_keys GROUP BY substr(answer, 2, 4)"
            }
        }
    }

    const fn finding(self) -> Option<&'static str> {
        Some(match self {
            Self::SigningKey => {
                "SELECT kid AS row_key, private_key AS sealed FROM signing_keys
                 WHERE substr(private_key, 1, 5) <> $1 AND kid > $2 ORDER BY kid LIMIT $3"
            }
            Self::Mail => {
                "SELECT id AS row_key, payload AS sealed FROM outbox
                 WHERE payload IS NOT NULL AND substr(payload, 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3"
            }
            // Their codes hang on the key that they were made under: they end by themselves.
            Self::Artefact => return None,
            Self::Request => {
                "SELECT id AS row_key, request AS sealed FROM authorization_requests
                 WHERE substr(request, 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3"
            }
            Self::Code => {
                "SELECT hash AS row_key, payload AS sealed FROM authorization_codes
                 WHERE substr(payload, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3"
            }
            Self::Successor => {
                "SELECT hash AS row_key, successor AS sealed FROM refresh_tokens
                 WHERE successor IS NOT NULL AND substr(successor, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3"
            }
            Self::Answer => {
                "SELECT hash AS row_key, answer AS sealed FROM idempotency_keys
                 WHERE substr(answer, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3"
            }
        })
    }

    const fn exchanging(self) -> Option<&'static str> {
        Some(match self {
            Self::SigningKey => {
                "UPDATE signing_keys SET private_key = $3 WHERE kid = $1 AND private_key = $2"
            }
            Self::Mail => "UPDATE outbox SET payload = $3 WHERE id = $1 AND payload = $2",
            Self::Artefact => return None,
            Self::Request => "UPDATE authorization_requests SET request = $3 WHERE id = $1 AND request = $2",
            Self::Code => "UPDATE authorization_codes SET payload = $3 WHERE hash = $1 AND payload = $2",
            Self::Successor => "UPDATE refresh_tokens SET successor = $3 WHERE hash = $1 AND successor = $2",
            Self::Answer => "UPDATE idempotency_keys SET answer = $3 WHERE hash = $1 AND answer = $2",
        })
    }
}

/// How many values there are under which key. Reads the whole column.
pub async fn count(tx: &mut Tx, column: Column) -> Result<Vec<Counted>, Error> {
    let text = column.counting();
    on!(tx, |connection| sqlx::query_as(text).fetch_all(connection))
}

/// Up to `limit` values after a row whose envelopes do not begin with `header`, by their rows. Nothing of a column whose values
/// [end by themselves](Column::ends_by_itself).
pub async fn waiting(
    tx: &mut Tx,
    column: Column,
    header: &[u8],
    after: Option<&RowKey>,
    limit: i64,
) -> Result<Vec<(RowKey, Vec<u8>)>, Error> {
    let Some(text) = column.finding() else { return Ok(Vec::new()) };
    let first = column.before_all();
    let rows = match after.unwrap_or(&first) {
        RowKey::Text(after) => {
            let rows: Vec<(String, Vec<u8>)> = on!(tx, |connection| sqlx::query_as(text)
                .bind(header)
                .bind(after)
                .bind(limit)
                .fetch_all(connection))?;
            rows.into_iter().map(|(key, sealed)| (RowKey::Text(key), sealed)).collect()
        }
        RowKey::Id(after) => {
            let rows: Vec<(Uuid, Vec<u8>)> = on!(tx, |connection| sqlx::query_as(text)
                .bind(header)
                .bind(after)
                .bind(limit)
                .fetch_all(connection))?;
            rows.into_iter().map(|(key, sealed)| (RowKey::Id(key), sealed)).collect()
        }
        RowKey::Hash(after) => {
            let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(tx, |connection| sqlx::query_as(text)
                .bind(header)
                .bind(after)
                .bind(limit)
                .fetch_all(connection))?;
            rows.into_iter().map(|(key, sealed)| (RowKey::Hash(key), sealed)).collect()
        }
    };
    Ok(rows)
}

/// Puts an envelope in the place of another. False if that is not there any more: whoever wrote meanwhile is right.
pub async fn exchange(
    tx: &mut Tx,
    column: Column,
    row: &RowKey,
    before: &[u8],
    after: &[u8],
) -> Result<bool, Error> {
    let Some(text) = column.exchanging() else { return Ok(false) };
    let done = match row {
        RowKey::Text(key) => changed!(tx, sqlx::query(text).bind(key).bind(before).bind(after)),
        RowKey::Id(key) => changed!(tx, sqlx::query(text).bind(key).bind(before).bind(after)),
        RowKey::Hash(key) => changed!(tx, sqlx::query(text).bind(key).bind(before).bind(after)),
    }?;
    Ok(done == 1)
}
