//! Tables as CSV, as programs and spreadsheets write them: which column is which, and what is wrong in which line.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use csv::{ByteRecord, Position, ReaderBuilder, Trim};

use crate::store::CorePace;

/// Wrong lines that are told of at most.
const TOLD: usize = 1_000;

/// A line that is none of what a sheet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSheetLine {
    /// The first line of a file is 1.
    pub line: u64,
    pub field: Option<&'static str>,
    pub reason: String,
}

impl fmt::Display for BadSheetLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "line {}: {field}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

/// Lines of a file that are wrong: the first thousand, and how many there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BadSheetLines {
    pub first: Vec<BadSheetLine>,
    pub count: usize,
}

impl BadSheetLines {
    pub(super) fn push(&mut self, line: BadSheetLine) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(line);
        }
    }
}

/// What is wrong in a line: in which field, and how.
pub(super) type LineFault = (Option<&'static str>, String);

/// The columns of a sheet, which may come in any order.
pub(super) struct SheetColumns {
    pub(super) names: &'static [&'static str],
    /// The first so many of them must be there.
    pub(super) needed: usize,
    /// What is said of a line that has the key of another, before the number of that.
    pub(super) same: &'static str,
}

/// A line of a sheet.
pub(super) struct SheetLine<'a> {
    record: &'a ByteRecord,
    columns: &'a SheetColumns,
    /// Where each column stands.
    places: &'a [Option<usize>],
}

impl SheetLine<'_> {
    /// What stands in a column; nothing where there is no such column.
    pub(super) fn text(&self, column: usize) -> Result<&str, LineFault> {
        let bytes = self.places[column].and_then(|place| self.record.get(place)).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| self.wrong(column, "is no UTF-8"))
    }

    /// A fault of a column.
    pub(super) fn wrong(&self, column: usize, reason: impl Into<String>) -> LineFault {
        (Some(self.columns.names[column]), reason.into())
    }
}

/// What a sheet holds, each with its line, and what is wrong in it.
pub(super) struct SheetContents<T> {
    pub(super) lines: Vec<(u64, T)>,
    pub(super) wrong: BadSheetLines,
}

impl<T> SheetContents<T> {
    /// Nothing, as this is wrong with all of it.
    fn none(reason: String) -> Self {
        Self {
            lines: Vec::new(),
            wrong: BadSheetLines { first: vec![BadSheetLine { line: 1, field: None, reason }], count: 1 },
        }
    }

    /// All of it, where nothing is wrong.
    pub(super) fn whole(self) -> Result<Vec<T>, BadSheetLines> {
        if self.wrong.count == 0 { Ok(self.lines.into_iter().map(|(_, one)| one).collect()) } else { Err(self.wrong) }
    }
}

impl SheetColumns {
    /// Reads a sheet, of which `parse` reads a line, on a thread that serves nobody. No two lines may have the same
    /// `key`.
    pub(super) fn read<T, K: Eq + Hash>(
        &self,
        text: &[u8],
        mut parse: impl FnMut(&SheetLine<'_>) -> Result<T, LineFault>,
        key: impl Fn(&T) -> K,
    ) -> SheetContents<T> {
        // spreadsheets begin what they write with a byte order mark
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).trim(Trim::All).delimiter(delimiter(text));
        let (mut sheet, mut record) = (reader.from_reader(text), ByteRecord::new());
        match sheet.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return SheetContents::none("the file is empty".into()),
            Err(error) => return SheetContents::none(error.to_string()),
        }
        let places = match self.places(&record) {
            Ok(places) => places,
            Err(reason) => return SheetContents::none(reason),
        };
        let (mut found, mut seen) = (Vec::new(), HashMap::<K, u64>::new());
        let (mut wrong, mut pace) = (BadSheetLines::default(), CorePace::default());
        loop {
            pace.step();
            let line = line_at(text, sheet.position());
            match sheet.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    wrong.push(BadSheetLine { line, field: None, reason: error.to_string() });
                    break;
                }
            }
            // spreadsheets write what is empty as nothing but delimiters
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            match self.line(&record, &places, &mut parse) {
                Ok(one) => match seen.insert(key(&one), line) {
                    Some(first) => {
                        let reason = format!("{} line {first}", self.same);
                        wrong.push(BadSheetLine { line, field: None, reason });
                    }
                    None => found.push((line, one)),
                },
                Err((field, reason)) => wrong.push(BadSheetLine { line, field, reason }),
            }
        }
        SheetContents { lines: found, wrong }
    }

    fn line<T>(
        &self,
        record: &ByteRecord,
        places: &[Option<usize>],
        parse: &mut impl FnMut(&SheetLine<'_>) -> Result<T, LineFault>,
    ) -> Result<T, LineFault> {
        let columns = places.iter().flatten().count();
        if record.len() != columns {
            return Err((None, format!("has {} columns, the first line {columns}", record.len())));
        }
        parse(&SheetLine { record, columns: self, places })
    }

    /// Where each column stands, by the first line.
    fn places(&self, head: &ByteRecord) -> Result<Vec<Option<usize>>, String> {
        let mut places = vec![None; self.names.len()];
        for (at, name) in head.iter().enumerate() {
            let name = String::from_utf8_lossy(name).to_lowercase();
            let Some(column) = self.names.iter().position(|column| *column == name) else {
                let name: String = name.chars().filter(|c| !c.is_control()).take(32).collect();
                return Err(format!("`{name}` is no column: the first line names {}", self.names.join(", ")));
            };
            if places[column].replace(at).is_some() {
                return Err(format!("`{name}` stands there twice"));
            }
        }
        match (0..self.needed).find(|column| places[*column].is_none()) {
            Some(column) => Err(format!("the column `{}` is missing", self.names[column])),
            None => Ok(places),
        }
    }
}

/// On which line the next record begins: what is left of the end of the one before, and empty lines, stand before it.
fn line_at(text: &[u8], position: &Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|at| text.get(at..)).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() + u64::try_from(ends.count()).unwrap_or_default()
}

/// What stands between columns. Where a comma is that of decimals, spreadsheets write semicolons. No name of a column
/// has any of these.
fn delimiter(text: &[u8]) -> u8 {
    let head = text.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty()).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|byte| head.contains(byte)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: SheetColumns = SheetColumns { names: &["name", "size"], needed: 1, same: "is the same as" };

    fn read(text: &str) -> (Vec<(u64, String)>, Vec<String>) {
        let found = COLUMNS.read(
            text.as_bytes(),
            |line| Ok(format!("{}/{}", line.text(0)?, line.text(1)?)),
            |one: &String| one.clone(),
        );
        (found.lines, found.wrong.first.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let wanted = [(2, "a".to_owned() + "/1"), (4, "b, c/".to_owned())];
        for text in [
            "name,size\na,1\n,\n\"b, c\",\n",
            "\u{feff}Name;SIZE\r\na;1\r\n;\r\nb, c;\r\n;\r\n",
            "name\tsize\na\t1\n\t\n b, c \t",
        ] {
            assert_eq!(read(text), (wanted.to_vec(), Vec::new()), "{text:?}");
        }
        assert_eq!(read("name\n\na\n").0, [(3, "a/".to_owned())]);
    }

    #[test]
    fn a_line_like_another_is_named_with_it() {
        let (found, wrong) = read("size;name\n1;a\n2;a\n1;a\n1\n");
        assert_eq!(found, [(2, "a/1".to_owned()), (3, "a/2".to_owned())]);
        assert_eq!(wrong, ["line 4: is the same as line 2", "line 5: has 1 columns, the first line 2"]);
    }
}
