//! Times as clients write them: RFC 3339, and what ISO 8601, forms and languages make of it.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use super::Millis;

/// What is said of a text that is no time.
pub const TIME: &str = "must be an RFC 3339 time, such as 2030-01-31T09:00:00Z";
/// The same where a day will do.
pub const TIME_OR_DAY: &str = "must be an RFC 3339 time or a day, such as 2030-01-31T09:00:00Z or 2030-01-31";

/// Reads a time with its offset from UTC. Seconds may be left out, separators too; the offset may be `+0000` or `+00`,
/// and its plus may have become a blank on its way through a form.
pub fn parse_time(text: &str) -> Option<Millis> {
    let mut rest = UnparsedDateText(text.trim());
    let date = rest.date()?;
    if !rest.takes(&['T', 't', ' ']) {
        return None;
    }
    let (hour, minute, second, milli) = rest.time()?;
    let offset = rest.offset()?;
    if !rest.is_over() {
        return None;
    }
    let at = date.with_hms_milli(hour, minute, second, milli).ok()?.assume_offset(offset);
    millis(at)
}

/// Reads a day; its first instant in UTC.
pub fn parse_day(text: &str) -> Option<Millis> {
    let mut rest = UnparsedDateText(text.trim());
    let date = rest.date()?;
    if rest.0.is_empty() { millis(date.midnight().assume_utc()) } else { None }
}

/// Reads a time, or a day for its first instant.
pub fn parse_time_or_day(text: &str) -> Option<Millis> {
    parse_time(text).or_else(|| parse_day(text))
}

fn millis(at: OffsetDateTime) -> Option<Millis> {
    Millis::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// What is left to read.
struct UnparsedDateText<'a>(&'a str);

impl UnparsedDateText<'_> {
    fn next_is(&self, is: impl Fn(char) -> bool) -> bool {
        self.0.starts_with(is)
    }

    fn takes(&mut self, any: &[char]) -> bool {
        let after = self.0.strip_prefix(any);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    /// A number of so many digits.
    fn number(&mut self, digits: usize) -> Option<u16> {
        let number = self.0.get(..digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = self.0.get(digits..)?;
        number.parse().ok()
    }

    fn two(&mut self) -> Option<u8> {
        self.number(2)?.try_into().ok()
    }

    /// `2030-01-31` or `20300131`.
    fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        let is_dashed = self.takes(&['-']);
        let month = Month::try_from(self.two()?).ok()?;
        if is_dashed && !self.takes(&['-']) {
            return None;
        }
        Date::from_calendar_date(year.into(), month, self.two()?).ok()
    }

    /// `09:00`, `09:00:00`, `090000`, with any fraction of the second after a dot or a comma.
    fn time(&mut self) -> Option<(u8, u8, u8, u16)> {
        let hour = self.two()?;
        let has_colons = self.takes(&[':']);
        let minute = self.two()?;
        let has_seconds = if has_colons { self.takes(&[':']) } else { self.next_is(|c| c.is_ascii_digit()) };
        if !has_seconds {
            return Some((hour, minute, 0, 0));
        }
        let second = self.two()?;
        let milli = if self.takes(&['.', ',']) { self.fraction()? } else { 0 };
        // the clock of a computer does not know leap seconds
        if second == 60 { Some((hour, minute, 59, 999)) } else { Some((hour, minute, second, milli)) }
    }

    /// Thousandths, from at least one digit; what is beyond is cut off.
    fn fraction(&mut self) -> Option<u16> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, after) = self.0.split_at_checked(end)?;
        if digits.is_empty() {
            return None;
        }
        self.0 = after;
        format!("{digits:0<3}").get(..3)?.parse().ok()
    }

    /// `Z`, `+01:00`, `+0100`, `+01`, ` UTC`; a blank before digits was a plus.
    fn offset(&mut self) -> Option<UtcOffset> {
        let after_blank = self.takes(&[' ']);
        for name in ["Z", "UTC", "GMT"] {
            if let Some((named, after)) = self.0.split_at_checked(name.len())
                && named.eq_ignore_ascii_case(name)
            {
                self.0 = after;
                return Some(UtcOffset::UTC);
            }
        }
        let is_west = self.takes(&['-', '\u{2212}']);
        let is_signed = is_west || self.takes(&['+']);
        if !is_signed && !after_blank {
            return None;
        }
        let hours = i8::try_from(self.two()?).ok()?;
        let has_minutes = self.takes(&[':']) || self.next_is(|c| c.is_ascii_digit());
        let minutes = if has_minutes { i8::try_from(self.two()?).ok()? } else { 0 };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let sign = if is_west { -1 } else { 1 };
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }

    /// Nothing follows, or only the name of the zone (RFC 9557), which the offset has said better.
    fn is_over(&self) -> bool {
        self.0.is_empty() || (self.0.starts_with('[') && self.0.find(']') == Some(self.0.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rfc3339;
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const AT_MS: Millis = 1_700_000_000_000;

    #[test]
    fn times_are_read_as_they_are_written() {
        for same in [
            "2023-11-14T22:13:20Z",
            "2023-11-14t22:13:20z",
            "2023-11-14 22:13:20Z",
            "2023-11-14 22:13:20 UTC",
            "2023-11-14T22:13:20.0Z",
            "2023-11-14T22:13:20,000Z",
            "2023-11-14T22:13:20.0000000Z",
            "2023-11-14T22:13:20+00:00",
            "2023-11-14T22:13:20+0000",
            "2023-11-14T22:13:20+00",
            "2023-11-14T22:13:20-00:00",
            "2023-11-14T22:13:20 00:00",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20+0100",
            "2023-11-14T23:13:20+01",
            "2023-11-14T23:13:20 01:00",
            "2023-11-14T23:13:20 0100",
            "2023-11-14 23:13:20 +0100",
            "2023-11-14T23:13:20+01:00[Europe/Paris]",
            "2023-11-14T17:43:20-04:30",
            "2023-11-14T17:43:20\u{2212}0430",
            "20231114T221320Z",
            " 2023-11-14T22:13:20Z\n",
        ] {
            assert_eq!(parse_time(same), Some(AT_MS), "{same}");
        }
        for (text, at_ms) in [
            ("2023-11-14T22:13Z", AT_MS - 20_000),
            ("2023-11-14T22:13+00", AT_MS - 20_000),
            ("20231114T2213Z", AT_MS - 20_000),
            ("2023-11-14T22:13:20.1Z", AT_MS + 100),
            ("2023-11-14T22:13:20,1234567Z", AT_MS + 123),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("1969-12-31T23:59:59.5Z", -500),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(parse_time(text), Some(at_ms), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_times_is_none() {
        for wrong in [
            "",
            "tomorrow",
            "1700000000",
            // whose clock?
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20",
            "2023-11-14T22:13:20 ",
            "2023-11-14",
            "2023-11-14Z",
            "2023-11-14T22Z",
            "2023-11-14T22:13.5Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:60:00Z",
            "2023-11-14T22:13:61Z",
            "2023-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-1114T22:13:20Z",
            "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20+01:60",
            "2023-11-14T22:13:20+1",
            "2023-11-14T22:13:20ZZ",
            "2023-11-14T22:13:20 CET",
            "2023-11-14T22:13:20Z[UTC",
            "11/14/2023 22:13:20Z",
            "２０２３-11-14T22:13:20Z",
        ] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_its_first_instant() {
        for day in ["2023-11-14", "20231114", " 2023-11-14 "] {
            assert_eq!(parse_day(day), Some(1_699_920_000_000), "{day}");
            assert_eq!(parse_time_or_day(day), Some(1_699_920_000_000), "{day}");
        }
        assert_eq!(parse_time_or_day("2023-11-14T22:13Z"), Some(AT_MS - 20_000));
        for wrong in ["2023-11-14T", "2023-11", "14.11.2023", "2023-02-30", "2023-11-14Z", ""] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_again(at_ms in -62_167_219_200_000_i64..253_402_300_800_000) {
            prop_assert_eq!(parse_time(&rfc3339(at_ms)), Some(at_ms));
        }

        #[test]
        fn no_text_panics(text in "[0-9TtZz:.,+ \\-é\\[\\]]{0,30}|\\PC{0,30}") {
            let _ = (parse_time(&text), parse_day(&text));
        }
    }
}
