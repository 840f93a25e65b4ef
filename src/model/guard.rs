//! The guard against pumping: its words, whom a send concerns, and the rules' arithmetic, without any I/O.

mod bucket;
mod level;
mod origin;
mod part;
mod threshold;

pub use bucket::LevelBucket;
pub use level::{ClientLevels, GuardFigure, GuardJudgement, JudgedSend};
pub use origin::{GuardOrigin, network, prefix};
pub use part::LevelPart;
pub use threshold::{GuardRatios, GuardThresholds, VerifiedCounts};

use super::{Millis, named};

pub(crate) const HOUR_MS: Millis = 3_600_000;
pub(crate) const DAY_MS: Millis = 24 * HOUR_MS;

/// A send counts for the hour rules once it is so old, and not approved.
pub(crate) const HOUR_AFTER_MS: Millis = 180_000;
/// In a prefix, a send counts twice that is so near the one before, and comes so soon behind it.
pub(crate) const NEAR_NUMBERS: u64 = 10;
pub(crate) const NEAR_MS: Millis = 600_000;
/// So many countries an address may send to in a day, as long as nothing from there was approved.
pub(crate) const COUNTRIES: usize = 3;

/// What the guard does with a send that breaks a rule.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::EnumString,
    strum::IntoStaticStr,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GuardMode {
    /// It goes out; what would have been done is written down.
    #[default]
    RecordOnly,
    /// It is refused.
    Enforce,
}

named!(GuardMode, RecordOnly, Enforce);

/// What a send broke.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GuardRule {
    PrefixDay,
    AddressDay,
    AddressHour,
    AddressCountries,
    CountryDay,
    CountryHour,
}

named!(GuardRule, PrefixDay, AddressDay, AddressHour, AddressCountries, CountryDay, CountryHour);

impl GuardRule {
    /// Whether it is about where sends go to or come from more narrowly than a country: then what is not approved of
    /// that is taken out of the country's levels.
    pub fn is_narrow(self) -> bool {
        !matches!(self, Self::CountryDay | Self::CountryHour)
    }
}

/// Why a send is allowed whatever the levels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GuardExemption {
    /// The number was verified here before, not too long ago.
    VerifiedBefore,
    SafeList,
    /// The caller, who may, asked for no check.
    RiskCheck,
}

named!(GuardExemption, VerifiedBefore, SafeList, RiskCheck);

/// What is on the safe list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SafeKind {
    Number,
    /// All numbers that begin so.
    Prefix,
    /// All numbers of a country.
    Country,
    /// All that is asked for from these addresses.
    Network,
}

named!(SafeKind, Number, Prefix, Country, Network);
