//! Tables `audit`, `audit_people`, `audit_checkpoints`: the trail of what was done.

use domain::{Pseudonym, Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// An entry. `number` is given by the sealer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// Its id (UUIDv7).
    pub id: Uuid,
    /// When it happened, Unix microseconds.
    pub at: i64,
    /// What was done.
    pub act: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Who did it: a pseudonym; nobody known if null.
    pub actor: Option<Uuid>,
    /// To whom: a pseudonym.
    pub subject: Option<Uuid>,
    /// From which network.
    pub network: String,
    /// The support id of the request.
    pub support_id: String,
    /// What else there is to say; never a secret, never an address.
    pub detail: String,
    /// Its place in the chain.
    pub number: Option<i64>,
    /// Its link to the entry before; while it has no number, proof that an act wrote it.
    pub mac: Option<Vec<u8>>,
}

/// Where the chain begins after pruning.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Checkpoint {
    /// The number of the last entry that was pruned.
    pub number: i64,
    /// Its link.
    pub mac: Vec<u8>,
    /// When it was pruned, Unix microseconds.
    pub at: i64,
    /// HMAC over the three.
    pub signature: Vec<u8>,
}

/// Adds an entry, in the transaction of the act it records.
pub async fn insert(tx: &mut Tx, entry: &Entry) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO audit (id, at, act, outcome, actor, subject, network, support_id, detail, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(entry.id)
        .bind(entry.at)
        .bind(&entry.act)
        .bind(&entry.outcome)
        .bind(entry.actor)
        .bind(entry.subject)
        .bind(&entry.network)
        .bind(&entry.support_id)
        .bind(&entry.detail)
        .bind(&entry.mac)
    )?;
    Ok(())
}

/// Up to `limit` entries that are not sealed, oldest first, from the id `from` on.
pub async fn unsealed(tx: &mut Tx, from: Uuid, limit: i64) -> Result<Vec<Entry>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac
         FROM audit WHERE number IS NULL AND id >= $1 ORDER BY id LIMIT $2"
    )
    .bind(from)
    .bind(limit)
    .fetch_all(connection))
}

/// How many entries are not sealed.
pub async fn count_unsealed(tx: &mut Tx) -> Result<i64, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT COUNT(*) FROM audit WHERE number IS NULL")
        .fetch_one(connection))
}

/// Gives an entry its place in the chain; says whether it had none.
pub async fn seal(tx: &mut Tx, id: Uuid, number: i64, mac: &[u8]) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("UPDATE audit SET number = $2, mac = $3 WHERE id = $1 AND number IS NULL")
            .bind(id)
            .bind(number)
            .bind(mac)
    )?;
    Ok(done == 1)
}

/// The place of an entry in the chain: its id, its number, its link.
pub type Place = (Uuid, i64, Vec<u8>);

/// As [`seal`], for eight entries by one statement; says how many of them had no place.
///
/// `+` keeps SQLite from the index of numbers, which is unique: it takes one entry at the most to have none, and would look through all
/// that wait for each of the eight.
pub async fn seal_eight(tx: &mut Tx, places: &[Place; 8]) -> Result<u64, Error> {
    changed!(tx, {
        let mut update = sqlx::query(
            "UPDATE audit SET number = v.column2, mac = v.column3
             FROM (VALUES ($1, $2, $3), ($4, $5, $6), ($7, $8, $9), ($10, $11, $12), ($13, $14, $15), ($16, $17, $18),
                          ($19, $20, $21), ($22, $23, $24)) AS v
             WHERE audit.id = v.column1 AND +audit.number IS NULL",
        );
        for (id, number, mac) in places {
            update = update.bind(id).bind(number).bind(mac);
        }
        update
    })
}

/// The last entry of the chain: its number and link.
pub async fn head(tx: &mut Tx) -> Result<Option<(i64, Vec<u8>)>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT number, mac FROM audit WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1"
    )
    .fetch_optional(connection))
}

/// Up to `limit` sealed entries after `number`, in the order of the chain.
pub async fn after(tx: &mut Tx, number: i64, limit: i64) -> Result<Vec<Entry>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac
         FROM audit WHERE number > $1 ORDER BY number LIMIT $2"
    )
    .bind(number)
    .bind(limit)
    .fetch_all(connection))
}

/// The newest sealed entries, up to `limit`, before `before`, of `subject` alone if given.
pub async fn newest(
    tx: &mut Tx,
    subject: Option<Pseudonym>,
    before: i64,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac
         FROM audit
         WHERE number < $2 AND (subject = $1 OR actor = $1 OR $1 IS NULL)
         ORDER BY number DESC LIMIT $3",
    )
    .bind(subject.map(|subject| subject.0))
    .bind(before)
    .bind(limit)
    .fetch_all(connection))
}

/// Whether the trail tells of this act on somebody, in these words.
pub async fn is_told(tx: &mut Tx, subject: Uuid, act: &str, detail: &str) -> Result<bool, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM audit WHERE subject = $1 AND act = $2 AND detail = $3)"
    )
    .bind(subject)
    .bind(act)
    .bind(detail)
    .fetch_one(connection))
}

/// Which account a pseudonym is, and what vouches for it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Person {
    /// What entries call it.
    pub pseudonym: Uuid,
    /// The account.
    pub user_id: Uuid,
    /// HMAC over both.
    pub mac: Option<Vec<u8>>,
}

/// Who a pseudonym is, if the account still exists, and its primary address.
pub async fn person(tx: &mut Tx, pseudonym: Pseudonym) -> Result<Option<(Person, String)>, Error> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        person: Person,
        address: String,
    }
    let row: Option<Row> = on!(tx, |connection| sqlx::query_as(
        "SELECT p.pseudonym, p.user_id, p.mac, e.address
         FROM audit_people p JOIN emails e ON e.user_id = p.user_id AND e.is_primary
         WHERE p.pseudonym = $1",
    )
    .bind(pseudonym.0)
    .fetch_optional(connection))?;
    Ok(row.map(|row| (row.person, row.address)))
}

/// Up to `limit` people, from the pseudonym `from` on.
pub async fn people(tx: &mut Tx, from: Uuid, limit: i64) -> Result<Vec<Person>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT pseudonym, user_id, mac FROM audit_people WHERE pseudonym >= $1 ORDER BY pseudonym LIMIT $2",
    )
    .bind(from)
    .bind(limit)
    .fetch_all(connection))
}

/// Sets what vouches for a person.
pub async fn set_person_mac(tx: &mut Tx, pseudonym: Uuid, mac: &[u8]) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE audit_people SET mac = $2 WHERE pseudonym = $1").bind(pseudonym).bind(mac)
    )?;
    Ok(())
}

/// Who the audit trail calls this account: nobody, if it is [`NOBODY`](crate::users::NOBODY)'s, whose row is read all the same.
pub async fn pseudonym_of(tx: &mut Tx, user: UserId) -> Result<Option<Uuid>, Error> {
    let found: Option<Uuid> =
        on!(tx, |connection| sqlx::query_scalar("SELECT pseudonym FROM audit_people WHERE user_id = $1")
            .bind(user.0)
            .fetch_optional(connection))?;
    Ok(found.and_then(crate::users::somebody))
}

/// Who the audit trail calls the account that has a (normalised) address. As many rows are read for one that nobody has: those of the
/// account whose address comes next.
pub async fn pseudonym_at(tx: &mut Tx, address: &str) -> Result<Option<Uuid>, Error> {
    let found: Option<(String, Uuid)> = on!(tx, |connection| {
        sqlx::query_as(
        "SELECT e.normalized, p.pseudonym FROM emails e JOIN audit_people p ON p.user_id = e.user_id
         WHERE e.normalized = COALESCE(
             (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody')",
    )
    .bind(address)
    .fetch_optional(connection)
    })?;
    let own = found.filter(|(normalized, _)| normalized == address);
    Ok(own.and_then(|(_, pseudonym)| crate::users::somebody(pseudonym)))
}

/// The checkpoints, in the order of the chain: it begins after the last.
pub async fn checkpoints(tx: &mut Tx) -> Result<Vec<Checkpoint>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT number, mac, at, signature FROM audit_checkpoints ORDER BY number"
    )
    .fetch_all(connection))
}

/// The first entry that has a number, and one not after `number`.
pub async fn first_until(tx: &mut Tx, number: i64) -> Result<Option<Entry>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac
         FROM audit WHERE number <= $1 ORDER BY number LIMIT 1"
    )
    .bind(number)
    .fetch_optional(connection))
}

/// How many entries have a number after `after` and up to `until`.
pub async fn count_between(tx: &mut Tx, after: i64, until: i64) -> Result<i64, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT COUNT(*) FROM audit WHERE number > $1 AND number <= $2")
        .bind(after)
        .bind(until)
        .fetch_one(connection))
}

/// The MAC of the entry with this number.
pub async fn mac_of(tx: &mut Tx, number: i64) -> Result<Option<Vec<u8>>, Error> {
    let mac: Option<Option<Vec<u8>>> =
        on!(tx, |connection| sqlx::query_scalar("SELECT mac FROM audit WHERE number = $1")
            .bind(number)
            .fetch_optional(connection))?;
    Ok(mac.flatten())
}

/// When the first and the last sealed entry were written.
pub async fn ends(tx: &mut Tx) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let ends: Option<(i64, i64)> = on!(tx, |connection| sqlx::query_as(
        "SELECT f.at, l.at
         FROM (SELECT at FROM audit WHERE number IS NOT NULL ORDER BY number LIMIT 1) AS f,
              (SELECT at FROM audit WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1) AS l",
    )
    .fetch_optional(connection))?;
    Ok(ends.map(|(first, last)| (Timestamp(first), Timestamp(last))))
}

/// Among the first `limit` entries of the chain, the last before the first that is not older than `before`.
pub async fn last_before(
    tx: &mut Tx,
    before: Timestamp,
    limit: i64,
) -> Result<Option<(i64, Vec<u8>)>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "WITH front AS (SELECT number, mac, at FROM audit WHERE number IS NOT NULL ORDER BY number LIMIT $2)
         SELECT number, mac FROM front
         WHERE number < COALESCE((SELECT MIN(number) FROM front WHERE at >= $1), 9223372036854775807)
         ORDER BY number DESC LIMIT 1",
    )
    .bind(before.micros())
    .bind(limit)
    .fetch_optional(connection))
}

/// Stores a checkpoint in the place of older ones, and deletes nothing.
pub async fn set_checkpoint(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM audit_checkpoints WHERE number <= $1").bind(checkpoint.number))?;
    changed!(
        tx,
        sqlx::query("INSERT INTO audit_checkpoints (number, mac, at, signature) VALUES ($1, $2, $3, $4)")
            .bind(checkpoint.number)
            .bind(&checkpoint.mac)
            .bind(checkpoint.at)
            .bind(&checkpoint.signature)
    )?;
    Ok(())
}

/// Deletes every entry up to the checkpoint, and stores it in the place of older ones.
pub async fn prune(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<u64, Error> {
    set_checkpoint(tx, checkpoint).await?;
    changed!(tx, sqlx::query("DELETE FROM audit WHERE number <= $1").bind(checkpoint.number))
}
