//! Who asks: the user of the process at the other end, as the system vouches for it.

use std::fmt;

use tokio::net::unix::UCred;

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The number of the user.
    pub uid: u32,
    /// The user's name, where this system knows it.
    pub name: Option<String>,
}

/// `root (uid 0)`.
impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} (uid {})", self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

impl Operator {
    /// The user of this process.
    pub fn of_process() -> std::io::Result<Self> {
        Ok(Self::of(tokio::net::UnixStream::pair()?.0.peer_cred()?.uid()))
    }

    /// The user with this number.
    pub(super) fn of(uid: u32) -> Self {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self { uid, name: name_of(&users, uid) }
    }

    /// Whether whoever is at the other end may ask: root, the user of the server itself, and members of its group.
    pub(super) fn admit(peer: UCred, own: u32, group: Option<u32>) -> Result<Self, Self> {
        let operator = Self::of(peer.uid());
        let of_group = |group: u32| {
            let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
            peer.gid() == group
                || operator.name.as_deref().is_some_and(|name| is_member(&groups, group, name))
        };
        let admitted = operator.uid == 0 || operator.uid == own || group.is_some_and(of_group);
        if admitted { Ok(operator) } else { Err(operator) }
    }
}

/// The number of a group.
pub(super) fn group(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    lines(&groups).find(|fields| fields[0] == name)?.get(2)?.parse().ok()
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

fn name_of(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let found = lines(users).find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    // It goes into the audit trail: a name that is none stays out.
    Some(found[0]).filter(|name| !name.is_empty() && !name.contains(char::is_control)).map(str::to_owned)
}

fn is_member(groups: &str, gid: u32, name: &str) -> bool {
    let gid = gid.to_string();
    let found = lines(groups).find(|fields| fields.get(2) == Some(&gid.as_str()));
    let members = found.and_then(|fields| fields.get(3).copied()).unwrap_or_default();
    members.split(',').any(|member| member == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_members_are_found_by_number_and_by_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(users, 1000).as_deref(), Some("ana"));
        assert_eq!(name_of(users, 100), None);
        let groups = "keyward:x:990:ana,ben\nother:x:99:dan\n";
        assert!(is_member(groups, 990, "ben"));
        assert!(!is_member(groups, 990, "be") && !is_member(groups, 99, "ana"));
    }
}
