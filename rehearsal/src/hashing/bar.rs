//! Bars, and whether they were held.

/// A bar, and what was measured.
pub(super) struct Bar {
    pub(super) what: String,
    pub(super) bound: String,
    pub(super) found: String,
    pub(super) is_held: bool,
}

impl Bar {
    pub(super) fn least(what: &str, ratio: f64, least: f64) -> Self {
        let (bound, found) = (format!("{least} at least"), format!("{ratio:.2}"));
        Self { what: what.to_owned(), bound, found, is_held: ratio >= least }
    }

    pub(super) fn most(what: &str, ratio: f64, most: f64) -> Self {
        let (bound, found) = (format!("{most} at most"), format!("{ratio:.2}"));
        Self { what: what.to_owned(), bound, found, is_held: ratio <= most }
    }
}

/// Prints them, and says whether all were held.
pub(super) fn print(bars: &[Bar]) -> bool {
    println!("| bar | bound | measured | |\n|---|---|---|---|");
    for Bar { what, bound, found, is_held } in bars {
        println!("| {what} | {bound} | {found} | {} |", if *is_held { "held" } else { "**MISSED**" });
    }
    bars.iter().all(|bar| bar.is_held)
}

/// The median.
pub(super) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
