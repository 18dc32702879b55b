//! Where rows come from: NDJSON (one JSON object a line), CSV (with a line of names), or the database of another server.

use std::fs::{File, TryLockError};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use auth_service::admin::ADDRESS_NAMES;
use serde_json::{Map, Value};
use store::family::Family;

use super::family;
use super::rejects::Form;
use crate::Failure;

/// A row as it stood there.
#[derive(Debug)]
pub(super) struct Row {
    /// Its line, from 1 on.
    pub(super) line: u64,
    /// What it says, or why it cannot be read.
    pub(super) fields: Result<Map<String, Value>, String>,
    /// The row itself, to be kept if it is refused.
    pub(super) original: Original,
    /// Its address, where rows are in the order of those.
    pub(super) address: Option<String>,
}

/// What stood there.
#[derive(Debug)]
pub(super) enum Original {
    Object(Map<String, Value>),
    /// No JSON object.
    Text(String),
    /// Of CSV.
    Record(csv::ByteRecord),
}

/// Rows of a file, one after the other.
type Lines = Box<dyn Iterator<Item = Result<Row, Failure>>>;

/// Where rows come from.
pub(super) enum Origin {
    File(PathBuf),
    Family { family: Family, name: PathBuf },
}

impl Origin {
    /// The file, or the database that `--from` names.
    pub(super) async fn open(file: Option<&Path>, from: Option<&str>) -> Result<Self, Failure> {
        match (file, from) {
            (Some(file), _) => Ok(Self::File(file.to_owned())),
            (None, Some(from)) => {
                let family = family::open(from).await?;
                let name = format!("users of {}", family.at()).replace(['/', '\\'], " ");
                Ok(Self::Family { family, name: name.into() })
            }
            (None, None) => Err("name a FILE, or a database with --from".into()),
        }
    }

    /// What is kept of an import goes by this name.
    pub(super) fn name(&self) -> &Path {
        match self {
            Self::File(file) => file,
            Self::Family { name, .. } => name,
        }
    }

    /// The form that rows of it are kept in.
    pub(super) fn form(&self) -> Result<Form, Failure> {
        match self {
            Self::File(file) if is_csv(file)? => Ok(Form::Csv(columns(file)?)),
            Self::File(_) | Self::Family { .. } => Ok(Form::Json),
        }
    }

    /// Keeps a second import of the same file from being done at the same time, as long as what it gives is there.
    pub(super) fn claim(&self) -> Result<Option<File>, Failure> {
        let Self::File(path) = self else { return Ok(None) };
        let file = opened(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(format!(
                "another import of {} is under way: what it adds is in, what it refuses stands in its rejects, and this one did \
                 nothing. Wait until it has ended",
                path.display()
            )
            .into()),
            // Where a file system has no locks, an account is added once all the same.
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    /// How long the file is.
    pub(super) fn length(&self) -> Result<u64, Failure> {
        match self {
            Self::File(file) => {
                let found = std::fs::metadata(file);
                Ok(found.map_err(|error| format!("{} cannot be read: {error}", file.display()))?.len())
            }
            Self::Family { .. } => Ok(0),
        }
    }

    /// How many rows there are.
    pub(super) async fn count(&mut self) -> Result<u64, Failure> {
        match self {
            Self::File(file) => lines_of(file)?.try_fold(0, |rows, row| row.map(|_| rows + 1)),
            Self::Family { family, .. } => Ok(family.count().await?),
        }
    }

    /// The rows after this line, or after this address.
    pub(super) async fn rows(self, line: u64, after: Option<&str>) -> Result<Rows, Failure> {
        match self {
            Self::File(file) => {
                let done = move |row: &Result<Row, Failure>| row.as_ref().is_ok_and(|row| row.line <= line);
                Ok(Rows::File(Box::new(lines_of(&file)?.skip_while(done))))
            }
            Self::Family { mut family, .. } => {
                family.begin(after, line).await?;
                Ok(Rows::Family { family, number: line })
            }
        }
    }
}

/// Rows, one after the other.
pub(super) enum Rows {
    File(Lines),
    Family {
        family: Family,
        /// The number of the last row.
        number: u64,
    },
}

impl Rows {
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Failure> {
        match self {
            Self::File(lines) => lines.next().transpose(),
            Self::Family { family, number } => {
                let Some(account) = family.next().await? else { return Ok(None) };
                *number += 1;
                Ok(Some(family::row(*number, account)))
            }
        }
    }

    pub(super) async fn close(self) {
        if let Self::Family { family, .. } = self {
            family.close().await;
        }
    }
}

/// A line that is longer is no account.
const LONGEST_LINE: usize = 64 * 1024;

/// The rows of a file, by what its name ends with.
fn lines_of(path: &Path) -> Result<Lines, Failure> {
    if is_csv(path)? { records(csv_of(path)?) } else { Ok(Box::new(lines(opened(path)?))) }
}

pub(super) fn is_csv(path: &Path) -> Result<bool, Failure> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("ndjson" | "jsonl") => Ok(false),
        Some("csv") => Ok(true),
        _ => Err(format!(
            "{} must end with .ndjson or .jsonl (one JSON object a line) or with .csv (with a line of names first)",
            path.display()
        )
        .into()),
    }
}

fn opened(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()).into())
}

fn csv_of(path: &Path) -> Result<csv::Reader<File>, Failure> {
    let file = opened(path)?;
    Ok(csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::Headers).from_reader(file))
}

/// The names in the first line of a CSV file. Without an address among them no row could come in, so the file is refused whole.
fn columns(path: &Path) -> Result<csv::ByteRecord, Failure> {
    let mut reader = csv_of(path)?;
    let wrong = |what: String| Failure::from(format!("{} {what}", path.display()));
    let names =
        reader.byte_headers().map_err(|error| wrong(format!("cannot be read as CSV: {error}")))?.clone();
    let text = csv::StringRecord::from_byte_record(names.clone())
        .map_err(|_| wrong("is no text in UTF-8: save it as \"CSV UTF-8\", and import that".to_owned()))?;
    if text.iter().any(|name| ADDRESS_NAMES.contains(&name)) {
        return Ok(names);
    }
    let wanted = ADDRESS_NAMES.join(", ");
    if text.is_empty() {
        return Err(wrong(format!(
            "is empty: its first line has to name its columns, one of them {}",
            ADDRESS_NAMES[0]
        )));
    }
    let found: Vec<String> = text.iter().map(beginning).collect();
    Err(wrong(format!(
        "names no column of addresses in its first line, which has to be one of names, separated by commas, with one of {wanted} \
         among them. It has: {}",
        found.join(", ")
    )))
}

/// The beginning of what may be no name at all but a hash.
fn beginning(name: &str) -> String {
    const MOST: usize = 24;
    let begins: String = name.chars().take(MOST).collect();
    if begins.len() < name.len() { format!("`{begins}…`") } else { format!("`{begins}`") }
}

fn lines(file: File) -> impl Iterator<Item = Result<Row, Failure>> {
    let mut reader = BufReader::new(file);
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error.into())),
            }
            line += 1;
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Some(Ok(object(line, &bytes)));
            }
        }
    })
}

fn object(line: u64, bytes: &[u8]) -> Row {
    let as_text = || Original::Text(String::from_utf8_lossy(bytes).trim_end().to_owned());
    if bytes.len() > LONGEST_LINE {
        return Row {
            line,
            fields: Err("it is longer than 64 KiB".to_owned()),
            original: as_text(),
            address: None,
        };
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(fields)) => {
            Row { line, original: Original::Object(fields.clone()), fields: Ok(fields), address: None }
        }
        Ok(_) => {
            Row { line, fields: Err("it is no JSON object".to_owned()), original: as_text(), address: None }
        }
        Err(error) => {
            let fields = Err(format!("it is no JSON: {error}"));
            Row { line, fields, original: as_text(), address: None }
        }
    }
}

fn records(mut reader: csv::Reader<File>) -> Result<Lines, Failure> {
    let names = reader.headers()?.clone();
    Ok(Box::new(reader.into_byte_records().map(move |record| {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = fields(&names, &record);
        Ok(Row { line, fields, original: Original::Record(record), address: None })
    })))
}

fn fields(names: &csv::StringRecord, record: &csv::ByteRecord) -> Result<Map<String, Value>, String> {
    if record.len() != names.len() {
        return Err(format!("it has {} fields, and the first line names {}", record.len(), names.len()));
    }
    let mut fields = Map::new();
    for (name, field) in names.iter().zip(record) {
        let text = std::str::from_utf8(field).map_err(|_| format!("its {name} is not UTF-8"))?;
        fields.insert(name.to_owned(), Value::String(text.to_owned()));
    }
    Ok(fields)
}
