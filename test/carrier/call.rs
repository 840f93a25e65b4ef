//! Calls: placed, listed and ended beside the messages, in the same record.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::callback;
use crate::message::{Message, date, is_number, new_sid};
use crate::reply::{self, Refusal, Reply};
use crate::state::Carrier;

/// What else Twilio's description allows.
const OTHER: [&str; 14] = [
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallbackEvent",
    "StatusCallbackMethod",
    "SendDigits",
    "Timeout",
    "Record",
    "MachineDetection",
    "Trim",
    "CallerId",
    "CallReason",
    "TimeLimit",
    "ApplicationSid",
];
const OVER: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];

impl Message {
    pub fn is_call(&self) -> bool {
        self.sid.starts_with("CA")
    }

    /// Reads the form of a request to call, as strictly as Twilio does. What it says goes for its body.
    pub fn parse_call(form: &[u8]) -> Result<Self, Refusal> {
        let mut call = Self::blank(new_sid("CA"));
        for (name, value) in form_urlencoded::parse(form) {
            let value = value.into_owned();
            match &*name {
                "To" => call.to = value,
                "From" => call.from = Some(value),
                "Url" | "Twiml" if call.body.is_empty() => call.body = value,
                "StatusCallback" => call.status_callback = Some(value),
                other if !OTHER.contains(&other) => {
                    return Err(Refusal::bad(20001, format!("Unknown parameter {other}")));
                }
                // a repeated name adds to its values
                _ => {
                    let values = call.other.entry(name.into_owned()).or_default();
                    let comma = if values.is_empty() { "" } else { "," };
                    *values = format!("{values}{comma}{value}");
                }
            }
        }
        if call.to.is_empty() || !is_number(&call.to) || call.to.contains(':') {
            Err(Refusal::bad(21211, format!("Invalid 'To' Phone Number: {}", call.to)))
        } else if call.from.is_none() {
            Err(Refusal::bad(21213, "Caller phone number is required"))
        } else if call.body.is_empty() {
            Err(Refusal::bad(21205, "Url parameter is required"))
        } else {
            Ok(call)
        }
    }

    /// Whether its sender has asked to be told of this.
    pub fn is_asked_for(&self, status: &str) -> bool {
        let event = match status {
            "in-progress" => "answered",
            over if OVER.contains(&over) => "completed",
            other => other,
        };
        let asked = self.other.get("StatusCallbackEvent").map_or("completed", String::as_str);
        !self.is_call() || asked.split(',').any(|name| name == event)
    }

    /// Twilio's JSON of a call.
    pub fn show_call(&self, account: &str) -> Value {
        let date = date(self.arrived_ms);
        let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}", self.sid);
        let ended = OVER.contains(&&*self.status).then_some(&date);
        json!({
            "account_sid": account, "answered_by": null, "api_version": "2010-04-01", "caller_name": null,
            "date_created": date, "date_updated": date, "direction": "outbound-api", "duration": null,
            "end_time": ended, "forwarded_from": null, "from": self.from, "from_formatted": self.from,
            "group_sid": null, "parent_call_sid": null, "phone_number_sid": null, "price": null,
            "price_unit": "USD", "queue_time": "0", "sid": self.sid, "start_time": null, "status": self.status,
            "subresource_uris": {}, "to": self.to, "to_formatted": self.to, "trunk_sid": null,
            "uri": format!("{uri}.json"),
        })
    }
}

/// `POST …/Calls/{sid}.json`: ends a call; its sender is told as of any other end.
pub fn update(carrier: &Arc<Carrier>, sid: &str, form: &[u8]) -> Reply {
    carrier.count("call_updates");
    let status = form_urlencoded::parse(form).find(|(name, _)| name == "Status").map(|(_, status)| status.into_owned());
    let found = carrier.log.index().find(sid).filter(|call| call.is_call()).cloned();
    let Some(mut call) = found else { return Refusal::not_found(sid).reply() };
    let Some(status) = status.filter(|status| matches!(&**status, "canceled" | "completed")) else {
        return Refusal::bad(20001, "Invalid Status").reply();
    };
    let may = match (&*call.status, &*status) {
        (is, _) if OVER.contains(&is) => false,
        ("in-progress", "canceled") => false,
        _ => true,
    };
    if !may {
        return Refusal::bad(21220, "Invalid call state. Call is not in-progress. Cannot redirect.").reply();
    }
    carrier.log.index().set_status(sid, &status, None);
    call.status.clone_from(&status);
    let (of, told) = (carrier.clone(), call.clone());
    let via = carrier.receipts.lock().ok().and_then(|receipts| receipts.via.clone());
    tokio::spawn(async move {
        if told.status_callback.is_some() {
            let _ = callback::post_receipt(&of, &told, &status, None, via.as_deref()).await;
        }
    });
    reply::json(200, &call.show_call(&carrier.account))
}

/// The form of a call's status callback, besides what all callbacks have.
pub fn fields(call: &Message, status: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let places = ["initiated", "ringing", "in-progress"];
    let place = places.iter().position(|known| *known == status).unwrap_or(places.len());
    let mut form = vec![
        pair("CallSid", &call.sid),
        pair("CallStatus", status),
        pair("Direction", "outbound-api"),
        pair("Timestamp", &date(crate::message::now_ms())),
        pair("CallbackSource", "call-progress-events"),
        pair("SequenceNumber", &place.to_string()),
    ];
    if OVER.contains(&status) {
        form.push(pair("CallDuration", if status == "completed" { "7" } else { "0" }));
    }
    form
}
