//! Which attempts a list, or a summary, is of.

use super::error::PARAMETER;
use crate::http::compat::twilio::error::Result;
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::model::address::AddressRole;
use crate::model::{CodeChannel, Millis, date, parse_day, parse_time};
use crate::service::verification::AttemptFilter;

/// Channels of Twilio's that no attempt here has.
const NOT_SERVED: [&str; 2] = ["email", "rbm"];
/// Digits of a number at most (E.164).
const LONGEST_NUMBER: usize = 15;

/// What a filter comes to that no attempt can fit: `None`.
type PossibleFilter = Result<Option<AttemptFilter>>;

fn time(form: &TwilioForm, name: &str) -> Result<Option<Millis>> {
    let read = |text: &str| parse_time(text).or_else(|| parse_day(text));
    let wrong = || PARAMETER.because(&format!("{name} {}", date::TIME_OR_DAY));
    form.one(name).map(|text| read(text).ok_or_else(wrong)).transpose()
}

/// All forms in which carriers write the number.
fn addresses(visit: &TwilioCompatRequest<'_>, form: &TwilioForm) -> Result<Vec<String>> {
    let Some(read) = form.address("ChannelData.To", AddressRole::Recipient, visit.country()) else {
        return Ok(Vec::new());
    };
    let (_, address) = read.map_err(|error| PARAMETER.because(&format!("ChannelData.To {error}")))?;
    Ok(address.forms())
}

fn is_converted(form: &TwilioForm) -> Result<Option<bool>> {
    match form.one("Status") {
        None => Ok(None),
        Some("converted") => Ok(Some(true)),
        Some("unconverted") => Ok(Some(false)),
        Some(_) => Err(PARAMETER.because("Status must be converted or unconverted")),
    }
}

fn country(form: &TwilioForm) -> Result<Option<String>> {
    let Some(text) = form.one("Country") else { return Ok(None) };
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(Some(text.to_ascii_uppercase()));
    }
    Err(PARAMETER.because("Country must be two letters, such as US"))
}

/// How numbers begin that the summary is of, with the plus.
pub(super) fn prefix(form: &TwilioForm) -> Result<Option<String>> {
    let Some(text) = form.one("DestinationPrefix") else { return Ok(None) };
    // a plus that was not encoded arrives as a blank
    let digits = text.strip_prefix(['+', ' ']).unwrap_or_default();
    if (1..=LONGEST_NUMBER).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(Some(format!("+{digits}")));
    }
    Err(PARAMETER.because("DestinationPrefix must be the beginning of a number, such as +57305"))
}

/// What a query asks for.
pub(super) fn filter(visit: &TwilioCompatRequest<'_>, form: &TwilioForm) -> PossibleFilter {
    let channel = match form.one("Channel") {
        None => None,
        Some(name) if NOT_SERVED.contains(&name) => return Ok(None),
        Some(name) => {
            let wrong = || PARAMETER.because("Channel must be sms, call, whatsapp, email or rbm");
            Some(CodeChannel::parse(name).ok_or_else(wrong)?)
        }
    };
    let service = form.one("VerifyServiceSid").map(|sid| {
        sid::parse_verify_service(sid).ok_or_else(|| PARAMETER.because("VerifyServiceSid must be VA and 32 hex digits"))
    });
    let verification = form.one("VerificationSid").map(|sid| {
        sid::parse_verification(sid).ok_or_else(|| PARAMETER.because("VerificationSid must be VE and 32 hex digits"))
    });
    Ok(Some(AttemptFilter {
        service: service.transpose()?,
        verification: verification.transpose()?,
        addresses: addresses(visit, form)?,
        channel,
        country: country(form)?,
        is_converted: is_converted(form)?,
        from_ms: time(form, "DateCreatedAfter")?,
        before_ms: time(form, "DateCreatedBefore")?,
        ..AttemptFilter::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_libraries_write_them() {
        let read = |text: &[u8]| TwilioForm::read(text).ok();
        let at = |text: &[u8]| read(text).and_then(|form| time(&form, "A").ok());
        assert_eq!(at(b"A=2023-11-14T22:13:20Z"), Some(Some(1_700_000_000_000)));
        assert_eq!(at(b"A=2023-11-14"), Some(Some(1_699_920_000_000)));
        assert_eq!((at(b""), at(b"A=today")), (Some(None), None));
        let of = |text: &[u8]| read(text).and_then(|form| country(&form).ok());
        assert_eq!((of(b"Country=gb"), of(b"Country=GBR")), (Some(Some("GB".to_owned())), None));
        let of = |text: &[u8]| read(text).and_then(|form| prefix(&form).ok());
        for good in ["DestinationPrefix=%2B57305", "DestinationPrefix=+57305"] {
            assert_eq!(of(good.as_bytes()), Some(Some("+57305".to_owned())), "{good}");
        }
        for wrong in ["57305", "%2B", "%2B57x", "%2B1234567890123456"] {
            assert_eq!(of(format!("DestinationPrefix={wrong}").as_bytes()), None, "{wrong}");
        }
        let status = |text: &[u8]| read(text).and_then(|form| is_converted(&form).ok());
        assert_eq!((status(b"Status=unconverted"), status(b"Status=lost")), (Some(Some(false)), None));
    }
}
