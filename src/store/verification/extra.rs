//! What is seldom there of a verification, and what a service's verifications have in common: columns of JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};

use crate::model::{CodeChannel, Millis};

/// What a further text of a verification is made of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct VerificationExtra {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The id of a template, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Whose code it is, as the text says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The caller's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitutions: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_otp_host: Option<String>,
    /// Keys of the caller's own limits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rate_limits: BTreeMap<String, String>,
    /// On what it goes next, where it could not go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<CodeChannel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_ip: Option<IpAddr>,
    /// A number, or `pool ` and the hex of a pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The guard does not block it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unguarded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_digits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Map<String, Json>>,
    /// Where its texts' status is posted; one that brings a login is not kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What may go wrong with its text on some phones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The caller chose the code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_custom: bool,
    /// Of a test number: its code is known, and goes nowhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_test: bool,
}

impl VerificationExtra {
    /// As its column holds it.
    pub(super) fn text(&self) -> String {
        // texts and flags always serialise
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn read_extra<'de, D: Deserializer<'de>>(from: D) -> Result<VerificationExtra, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map_or_else(|| Ok(VerificationExtra::default()), |text| serde_json::from_str(&text).map_err(D::Error::custom))
}

/// What a service's verifications have in common, where they do not say it themselves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ServiceSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_checks: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sends: Option<u8>,
    /// The id of a template, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The texts warn to share the code with nobody.
    pub warning: bool,
    /// The caller may choose the code.
    pub custom_code: bool,
    /// Fixed lines get no texts.
    pub skip_sms_to_landlines: bool,
    pub lookup: bool,
    pub psd2: bool,
    /// Calls ask for a key before they speak.
    pub dtmf: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tts_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_otp_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            code_length: None,
            ttl_ms: None,
            max_checks: None,
            max_sends: None,
            template: None,
            warning: false,
            custom_code: false,
            skip_sms_to_landlines: false,
            lookup: false,
            psd2: false,
            dtmf: true,
            tts_name: None,
            app_hash: None,
            web_otp_host: None,
            locale: None,
        }
    }
}

impl ServiceSettings {
    /// As its column holds it.
    pub(super) fn text(&self) -> String {
        // texts and flags always serialise
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn read_settings<'de, D: Deserializer<'de>>(from: D) -> Result<ServiceSettings, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_written_and_unknown_words_are_passed_over() -> serde_json::Result<()> {
        assert_eq!(VerificationExtra::default().text(), "{}");
        let extra =
            VerificationExtra { fallback: vec![CodeChannel::Call], is_test: true, ..VerificationExtra::default() };
        assert_eq!(extra.text(), r#"{"fallback":["call"],"is_test":true}"#);
        assert_eq!(serde_json::from_str::<VerificationExtra>(&extra.text())?, extra);
        assert_eq!(serde_json::from_str::<VerificationExtra>(r#"{"new": 1}"#)?, VerificationExtra::default());
        let settings = ServiceSettings { code_length: Some(8), ..ServiceSettings::default() };
        assert_eq!(serde_json::from_str::<ServiceSettings>(&settings.text())?, settings);
        assert!(serde_json::from_str::<ServiceSettings>("{}")?.dtmf);
        Ok(())
    }
}
