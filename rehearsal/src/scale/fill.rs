//! Fills the tables of an installation by COPY. Indexes and references are set aside meanwhile, and made anew of the whole.

use std::io::{BufWriter, Write as _};
use std::process::Stdio;
use std::thread;

use super::NOW;
use super::people::{Use, address, browser, digits, hex, id, token_hash};
use crate::Failure;
use crate::psql::{on_postgres, psql};
use crate::scale::people::People;

/// A table, its columns, how many rows it gets, and each of them, in the text form of COPY.
struct Table {
    columns: &'static str,
    rows: fn(People) -> u64,
    row: fn(People, u64) -> String,
}

const TABLES: [Table; 6] = [
    Table {
        columns: "users (id, name, second_step, created_at, updated_at)",
        rows: |people| people.users,
        row: |_, user| format!("{}\tPerson {user}\tf\t{now}\t{now}", id(Use::User, user), now = NOW.micros()),
    },
    Table {
        columns: "emails (id, user_id, address, normalized, is_primary, proved_at, created_at)",
        rows: |people| people.users,
        row: |_, user| {
            let (own, owner, address) = (id(Use::Email, user), id(Use::User, user), address(user));
            format!("{own}\t{owner}\t{address}\t{address}\tt\t{now}\t{now}", now = NOW.micros())
        },
    },
    Table {
        columns: "passwords (user_id, hash, scheme, changed_at)",
        rows: |people| people.users,
        row: |_, user| {
            let scheme = "$argon2id$v=19$m=19456,t=2,p=1";
            let (salt, output) = (digits(Use::Browser, user, 22), digits(Use::Hash, user, 43));
            format!("{}\t{scheme}${salt}${output}\t{scheme}\t{}", id(Use::User, user), NOW.micros())
        },
    },
    Table {
        columns: "audit_people (pseudonym, user_id, mac)",
        rows: |people| people.users,
        row: |_, user| {
            let (own, owner) = (id(Use::Pseudonym, user), id(Use::User, user));
            format!("{own}\t{owner}\t\\\\x{}", digits(Use::Pseudonym, user, 64))
        },
    },
    Table {
        columns: "sessions (id, token_hash, user_id, proofs, proved_at, created_at, used_at, expires_at, device, network, sid)",
        rows: |people| people.sessions,
        row: |people, session| {
            let (own, owner) = (id(Use::Session, session), id(Use::User, people.owner(session)));
            let (token, now) = (hex(&token_hash(session)), NOW.micros());
            // Ended one after the other, as they began.
            let until = now + 86_400_000_000 + i64::try_from(session).unwrap_or_default();
            format!(
                "{own}\t\\\\x{token}\t{owner}\tpwd\t{now}\t{now}\t{now}\t{until}\tFirefox on Linux\t192.0.2.0/24\t{own}"
            )
        },
    },
    Table {
        columns: "known_browsers (browser_hash, user_id, used_at)",
        rows: |people| people.sessions,
        row: |people, session| {
            let owner = people.owner(session);
            format!("\\\\x{}\t{}\t{}", hex(&browser(owner)), id(Use::User, owner), NOW.micros())
        },
    },
];

/// References, then indexes, then keys; and back in the other order.
const SET_ASIDE: &str = r"
    CREATE TABLE set_aside AS
        SELECT CASE contype WHEN 'f' THEN 1 ELSE 3 END AS turn,
               format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS away,
               format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'p', 'u')
        UNION ALL
        SELECT 2, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'));
    SELECT away FROM set_aside ORDER BY turn \gexec
";
const PUT_BACK: &str = r"
    SET maintenance_work_mem = '1GB';
    SELECT back FROM set_aside ORDER BY turn DESC \gexec
    DROP TABLE set_aside;
    VACUUM (ANALYZE);
    CHECKPOINT;
    -- As after a while in service: what fits into the server's memory is there.
    CREATE EXTENSION pg_prewarm;
    SELECT sum(pg_prewarm(c.oid)) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i');
";

/// Fills it. The database has this release's tables, and nothing in them.
pub(super) fn fill(url: &str, people: People) -> Result<(), Failure> {
    on_postgres(url, SET_ASIDE)?;
    // Two at a time: one that writes, and one that is written.
    for pair in TABLES.chunks(2) {
        thread::scope(|scope| {
            let copying: Vec<_> =
                pair.iter().map(|table| scope.spawn(move || copy(url, table, people))).collect();
            copying.into_iter().try_for_each(|one| one.join().map_err(|_| "a thread ended without a word")?)
        })?;
    }
    on_postgres(url, PUT_BACK)?;
    Ok(())
}

fn copy(url: &str, table: &Table, people: People) -> Result<(), Failure> {
    let name = table.columns.split(' ').next().unwrap_or_default();
    // What is written into a table that was emptied in the same transaction need not be written to the log.
    let begin = format!("BEGIN; TRUNCATE {name}");
    let copy = format!("COPY {} FROM STDIN", table.columns);
    let mut child =
        psql(url).args(["-c", &begin, "-c", &copy, "-c", "COMMIT"]).stdin(Stdio::piped()).spawn()?;
    let mut input = BufWriter::with_capacity(1 << 20, child.stdin.take().ok_or("psql takes nothing")?);
    for number in 0..(table.rows)(people) {
        let row = (table.row)(people, number);
        writeln!(input, "{row}")?;
    }
    input.flush()?;
    drop(input);
    let ended = child.wait()?;
    if ended.success() { Ok(()) } else { Err(format!("COPY into {name} ended with {ended}").into()) }
}
