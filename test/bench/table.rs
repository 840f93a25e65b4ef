//! The figures, each beside what it is held against.

#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

impl Table {
    /// A figure, its reference or bound, and whether it holds.
    pub fn add(&mut self, what: &str, ours: impl ToString, reference: impl ToString, holds: bool) {
        let verdict = if holds { "holds" } else { "MISSED" };
        self.show([what.to_owned(), ours.to_string(), reference.to_string(), verdict.to_owned()]);
    }

    /// A figure that is itself what others are held against.
    pub fn add_reference(&mut self, what: &str, ours: impl ToString) {
        self.show([what.to_owned(), ours.to_string(), "the reference".to_owned(), String::new()]);
    }

    /// A figure that is held against nothing.
    pub fn add_unbounded(&mut self, what: &str, ours: impl ToString) {
        self.show([what.to_owned(), ours.to_string(), "no bound".to_owned(), String::new()]);
    }

    fn show(&mut self, row: [String; 4]) {
        eprintln!("{}", row.join(" | "));
        self.0.push(row);
    }

    pub fn print(&self) {
        let head = ["figure", "ours", "reference", ""].map(str::to_owned);
        let rows: Vec<&[String; 4]> = std::iter::once(&head).chain(&self.0).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        println!();
        for row in rows {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            println!("{}", cells.join("  ").trim_end());
        }
    }
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
