//! What a call says and how it is made, in Twilio's parameters. What would change a call and is not carried to its
//! provider is refused; what would not is passed over.

use super::error::{self, Result};
use super::form::TwilioForm;
use crate::http::compat::carried;
use crate::model::{CallOptions, CallPlan, FetchMethod, MachineDetection};

/// Seconds that Twilio lets a phone ring at most.
const LONGEST_TIMEOUT: u16 = 600;

pub(super) fn of(form: &TwilioForm) -> Result<CallPlan> {
    form.carries(&carried::CALL)?;
    let events = form.all("StatusCallbackEvent");
    let events = events.iter().flat_map(|names| names.split_whitespace()).map(str::to_owned);
    Ok(CallPlan {
        url: form.one("Url").map(str::to_owned),
        twiml: form.one("Twiml").map(str::to_owned),
        callback_events: events.collect(),
        dialing: dialing(form)?,
    })
}

fn dialing(form: &TwilioForm) -> Result<CallOptions> {
    Ok(CallOptions {
        method: read(form, "Method", "can only be GET or POST", FetchMethod::parse)?,
        fallback_url: form.one("FallbackUrl").map(str::to_owned),
        fallback_method: read(form, "FallbackMethod", "can only be GET or POST", FetchMethod::parse)?,
        send_digits: read(form, "SendDigits", "is not up to 32 of 0-9, A-D, #, *, w and W", digits)?,
        timeout_secs: read(form, "Timeout", "is not from 1 to 600", timeout)?,
        record: form.flag("Record")?,
        machine_detection: read(
            form,
            "MachineDetection",
            "can only be Enable or DetectMessageEnd",
            MachineDetection::parse,
        )?,
    })
}

/// A parameter as it is meant, where it says something.
fn read<T>(form: &TwilioForm, name: &str, wrong: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let wrong = || error::PARAMETER.because(&format!("{name} {wrong}"));
    form.one(name).map(|text| parse(text).ok_or_else(wrong)).transpose()
}

fn digits(text: &str) -> Option<String> {
    CallOptions::can_press(text).then(|| text.to_owned())
}

fn timeout(text: &str) -> Option<u16> {
    text.parse().ok().filter(|secs| (1..=LONGEST_TIMEOUT).contains(secs))
}
