//! The bounds of `[admin]`: a path that a Unix socket can have, and a name that a group can have.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::super::Admin;
use super::Violation;
use crate::admin::LONGEST_PATH;

/// As many characters as the name of a group has (`groupadd(8)`).
const LONGEST_NAME: usize = 32;
/// Where sockets are that are put nowhere else.
const FOLDER: &str = "/run/keyward";

/// Everything in `[admin]` that is out of bounds.
pub(super) fn violations(admin: &Admin, violations: &mut Vec<Violation>) {
    // An empty one is none.
    if let Some(path) = admin.socket.as_deref().filter(|path| !path.as_os_str().is_empty()) {
        let length = path.as_os_str().len();
        let expected = if path.as_os_str().as_bytes().contains(&0) {
            Some("it must hold no byte 0, which ends a path".to_owned())
        } else if length > LONGEST_PATH {
            Some(format!(
                "it must be 1 to {LONGEST_PATH} bytes, and has {length}: a Unix socket has no longer path; the nearest that is \
                 allowed is {}",
                nearest(path)
            ))
        } else if path.is_relative() {
            Some(format!(
                "it must begin with /: the server and `keyward` are seldom started in the same folder; the nearest that is \
                 allowed is {}",
                nearest(path)
            ))
        } else {
            None
        };
        violations.extend(expected.map(|expected| Violation {
            setting: "admin.socket",
            found: Some(format!("{:?}", path.display().to_string())),
            expected,
        }));
    }
    if let Some(name) = &admin.group
        && !is_name(name)
    {
        violations.push(Violation {
            setting: "admin.group",
            found: Some(format!("{name:?}")),
            expected: format!(
                "it must be 1 to {LONGEST_NAME} characters, without spaces, `:`, `,` and `/`: no group is called so; without the \
                 line it is keyward, if there is one"
            ),
        });
    }
}

/// The same name in the folder that is there for it, if it fits; else the name that it has without a setting.
fn nearest(path: &Path) -> String {
    let name = path.file_name().map(|name| Path::new(FOLDER).join(name));
    let fits = name.filter(|path| path.as_os_str().len() <= LONGEST_PATH);
    fits.unwrap_or_else(|| Path::new(FOLDER).join("auth-service.sock")).display().to_string()
}

/// What may stand in a line of `/etc/group`.
fn is_name(name: &str) -> bool {
    let fits =
        |character: char| !character.is_whitespace() && !character.is_control() && !":,/".contains(character);
    (1..=LONGEST_NAME).contains(&name.chars().count()) && name.chars().all(fits)
}
