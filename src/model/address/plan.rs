//! What the public numbering plans say. They are asked, and never rewrite anything.

use std::fmt;
use std::str::FromStr;

use phonenumber::country::Id;
use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, PhoneNumber};

use super::{Address, AddressKind, pattern};
use crate::model::{debug_as_display, read_from_text};

/// A country that has a numbering plan.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(Id);

#[derive(Debug, thiserror::Error)]
#[error("must be the two letters of a country (ISO 3166-1), such as US, GB or DE")]
pub struct UnknownCountry;

impl Country {
    pub fn name(&self) -> &str {
        self.0.as_ref()
    }

    pub(super) fn plan(self) -> Option<&'static Metadata> {
        DATABASE.by_id(self.0.as_ref())
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let country = text.to_ascii_uppercase().parse().map(Self).map_err(|_| UnknownCountry)?;
        country.plan().map(|_| country).ok_or(UnknownCountry)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

debug_as_display!(Country);

read_from_text!(Country);

/// What people's and firms' numbers are; not emergency calls and the like.
fn kinds(plan: &'static Metadata) -> impl Iterator<Item = &'static Descriptor> {
    let of = plan.descriptors();
    let kinds = [
        of.mobile(),
        of.fixed_line(),
        of.voip(),
        of.toll_free(),
        of.shared_cost(),
        of.premium_rate(),
        of.personal_number(),
        of.pager(),
        of.uan(),
        of.voicemail(),
    ];
    kinds.into_iter().flatten()
}

fn has_length(kind: &Descriptor, national: &str) -> bool {
    u16::try_from(national.len()).is_ok_and(|length| kind.possible_length().contains(&length))
}

/// Whether a country's numbers may be as long as this one, without a trunk prefix.
pub(super) fn is_possible(plan: &'static Metadata, national: &str) -> bool {
    kinds(plan).any(|kind| has_length(kind, national))
}

/// Whether a number, without its country code, is of a kind.
pub(super) fn is_kind(kind: &'static Descriptor, national: &str) -> bool {
    has_length(kind, national) && pattern::is_whole(kind.national_number().as_str(), national)
}

/// Whether a plan says how its numbers begin, and this one does.
pub(super) fn is_led_by(plan: &'static Metadata, national: &str) -> bool {
    plan.leading_digits().is_some_and(|leading| pattern::begins(leading.as_str(), national))
}

/// Whether a plan knows a number, given without its country code.
pub(super) fn is_valid_in(plan: &'static Metadata, national: &str) -> bool {
    (plan.leading_digits().is_none() || is_led_by(plan, national)) && kinds(plan).any(|kind| is_kind(kind, national))
}

/// The plans that share a country code.
fn plans(code: &str) -> Vec<&'static Metadata> {
    let code = code.parse::<u16>().ok().filter(|_| !code.starts_with('0'));
    code.and_then(|code| DATABASE.by_code(&code)).unwrap_or_default()
}

/// The plans of a number's country code, the main one first, and what is behind that.
pub(super) fn split(digits: &str) -> Option<(Vec<&'static Metadata>, &str)> {
    (1..=3).find_map(|length| {
        let (code, rest) = digits.split_at_checked(length)?;
        let plans = plans(code);
        (!plans.is_empty()).then_some((plans, rest))
    })
}

/// Whether the plan of its country code knows a number, given without its plus.
pub(super) fn is_valid(digits: &str) -> bool {
    split(digits).is_some_and(|(plans, national)| plans.into_iter().any(|plan| is_valid_in(plan, national)))
}

/// Whether a number is as long as its country's are.
pub(super) fn has_possible_length(digits: &str) -> bool {
    split(digits).is_some_and(|(plans, national)| plans.into_iter().any(|plan| is_possible(plan, national)))
}

/// Whether `code` is a country code behind which a bracketed `(0)` is no part of the number. In Italy and a few others
/// numbers begin with 0, and no trunk prefix is dialled before them.
pub(super) fn drops_zero(code: &str, rest: &str) -> bool {
    let (plans, national) = (plans(code), format!("0{rest}"));
    let keeps = |plan: &&'static Metadata| {
        plan.national_prefix().is_none()
            && pattern::is_whole(plan.descriptors().general().national_number().as_str(), &national)
    };
    !plans.is_empty() && !plans.iter().any(keeps)
}

/// What the public numbering plans say of a phone. Reported, never enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberingPlanReport {
    /// ISO 3166-1 alpha-2, where the number tells it.
    pub country: Option<String>,
    pub is_valid: bool,
}

/// The report of a phone; none of any other address. The first call reads the plans, which takes milliseconds.
pub fn report(address: &Address) -> Option<NumberingPlanReport> {
    if address.kind() != AddressKind::Phone {
        return None;
    }
    let Ok(number) = phonenumber::parse(None, address.as_str()) else {
        return Some(NumberingPlanReport { country: None, is_valid: false });
    };
    Some(NumberingPlanReport { country: country(&number), is_valid: number.is_valid() })
}

/// The country of that report alone: whether a number is valid takes as long to find out as where it is.
pub fn country_of(address: &Address) -> Option<String> {
    let number = (address.kind() == AddressKind::Phone).then(|| phonenumber::parse(None, address.as_str()))?;
    country(&number.ok()?)
}

fn country(number: &PhoneNumber) -> Option<String> {
    number.country().id().map(|id| id.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbering_plans_are_reported() {
        let of = |text: &str| report(&Address::stored(text));
        assert_eq!(of("+33612345678"), Some(NumberingPlanReport { country: Some("FR".into()), is_valid: true }));
        assert_eq!(of("+12125550100").map(|report| report.country), Some(Some("US".into())));
        assert_eq!(of("+19995550100").map(|report| report.is_valid), Some(false));
        assert_eq!(of("40404"), None);
        for text in ["+33612345678", "+12125550100", "+19995550100", "+999123456789", "40404", "Acme"] {
            assert_eq!(country_of(&Address::stored(text)), of(text).and_then(|report| report.country), "{text}");
        }
    }

    #[test]
    fn countries_have_two_letters_and_a_plan() {
        for good in ["US", "gb", "De", "NO", "JE", "XK"] {
            let country = good.parse::<Country>().map(|country| country.to_string());
            assert_eq!(country.ok(), Some(good.to_uppercase()));
        }
        for bad in ["", "UK", "USA", "49", "001", "AQ", "ZZ", " US"] {
            assert!(bad.parse::<Country>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_plans_of_the_library_are_known() {
        for valid in ["12025550150", "13012345678", "447911123456", "8613012345678", "390612345678", "491712345678"] {
            assert!(is_valid(valid), "{valid}");
        }
        // a valid beginning is no valid number; nor are drama ranges, trunk zeros, codes of nobody
        for other in ["97233142764978", "447700900123", "4407911123456", "999123456789", "0441234567", "1", ""] {
            assert!(!is_valid(other), "{other}");
        }
        assert!(has_possible_length("447700900123") && !has_possible_length("4477009001234"));
        for (code, rest, drops) in [
            ("44", "7700900123", true),
            ("1", "2025550150", true),
            ("39", "612345678", false),
            ("225", "712345678", false),
            ("225", "0712345678", true),
            ("999", "12345678", false),
            ("4", "4", false),
            ("", "1", false),
        ] {
            assert_eq!(drops_zero(code, rest), drops, "{code} {rest}");
        }
    }
}
