//! Which releases are let in: none that is older than what was. Whoever has the key, and old releases that were signed once, must not be
//! able to bring back a hole that was closed.

use serde::{Deserialize, Serialize};

use super::order::Digest;

/// The latest release that was ever let in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    pub(super) version: String,
    /// Whether it was undone.
    pub(super) is_bad: bool,
}

/// Whether a release with this sequence number and digest is let in, after that one. Why not, if not.
pub(super) fn admits(highest: Option<&Accepted>, sequence: u64, digest: &Digest) -> Result<(), String> {
    let Some(highest) = highest else { return Ok(()) };
    let (before, version) = (highest.sequence, &highest.version);
    if sequence > before {
        return Ok(());
    }
    if sequence < before {
        return Err(format!(
            "its sequence number {sequence} is below {before}, that of {version}, which was let in before: an older release is not. `rollback` \
             goes to what ran before the last deploy; else make a new release"
        ));
    }
    if *digest != highest.digest {
        return Err(format!(
            "its sequence number {sequence} is that of {version}, which was let in before and is another release: make one with a greater number"
        ));
    }
    if highest.is_bad {
        return Err(format!(
            "{version} was undone when it was deployed: make a new release that is mended, with a greater sequence number"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepted(sequence: u64, digest: &Digest, is_bad: bool) -> Accepted {
        Accepted { sequence, digest: digest.clone(), version: "1.3.0".to_owned(), is_bad }
    }

    #[test]
    fn a_later_one_is_let_in_an_older_one_never_and_the_same_one_again_unless_it_is_bad() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(admits(None, 1, &one), Ok(()));
        for (sequence, digest, is_bad, said) in [
            (6, &one, false, None),
            (6, &other, true, None),
            (5, &one, false, None),
            (5, &one, true, Some("was undone")),
            (5, &other, false, Some("is another release")),
            (4, &one, false, Some("is below 5")),
            (4, &other, true, Some("is below 5")),
        ] {
            let answer = admits(Some(&accepted(5, &one, is_bad)), sequence, digest);
            match said {
                None => assert_eq!(answer, Ok(()), "{sequence} {digest} {is_bad}"),
                Some(said) => assert!(
                    answer.clone().unwrap_err().contains(said),
                    "{sequence} {digest} {is_bad}: {answer:?}"
                ),
            }
        }
    }

    proptest! {
        /// Whatever is asked for in whatever order: what was let in last never has a lower number than anything before it, and each number
        /// is of one release.
        #[test]
        fn what_is_let_in_never_goes_back(
            asked in proptest::collection::vec((1_u64..6, 0_u8..3, any::<bool>()), 0..40),
        ) {
            let mut highest: Option<Accepted> = None;
            let mut let_in: Vec<(u64, Digest)> = Vec::new();
            let mut bad: Vec<Digest> = Vec::new();
            for (sequence, which, turns_out_bad) in asked {
                let digest = Digest::of(&[which]);
                if admits(highest.as_ref(), sequence, &digest).is_err() {
                    continue;
                }
                prop_assert!(let_in.iter().all(|(before, _)| *before <= sequence));
                prop_assert!(let_in.iter().all(|(before, one)| *before != sequence || *one == digest));
                if highest.as_ref().is_some_and(|highest| highest.sequence == sequence) {
                    prop_assert!(!bad.contains(&digest));
                }
                let_in.push((sequence, digest.clone()));
                bad.clear();
                if turns_out_bad {
                    bad.push(digest.clone());
                }
                highest = Some(accepted(sequence, &digest, turns_out_bad));
            }
        }
    }
}
