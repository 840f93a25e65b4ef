//! What conversations say in Twilio's words, at the masked door and at Twilio's own: timers and attributes.

use serde_json::{Map, Value as Json};

use crate::model::DurationSetting;
use crate::service::session::Session;

/// The field of a session's metadata that holds a conversation's attributes, as they were written.
const ATTRIBUTES: &str = "attributes";

const DURATION: &str = "must be an ISO 8601 duration, such as PT10M or P1D";

/// Units before and behind the `T`, in milliseconds. Months and years are of no one length.
const DAYS: [(char, u64); 2] = [('W', 604_800_000), ('D', 86_400_000)];
const TIMES: [(char, u64); 3] = [('H', 3_600_000), ('M', 60_000), ('S', 1_000)];

/// Ten years, as of every duration here.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

/// The milliseconds that a text is in these units, which come in their order.
fn sum(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut total = 0_u64;
    for (unit, ms) in units {
        let Some((number, rest)) = text.split_once(*unit) else { continue };
        let count = number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        total = total.checked_add(count.checked_mul(*ms)?)?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

fn duration(text: &str) -> Option<DurationSetting> {
    let text = text.trim().to_ascii_uppercase();
    let length = text.strip_prefix('P').filter(|length| !length.is_empty() && !length.ends_with('T'))?;
    let (days, times) = length.split_once('T').unwrap_or((length, ""));
    let total = sum(days, &DAYS)?.checked_add(sum(times, &TIMES)?)?;
    (total <= LONGEST_MS).then(|| DurationSetting::from_millis(total))
}

/// A timer; `None`: it is off.
pub(in crate::http::compat) fn timer(text: &str) -> Result<Option<DurationSetting>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let length = duration(text).ok_or(DURATION)?;
    Ok(Some(length).filter(|length| length.as_ms() > 0))
}

/// The metadata that keeps these attributes.
pub(in crate::http::compat) fn metadata(attributes: &str) -> Result<Map<String, Json>, &'static str> {
    serde_json::from_str::<Json>(attributes).map_err(|_| "must be JSON in a text")?;
    Ok([(ATTRIBUTES.to_owned(), attributes.into())].into_iter().collect())
}

/// The attributes of a session; of one that was made elsewhere, its metadata.
pub(in crate::http::compat) fn attributes(session: &Session) -> String {
    let Some(metadata) = &session.metadata else { return "{}".to_owned() };
    match metadata.get(ATTRIBUTES) {
        Some(Json::String(text)) => text.clone(),
        _ => serde_json::to_string(metadata).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_by_their_units() {
        for (text, ms) in [
            ("PT1H", 3_600_000),
            ("PT90S", 90_000),
            ("P1DT2H3M4S", 93_784_000),
            ("P2W", 1_209_600_000),
            (" pt10m ", 600_000),
            ("P3660D", 316_224_000_000),
        ] {
            assert_eq!(timer(text), Ok(Some(DurationSetting::from_millis(ms))), "{text}");
        }
        for off in ["", "PT0S", "P0D"] {
            assert_eq!(timer(off), Ok(None), "{off}");
        }
        for wrong in [
            "P",
            "PT",
            "P1DT",
            "1H",
            "PT1",
            "PT1X",
            "PT1M1H",
            "PT+1H",
            "P1Y",
            "P1M",
            "P3661D",
            "PT99999999999999999999S",
        ] {
            assert_eq!(timer(wrong), Err(DURATION), "{wrong}");
        }
    }

    #[test]
    fn attributes_are_kept_as_they_were_written() {
        let text = r#"{"b":1, "a":2}"#;
        assert_eq!(metadata(text).map(|kept| kept[ATTRIBUTES].clone()), Ok(Json::from(text)));
        assert!(metadata("{").is_err() && metadata("").is_err());
    }
}
