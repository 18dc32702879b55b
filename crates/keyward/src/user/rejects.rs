//! Rows that were refused, in the form of the file that they came from: once mended, theirs is imported as that one was.
//!
//! Each says where it stood and why it was refused, under a name that an import knows of no field.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use csv::ByteRecord;
use serde_json::{Value, json};

use super::source::Original;
use crate::Failure;

/// The name under which a row says so; in CSV the first column, where it is seen.
const REJECTED: &str = "rejected";

/// The form of a file of rows.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// One JSON object a line.
    Json,
    /// With a first line of these names.
    Csv(ByteRecord),
}

/// The file that they are written to.
pub(super) enum Rejects {
    Json(BufWriter<File>),
    Csv {
        file: Box<csv::Writer<File>>,
        /// The column that says why they were refused before, if what is imported was rejects itself.
        before: Option<usize>,
    },
}

impl Form {
    /// What the name of a file of this form ends with.
    pub(super) fn ending(&self) -> &'static str {
        match self {
            Self::Json => "ndjson",
            Self::Csv(_) => "csv",
        }
    }
}

impl Rejects {
    /// A file that is made by this import, or by the one that it goes on with (`go_on`), and no other; an empty one is what an import
    /// left that was ended before it had read anything. It holds password hashes, so that nobody else may read it; and rows that
    /// somebody may be mending, so that none is written over. Two imports do not write to one.
    pub(super) fn open(path: &Path, form: &Form, go_on: bool) -> Result<Self, Failure> {
        let wrong = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let is_begun = path.symlink_metadata().is_ok_and(|file| file.is_file() && (go_on || file.len() == 0));
        let file = if is_begun {
            options.append(true).open(path).map_err(wrong)?
        } else {
            options.create_new(true).open(path).map_err(|error| {
                if error.kind() != std::io::ErrorKind::AlreadyExists {
                    return wrong(error);
                }
                format!(
                    "{} is there already, and nothing is written over: it may hold rows that were refused before. Remove it, or \
                     name another by --rejects",
                    path.display()
                )
            })?
        };
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let at_work = format!(
                "{} is being written to by another import, and this one did nothing: wait until it has ended",
                path.display()
            );
            return Err(at_work.into());
        }
        let is_empty = file.metadata().map_err(wrong)?.len() == 0;
        let Form::Csv(names) = form else { return Ok(Self::Json(BufWriter::new(file))) };
        let before = names.iter().position(|name| name == REJECTED.as_bytes());
        let mut file = csv::WriterBuilder::new().flexible(true).from_writer(file);
        if is_empty {
            file.write_byte_record(&marked(REJECTED, names, before))?;
        }
        Ok(Self::Csv { file: Box::new(file), before })
    }

    /// Removes what was written nothing to but, in CSV, its first line, which says nothing of any row.
    pub(super) fn remove_empty(path: &Path) {
        if std::fs::read_to_string(path).is_ok_and(|kept| kept.lines().count() <= 1) {
            let _ = std::fs::remove_file(path);
        }
    }

    pub(super) fn write(&mut self, line: u64, reason: &str, row: Original) -> Result<(), Failure> {
        let why = format!("line {line}: {reason}");
        match (self, row) {
            (Self::Csv { file, before }, Original::Record(record)) => {
                Ok(file.write_byte_record(&marked(&why, &record, *before))?)
            }
            (Self::Json(file), Original::Object(mut fields)) => {
                fields.insert(REJECTED.to_owned(), why.into());
                Ok(writeln!(file, "{}", Value::Object(fields))?)
            }
            // What is no JSON is a string of it, so that whatever reads the rest reads on.
            (Self::Json(file), Original::Text(text)) => {
                Ok(writeln!(file, "{}", json!({ REJECTED: why, "row": text }))?)
            }
            (Self::Csv { .. }, _) | (Self::Json(_), Original::Record(_)) => {
                Err("a row is not of the form of its file".into())
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Json(file) => Ok(file.flush()?),
            Self::Csv { file, .. } => Ok(file.flush()?),
        }
    }
}

/// A record that says something of itself before all else, and no more what it said before.
fn marked(first: &str, record: &ByteRecord, before: Option<usize>) -> ByteRecord {
    let rest = record.iter().enumerate().filter(|(at, _)| Some(*at) != before).map(|(_, field)| field);
    std::iter::once(first.as_bytes()).chain(rest).collect()
}
