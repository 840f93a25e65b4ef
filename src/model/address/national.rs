//! Rules 4 and 5: numbers without a plus, read by the numbering plans. What has two readings has none.

use phonenumber::Metadata;

use super::dialed::{DialedNumber, phone};
use super::{Country, NotAnAddress, pattern, plan};

/// Dialled before a country code in most of the world.
const OUT: &str = "00";
/// The same from North America.
const AMERICAN_OUT: &str = "011";
/// The country code of North America, whose numbers have ten digits.
const AMERICAN: &str = "1";
/// So many digits are never guessed to begin with a foreign country code: they are somebody's national number.
const NATIONAL: usize = 10;

/// Rule 5. `None`: it says no number by itself.
pub(super) fn without_country(dialed: &DialedNumber) -> Option<String> {
    let prefix = [OUT, AMERICAN_OUT].into_iter().find(|prefix| dialed.digits.starts_with(prefix)).map_or(0, str::len);
    if prefix == 0 && dialed.digits.len() <= NATIONAL {
        return None;
    }
    let digits = dialed.behind(prefix);
    phone(&digits).ok().filter(|_| plan::is_valid(&digits))
}

/// Rule 4. `Ok(None)`: it is no number in this country, nor from it.
pub(super) fn within(dialed: &DialedNumber, country: Country) -> Result<Option<String>, NotAnAddress> {
    let Some(plan) = country.plan() else { return Ok(without_country(dialed)) };
    let reader = NationalNumber { plan, code: plan.country_code().to_string(), dialed };
    let mut readings = reader.national();
    readings.extend(reader.international());
    readings.dedup();
    let mut readings = readings.into_iter();
    match (readings.next(), readings.next()) {
        (Some(one), Some(other)) => Err(NotAnAddress::TwoReadings(one, other)),
        (one, _) => Ok(one),
    }
}

/// A number without a plus, and where it was written.
struct NationalNumber<'a> {
    plan: &'static Metadata,
    code: String,
    dialed: &'a DialedNumber,
}

/// Area codes of North America do not begin with 0 or 1.
fn is_american(national: &str) -> bool {
    national.len() == NATIONAL && !national.starts_with(['0', '1'])
}

impl NationalNumber<'_> {
    /// How long the country's own dialling-out prefix is, if the number begins with it.
    fn own_out(&self) -> Option<usize> {
        pattern::prefix(self.plan.international_prefix()?.as_str(), &self.dialed.digits)
    }

    /// What it says as a number of this country.
    fn national(&self) -> Vec<String> {
        let digits = &self.dialed.digits;
        let mut found = self.behind_trunk();
        let is_bare = if self.code == AMERICAN { is_american(digits) } else { self.is_valid(digits) };
        if is_bare {
            found.push(format!("{}{digits}", self.code));
        }
        phones(found)
    }

    fn is_valid(&self, national: &str) -> bool {
        plan::is_valid(&format!("{}{national}", self.code))
    }

    /// Behind the trunk prefix, in any of the ways in which it is written; one that the plan does not know, but
    /// which is as long as its numbers, behind the usual one. What is dialled abroad is no trunk call.
    fn behind_trunk(&self) -> Vec<String> {
        let digits = self.dialed.digits.as_str();
        let Some(trunk) = self.plan.national_prefix() else { return Vec::new() };
        let usual = digits.strip_prefix(trunk);
        let pattern = self.plan.national_prefix_for_parsing();
        let pattern = pattern.filter(|_| self.plan.national_prefix_transform_rule().is_none());
        let other = pattern.and_then(|pattern| digits.get(pattern::prefix(pattern.as_str(), digits)?..));
        let valid: Vec<&str> = [usual, other].into_iter().flatten().filter(|rest| self.is_valid(rest)).collect();
        let rest = if valid.is_empty() && !self.is_dialled_out() {
            let is_possible =
                |rest: &&str| plan::is_possible(self.plan, rest) && (self.code != AMERICAN || is_american(rest));
            usual.into_iter().filter(is_possible).collect()
        } else {
            valid
        };
        rest.into_iter().map(|rest| format!("{}{rest}", self.code)).collect()
    }

    fn is_dialled_out(&self) -> bool {
        self.dialed.digits.starts_with(OUT) || self.own_out().is_some()
    }

    /// What it says with a country code: behind a prefix, or by itself, where it is long enough or of this country.
    fn international(&self) -> Vec<String> {
        let digits = &self.dialed.digits;
        let own = self.own_out();
        let other = digits.starts_with(OUT).then_some(OUT.len());
        let behind: Vec<String> = [own, other].into_iter().flatten().map(|prefix| self.dialed.behind(prefix)).collect();
        let mut found: Vec<String> = behind.iter().filter(|digits| plan::is_valid(digits)).cloned().collect();
        if found.is_empty() {
            // test ranges, of which no plan knows
            found.extend(behind.into_iter().find(|digits| plan::has_possible_length(digits)));
        }
        let is_long = digits.len() > NATIONAL || digits.starts_with(&self.code);
        let bare = self.dialed.behind(0);
        if is_long && plan::is_valid(&bare) {
            found.push(bare);
        }
        phones(found)
    }
}

/// Each once.
fn phones(digits: Vec<String>) -> Vec<String> {
    let mut phones: Vec<String> = Vec::new();
    for phone in digits.iter().filter_map(|digits| phone(digits).ok()) {
        if !phones.contains(&phone) {
            phones.push(phone);
        }
    }
    phones
}
