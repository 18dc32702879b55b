//! How far an import has come: kept beside the file until it is done, so that one that was cut short goes on where it stopped.

use std::io::ErrorKind;
use std::path::Path;

use auth_service::admin::ImportBatch;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// How far it has come.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Progress {
    /// Its id, a UUID. The server keeps it with each account: rows that were under way when it was cut short may be in, and are known
    /// again by it.
    pub(super) import: String,
    /// The last line that is done with.
    pub(super) line: u64,
    /// How long the file was, to notice that it is another.
    pub(super) length: u64,
    /// The last address, of a database: rows may come and go there.
    pub(super) after: Option<String>,
    pub(super) added: u64,
    pub(super) refused: u64,
    /// Of those that were refused: their address has an account.
    pub(super) taken: u64,
}

/// What an import begins with.
pub(super) struct Begun {
    pub(super) progress: Progress,
    /// Whether it goes on with one that was cut short.
    pub(super) goes_on: bool,
    /// The rows that were under way then.
    pub(super) cut_short: Option<ImportBatch>,
}

impl Progress {
    /// One that begins with the first row of a file of this length.
    pub(super) fn fresh(length: u64) -> Self {
        Self { import: auth::Random::system().opaque_id().to_string(), length, ..Self::default() }
    }

    /// What is kept of one that was cut short, if one was: of the file of this name, and of this length.
    pub(super) fn read(place: &Path, file: &Path, length: u64) -> Result<Begun, Failure> {
        let fresh = Self::fresh(length);
        let begun = match std::fs::read(place) {
            Ok(bytes) => serde_json::from_slice::<Self>(&bytes).map_err(|error| {
                format!(
                    "{} is damaged, and no longer says how far the import of {} had come ({error}): put it back, or begin anew with \
                     --restart, which refuses the rows that are in already",
                    place.display(),
                    file.display()
                )
            })?,
            Err(_) => return Ok(Begun { progress: fresh, goes_on: false, cut_short: None }),
        };
        let is_same = begun.length == length;
        if begun.line > 0 && !is_same {
            return Err(format!(
                "an import of {} was cut short after line {}, and the file is another by now: put it back, or begin anew with \
                 --restart, which refuses the rows that are in already",
                file.display(),
                begun.line
            )
            .into());
        }
        // Of a file that was mended since nothing is lost, if no row of it is known to be done with.
        let import = if is_same && !begun.import.is_empty() { begun.import } else { fresh.import };
        let begun = if begun.line > 0 {
            Self { import, ..begun }
        } else {
            Self { import, length, ..Self::default() }
        };
        Ok(Begun { goes_on: true, cut_short: Some(begun.batch()), progress: begun })
    }

    /// The rows that come next.
    pub(super) fn batch(&self) -> ImportBatch {
        ImportBatch { import: self.import.clone(), after: self.line }
    }

    pub(super) fn keep(&self, place: &Path) -> Result<(), Failure> {
        let next = place.with_extension("progress.next");
        std::fs::write(&next, serde_json::to_vec(self)?)?;
        Ok(std::fs::rename(&next, place)?)
    }

    /// What is done is not gone on with.
    pub(super) fn remove(place: &Path) -> Result<(), Failure> {
        match std::fs::remove_file(place) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
