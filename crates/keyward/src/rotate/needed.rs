//! Whether the key that seals may be exchanged now: there is one place for the key before, and what is there may be needed still.

use auth_service::admin::{KeyRoleShown, SealedShown, SealedUnderShown};

use crate::sealed::until;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Every server seals by the key in the file, and nothing hangs on another.
    Anew,
    /// A run was stopped once the next key was in the file: it is gone on with.
    GoOn,
}

/// By the ids of the key in the file and of the one that is kept, and by what each server has counted. Says why not.
pub(super) fn way(file: &str, kept: Option<&str>, servers: &[SealedShown]) -> Result<Way, String> {
    let keys = || servers.iter().flat_map(|server| &server.keys);
    let behind: Vec<_> =
        keys().filter(|key| key.role == KeyRoleShown::Current && key.key_id != file).collect();
    if let Some(lost) = behind.iter().find(|key| Some(key.key_id.as_str()) != kept) {
        return Err(format!(
            "servers seal by the key {}, which is neither in the file, where {file} is, nor kept: put it where the key before is kept, \
             from a copy; without one have them take {file} while they run (`keyward secrets refresh`), which seals anew all but mailed codes",
            lost.key_id
        ));
    }
    if !behind.is_empty() {
        return Ok(Way::GoOn);
    }
    let others = || keys().filter(|key| key.role != KeyRoleShown::Current);
    if let Some(key) = others().find(|key| key.number > 0) {
        return Err(needed(key));
    }
    let is_kept = |key: &&SealedUnderShown| Some(key.key_id.as_str()) == kept;
    match others().filter(is_kept).find(|key| key.role == KeyRoleShown::Older && !key.may_be_dropped) {
        Some(key) => Err(format!(
            "nothing is sealed by the key {} any more, but servers have not sealed by another for a minute yet, and what was under way may \
             come: run this again in two minutes",
            key.key_id
        )),
        None => Ok(Way::Anew),
    }
}

fn needed(key: &SealedUnderShown) -> String {
    let SealedUnderShown { key_id, number, .. } = key;
    let values = if *number == 1 { "1 value needs".to_owned() } else { format!("{number} values need") };
    match (key.role, key.ends) {
        (KeyRoleShown::Unknown, _) => {
            format!("{values} the key {key_id}, which is not here: let keys.older_encryption name it first")
        }
        (_, Some(ends)) if key.movable == 0 => format!(
            "{values} the key {key_id} until {} (mailed codes), and it would be lost: run this again then. If others may have the present \
             one, end those codes (`keyward mail withdraw`), and run this again once `keyward status` says that none is left",
            until(ends)
        ),
        _ => format!(
            "{values} the key {key_id}, and it would be lost: servers seal them anew by themselves, so run this again once `keyward \
             status` says that none is left"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key(id: &str, role: &str, number: u64) -> Value {
        json!({ "key_id": id, "role": role, "number": number, "movable": 0, "ends": 61_000_001, "may_be_dropped": false })
    }

    fn server(keys: &[Value]) -> SealedShown {
        serde_json::from_value(json!({ "keys": keys, "lacking": 0, "at": 0 })).unwrap()
    }

    #[test]
    fn a_key_is_exchanged_once_nothing_hangs_on_another() {
        let settled =
            json!({ "key_id": "0", "role": "older", "number": 0, "ends": null, "may_be_dropped": true });
        for others in [vec![], vec![key("0", "held", 0)], vec![settled]] {
            let keys = [vec![key("1", "current", 4)], others].concat();
            assert_eq!(way("1", Some("0"), &[server(&keys), server(&keys)]), Ok(Way::Anew));
        }
        // The same key is in both places, as `keyward init` writes it.
        assert_eq!(way("1", Some("1"), &[server(&[key("1", "current", 4)])]), Ok(Way::Anew));
        assert_eq!(way("1", None, &[server(&[key("1", "current", 4)])]), Ok(Way::Anew));
    }

    #[test]
    fn what_was_stopped_once_the_next_key_was_there_is_gone_on_with() {
        let (before, after) = (server(&[key("0", "current", 4)]), server(&[key("1", "current", 4)]));
        let between = server(&[key("0", "current", 4), key("1", "next", 0)]);
        for servers in [vec![before.clone()], vec![between], vec![after, before]] {
            assert_eq!(way("1", Some("0"), &servers), Ok(Way::GoOn));
            for kept in [None, Some("1"), Some("2")] {
                let why = way("1", kept, &servers).unwrap_err();
                assert!(why.contains("seal by the key 0, which is neither in the file"), "{why}");
            }
        }
    }

    #[test]
    fn a_key_that_is_needed_stays_and_it_is_said_for_how_long() {
        let moved = json!({ "key_id": "0", "role": "older", "number": 2, "movable": 2, "ends": null, "may_be_dropped": false });
        for (other, why) in [
            (key("0", "older", 1), "1 value needs the key 0 until 1970-01-01T00:01:01Z (mailed codes)"),
            (key("0", "held", 3), "3 values need the key 0 until"),
            (moved, "2 values need the key 0, and it would be lost: servers seal them anew"),
            (key("9", "unknown", 2), "2 values need the key 9, which is not here"),
            (key("0", "older", 0), "run this again in two minutes"),
        ] {
            let one = server(&[key("1", "current", 4)]);
            let told = way("1", Some("0"), &[one, server(&[key("1", "current", 4), other])]).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
