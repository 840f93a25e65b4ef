//! Money in micro-units: exact, in one currency, written as decimals.

use std::fmt;
use std::iter::Sum;
use std::ops::Neg;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signed amount; a unit is a million of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Micro-units in a unit.
const UNIT: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    #[error("is no decimal number such as 12.50")]
    Shape,
    #[error("has more than six decimals")]
    TooFine,
    #[error("is more than 1000000000")]
    TooMuch,
}

impl Money {
    pub const ZERO: Self = Self(0);
    /// What one amount may be at most, either way: sums of millions of them stay in range.
    pub const MOST: Self = Self(1_000_000_000 * UNIT);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// So many times this. `None`: more than can be written.
    pub fn times(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

/// Four decimals, six where they are needed: `0.0075`, `99.9925`, `0.000001`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (units, rest) = (micros / UNIT.unsigned_abs(), micros % UNIT.unsigned_abs());
        if rest % 100 == 0 {
            write!(f, "{sign}{units}.{:04}", rest / 100)
        } else {
            write!(f, "{sign}{units}.{rest:06}")
        }
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (sign, plain) = text.strip_prefix('-').map_or((1, text), |plain| (-1, plain));
        let (units, decimals) = plain.split_once('.').map_or((plain, None), |(units, rest)| (units, Some(rest)));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(units) || decimals.is_some_and(|decimals| !is_digits(decimals)) {
            return Err(NotMoney::Shape);
        }
        let decimals = decimals.unwrap_or_default().trim_end_matches('0');
        if decimals.len() > 6 {
            return Err(NotMoney::TooFine);
        }
        let units: i64 = units.parse().map_err(|_| NotMoney::TooMuch)?;
        let micros: i64 = format!("{decimals:0<6}").parse().map_err(|_| NotMoney::Shape)?;
        let amount = units.checked_mul(UNIT).and_then(|amount| amount.checked_add(micros)).ok_or(NotMoney::TooMuch)?;
        if amount > Self::MOST.0 { Err(NotMoney::TooMuch) } else { Ok(Self(sign * amount)) }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a decimal string, or from a JSON number as it is written; in a row of the store it is micro-units.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(serde_json::Number),
        }
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let written = Written::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom(format!("an amount {}", NotMoney::Shape)))?;
        let text = match written {
            Written::Text(text) => text,
            Written::Number(number) => number.to_string(),
        };
        text.parse().map_err(|error: NotMoney| serde::de::Error::custom(format!("an amount {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_they_need() {
        for (micros, text) in [
            (7_500, "0.0075"),
            (99_992_500, "99.9925"),
            (100_000_000, "100.0000"),
            (1, "0.000001"),
            (-5_000, "-0.0050"),
            (0, "0.0000"),
        ] {
            assert_eq!(Money(micros).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "0x1", "1,5", " 1", "--1", "1.2.3", "NaN"] {
            assert_eq!(text.parse::<Money>(), Err(NotMoney::Shape), "{text}");
        }
        assert_eq!("0.0000001".parse::<Money>(), Err(NotMoney::TooFine));
        assert_eq!("0.1234567000".parse::<Money>(), Err(NotMoney::TooFine));
        assert_eq!("1000000000.000001".parse::<Money>(), Err(NotMoney::TooMuch));
        assert_eq!("99999999999999999999".parse::<Money>(), Err(NotMoney::TooMuch));
        assert_eq!("1000000000".parse::<Money>(), Ok(Money::MOST));
        assert_eq!("0.1000000000".parse::<Money>(), Ok(Money(100_000)));
    }

    #[test]
    fn json_numbers_are_taken_as_they_are_written() {
        for (json, micros) in [("\"12.50\"", 12_500_000), ("12.5", 12_500_000), ("3", 3_000_000), ("-0.0075", -7_500)] {
            assert_eq!(serde_json::from_str::<Money>(json).ok(), Some(Money(micros)), "{json}");
        }
        for json in ["true", "null", "[]", "1e400", "0.00000001"] {
            assert!(serde_json::from_str::<Money>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in -Money::MOST.0..=Money::MOST.0) {
            prop_assert_eq!(Money(micros).to_string().parse::<Money>(), Ok(Money(micros)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,24}|-?[0-9]{0,24}\\.?[0-9]{0,24}") {
            let _ = text.parse::<Money>();
        }
    }
}
