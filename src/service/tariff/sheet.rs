//! A card of rates as CSV: `channel,prefix,price,from,until`, columns in any order, the last two may be missing.

use std::collections::HashMap;
use std::fmt;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{NewRate, Rate, TariffRateKey};
use crate::model::{Millis, NotMoney, PricedChannel, date, parse_time_or_day, rfc3339};

const COLUMNS: [&str; 5] = ["channel", "prefix", "price", "from", "until"];
/// Those without which there is no card.
const NEEDED: usize = 3;

/// Wrong lines that are told of at most.
const TOLD: usize = 1_000;

/// A line that is no rate.
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

/// Writes a card.
pub(super) fn write(rates: &[Rate]) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record(COLUMNS)?;
    for rate in rates {
        let (price, from) = (rate.price.to_string(), rfc3339(rate.from_ms));
        let until = rate.until_ms.map(rfc3339).unwrap_or_default();
        sheet.write_record([rate.channel.name(), &rate.prefix, &price, &from, &until])?;
    }
    sheet.into_inner().map_err(|error| error.into_error().into())
}

/// Lines of a file that are wrong: the first thousand, and how many there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BadSheetLines {
    pub first: Vec<BadSheetLine>,
    pub count: usize,
}

impl BadSheetLines {
    fn push(&mut self, line: BadSheetLine) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(line);
        }
    }
}

/// Reads a card: all of it, or what is wrong with it. What begins at no time begins now.
pub(super) fn read(text: &[u8], now_ms: Millis) -> Result<Vec<Rate>, BadSheetLines> {
    // spreadsheets begin what they write with a byte order mark
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut sheet = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text);
    let mut record = ByteRecord::new();
    let whole =
        |line, reason: String| BadSheetLines { first: vec![BadSheetLine { line, field: None, reason }], count: 1 };
    match sheet.read_byte_record(&mut record) {
        Ok(true) => {}
        Ok(false) => return Err(whole(1, "the file is empty".into())),
        Err(error) => return Err(whole(1, error.to_string())),
    }
    let places = head(&record).map_err(|reason| whole(1, reason))?;
    let (mut rates, mut wrong) = (Vec::new(), BadSheetLines::default());
    let mut lines: HashMap<TariffRateKey, u64> = HashMap::new();
    loop {
        let line = sheet.position().line();
        match sheet.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                wrong.push(BadSheetLine { line, field: None, reason: error.to_string() });
                break;
            }
        }
        let line = record.position().map_or(line, csv::Position::line);
        match rate(&record, &places, now_ms) {
            Ok(rate) => match lines.insert(rate.slot(), line) {
                Some(first) => {
                    let reason = format!("is for the same channel, prefix and time as line {first}");
                    wrong.push(BadSheetLine { line, field: None, reason });
                }
                // where one is wrong none is taken: the rest is only looked through
                None if wrong.count == 0 => rates.push(rate),
                None => rates = Vec::new(),
            },
            Err((field, reason)) => wrong.push(BadSheetLine { line, field, reason }),
        }
    }
    if wrong.count == 0 { Ok(rates) } else { Err(wrong) }
}

/// Where each of [`COLUMNS`] stands.
type SheetColumns = [Option<usize>; 5];

fn head(record: &ByteRecord) -> Result<SheetColumns, String> {
    let mut places = [None; 5];
    for (at, name) in record.iter().enumerate() {
        let name = String::from_utf8_lossy(name).to_lowercase();
        let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
            let name: String = name.chars().filter(|c| !c.is_control()).take(32).collect();
            return Err(format!("`{name}` is no column: the first line names {}", COLUMNS.join(", ")));
        };
        if places[column].replace(at).is_some() {
            return Err(format!("`{name}` stands there twice"));
        }
    }
    match (0..NEEDED).find(|column| places[*column].is_none()) {
        Some(column) => Err(format!("the column `{}` is missing", COLUMNS[column])),
        None => Ok(places),
    }
}

fn rate(record: &ByteRecord, places: &SheetColumns, now_ms: Millis) -> Result<Rate, (Option<&'static str>, String)> {
    let columns = places.iter().flatten().count();
    if record.len() != columns {
        return Err((None, format!("has {} columns, the first line {columns}", record.len())));
    }
    let text = |column: usize| -> Result<&str, (Option<&'static str>, String)> {
        let bytes = places[column].and_then(|place| record.get(place)).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| (Some(COLUMNS[column]), "is no UTF-8".into()))
    };
    let time = |column: usize| match text(column)? {
        "" => Ok(None),
        given => match parse_time_or_day(given) {
            Some(at_ms) => Ok(Some(at_ms)),
            None => Err((Some(COLUMNS[column]), date::TIME_OR_DAY.into())),
        },
    };
    let channel =
        PricedChannel::parse(text(0)?).ok_or((Some("channel"), "must be sms, mms, whatsapp or voice".into()))?;
    let price = text(2)?.parse().map_err(|error: NotMoney| (Some("price"), error.to_string()))?;
    let new = NewRate { channel, prefix: text(1)?.to_owned(), price, from_ms: time(3)?, until_ms: time(4)? };
    new.check(now_ms).map_err(|(field, reason)| (Some(field), reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Money, RateId};

    fn bad(text: &str) -> Vec<String> {
        read(text.as_bytes(), 1_000).err().unwrap_or_default().first.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_times_may_be_missing() {
        let text = "\u{feff}Price, prefix ,channel\r\n0.01,+237,sms\r\n\"2\",,voice\n";
        let rates = read(text.as_bytes(), 1_000).unwrap_or_default();
        let seen: Vec<_> = rates.iter().map(|rate| (rate.slot(), rate.price.micros(), rate.until_ms)).collect();
        let sms = ((PricedChannel::Sms, "237".to_owned(), 1_000), 10_000, None);
        assert_eq!(seen, [sms, ((PricedChannel::Voice, String::new(), 1_000), 2_000_000, None)]);
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = "channel,prefix,price,from,until\nsms,1,0.0000001,,\nsms,1,-1,,\nfax,1,1,,\nsms,1x,1,,\n\
                    sms,1,1,soon,\nsms,1,1,,1970-01-01T00:00:00Z\nsms,1,1\nsms,2,1,,\nsms,2,2,,\n";
        assert_eq!(
            bad(text),
            [
                "line 2: price: has more than six decimals",
                "line 3: price: is negative",
                "line 4: channel: must be sms, mms, whatsapp or voice",
                "line 5: prefix: is no digits",
                "line 6: from: must be an RFC 3339 time or a day, such as 2030-01-31T09:00:00Z or 2030-01-31",
                "line 7: until: is not after from",
                "line 8: has 3 columns, the first line 5",
                "line 10: is for the same channel, prefix and time as line 9",
            ]
        );
        for (text, said) in [
            ("", "line 1: the file is empty"),
            ("channel,price\n", "line 1: the column `prefix` is missing"),
            ("channel,prefix,price,colour\n", "line 1: `colour` is no column"),
            ("channel,prefix,price,price\n", "line 1: `price` stands there twice"),
            ("sms,1,0.01\n", "line 1: `sms` is no column"),
        ] {
            assert!(bad(text).len() == 1 && bad(text)[0].starts_with(said), "{:?}", bad(text));
        }
    }

    #[test]
    fn of_many_wrong_lines_the_first_are_kept_and_all_are_counted() {
        let text = format!("channel,prefix,price\n{}", "fax,1,1\n".repeat(5_000));
        let wrong = read(text.as_bytes(), 0).err().unwrap_or_default();
        assert_eq!(
            (wrong.count, wrong.first.len(), wrong.first.last().map(|last| last.line)),
            (5_000, 1_000, Some(1_001))
        );
    }

    fn any_rate() -> impl Strategy<Value = Rate> {
        let times = (0_i64..4_000_000_000_000, prop::option::of(1_i64..1_000_000_000));
        (0_usize..4, "[0-9]{0,15}", 0..=Money::MOST.micros(), times).prop_map(|(channel, prefix, price, times)| {
            let (channel, price) = (PricedChannel::ALL[channel], Money::from_micros(price));
            let (from_ms, until_ms) = (times.0, times.1.map(|after| times.0 + after));
            Rate { id: RateId::first_of(0), channel, prefix, price, from_ms, until_ms }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(rates in prop::collection::vec(any_rate(), 0..30)) {
            let mut rates = rates;
            rates.sort_by_key(Rate::slot);
            rates.dedup_by_key(|rate| rate.slot());
            let text = write(&rates).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let mut read = read(&text, 0).map_err(|wrong| TestCaseError::fail(format!("{wrong:?}")))?;
            for rate in &mut read {
                rate.id = RateId::first_of(0);
            }
            prop_assert_eq!(read, rates);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), with_head in any::<bool>()) {
            let head: &[u8] = if with_head { b"channel,prefix,price\n" } else { b"" };
            let _ = read(&[head, &bytes].concat(), 0);
        }
    }
}
