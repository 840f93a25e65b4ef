//! Where a send goes to and comes from, as the guard counts it.

use std::net::IpAddr;

use crate::model::Address;
use crate::model::address::PhonePlan;
use crate::model::network::device_network;

/// A prefix is a number without so many of its last digits.
const LAST_DIGITS: usize = 3;
/// Digits of the calling code that a number counts for which no plan knows.
const UNKNOWN_CODE: usize = 3;

/// The country, the prefix and the network that a send counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardOrigin {
    /// The region's two letters; behind a plus the calling code of a number of which no region is known.
    pub country: String,
    /// The number, folded, without its last three digits.
    pub prefix: String,
    /// Its digits, by which neighbours are found.
    pub number: u64,
    /// From where the person asks, where that is known.
    pub network: Option<String>,
}

impl GuardOrigin {
    pub fn of(to: &Address, device_ip: Option<IpAddr>) -> Self {
        Self::planned(to, PhonePlan::of(to), device_ip)
    }

    /// The same where it is known what the plans say of the number.
    pub fn planned(to: &Address, plan: PhonePlan, device_ip: Option<IpAddr>) -> Self {
        // both forms of a number are of one country, though a plan may know but one of them
        let by_forms = || to.forms().into_iter().find_map(|form| PhonePlan::of(&Address::stored(form)).country);
        let country = plan.country.or_else(by_forms).map(str::to_owned);
        let country = country.unwrap_or_else(|| calling_code(to.folded().trim_start_matches('+')));
        Self::known(to, country, device_ip.map(network))
    }

    /// The same where country and network are known: the plans are not asked, which takes its time.
    pub fn known(to: &Address, country: String, network: Option<String>) -> Self {
        let number = to.folded().trim_start_matches('+').parse().unwrap_or_default();
        Self { country, prefix: prefix(to), number, network }
    }

    /// The region that it counts for, where one is known.
    pub fn region(&self) -> Option<&str> {
        (!self.country.starts_with('+')).then_some(self.country.as_str())
    }
}

/// A number, folded, without its last three digits.
pub fn prefix(to: &Address) -> String {
    let folded = to.folded();
    let cut = folded.len().saturating_sub(LAST_DIGITS);
    folded.get(..cut).unwrap_or(&folded).to_owned()
}

/// The calling codes with one or two digits; every other has three.
const ONE_DIGIT: [&str; 2] = ["1", "7"];
const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 \
                          64 65 66 81 82 84 86 90 91 92 93 94 95 98";

fn calling_code(digits: &str) -> String {
    let begins = |code: &&str| digits.starts_with(*code);
    let known = ONE_DIGIT.iter().copied().chain(TWO_DIGITS.split(' ')).find(begins);
    format!("+{}", known.unwrap_or_else(|| digits.get(..UNKNOWN_CODE).unwrap_or(digits)))
}

/// What an address counts for.
pub fn network(ip: IpAddr) -> String {
    match device_network(ip) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{v6}/64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(to: &str) -> GuardOrigin {
        GuardOrigin::of(&Address::stored(to), None)
    }

    #[test]
    fn a_country_is_the_region_and_never_nothing() {
        for (to, country) in [
            ("+12065550110", "US"),
            ("+14165550110", "CA"),
            ("+77012345678", "KZ"),
            ("+447400123456", "GB"),
            ("+999123456789", "+999"),
            ("+8835100123456", "+883"),
        ] {
            assert_eq!(of(to).country, country, "{to}");
            assert_eq!(of(to).region(), Some(country).filter(|name| name.len() == 2), "{to}");
        }
        assert_eq!([calling_code("1555"), calling_code("4912"), calling_code("999")], ["+1", "+49", "+999"]);
    }

    #[test]
    fn a_prefix_is_the_same_in_both_forms_of_a_number() {
        let found = of("+33612345678");
        assert_eq!((found.prefix.as_str(), found.number, found.network), ("+33612345", 33_612_345_678, None));
        for (one, other, country) in
            [("+5215512345678", "+525512345678", "MX"), ("+5511961234567", "+551161234567", "BR")]
        {
            assert_eq!((of(one).prefix, of(one).country.as_str()), (of(other).prefix, country), "{one}");
            assert_eq!(of(other).country, country, "{other}");
        }
    }

    #[test]
    fn whoever_has_many_addresses_counts_once() {
        for (ip, wanted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("64:ff9b::192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(ip.parse().map(network).ok().as_deref(), Some(wanted), "{ip}");
        }
    }
}
