//! What is told of the keys that seal: how much each has sealed, and which of them may be dropped.

use auth_service::admin::{KeyRoleShown, SealedShown, SealedUnderShown};
use serde_json::{Value, json};

use crate::installation::moment;

/// A line for each key, the one that seals first.
pub(crate) fn lines(sealed: &SealedShown) -> Vec<String> {
    sealed.keys.iter().filter_map(|key| line(key, sealed.lacking)).collect()
}

/// Whether everything that is sealed opens.
pub(crate) fn is_well(sealed: &SealedShown) -> bool {
    sealed.keys.iter().all(|key| key.role != KeyRoleShown::Unknown)
}

/// When mailed codes end, to the second.
pub(crate) fn until(ends: i64) -> String {
    moment(ends.div_euclid(1_000_000) * 1_000_000)
}

fn line(key: &SealedUnderShown, lacking: u64) -> Option<String> {
    let number = match key.number {
        1 => "1 value".to_owned(),
        number => format!("{number} values"),
    };
    let until = match key.ends {
        Some(ends) => format!("are sealed anew, mailed codes among them end by {}", until(ends)),
        None => "are sealed anew".to_owned(),
    };
    let said = match (key.role, key.number) {
        (KeyRoleShown::Current, _) => format!("seals; {number}"),
        (KeyRoleShown::Next, _) => {
            format!("opens, and seals once every server opens by it: {lacking} of the others do not yet")
        }
        (KeyRoleShown::Older, 0) if key.may_be_dropped => {
            "nothing needs it any more: it may be dropped from keys.older_encryption".to_owned()
        }
        (KeyRoleShown::Older, 0) => {
            "nothing is sealed by it; keep it until all servers have sealed by another for a minute"
                .to_owned()
        }
        (KeyRoleShown::Older, _) => format!("older: {number} {until}; keep it in keys.older_encryption"),
        (KeyRoleShown::Held, 0) => return None,
        (KeyRoleShown::Held, _) => {
            format!(
                "older: {number} {until}, and keys.older_encryption does not name it: a start would not open them"
            )
        }
        (KeyRoleShown::Unknown, _) => {
            format!("is not here, and {number} do not open without it: let keys.older_encryption name it")
        }
    };
    Some(format!("{}  {said}", key.key_id))
}

/// The same as JSON.
pub(crate) fn in_json(sealed: &SealedShown) -> Value {
    let keys = sealed.keys.iter().map(|key| {
        json!({
            "key_id": key.key_id, "role": key.role, "values": key.number, "ends": key.ends.map(moment),
            "may_be_dropped": key.may_be_dropped,
        })
    });
    json!({ "keys": keys.collect::<Vec<_>>(), "servers_without_it": sealed.lacking, "counted_at": moment(sealed.at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_told_with_what_is_to_be_done_about_it() {
        let key = |role: &str, number: u64, ends: Option<i64>, may_be_dropped: bool| json!({ "key_id": "0a1b2c3d", "role": role, "number": number, "ends": ends, "may_be_dropped": may_be_dropped });
        let keys = [
            key("current", 1, None, false),
            key("next", 0, None, false),
            key("older", 0, None, true),
            key("older", 0, None, false),
            key("older", 2, Some(61_000_001), false),
            key("held", 0, None, false),
            key("held", 2, None, false),
            key("unknown", 3, None, false),
        ];
        let sealed = serde_json::from_value(json!({ "keys": keys, "lacking": 1, "at": 0 })).unwrap();
        let told = [
            "seals; 1 value",
            "opens, and seals once every server opens by it: 1 of the others do not yet",
            "nothing needs it any more: it may be dropped from keys.older_encryption",
            "nothing is sealed by it; keep it until all servers have sealed by another for a minute",
            "older: 2 values are sealed anew, mailed codes among them end by 1970-01-01T00:01:01Z; keep it in keys.older_encryption",
            "older: 2 values are sealed anew, and keys.older_encryption does not name it: a start would not open them",
            "is not here, and 3 values do not open without it: let keys.older_encryption name it",
        ];
        assert_eq!(lines(&sealed), told.map(|line| format!("0a1b2c3d  {line}")));
        assert!(!is_well(&sealed));
    }
}
