//! Verifications as Verify's clients order them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::error::{CHANNEL, PARAMETER};
use super::payment::ConfirmedPayment;
use crate::http::compat::twilio::error::Result;
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::model::address::{AddressKind, AddressRole};
use crate::model::{Address, CodeChannel, Country, Secret, VerificationDoor};
use crate::service::verification::{VerificationOrder, VerificationService};

/// Channels of Twilio's that codes do not go out on here.
const NOT_SERVED: [&str; 5] = ["auto", "email", "rbm", "rcs", "sna"];
const MOST_TAGS: usize = 10;
/// Characters of a tag, and of its name.
const LONGEST_TAG: usize = 128;

/// The phone that a form names.
pub(super) fn to(form: &TwilioForm, country: Option<Country>) -> Result<Option<Address>> {
    let Some(read) = form.address("To", AddressRole::Recipient, country) else { return Ok(None) };
    let (_, address) = read.map_err(|error| PARAMETER.because(&format!("To {error}")))?;
    if address.kind() == AddressKind::Phone {
        Ok(Some(address))
    } else {
        Err(PARAMETER.because("To must be a phone number"))
    }
}

fn channel(form: &TwilioForm) -> Result<CodeChannel> {
    let name = form.one("Channel").ok_or_else(|| PARAMETER.because("Channel is missing"))?.to_ascii_lowercase();
    if NOT_SERVED.contains(&name.as_str()) {
        return Err(CHANNEL.because(&format!("{name}; sms, call and whatsapp are served")));
    }
    CodeChannel::parse(&name).ok_or_else(|| PARAMETER.because("Channel must be sms, call or whatsapp"))
}

/// A JSON object in a form.
fn object(form: &TwilioForm, name: &str) -> Result<Option<Map<String, Value>>> {
    let read = form.one(name).map(serde_json::from_str).transpose();
    read.map_err(|_| PARAMETER.because(&format!("{name} must be a JSON object")))
}

/// The same, of texts; numbers and flags are taken as they are written.
fn texts(form: &TwilioForm, name: &str) -> Result<BTreeMap<String, String>> {
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
        _ => Err(PARAMETER.because(&format!("{name} must be a JSON object of texts"))),
    };
    object(form, name)?.unwrap_or_default().into_iter().map(text).collect()
}

fn tags(form: &TwilioForm) -> Result<Option<Map<String, Value>>> {
    let Some(tags) = object(form, "Tags")? else { return Ok(None) };
    let is_short = |text: &str| text.chars().count() <= LONGEST_TAG;
    let fits = |(name, value): (&String, &Value)| is_short(name) && value.as_str().is_some_and(is_short);
    if tags.len() <= MOST_TAGS && tags.iter().all(fits) {
        return Ok(Some(tags));
    }
    let reason = format!("Tags must be {MOST_TAGS} at most, their names and texts {LONGEST_TAG} characters at most");
    Err(PARAMETER.because(&reason))
}

fn device_ip(form: &TwilioForm) -> Result<Option<IpAddr>> {
    let read = form.one("DeviceIp").map(str::parse).transpose();
    read.map_err(|_| PARAMETER.because("DeviceIp must be an IPv4 or IPv6 address"))
}

/// Whether the guard may block it.
fn risk_check(form: &TwilioForm) -> Result<bool> {
    match form.one("RiskCheck") {
        None | Some("enable") => Ok(true),
        Some("disable") => Ok(false),
        Some(_) => Err(PARAMETER.because("RiskCheck must be enable or disable")),
    }
}

/// What a form orders of a service. What belongs to channels that are not served is passed over.
pub(super) fn order(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    form: &TwilioForm,
) -> Result<VerificationOrder> {
    // who asks for an e-mail names no phone: it is the channel that is not served
    let channel = channel(form)?;
    let to = to(form, visit.country())?.ok_or_else(|| PARAMETER.because("To is missing"))?;
    let text = |name: &str| form.one(name).map(str::to_owned);
    let template = form.one("TemplateSid").map(|sid| {
        sid::parse_template(sid).ok_or_else(|| PARAMETER.because("TemplateSid must be HJ and 32 hex digits"))
    });
    let payment = ConfirmedPayment::of(form, &service.settings)?;
    let payment_text = payment.as_ref().map(ConfirmedPayment::text);
    Ok(VerificationOrder {
        service: Some(service.id),
        code: text("CustomCode").map(Secret::new),
        name: text("CustomFriendlyName"),
        locale: text("Locale"),
        template: template.transpose()?,
        substitutions: texts(form, "TemplateCustomSubstitutions")?,
        message: text("CustomMessage").or(payment_text),
        app_hash: text("AppHash"),
        rate_limits: texts(form, "RateLimits")?,
        device_ip: device_ip(form)?,
        risk_check: risk_check(form)?,
        send_digits: text("SendDigits"),
        metadata: payment.map(|payment| payment.metadata()),
        tags: tags(form)?,
        ..VerificationOrder::new(to, channel, VerificationDoor::Twilio)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &[u8]) -> Result<TwilioForm> {
        TwilioForm::read(text)
    }

    fn channel_of(text: &[u8]) -> Option<CodeChannel> {
        form(text).and_then(|form| channel(&form)).ok()
    }

    #[test]
    fn channels_that_are_served_are_read() {
        assert_eq!(channel_of(b"Channel=sms"), Some(CodeChannel::Sms));
        assert_eq!(channel_of(b"Channel=CALL"), Some(CodeChannel::Call));
        assert_eq!(channel_of(b"Channel=whatsapp"), Some(CodeChannel::Whatsapp));
        for wrong in ["", "Channel=", "Channel=auto", "Channel=email", "Channel=pigeon"] {
            assert_eq!(channel_of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn objects_are_read_from_json() {
        let read = |text: &str| form(text.as_bytes()).and_then(|form| texts(&form, "RateLimits")).ok();
        let one = |value: &str| Some(BTreeMap::from([("ip".to_owned(), value.to_owned())]));
        assert_eq!(read("RateLimits=%7B%22ip%22%3A%22192.0.2.1%22%7D"), one("192.0.2.1"));
        assert_eq!(read("RateLimits=%7B%22ip%22%3A7%7D"), one("7"));
        assert_eq!(read(""), Some(BTreeMap::new()));
        for wrong in ["RateLimits=ip", "RateLimits=%5B%5D", "RateLimits=%7B%22ip%22%3A%5B%5D%7D"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tags_are_few_and_short() {
        let read = |tags: &Value| {
            let text = form_urlencoded::Serializer::new(String::new()).append_pair("Tags", &tags.to_string()).finish();
            form(text.as_bytes()).and_then(|form| tags_of(&form)).is_ok()
        };
        let many: Map<String, Value> = (0..11).map(|n| (n.to_string(), Value::from("x"))).collect();
        assert!(read(&serde_json::json!({"a": "b"})));
        for wrong in [serde_json::json!({"a": "b".repeat(129)}), serde_json::json!({"a": 1}), Value::Object(many)] {
            assert!(!read(&wrong), "{wrong}");
        }
    }

    fn tags_of(form: &TwilioForm) -> Result<Option<Map<String, Value>>> {
        tags(form)
    }
}
