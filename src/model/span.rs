//! A length of time as configuration writes it: `300ms`, `15s`, `5m`, `1h`, `30d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Millis, debug_as_display, read_from_text};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationSetting(Duration);

#[derive(Debug, thiserror::Error)]
#[error("a duration is a whole number and a unit: 300ms, 15s, 5m, 1h or 30d")]
pub struct NotADuration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Longer than any setting means: ten years.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

impl DurationSetting {
    pub const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// The span in milliseconds, to add to a [`Millis`] time.
    pub fn as_ms(self) -> Millis {
        Millis::try_from(self.0.as_millis()).unwrap_or(Millis::MAX)
    }

    /// The span in seconds, rounded up: what `Retry-After` says.
    pub fn as_secs_up(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

impl FromStr for DurationSetting {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(NotADuration)?;
        let (number, unit) = text.split_at(split);
        let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NotADuration)?.1;
        let ms = number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale)).ok_or(NotADuration)?;
        if ms > LONGEST_MS { Err(NotADuration) } else { Ok(Self::from_millis(ms)) }
    }
}

impl fmt::Display for DurationSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let (unit, scale) = UNITS
            .iter()
            .rev()
            .find(|(_, scale)| ms > 0 && ms.is_multiple_of(u128::from(*scale)))
            .copied()
            .unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", ms / u128::from(scale))
    }
}

debug_as_display!(DurationSetting);

read_from_text!(DurationSetting);

impl Serialize for DurationSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_number_with_a_unit_is_a_span() {
        for bad in ["", "15", "s", "15 s", "-1s", "1.5s", "15sec", "99999999999999999999s", "99999d"] {
            assert!(bad.parse::<DurationSetting>().is_err(), "{bad}");
        }
        assert_eq!("5m".parse::<DurationSetting>().ok(), Some(DurationSetting::from_millis(300_000)));
        assert_eq!("0s".parse::<DurationSetting>().ok(), Some(DurationSetting::from_millis(0)));
    }

    proptest! {
        #[test]
        fn a_written_span_reads_back(ms in 0_u64..100_000_000_000) {
            let span = DurationSetting::from_millis(ms);
            prop_assert_eq!(span.to_string().parse::<DurationSetting>().ok(), Some(span));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<DurationSetting>();
        }
    }
}
