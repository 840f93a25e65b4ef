//! The numbers of an account at Twilio (<https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource>).

use serde::Deserialize;

use super::Twilio;
use super::list::ListProgress;
use crate::model::Address;
use crate::provider::{AskError, CarrierNumber};

/// Pages of a hundred that are read at most.
const PAGES: usize = 1_000;

#[derive(Deserialize)]
struct TwilioNumberIn {
    phone_number: String,
    /// Nothing: it does not say.
    capabilities: Option<TwilioCapabilitiesIn>,
}

/// Older accounts are told in capitals.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TwilioCapabilitiesIn {
    #[serde(alias = "SMS")]
    sms: bool,
    #[serde(alias = "MMS")]
    mms: bool,
    #[serde(alias = "Voice")]
    voice: bool,
}

impl TwilioNumberIn {
    /// Of one of which nothing is said, that it texts.
    fn read(self) -> CarrierNumber {
        let texts = TwilioCapabilitiesIn { sms: true, ..TwilioCapabilitiesIn::default() };
        let TwilioCapabilitiesIn { sms, mms, voice } = self.capabilities.unwrap_or(texts);
        let (_, address) = Address::from_carrier(&self.phone_number);
        CarrierNumber { address, can_text: sms, can_mms: mms, can_call: voice }
    }
}

impl Twilio {
    /// `GET …/IncomingPhoneNumbers.json`.
    pub(super) async fn list_numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        let mut found = Vec::new();
        let take = |listed: TwilioNumberIn| {
            found.push(listed.read());
            ListProgress::More
        };
        let is_all = self.walk_pages("IncomingPhoneNumbers.json", Vec::new(), PAGES, take).await?;
        if is_all { Ok(found) } else { Err(AskError::too_many_numbers()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_can_do_is_read() {
        for (said, can) in [
            (r#"{"phone_number": "+14155550100", "capabilities": {"SMS": true, "Voice": true}}"#, [true, false, true]),
            (r#"{"phone_number": "+14155550100", "capabilities": {"mms": true, "fax": false}}"#, [false, true, false]),
            (r#"{"phone_number": "+14155550100", "capabilities": {"fax": true}}"#, [false, false, false]),
            (r#"{"phone_number": "+14155550100", "capabilities": null}"#, [true, false, false]),
            (r#"{"phone_number": "+14155550100"}"#, [true, false, false]),
        ] {
            let number = serde_json::from_str::<TwilioNumberIn>(said).map(TwilioNumberIn::read).unwrap();
            assert_eq!([number.can_text, number.can_mms, number.can_call], can, "{said}");
        }
    }
}
