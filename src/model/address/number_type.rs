//! What kind of number a phone is by its numbering plan, and of which region: what it costs to reach, and whom.

use phonenumber::Metadata;
use phonenumber::metadata::Descriptor;

use super::plan::{self, is_kind};
use super::{Address, AddressKind};
use crate::model::named;

/// What a plan says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum NumberType {
    Mobile,
    FixedLine,
    /// Where a plan does not tell the two apart, as in North America.
    FixedLineOrMobile,
    Voip,
    TollFree,
    Voicemail,
    Premium,
    SharedCost,
    /// One that follows its person, as those behind +44 70: at the price of premium ones.
    Personal,
    /// A firm's one number for all its places.
    Uan,
    Pager,
    Satellite,
    /// Of a network that is in no country.
    International,
    /// No plan knows it.
    Unknown,
}

named!(
    NumberType,
    Mobile,
    FixedLine,
    FixedLineOrMobile,
    Voip,
    TollFree,
    Voicemail,
    Premium,
    SharedCost,
    Personal,
    Uan,
    Pager,
    Satellite,
    International,
    Unknown
);

impl NumberType {
    /// What costs more than others to reach, and earns somebody money: refused unless it is named.
    pub const PREMIUM: [Self; 7] =
        [Self::Premium, Self::SharedCost, Self::Personal, Self::Uan, Self::Pager, Self::Satellite, Self::International];

    pub fn is_premium(self) -> bool {
        Self::PREMIUM.contains(&self)
    }
}

/// In North America numbers that follow their person cost what others do; those that are for trying out are among them.
const NORTH_AMERICA: u16 = 1;

/// Country codes of no country (ITU-T E.164, its list of assigned codes), all of three digits.
const GLOBAL: [(&str, NumberType); 10] = [
    ("800", NumberType::International),
    ("808", NumberType::SharedCost),
    ("870", NumberType::Satellite),
    ("878", NumberType::Personal),
    ("881", NumberType::Satellite),
    ("882", NumberType::International),
    ("883", NumberType::International),
    ("888", NumberType::International),
    ("979", NumberType::Premium),
    ("991", NumberType::International),
];

/// The digits of a phone; none of any other address.
fn digits(address: &Address) -> Option<&str> {
    address.as_str().strip_prefix('+').filter(|_| address.kind() == AddressKind::Phone)
}

fn global(digits: &str) -> Option<NumberType> {
    GLOBAL.into_iter().find(|(code, _)| digits.starts_with(code)).map(|(_, kind)| kind)
}

/// What kind of number it is.
pub fn number_type(address: &Address) -> NumberType {
    PhonePlan::of(address).kind
}

/// What the plans say of a phone: asked once for whoever wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhonePlan {
    /// Its region (ISO 3166-1 alpha-2). Of those that share a country code it is the one whose plan knows the number, else
    /// the one whose numbers begin so, else the main one. `None`: no plan has its country code, or that is of no country.
    pub region: Option<&'static str>,
    pub kind: NumberType,
    /// The same, unless it is but taken for the main one of several.
    pub country: Option<&'static str>,
}

impl PhonePlan {
    pub fn of(address: &Address) -> Self {
        let nowhere = |kind| Self { region: None, kind, country: None };
        let Some(digits) = digits(address) else { return nowhere(NumberType::Unknown) };
        if let Some(kind) = global(digits) {
            return nowhere(kind);
        }
        let Some((plans, national)) = plan::split(digits) else { return nowhere(NumberType::Unknown) };
        let all = || plans.iter().copied();
        let known = all().find(|&one| plan::is_valid_in(one, national));
        let found = known.or_else(|| all().find(|&one| plan::is_led_by(one, national)));
        let main = plans.first().copied();
        let region = found.or(main).map(Metadata::id);
        let country = found.or(main.filter(|_| plans.len() == 1)).map(Metadata::id);
        Self { region, kind: known.map_or(NumberType::Unknown, |plan| type_in(plan, national)), country }
    }
}

/// What a plan that knows a number says of it. In the order in which the public metadata is asked: what is dear first.
fn type_in(plan: &'static Metadata, national: &str) -> NumberType {
    let of = plan.descriptors();
    let is = |kind: Option<&'static Descriptor>| kind.is_some_and(|kind| is_kind(kind, national));
    let dear = [
        (of.premium_rate(), NumberType::Premium),
        (of.toll_free(), NumberType::TollFree),
        (of.shared_cost(), NumberType::SharedCost),
        (of.voip(), NumberType::Voip),
        (of.personal_number(), NumberType::Personal),
        (of.pager(), NumberType::Pager),
        (of.uan(), NumberType::Uan),
        (of.voicemail(), NumberType::Voicemail),
    ];
    match dear.into_iter().find(|(kind, _)| is(*kind)).map(|(_, kind)| kind) {
        Some(NumberType::Personal) if plan.country_code() == NORTH_AMERICA => return NumberType::FixedLineOrMobile,
        Some(kind) => return kind,
        None => {}
    }
    match (is(of.fixed_line()), is(of.mobile())) {
        (true, true) => NumberType::FixedLineOrMobile,
        (true, false) => NumberType::FixedLine,
        (false, true) => NumberType::Mobile,
        (false, false) => NumberType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_costs_more_than_others() {
        for (text, kind) in [
            ("+33612345678", NumberType::Mobile),
            ("+442079460018", NumberType::FixedLine),
            ("+12125550100", NumberType::FixedLineOrMobile),
            ("+19002345678", NumberType::Premium),
            ("+18002345678", NumberType::TollFree),
            ("+447012345678", NumberType::Personal),
            ("+448431234567", NumberType::Premium),
            ("+33820123456", NumberType::SharedCost),
            ("+15005550006", NumberType::FixedLineOrMobile),
            ("+881612345678", NumberType::Satellite),
            ("+870773111632", NumberType::Satellite),
            ("+882345678901", NumberType::International),
            ("+979123456789", NumberType::Premium),
            ("+80812345678", NumberType::SharedCost),
            ("+999123456789", NumberType::Unknown),
            ("40404", NumberType::Unknown),
            ("Acme", NumberType::Unknown),
        ] {
            assert_eq!(number_type(&Address::stored(text)), kind, "{text}");
        }
        assert!(NumberType::PREMIUM.iter().all(|kind| kind.is_premium()) && !NumberType::TollFree.is_premium());
    }

    #[test]
    fn a_region_is_found_behind_a_country_code_that_several_share() {
        for (text, region) in [
            ("+12125550100", Some("US")),
            ("+14165550100", Some("CA")),
            ("+18765550100", Some("JM")),
            ("+15005550006", Some("US")),
            ("+79161234567", Some("RU")),
            ("+77011234567", Some("KZ")),
            ("+447400123456", Some("GB")),
            ("+447797712345", Some("JE")),
            // only France has its country code
            ("+33000000000", Some("FR")),
            ("+881612345678", None),
            ("+999123456789", None),
            ("40404", None),
        ] {
            let found = PhonePlan::of(&Address::stored(text));
            assert_eq!((found.region, found.country), (region, region), "{text}");
        }
        // no plan of those that share its country code knows it
        for (text, region) in [("+19995550100", "US"), ("+447700900123", "GB")] {
            let found = PhonePlan::of(&Address::stored(text));
            assert_eq!((found.region, found.country), (Some(region), None), "{text}");
        }
    }
}
