//! Forms and queries as Twilio's libraries write them. Parameters that mean nothing here are passed over.

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;

use super::TwilioCompatRequest;
use super::error::{self, Result};
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::compat::carried::{self, IgnoredParameter};
use crate::http::form::{self, BodyContentType};
use crate::http::object;
use crate::model::address::{AddressRole, blank_as_plus};
use crate::model::form::{flag, texts};
use crate::model::{Address, Channel, Country, FormCharset, NotAnAddress};

/// Parameters that are read, and of which there is one.
const SINGLE: &str = "Amount AppHash Body CallbackUrl Channel ChannelConfiguration ChatInstanceSid Code CodeLength \
                      CustomCode CustomCodeEnabled CustomFriendlyName CustomMessage DateExpiry DefaultTemplateSid \
                      DefaultTtl Description DeviceIp DoNotShareWarningEnabled DtmfInputRequired EnableSnaClientToken \
                      FallbackMethod FallbackUrl FriendlyName From GeoMatchLevel Identifier InterceptCallbackUrl \
                      Interval IsReserved Locale LookupEnabled MachineDetection Max MessagingServiceSid Method Mode \
                      NumberSelectionBehavior OutOfSessionCallbackUrl Payee PhoneNumber ProxyIdentifier \
                      ProxyIdentifierSid Psd2Enabled RateLimits Record RiskCheck ScheduleType SendAt SendDigits Sid \
                      SkipSmsToLandlines SmartEncoded SnaClientToken Status StatusCallback Tags \
                      TemplateCustomSubstitutions TemplateSid Timeout To Ttl TtsName Twiml UniqueName Url \
                      ValidityPeriod VerificationSid VerifyEventSubscriptionEnabled";

pub(super) struct TwilioForm {
    fields: Vec<(String, String)>,
    /// What it was read from, which counts until it is answered.
    _body: Option<ReadBody>,
}

impl TwilioForm {
    pub(super) async fn posted(visit: &TwilioCompatRequest<'_>, body: UnreadBody) -> Result<Self> {
        let bytes = object::collect(body, visit.app).await?;
        let media = BodyContentType::of(visit.request.header(CONTENT_TYPE))?;
        let read = match media {
            Some(BodyContentType::Other) if bytes.is_empty() => Some(Vec::new()),
            media => form::fields(&media.unwrap_or(BodyContentType::Form(FormCharset::Utf8)), &bytes)?,
        };
        let fields = read.ok_or(error::of(StatusCode::UNSUPPORTED_MEDIA_TYPE))?;
        if let Some(name) = form::twice(&fields, |name| SINGLE.split(' ').any(|one| one == name)) {
            return Err(error::PARAMETER.because(&format!("{name}: must come once")));
        }
        Ok(Self { fields, _body: Some(bytes) })
    }

    pub(super) fn query(visit: &TwilioCompatRequest<'_>) -> Result<Self> {
        Self::read(visit.request.query.as_bytes())
    }

    pub(super) fn read(form: &[u8]) -> Result<Self> {
        let read = texts(form, FormCharset::Utf8);
        let fields = read.map_err(|bad| error::PARAMETER.because(&format!("{} {}", bad.name, bad.reason)))?;
        Ok(Self { fields, _body: None })
    }

    /// A parameter's value, empty or not.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter's value, where it says something.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may be repeated.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let values = self.fields.iter().filter(|(known, value)| known == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// A parameter that is `true` or `false`, in any case, where it says something.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        let wrong = || error::PARAMETER.because(&format!("{name} must be true or false"));
        self.one(name).map(|text| flag(text).ok_or_else(wrong)).transpose()
    }

    /// Refuses the first of these parameters that asks for something.
    pub(super) fn carries(&self, not_carried: &[IgnoredParameter]) -> Result<()> {
        carried::refusal(not_carried, &self.fields).map_or(Ok(()), |reason| Err(error::PARAMETER.because(&reason)))
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An address, and the channel that it names: texts where it names none.
    pub(super) fn address(
        &self,
        name: &str,
        role: AddressRole,
        country: Option<Country>,
    ) -> Option<Result<(Channel, Address), NotAnAddress>> {
        let text = blank_as_plus(self.one(name)?);
        let read = Address::read(&text, role, country);
        Some(read.map(|(channel, address)| (channel.unwrap_or_default(), address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_channel() -> Result<(), Box<dyn std::error::Error>> {
        let Ok(form) = TwilioForm::read(b"A=whatsapp%3A%2B14155550100&B=+14155550100&C=whatsapp:&D=&E=Acme") else {
            return Err("not read".into());
        };
        let address = |name: &str| form.address(name, AddressRole::Sender, None);
        let phone = Address::stored("+14155550100");
        assert_eq!(address("A"), Some(Ok((Channel::Whatsapp, phone.clone()))));
        assert_eq!(address("B"), Some(Ok((Channel::Sms, phone))));
        assert_eq!(address("C"), Some(Err(NotAnAddress::Empty)));
        assert_eq!(address("D"), None);
        assert_eq!(address("E"), Some(Ok((Channel::Sms, Address::stored("Acme")))));
        Ok(())
    }
}
