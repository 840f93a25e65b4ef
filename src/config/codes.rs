//! What no single value of `[verification]` shows.

use super::{Config, ConfigError, RefuseValue};
use crate::model::verification::CODE_LENGTH;
use crate::model::{Address, AddressKind};
use crate::service::verification::{COUNTS, TTL_MS};

pub(super) fn check(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let settings = &config.verification;
    let is_wrong = !CODE_LENGTH.contains(&usize::from(settings.code_length));
    refuse("verification.code_length", is_wrong, "from 4 to 10")?;
    refuse("verification.ttl", !TTL_MS.contains(&settings.ttl.as_ms()), "from 5s to 24h")?;
    for (key, count) in
        [("verification.max_checks", settings.max_checks), ("verification.max_sends", settings.max_sends)]
    {
        refuse(key, !COUNTS.contains(&count), "from 1 to 100")?;
    }
    let is_number = |to: &String| Address::stored(to.as_str()).kind() == AddressKind::Phone;
    let is_code = |code: &str| CODE_LENGTH.contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_digit());
    let is_wrong = !settings.test_numbers.iter().all(|(to, code)| is_number(to) && is_code(code.expose()));
    let allowed = "numbers with their country code, such as +15005550006, each with a code of 4 to 10 digits";
    refuse("verification.test_numbers", is_wrong, allowed)
}
