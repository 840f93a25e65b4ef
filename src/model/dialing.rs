//! How a call is made, beside what it says; in Twilio's words.

use serde::{Deserialize, Serialize};

use super::named;

/// What a call's client has said of it; where it says nothing, its provider decides.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct CallOptions {
    /// How its URL is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<FetchMethod>,
    /// Where the instructions are when its URL gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_method: Option<FetchMethod>,
    /// Keys pressed once somebody has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_digits: Option<String>,
    /// How long it may ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_detection: Option<MachineDetection>,
}

/// Keys that are pressed at once at most.
const MOST_DIGITS: usize = 32;

impl CallOptions {
    /// Whether these are keys that a call can press, with `w` and `W` for pauses.
    pub fn can_press(digits: &str) -> bool {
        let is_key = |key: u8| key.is_ascii_digit() || b"ABCD#*wW".contains(&key);
        digits.len() <= MOST_DIGITS && digits.bytes().all(is_key)
    }
}

/// How a URL is fetched.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum FetchMethod {
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "POST")]
    Post,
}

/// Whether its provider is to find out if a machine has answered, and for what it waits then.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
pub enum MachineDetection {
    Enable,
    DetectMessageEnd,
}

named!(FetchMethod);

named!(MachineDetection);
