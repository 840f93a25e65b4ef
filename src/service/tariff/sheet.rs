//! A card of rates as CSV: `channel,prefix,price,from,until`, columns in any order, the last two may be missing.

use super::{NewRate, Rate};
use crate::model::{Millis, NotMoney, PricedChannel, date, parse_time_or_day, rfc3339};
use crate::service::sheet::{BadSheetLines, LineFault, SheetColumns, SheetLine};

const COLUMNS: SheetColumns = SheetColumns {
    names: &["channel", "prefix", "price", "from", "until"],
    needed: 3,
    same: "is for the same channel, prefix and time as",
};

/// Writes a card.
pub(super) fn write(rates: &[Rate]) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record(COLUMNS.names)?;
    for rate in rates {
        let (price, from) = (rate.price.to_string(), rfc3339(rate.from_ms));
        let until = rate.until_ms.map(rfc3339).unwrap_or_default();
        sheet.write_record([rate.channel.name(), &rate.prefix, &price, &from, &until])?;
    }
    sheet.into_inner().map_err(|error| error.into_error().into())
}

/// Reads a card: all of it, or what is wrong with it. What begins at no time begins now.
pub(super) fn read(text: &[u8], now_ms: Millis) -> Result<Vec<Rate>, BadSheetLines> {
    COLUMNS.read(text, |line| rate(line, now_ms), Rate::slot).whole()
}

fn rate(line: &SheetLine<'_>, now_ms: Millis) -> Result<Rate, LineFault> {
    let time = |column: usize| match line.text(column)? {
        "" => Ok(None),
        given => match parse_time_or_day(given) {
            Some(at_ms) => Ok(Some(at_ms)),
            None => Err(line.wrong(column, date::TIME_OR_DAY)),
        },
    };
    let channel =
        PricedChannel::parse(line.text(0)?).ok_or_else(|| line.wrong(0, "must be sms, mms, whatsapp or voice"))?;
    let price = line.text(2)?.parse().map_err(|error: NotMoney| line.wrong(2, error.to_string()))?;
    let new = NewRate { channel, prefix: line.text(1)?.to_owned(), price, from_ms: time(3)?, until_ms: time(4)? };
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
