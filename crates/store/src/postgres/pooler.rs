//! Whether a pooler stands between that gives each transaction a server connection of its own choosing, and does not know what was
//! prepared on another.
//!
//! Behind one, a statement that is run by its name may be what somebody else prepared under the same name: another statement, with
//! our values in it. So it is found out before anything else is asked.

use sqlx::Error;
use sqlx::postgres::PgConnection;

/// Each of two connections prepares its own under the same name…
const ASKED: [&str; 2] = ["SELECT 1", "SELECT 2"];
/// …and they ask in this order. A pooler hands on what was used last, or the next one in turn: in either case one of them meets
/// what the other has prepared.
const ORDER: [usize; 6] = [0, 1, 1, 0, 0, 1];

/// What stands in a statement's way there.
pub(super) const REASON: &str = "a pooler stands between that does not know prepared statements, so that one server would run \
     what another has prepared; set statement_cache = 0 under [database], or let it know them (PgBouncer from 1.21 on, by \
     max_prepared_statements)";

/// Whether each is answered what it asked.
pub(super) async fn knows_statements(both: &mut [PgConnection; 2]) -> Result<bool, Error> {
    for asks in ORDER {
        let asked = sqlx::query_scalar(ASKED[asks]);
        match asked.fetch_one(&mut both[asks]).await {
            Ok(1) if asks == 0 => {}
            Ok(2) if asks == 1 => {}
            Ok::<i32, _>(_) => return Ok(false),
            Err(error) if is_of_another(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// There is no such statement, or there is one already.
fn is_of_another(error: &Error) -> bool {
    let Error::Database(told) = error else { return false };
    told.code().is_some_and(|code| matches!(&*code, "26000" | "42P05"))
}
