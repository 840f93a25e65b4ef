//! From what was verified to how much may stand unverified.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What of the verified sends may come again unverified: of a day, and of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRatios {
    #[serde(deserialize_with = "ratio")]
    pub day: f64,
    #[serde(deserialize_with = "ratio")]
    pub hour: f64,
}

fn is_ratio(number: f64) -> bool {
    (0.0..=10.0).contains(&number)
}

fn ratio<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if is_ratio(number) { Ok(number) } else { Err(D::Error::custom("a ratio is from 0 to 10, such as 0.3")) }
}

impl GuardRatios {
    /// Whether it can be reckoned with.
    pub fn is_sound(self) -> bool {
        is_ratio(self.day) && is_ratio(self.hour)
    }
}

impl Default for GuardRatios {
    fn default() -> Self {
        Self { day: 0.3, hour: 0.2 }
    }
}

/// How many were verified, where a send goes to and comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedCounts {
    /// In the country, in the best UTC day of the last 14 and today.
    pub country_best_day: u32,
    /// There, in the last 24 hours, and in the last one.
    pub country_day: u32,
    pub country_hour: u32,
    /// To the prefix, in the last 24 hours.
    pub prefix_day: u32,
    /// From the network, in the last 24 hours.
    pub network_day: u32,
}

/// Above what a level breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardThresholds {
    pub country_day: f64,
    pub country_hour: f64,
    pub prefix_day: f64,
    pub network_day: f64,
    pub network_hour: f64,
}

/// Hours into which the best day is spread: nobody verifies evenly over 24.
const BUSY_HOURS: f64 = 6.0;

impl GuardThresholds {
    pub fn of(verified: &VerifiedCounts, ratios: GuardRatios) -> Self {
        let GuardRatios { day, hour } = ratios;
        let best = f64::from(verified.country_best_day);
        let network = f64::from(verified.network_day);
        let country_day = (day * best).max(day * f64::from(verified.country_day));
        let country_hour = (hour * best / BUSY_HOURS).max(hour * f64::from(verified.country_hour));
        Self {
            country_day: country_day.max(20.0),
            country_hour: country_hour.max(10.0),
            prefix_day: (day * f64::from(verified.prefix_day)).max(5.0),
            network_day: (day * network).max(10.0),
            network_hour: (hour * network / BUSY_HOURS).max(5.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_follow_what_was_verified_and_have_a_least() {
        let of = |verified: &VerifiedCounts| {
            let found = GuardThresholds::of(verified, GuardRatios::default());
            let all = [found.country_day, found.country_hour, found.prefix_day, found.network_day, found.network_hour];
            all.map(|threshold| format!("{threshold:.2}"))
        };
        assert_eq!(of(&VerifiedCounts::default()), ["20.00", "10.00", "5.00", "10.00", "5.00"]);
        let verified = VerifiedCounts {
            country_best_day: 1000,
            country_day: 1200,
            country_hour: 300,
            prefix_day: 100,
            network_day: 600,
        };
        assert_eq!(of(&verified), ["360.00", "60.00", "30.00", "180.00", "20.00"]);
        let best = VerifiedCounts { country_best_day: 3000, ..verified };
        assert_eq!(of(&best)[..2], ["900.00", "100.00"]);
    }
}
