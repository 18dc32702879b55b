//! `Place`: the row and column that a sealed value belongs to.

/// Where a sealed value is kept. Opening it anywhere else fails, so nobody who can write to the database can move
/// one account's secret into another's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// What identifies the row for good: its primary key, as bytes.
    pub row: &'a [u8],
}

impl Place<'_> {
    /// The associated data: `header`, then each field behind its length, so that no two places read the same.
    pub(super) fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let fields = [header, self.table.as_bytes(), self.column.as_bytes(), self.row];
        let mut data = Vec::with_capacity(fields.iter().map(|field| 8 + field.len()).sum());
        for field in fields {
            data.extend_from_slice(&(field.len() as u64).to_be_bytes());
            data.extend_from_slice(field);
        }
        data
    }
}
