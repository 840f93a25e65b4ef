//! The fields of what Twilio posts, in a form or as JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::{bom, form, json, text};
use crate::provider::BadPost;
use crate::provider::post::is_json;

/// A name and its value.
pub type FormField = (String, String);

/// Fields of a post at most: no carrier writes more, and whoever posts need not be one.
const FIELDS: usize = 256;
/// The field that names an account.
const ACCOUNT_SID: &str = "AccountSid";

/// The fields of a form, or of a JSON object, as they were signed.
pub(super) fn signed_fields(body: &[u8]) -> Result<Vec<FormField>, BadPost> {
    if !is_json(body) {
        return few(body).map(form::fields);
    }
    let repaired = json::repaired(bom::skip(body));
    // counted before they are kept
    #[expect(clippy::zero_sized_map_values, reason = "an object is read into a map: a set would be a list")]
    let names: BTreeMap<String, IgnoredAny> = serde_json::from_slice(&repaired).map_err(|_| BadPost::Forged)?;
    if names.len() > FIELDS {
        return Err(too_many_fields());
    }
    let fields: BTreeMap<String, Value> = serde_json::from_slice(&repaired).map_err(|_| BadPost::Forged)?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Nobody looks further.
fn too_many_fields() -> BadPost {
    BadPost::Invalid(format!("a webhook must have at most {FIELDS} fields"))
}

/// A form, if it has few enough fields.
fn few(form: &[u8]) -> Result<&[u8], BadPost> {
    let pairs = form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    if pairs.take(FIELDS + 1).count() <= FIELDS { Ok(form) } else { Err(too_many_fields()) }
}

/// Whose post it says that it is, found without all that [`signed_fields`] does.
pub(super) fn account_sid(body: &[u8]) -> Result<String, BadPost> {
    if !is_json(body) {
        return form::first(few(body)?, ACCOUNT_SID).ok_or(BadPost::Forged);
    }
    let read = serde_json::from_slice(&json::repaired(bom::skip(body)));
    read.map(|TwilioAccountSidIn { sid }| sid).map_err(|_| BadPost::Forged)
}

/// That of a JSON object, where it is a text. No other value is kept.
#[derive(Deserialize)]
struct TwilioAccountSidIn {
    #[serde(rename = "AccountSid")]
    sid: String,
}

/// The same fields, as they can be kept.
pub(super) fn fields(payload: &str) -> Option<Vec<FormField>> {
    signed_fields(payload.as_bytes()).ok().map(kept)
}

pub(super) fn kept(signed: Vec<FormField>) -> Vec<FormField> {
    signed.into_iter().map(|(name, value)| (text::kept(name), text::kept(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::post::storable;

    #[test]
    fn a_json_post_has_the_fields_of_a_form() {
        let json = fields(r#"{"Body":"a b","NumMedia":0,"X":null}"#).unwrap();
        let form = fields("Body=a+b&NumMedia=0&X=").unwrap();
        assert_eq!(json, form);
        assert!(is_json(b" {") && !is_json(b"Body=%7B"));
    }

    #[test]
    fn what_is_no_text_is_signed_as_it_came_and_kept_as_it_can_be() {
        for (body, signed, kept) in [
            (&b"Body=a%00%ff"[..], "a\0\u{fffd}", "a\u{fffd}\u{fffd}"),
            (b"Body=a\0\xff", "a\0\u{fffd}", "a\u{fffd}\u{fffd}"),
            (br#"{"Body":"a\u0000\ud800"}"#, "a\u{fffd}\u{fffd}", "a\u{fffd}\u{fffd}"),
            (b"{\"Body\":\"a\n\xff\"}", "a\n\u{fffd}", "a\n\u{fffd}"),
        ] {
            assert_eq!(signed_fields(body).unwrap(), [("Body".to_owned(), signed.to_owned())], "{body:?}");
            let stored = storable(body);
            assert_eq!(signed_fields(stored.as_bytes()).unwrap()[0].1, signed, "{body:?}");
            assert_eq!(fields(&stored).unwrap()[0].1, kept, "{body:?}");
            assert!(!stored.contains('\0'));
        }
    }

    #[test]
    fn whose_a_post_is_is_found_without_reading_it() {
        for (body, sid) in [
            (&b"Body=x&AccountSid=AC1&AccountSid=AC2"[..], Some("AC1")),
            (b"Body=AccountSid&%41ccountSid=AC%31", Some("AC1")),
            (b"Body=x", None),
            (br#"{"Body":"x","More":[{"AccountSid":"AC2"}],"AccountSid":"AC1"}"#, Some("AC1")),
            (b"\xef\xbb\xbf {\"AccountSid\":\"AC1\",\"Body\":\"\xff\\ud800\"}", Some("AC1")),
            (br#"{"AccountSid":["AC1"]}"#, None),
            (br#"{"AccountSid":"AC1""#, None),
            (b"{}", None),
        ] {
            assert_eq!(account_sid(body).ok().as_deref(), sid, "{body:?}");
            let Some(sid) = sid else { continue };
            let fields = signed_fields(body).unwrap();
            assert!(fields.iter().any(|(name, value)| name == ACCOUNT_SID && value == sid), "{body:?}");
        }
        assert!(matches!(account_sid("a&".repeat(FIELDS + 1).as_bytes()), Err(BadPost::Invalid(_))));
    }

    #[test]
    fn fields_are_counted_before_they_are_read() {
        let of = |count: usize, start: &str, one: &dyn Fn(usize) -> String, between: &str, end: &str| {
            let all: Vec<_> = (0..count).map(one).collect();
            signed_fields(format!("{start}{}{end}", all.join(between)).as_bytes()).map(|fields| fields.len())
        };
        for count in [1, FIELDS, FIELDS + 1, 10_000] {
            let is_good = count <= FIELDS;
            let form = of(count, "&&", &|n| format!("{n}="), "&&", "&");
            let json = of(count, "{", &|n| format!("\"{n}\":[1,{{}}]"), ",", "}");
            for read in [form, json] {
                assert_eq!(read.is_ok(), is_good, "{count}");
                assert!(is_good || matches!(read, Err(BadPost::Invalid(_))));
            }
        }
        assert!(matches!(signed_fields(b"{\"a\":"), Err(BadPost::Forged)));
    }
}
