//! What a form says of a service. What belongs to factors and channels that are not served is passed over.

use super::error::PARAMETER;
use crate::http::compat::twilio::error::Result;
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::sid;
use crate::model::VerificationTemplateId;
use crate::model::verification::CODE_LENGTH;
use crate::service::verification::ServiceSettings;

/// Characters of a name, which stands in every text.
const LONGEST_NAME: usize = 30;
/// Digits in it: more would be read as a code.
const MOST_DIGITS: usize = 4;

/// The name that texts are sent under, where a form gives one.
pub(super) fn name(form: &TwilioForm) -> Result<Option<String>> {
    let Some(name) = form.given("FriendlyName") else { return Ok(None) };
    let is_short = (1..=LONGEST_NAME).contains(&name.chars().count());
    if is_short && name.chars().filter(char::is_ascii_digit).count() <= MOST_DIGITS {
        return Ok(Some(name.to_owned()));
    }
    let reason = format!("FriendlyName must be 1 to {LONGEST_NAME} characters, with {MOST_DIGITS} digits at most");
    Err(PARAMETER.because(&reason))
}

fn code_length(form: &TwilioForm) -> Result<Option<u8>> {
    let Some(text) = form.one("CodeLength") else { return Ok(None) };
    let length = text.parse::<u8>().ok().filter(|length| CODE_LENGTH.contains(&usize::from(*length)));
    let (least, most) = (CODE_LENGTH.start(), CODE_LENGTH.end());
    let wrong = || PARAMETER.because(&format!("CodeLength must be {least} to {most}"));
    length.map(Some).ok_or_else(wrong)
}

/// A template by its SID; an empty one is taken away.
fn template(form: &TwilioForm, before: Option<String>) -> Result<Option<String>> {
    match form.given("DefaultTemplateSid") {
        None => Ok(before),
        Some("") => Ok(None),
        Some(sid) => {
            let wrong = || PARAMETER.because("DefaultTemplateSid must be HJ and 32 hex digits");
            sid::parse_template(sid).map(|id| Some(id.hex())).ok_or_else(wrong)
        }
    }
}

/// The settings as they will be. What a form does not give stays as it is.
pub(super) fn settings(form: &TwilioForm, before: ServiceSettings) -> Result<ServiceSettings> {
    let voice = form.given("TtsName").map(|name| Some(name.to_owned()).filter(|name| !name.is_empty()));
    Ok(ServiceSettings {
        code_length: code_length(form)?.or(before.code_length),
        template: template(form, before.template)?,
        warning: form.flag("DoNotShareWarningEnabled")?.unwrap_or(before.warning),
        custom_code: form.flag("CustomCodeEnabled")?.unwrap_or(before.custom_code),
        skip_sms_to_landlines: form.flag("SkipSmsToLandlines")?.unwrap_or(before.skip_sms_to_landlines),
        lookup: form.flag("LookupEnabled")?.unwrap_or(before.lookup),
        psd2: form.flag("Psd2Enabled")?.unwrap_or(before.psd2),
        dtmf: form.flag("DtmfInputRequired")?.unwrap_or(before.dtmf),
        tts_name: voice.unwrap_or(before.tts_name),
        ..before
    })
}

/// The SID of the template that a service's texts are made of, where it has one.
pub(super) fn template_sid(settings: &ServiceSettings) -> Option<String> {
    let id = VerificationTemplateId::from_hex(settings.template.as_deref()?).ok()?;
    Some(sid::template(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, before: ServiceSettings) -> Option<ServiceSettings> {
        TwilioForm::read(text.as_bytes()).and_then(|form| settings(&form, before)).ok()
    }

    /// Empty where none is given.
    fn named(text: &str) -> Option<String> {
        let read = TwilioForm::read(text.as_bytes()).and_then(|form| name(&form));
        read.ok().map(Option::unwrap_or_default)
    }

    #[test]
    fn what_is_not_given_stays() {
        let template = "HJ0123456789abcdef0123456789abcdef";
        let form =
            format!("CodeLength=8&DoNotShareWarningEnabled=true&DefaultTemplateSid={template}&Push.IncludeDate=true");
        let made = read(&form, ServiceSettings::default()).unwrap_or_default();
        assert_eq!((made.code_length, made.warning, made.custom_code), (Some(8), true, false));
        assert_eq!(template_sid(&made).as_deref(), Some(template));
        assert_eq!(read("", made.clone()), Some(made.clone()));
        let changed = read("DefaultTemplateSid=&TtsName=Polly.Amy", made).unwrap_or_default();
        assert_eq!(
            (changed.template, changed.tts_name.as_deref(), changed.code_length),
            (None, Some("Polly.Amy"), Some(8))
        );
        for wrong in ["CodeLength=3", "CodeLength=11", "CodeLength=x", "LookupEnabled=maybe", "DefaultTemplateSid=HJ1"]
        {
            assert_eq!(read(wrong, ServiceSettings::default()), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_short_and_hold_no_code() {
        assert_eq!(named("FriendlyName=Acme+24").as_deref(), Some("Acme 24"));
        assert_eq!(named("").as_deref(), Some(""));
        for wrong in ["FriendlyName=", "FriendlyName=Acme+12345", "FriendlyName=0123456789012345678901234567890"] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }
}
