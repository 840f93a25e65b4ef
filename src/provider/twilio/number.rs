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
    #[serde(default)]
    capabilities: TwilioCapabilitiesIn,
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

impl Twilio {
    /// `GET …/IncomingPhoneNumbers.json`.
    pub(super) async fn list_numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        let mut found = Vec::new();
        self.walk_pages("IncomingPhoneNumbers.json", Vec::new(), PAGES, |listed: TwilioNumberIn| {
            let TwilioCapabilitiesIn { sms, mms, voice } = listed.capabilities;
            let (_, address) = Address::from_carrier(&listed.phone_number);
            found.push(CarrierNumber { address, can_text: sms, can_mms: mms, can_call: voice });
            ListProgress::More
        })
        .await?;
        Ok(found)
    }
}
