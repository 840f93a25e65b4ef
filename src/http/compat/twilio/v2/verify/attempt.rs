//! `Attempts`: each text or call that told a code, whether a code came back, and how many did.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::attempt_filter::{filter, prefix};
use crate::http::compat::twilio::error::{NOT_FOUND, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::reply;
use crate::model::message::MessageState;
use crate::model::{ClientId, CodeChannel};
use crate::service::client::KeyScope;
use crate::service::verification::{AttemptFilter, AttemptSummary, VerificationAttempt};

const ATTEMPTS: &str = "/v2/Attempts";
const SUMMARY: &str = "/v2/Attempts/Summary";

/// A text's state, or a call's, in Twilio's words.
fn status(channel: CodeChannel, state: MessageState) -> &'static str {
    match (channel, state) {
        (_, MessageState::Accepted | MessageState::Scheduled) => MessageState::Queued.name(),
        (_, MessageState::Expired) => MessageState::Failed.name(),
        (CodeChannel::Call, MessageState::Sending | MessageState::Sent) => "initiated",
        (CodeChannel::Call, MessageState::Delivered) => "completed",
        (CodeChannel::Call, MessageState::Undelivered) => "no-answer",
        (_, state) => state.name(),
    }
}

fn out(base: &ReplyBaseUrl, client: ClientId, one: &VerificationAttempt) -> Value {
    let attempt = sid::attempt(one.message);
    let changed_ms = [Some(one.at_ms), one.changed_ms, one.converted_ms].into_iter().flatten().max();
    let is_converted = one.converted_ms.is_some();
    let cost = one.cost.filter(|_| one.refunded_ms.is_none());
    let state_name = if one.channel == CodeChannel::Call { "call_status" } else { "message_status" };
    json!({
        "account_sid": sid::account(client),
        "channel": one.channel.name(),
        "channel_data": {
            "carrier": null,
            "country": one.country,
            "error_code": one.error_code.map(|code| code.to_string()),
            "mcc": null,
            "mnc": null,
            "status": if is_converted { "confirmed" } else { "unconfirmed" },
            "to": one.address,
            "verification_sid": sid::verification(one.verification),
            state_name: one.state.map(|state| status(one.channel, state)),
        },
        "conversion_status": if is_converted { "converted" } else { "unconverted" },
        "date_created": date::iso8601(one.at_ms),
        "date_updated": changed_ms.map(date::iso8601),
        "price": { "currency": "usd", "value": cost.map(|cost| cost.to_string()) },
        "service_sid": one.service.map(sid::verify_service),
        "sid": attempt,
        "url": base.join(&format!("{ATTEMPTS}/{attempt}")),
        "verification_sid": sid::verification(one.verification),
    })
}

/// `GET Attempts`: newest first.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base, client) = (MetaPage::of(&form)?, visit.base(), visit.consumer.client);
    let (attempts, is_more) = match filter(visit, &form)? {
        Some(wanted) => {
            let wanted = AttemptFilter { after: page.after(), before: page.before(), ..wanted };
            visit.app.verifications.attempts(client, &wanted, page.size).await?
        }
        None => (Vec::new(), false),
    };
    let held = MetaPageEdges::of(&attempts, |one: &VerificationAttempt| one.message, is_more);
    let items: Vec<Value> = attempts.iter().map(|one| out(&base, client, one)).collect();
    Ok(page.reply(&form, (&base, ATTEMPTS), "attempts", &items, held))
}

/// `GET Attempts/<sid>`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, name: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let (id, client) = (sid::parse_attempt(name).ok_or(NOT_FOUND)?, visit.consumer.client);
    let filter = AttemptFilter { id: Some(id), ..AttemptFilter::default() };
    let (found, _) = visit.app.verifications.attempts(client, &filter, 1).await?;
    let found = found.first().ok_or(NOT_FOUND)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), client, found)))
}

/// `81.82`: of a hundred, two decimals.
fn percentage(summary: AttemptSummary) -> String {
    if summary.total == 0 {
        return "0".to_owned();
    }
    let hundredths = (summary.converted * 10_000 + summary.total / 2) / summary.total;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `GET Attempts/Summary`
pub(super) async fn summary(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let prefix = prefix(&form)?;
    let summary = match filter(visit, &form)? {
        Some(wanted) => {
            let wanted = AttemptFilter { prefix, ..wanted };
            visit.app.verifications.summary(visit.consumer.client, &wanted).await?
        }
        None => AttemptSummary::default(),
    };
    let shown = json!({
        "conversion_rate_percentage": percentage(summary),
        "total_attempts": summary.total,
        "total_converted": summary.converted,
        "total_unconverted": summary.unconverted(),
        "url": visit.base().join(SUMMARY),
    });
    Ok(reply::json(StatusCode::OK, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_hundred_is_rounded() {
        let of = |converted, total| percentage(AttemptSummary { total, converted });
        assert_eq!((of(9, 11), of(0, 3), of(3, 3)), ("81.82".to_owned(), "0.00".to_owned(), "100.00".to_owned()));
        assert_eq!(of(0, 0), "0");
    }

    #[test]
    fn states_are_told_in_twilios_words() {
        let told = |channel| MessageState::ALL.map(|state| status(channel, state));
        assert!(!told(CodeChannel::Sms).contains(&"expired"));
        assert!(told(CodeChannel::Call).contains(&"completed"));
    }
}
