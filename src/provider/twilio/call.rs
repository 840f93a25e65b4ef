//! Calls at Twilio: placed, found again, ended
//! (<https://www.twilio.com/docs/voice/api/call-resource>).

use http::Method;
use serde::Deserialize;

use super::list::ListProgress;
use super::{Twilio, millis};
use crate::model::{CallEvent, CallOptions, CallPlan, Millis};
use crate::provider::{
    AskError, CallHangupMode, OutgoingMessage, ProviderListedMessage, SendOutcome, SentMessagesResult,
};

/// A call as Twilio shows it.
#[derive(Deserialize)]
struct TwilioCallIn {
    sid: String,
    from: Option<String>,
    to: Option<String>,
    date_created: Option<String>,
    direction: Option<String>,
}

/// The form of a new call. Every step is asked for: what its client wants to hear of is ours to choose.
fn form(call: &OutgoingMessage) -> Vec<(&'static str, String)> {
    let CallPlan { url, twiml, dialing, .. } = call.instructions.clone().unwrap_or_default();
    let mut form = vec![("To", call.to.clone()), ("From", call.from.clone())];
    form.extend(url.map(|url| ("Url", url)));
    form.extend(twiml.map(|twiml| ("Twiml", twiml)));
    form.extend(dialed(dialing));
    if let Some(url) = &call.status_url {
        form.push(("StatusCallback", url.clone()));
        form.extend(CallEvent::ALL.map(|event| ("StatusCallbackEvent", event.name().to_owned())));
    }
    form
}

/// How it is to be made, as far as its client says.
fn dialed(dialing: CallOptions) -> impl Iterator<Item = (&'static str, String)> {
    let said = [
        ("Method", dialing.method.map(|method| method.name().to_owned())),
        ("FallbackUrl", dialing.fallback_url),
        ("FallbackMethod", dialing.fallback_method.map(|method| method.name().to_owned())),
        ("SendDigits", dialing.send_digits),
        ("Timeout", dialing.timeout_secs.map(|secs| secs.to_string())),
        ("Record", dialing.record.map(|record| record.to_string())),
        ("MachineDetection", dialing.machine_detection.map(|detection| detection.name().to_owned())),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

impl Twilio {
    /// `POST …/Calls.json`.
    pub(super) async fn place(&self, call: &OutgoingMessage) -> SendOutcome {
        self.post("Calls.json", &form(call), call.until, "Twilio's answer names no call").await
    }

    /// `GET …/Calls.json?To=&From=`, newest first, back to `since_ms`: `StartTime` would leave out the calls that
    /// have not begun.
    pub(super) async fn find_calls(&self, call: &OutgoingMessage, since_ms: Millis) -> SentMessagesResult {
        let since_ms = since_ms.div_euclid(1000) * 1000;
        let query = vec![("To", call.to.clone()), ("From", call.from.clone())];
        let mut found = Vec::new();
        self.walk("Calls.json", query, |listed: TwilioCallIn| {
            let created_ms = millis(listed.date_created.as_deref());
            found.extend(listed.if_same(call, since_ms));
            if created_ms.is_some_and(|created_ms| created_ms < since_ms) {
                ListProgress::Enough
            } else {
                ListProgress::More
            }
        })
        .await?;
        Ok(found)
    }

    /// `POST …/Calls/{sid}.json` with the status that it is to have.
    pub(super) async fn end(&self, provider_id: &str, end: CallHangupMode) -> Result<(), AskError> {
        let path = format!("{}/Calls/{provider_id}.json", self.path);
        let request = self.host.request(Method::POST, &path).form(&[("Status", end.status().name())]);
        self.ask(&self.host, request).await.map(drop)
    }
}

impl TwilioCallIn {
    /// This as we placed it, where it can be that call.
    fn if_same(self, call: &OutgoingMessage, since_ms: Millis) -> Option<ProviderListedMessage> {
        let created_ms = millis(self.date_created.as_deref())?;
        let is_inbound = self.direction.is_some_and(|direction| direction.starts_with("inbound"));
        let is_ours = self.to? == call.to && self.from? == call.from && !is_inbound && created_ms >= since_ms;
        let (to, from) = (call.to.clone(), call.from.clone());
        is_ours.then_some(ProviderListedMessage { provider_id: self.sid, to, from, body: String::new(), created_ms })
    }
}

#[cfg(test)]
#[path = "call_test.rs"]
mod tests;
