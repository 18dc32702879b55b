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

    /// Whether whoever is at the other end may ask: root, the user of the server itself, and members of its group. A group that this
    /// system does not know is one of the host of a container: the kernel knows who is in it, and lets nobody else connect as long as
    /// the socket is closed to others.
    pub(super) fn admit(peer: UCred, own: u32, group: Option<u32>, is_closed: bool) -> Result<Self, Self> {
        let operator = Self::of(peer.uid());
        let of_group = |group: u32| {
            let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
            peer.gid() == group || is_member(&groups, group, operator.name.as_deref()).unwrap_or(is_closed)
        };
        let admitted = operator.uid == 0 || operator.uid == own || group.is_some_and(of_group);
        if admitted { Ok(operator) } else { Err(operator) }
    }
}

/// The number of a group that is named, or is said by its number.
pub fn group_number(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    number_of(&groups, name)
}

/// As `chgrp` has it: a name goes before a number.
fn number_of(groups: &str, name: &str) -> Option<u32> {
    let found = lines(groups).find(|fields| fields[0] == name);
    let number = found.map_or(Some(name), |fields| fields.get(2).copied())?;
    // As a number, this one is the system's own word for none.
    number.parse().ok().filter(|number| *number != u32::MAX)
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

/// Nothing, if there is no such group here.
fn is_member(groups: &str, gid: u32, name: Option<&str>) -> Option<bool> {
    let gid = gid.to_string();
    let found = lines(groups).find(|fields| fields.get(2) == Some(&gid.as_str()))?;
    let members = found.get(3).copied().unwrap_or_default();
    Some(name.is_some_and(|name| members.split(',').any(|member| member == name)))
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
        assert_eq!(is_member(groups, 990, Some("ben")), Some(true));
        for (group, name) in [(990, Some("be")), (99, Some("ana")), (990, None)] {
            assert_eq!(is_member(groups, group, name), Some(false), "{group} {name:?}");
        }
    }

    /// In a container: the host's group has no name there, and its members none either.
    #[test]
    fn a_group_may_be_said_by_its_number_and_who_is_in_it_is_then_known_elsewhere() {
        let groups = "root:x:0:\nauth-service:x:10001:\n990:x:7:\n";
        for (said, number) in
            [("auth-service", Some(10001)), ("991", Some(991)), ("990", Some(7)), ("keyward", None)]
        {
            assert_eq!(number_of(groups, said), number, "{said}");
        }
        for none in ["", "-1", "4294967295", "4294967296", "0x10"] {
            assert_eq!(number_of(groups, none), None, "{none}");
        }
        assert_eq!(is_member(groups, 991, None), None);
        assert_eq!(
            is_member(groups, 10001, None),
            Some(false),
            "one that is known has the members that it has"
        );
    }
}
