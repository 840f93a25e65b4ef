//! Whom something may be sent to: countries, prefixes, and numbers that cost more than others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::address::{NumberType, PhonePlan};
use super::{Address, AddressKind};

/// What is allowed. Its column holds it as JSON; what another version has written there and we do not know is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct PermissionRules {
    /// The only countries (ISO 3166-1 alpha-2) that are; `None`: all are.
    pub countries: Option<BTreeSet<String>>,
    /// A number that begins so is allowed, whatever its country and whatever it costs.
    pub prefixes: BTreeSet<String>,
    /// One that begins so is not; where it begins with one of each, the longer decides.
    pub refused_prefixes: BTreeSet<String>,
    /// Which kinds of dear numbers are allowed, by their names; `None`: none are, and of rules that narrow others as
    /// many as those allow.
    pub premium: Option<BTreeSet<String>>,
    /// These rules hold for the plain messages of their client too.
    pub messages: bool,
}

/// By which rule a number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionRefusal {
    Prefix,
    /// Of this country, where there is one.
    Country(Option<&'static str>),
    Dear(NumberType),
}

/// A number with what its plan says of it.
#[derive(Clone, Copy, Debug)]
pub struct PlannedNumber<'a> {
    address: &'a Address,
    pub region: Option<&'static str>,
    pub kind: NumberType,
}

impl<'a> PlannedNumber<'a> {
    /// `None`: it is no phone, and in no plan.
    pub fn of(address: &'a Address) -> Option<Self> {
        (address.kind() == AddressKind::Phone).then(|| Self::known(address, PhonePlan::of(address)))
    }

    /// The same where that is known: the plans are not asked, which takes its time.
    pub fn known(address: &'a Address, PhonePlan { region, kind, .. }: PhonePlan) -> Self {
        Self { address, region, kind }
    }
}

impl PermissionRules {
    /// Why a number is refused. `narrows`: others have allowed it before, which these may only narrow.
    pub fn refusal(&self, number: PlannedNumber<'_>, narrows: bool) -> Option<PermissionRefusal> {
        let longest = |prefixes: &BTreeSet<String>| {
            if prefixes.is_empty() {
                return None;
            }
            // who is refused in one form gets nothing in the other either
            let forms = number.address.forms();
            let is_begun = |prefix: &&String| forms.iter().any(|form| form.starts_with(prefix.as_str()));
            prefixes.iter().filter(is_begun).map(String::len).max()
        };
        match (longest(&self.prefixes), longest(&self.refused_prefixes)) {
            (allowed, Some(refused)) if allowed.is_none_or(|allowed| allowed <= refused) => {
                return Some(PermissionRefusal::Prefix);
            }
            (Some(_), _) => return None,
            (None, _) => {}
        }
        let is_meant = |countries: &BTreeSet<String>| number.region.is_some_and(|region| countries.contains(region));
        // what is in no country is told by what it costs, where it costs more
        let is_abroad = self.countries.as_ref().is_some_and(|countries| !is_meant(countries));
        let is_dear = number.kind.is_premium() && !self.allows(number.kind, narrows);
        if is_dear {
            return Some(PermissionRefusal::Dear(number.kind));
        }
        is_abroad.then_some(PermissionRefusal::Country(number.region))
    }

    fn allows(&self, kind: NumberType, narrows: bool) -> bool {
        self.premium.as_ref().map_or(narrows, |kinds| kinds.contains(kind.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn refused(rules: &PermissionRules, text: &str, narrows: bool) -> Option<PermissionRefusal> {
        let address = Address::stored(text);
        PlannedNumber::of(&address).and_then(|number| rules.refusal(number, narrows))
    }

    #[test]
    fn without_rules_only_what_is_dear_is_refused() {
        let rules = PermissionRules::default();
        for text in ["+33612345678", "+442079460018", "+12125550100", "+15005550006", "+999123456789", "40404"] {
            assert_eq!(refused(&rules, text, false), None, "{text}");
        }
        for (text, kind) in [
            ("+19002345678", NumberType::Premium),
            ("+447012345678", NumberType::Personal),
            ("+881612345678", NumberType::Satellite),
            ("+882345678901", NumberType::International),
        ] {
            assert_eq!(refused(&rules, text, false), Some(PermissionRefusal::Dear(kind)), "{text}");
            assert_eq!(refused(&rules, text, true), None, "{text}: whoever is above has allowed it");
        }
    }

    #[test]
    fn countries_are_regions_and_prefixes_go_before_them() {
        let rules = PermissionRules {
            countries: Some(set(&["US", "GB"])),
            prefixes: set(&["+4912", "+4470"]),
            refused_prefixes: set(&["+49123", "+1212"]),
            ..PermissionRules::default()
        };
        for (text, refusal) in [
            ("+14155550100", None),
            ("+447400123456", None),
            ("+447797712345", Some(PermissionRefusal::Country(Some("JE")))),
            ("+33612345678", Some(PermissionRefusal::Country(Some("FR")))),
            ("+999123456789", Some(PermissionRefusal::Country(None))),
            ("+491251234567", None),
            ("+491231234567", Some(PermissionRefusal::Prefix)),
            ("+12125550100", Some(PermissionRefusal::Prefix)),
            ("+447012345678", None),
        ] {
            assert_eq!(refused(&rules, text, false), refusal, "{text}");
        }
        let mexican = PermissionRules { refused_prefixes: set(&["+5255"]), ..PermissionRules::default() };
        for text in ["+525512345678", "+5215512345678"] {
            assert_eq!(refused(&mexican, text, false), Some(PermissionRefusal::Prefix), "{text}: one phone");
        }
        let both = PermissionRules { refused_prefixes: set(&["+33"]), prefixes: set(&["+33"]), ..rules };
        assert_eq!(refused(&both, "+33612345678", false), Some(PermissionRefusal::Prefix), "equally long");
    }

    #[test]
    fn kinds_that_are_named_are_allowed() {
        let rules = PermissionRules { premium: Some(set(&["personal"])), ..PermissionRules::default() };
        for narrows in [false, true] {
            assert_eq!(refused(&rules, "+447012345678", narrows), None);
            let dear = Some(PermissionRefusal::Dear(NumberType::Premium));
            assert_eq!(refused(&rules, "+19002345678", narrows), dear);
        }
    }

    #[test]
    fn rules_are_read_as_they_are_written_and_unknown_ones_passed_over() -> serde_json::Result<()> {
        let rules = PermissionRules { countries: Some(set(&["US"])), messages: true, ..PermissionRules::default() };
        let written = serde_json::to_string(&rules)?;
        assert_eq!(serde_json::from_str::<PermissionRules>(&written)?, rules);
        assert_eq!(serde_json::from_str::<PermissionRules>(r#"{"colour": 1}"#)?, PermissionRules::default());
        Ok(())
    }
}
