//! What the doors of older systems may be told: their sections of the settings.

use std::ops::RangeInclusive;

use super::{Config, ConfigError, RefuseValue};
use crate::model::address::AddressRole;
use crate::model::template::{self, TextValues};
use crate::model::verification::{CODE_LENGTH, CODE_MARK};
use crate::model::{Address, Millis, text};
use crate::service::session;

/// Characters of a client's name at most, and here of a pool's.
const LONGEST_NAME: usize = 128;
const LONGEST_SID: usize = 64;

/// What a code of the older door may last, and how often it may be tried.
const CODE_LIFE_MS: RangeInclusive<Millis> = 5_000..=86_400_000;
const CODE_TRIES: RangeInclusive<u8> = 1..=100;
/// Characters of whose code it is, as a text says.
const LONGEST_ORGANISATION: usize = 64;

/// What no single value shows.
pub(super) fn check(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    check_masked(config, refuse)?;
    check_number_proxy(config, refuse)?;
    check_codes(config, refuse)
}

fn check_masked(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let masked = &config.compat.masked;
    for (key, name) in [("compat.masked.client", &masked.client), ("compat.masked.pool", &masked.pool)] {
        let is_wrong = name.trim().is_empty() || name.chars().count() > LONGEST_NAME;
        refuse(key, is_wrong, "a name of 1 to 128 characters")?;
    }
    let is_half = masked.username.is_empty() != masked.password.is_empty();
    refuse("compat.masked.username", is_half, "a name where compat.masked.password is set, or both nothing")?;
    refuse("compat.masked.username", masked.username.contains(':'), "a name without a colon")?;
    let is_half = masked.account_sid.is_empty() != masked.auth_token.is_empty();
    refuse("compat.masked.account_sid", is_half, "a SID where compat.masked.auth_token is set, or both nothing")?;
    let is_word = masked.account_sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_wrong = !is_word || masked.account_sid.len() > LONGEST_SID;
    refuse("compat.masked.account_sid", is_wrong, "at most 64 letters and digits, such as AC and 32 hex digits")
}

fn check_number_proxy(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let (proxy, longest) = (&config.compat.number_proxy, config.outbox.sms_length.min(session::LONGEST_TEXT));
    refuse("compat.number_proxy.org_name", proxy.org_name.trim().is_empty(), "a name")?;
    for (key, told) in [
        ("compat.number_proxy.start_text", proxy.start()),
        ("compat.number_proxy.end_text", proxy.end()),
        ("compat.number_proxy.none_text", proxy.none()),
    ] {
        let is_long = told.is_some_and(|told| text::units(&told) > longest);
        refuse(key, is_long, "at most 1600 UTF-16 units, and outbox.sms_length, with the name before it")?;
    }
    let is_half = proxy.flowroute_access_key.is_empty() != proxy.flowroute_secret_key.is_empty();
    let both = "a key where compat.number_proxy.flowroute_secret_key is set, or both nothing";
    refuse("compat.number_proxy.flowroute_access_key", is_half, both)
}

fn check_codes(config: &Config, refuse: RefuseValue) -> Result<(), ConfigError> {
    let codes = &config.compat.codes;
    let is_wrong = !CODE_LENGTH.contains(&usize::from(codes.code_length));
    refuse("compat.codes.code_length", is_wrong, "from 4 to 10 digits (its older name is CODE_LENGTH)")?;
    let is_wrong = !CODE_LIFE_MS.contains(&codes.ttl.as_ms());
    refuse("compat.codes.ttl", is_wrong, "from 5s to 24h (its older name is CODE_EXPIRATION, in seconds)")?;
    let is_wrong = !CODE_TRIES.contains(&codes.tries);
    refuse("compat.codes.tries", is_wrong, "from 1 to 100 (its older name is RETRIES_ALLOWED)")?;
    let name = codes.org_name.trim();
    let is_wrong = name.is_empty() || name.chars().count() > LONGEST_ORGANISATION;
    refuse("compat.codes.org_name", is_wrong, "a name of at most 64 characters")?;
    let values = TextValues { name, minutes: template::whole_minutes(codes.ttl.as_ms()) };
    let longest = "0".repeat(*CODE_LENGTH.end());
    let filled = template::fill(&codes.text, values, |_| None).ok().filter(|_| template::has_code(&codes.text));
    let is_good =
        filled.is_some_and(|told| text::units(&told.replace(CODE_MARK, &longest)) <= config.outbox.sms_length);
    let allowed =
        "a text with {code} in it, and at most {name} and {minutes}, of outbox.sms_length UTF-16 units at most";
    refuse("compat.codes.text", !is_good, allowed)?;
    let is_wrong = !codes.from.is_empty() && Address::read(&codes.from, AddressRole::Sender, None).is_err();
    refuse("compat.codes.from", is_wrong, "a number such as +12065550100, or nothing")
}
