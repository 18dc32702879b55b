//! Whether what is believed is root's alone: a file that somebody else may change, or put another in the place of, says nothing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Group and others may write.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// Says why not, if not: the file and every folder above it have to be of root, and nobody else may write there. A link is followed, and both
/// ways have to be root's.
pub(crate) fn is_ours_alone(path: &Path) -> Result<(), String> {
    each_is_ours(path)?;
    let leads_to = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    each_is_ours(&leads_to)
}

fn each_is_ours(path: &Path) -> Result<(), String> {
    for place in path.ancestors().filter(|place| !place.as_os_str().is_empty()) {
        let found = fs::metadata(place).map_err(|error| format!("{}: {error}", place.display()))?;
        let told = place.display();
        if found.uid() != 0 {
            return Err(format!(
                "{told} belongs to user {}, and has to be root's: chown root {told}",
                found.uid()
            ));
        }
        if found.mode() & WRITTEN_BY_OTHERS != 0 {
            return Err(format!("others than root may write to {told}: chmod go-w {told}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_the_systems_is_believed_and_what_anybody_may_write_is_not() {
        is_ours_alone(Path::new("/etc/passwd")).unwrap();
        // In /tmp anybody may put something in the place of what is there, but for the sticky bit, on which nothing is built here.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let error = is_ours_alone(&path).unwrap_err();
        assert!(error.contains("chmod go-w") || error.contains("chown root"), "{error}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(is_ours_alone(&link).is_err(), "who may change the link may lead elsewhere");
        assert!(is_ours_alone(Path::new("/etc/no-such-file")).unwrap_err().contains("/etc/no-such-file"));
    }
}
