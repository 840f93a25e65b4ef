//! What is compared of two requests under one name: what they ask, not how that was written.

use serde_json::json;

use super::{Order, SenderChoice};
use crate::model::{CallPlan, DurationSetting};
use crate::provider::web;

/// A URL as it is kept: who writes it in another way means the same. What is none is refused later.
fn kept(url: &str) -> String {
    web::normal(url).map_or_else(|_| url.to_owned(), Into::into)
}

/// The same for the same call: what is told of it has no sequence.
fn same(plan: &CallPlan) -> CallPlan {
    let mut plan = plan.clone();
    plan.url = plan.url.as_deref().map(kept);
    plan.dialing.fallback_url = plan.dialing.fallback_url.as_deref().map(kept);
    plan.callback_events.sort();
    plan.callback_events.dedup();
    plan
}

impl Order {
    /// The same for the same order, whatever its fields' sequence, its blanks, how its URLs are encoded, or whether it
    /// was a form.
    ///
    /// What an order does not say must not change this: it is compared with what was kept before an update.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let Self {
            channel,
            from,
            to,
            body,
            media_urls,
            send_at_ms,
            valid_for,
            callback_url,
            is_twilio,
            call,
            metadata,
            is_smart,
            // whoever orders one has named their own request
            secret: _,
        } = self;
        let from = from.as_ref().map(|from| match from {
            SenderChoice::Address(address) => address.as_str().to_owned(),
            SenderChoice::Pool(pool) => format!("pool {}", pool.hex()),
        });
        // objects are kept in the order of their names
        let mut all = json!({
            "channel": channel.name(),
            "from": from,
            "to": to.as_str(),
            "body": body,
            "media_urls": media_urls.iter().map(|url| kept(url)).collect::<Vec<_>>(),
            "send_at_ms": send_at_ms,
            "valid_for_ms": valid_for.map(DurationSetting::as_ms),
            "callback_url": callback_url.as_deref().map(kept),
            "is_twilio": is_twilio,
            "call": call.as_ref().map(same),
            "metadata": metadata,
        });
        if *is_smart {
            all["is_smart"] = true.into();
        }
        all.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Address, Channel};

    use super::*;

    fn order(metadata: &str) -> Order {
        let metadata = serde_json::from_str(metadata).unwrap();
        Order { body: "x".into(), metadata, ..Order::new(Channel::Sms, Address::stored("+14155550100")) }
    }

    #[test]
    fn the_sequence_of_names_does_not_matter_and_what_they_hold_does() {
        let of = |metadata: &str| order(metadata).canonical();
        assert_eq!(of(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#), of(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
        for other in [r#"{"a": 2}"#, r#"{"a": "1"}"#, r#"{"b": 1}"#, "{}", "null", r#"{"a": 1, "b": null}"#] {
            assert_ne!(of(r#"{"a": 1}"#), of(other), "{other}");
        }
    }
}
