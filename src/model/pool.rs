//! How a pool chooses numbers, and what holds for sessions that do not say otherwise.

use serde::{Deserialize, Serialize};

use super::{DurationSetting, named};

/// Which of the numbers that fit a person comes first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, Deserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PoolChoice {
    /// One that this person had before.
    #[default]
    Sticky,
    /// Those that this person had before come last.
    AvoidSticky,
}

named!(PoolChoice, Sticky, AvoidSticky);

/// In which order numbers are looked at.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, Deserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PoolOrder {
    /// Those near the person first: by area code in North America, by country elsewhere.
    #[default]
    Near,
    Any,
}

named!(PoolOrder, Near, Any);

/// How far from the person a number may be at most.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, Deserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PoolBound {
    #[default]
    None,
    Country,
    AreaCode,
    /// Area codes of the same place.
    Overlay,
    /// Area codes around.
    Radius,
}

named!(PoolBound, None, Country, AreaCode, Overlay, Radius);

/// How a client's server is asked what is to become of a text or a call.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, Deserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HookFormat {
    /// As it is told of events: in JSON, signed by Standard Webhooks.
    #[default]
    Json,
    /// As Twilio Proxy asks: by a form, signed as Twilio signs.
    Form,
}

named!(HookFormat, Json, Form);

/// For how long a person does not get a number again on which they talked to others.
const REST: DurationSetting = DurationSetting::from_millis(3_600_000);

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct PoolSettings {
    pub choice: PoolChoice,
    pub order: PoolOrder,
    pub bound: PoolBound,
    /// Each of its numbers is in one open session at most, in which everybody has it.
    #[serde(rename = "exclusive")]
    pub is_exclusive: bool,
    /// A number on which a person's session with others ended less than this ago comes last for them.
    pub rest: DurationSetting,
    /// What everybody in a session that does not say otherwise is told when it begins.
    pub start_text: Option<String>,
    /// And when it ends.
    pub end_text: Option<String>,
    /// How long after the last interaction a session ends; `None`: by itself it does not.
    pub ttl: Option<DurationSetting>,
    /// Who is asked before something is passed on in a session that names nobody itself.
    pub intercept_url: Option<String>,
    /// Who is asked what to do with whoever is in no session at the number that they text or call.
    pub out_of_session_url: Option<String>,
    /// How these two are asked.
    pub hook_format: HookFormat,
    /// Who is told of each interaction in Twilio Proxy's form; only its door sets it.
    pub callback_url: Option<String>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            choice: PoolChoice::default(),
            order: PoolOrder::default(),
            bound: PoolBound::default(),
            is_exclusive: false,
            rest: REST,
            start_text: None,
            end_text: None,
            ttl: None,
            intercept_url: None,
            out_of_session_url: None,
            hook_format: HookFormat::default(),
            callback_url: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() -> Result<(), serde_json::Error> {
        let settings = PoolSettings {
            choice: PoolChoice::AvoidSticky,
            order: PoolOrder::Any,
            bound: PoolBound::AreaCode,
            is_exclusive: true,
            rest: DurationSetting::from_millis(0),
            start_text: Some("hello".to_owned()),
            end_text: None,
            ttl: Some(DurationSetting::from_millis(90_000)),
            intercept_url: Some("https://a.example/intercept".to_owned()),
            out_of_session_url: None,
            hook_format: HookFormat::Form,
            callback_url: Some("https://a.example/told".to_owned()),
        };
        for settings in [settings, PoolSettings::default()] {
            assert_eq!(serde_json::from_str::<PoolSettings>(&serde_json::to_string(&settings)?)?, settings);
        }
        Ok(())
    }

    #[test]
    fn what_is_left_out_is_the_default_and_what_is_unknown_is_ignored() -> Result<(), serde_json::Error> {
        let read = |text: &str| serde_json::from_str::<PoolSettings>(text);
        assert_eq!(read("{}")?, PoolSettings::default());
        assert_eq!(read(r#"{"colour": "red"}"#)?, PoolSettings::default());
        assert_eq!(
            read(r#"{"ttl": null, "exclusive": true}"#)?,
            PoolSettings { is_exclusive: true, ..PoolSettings::default() }
        );
        assert!(read(r#"{"choice": "none"}"#).is_err());
        Ok(())
    }

    #[test]
    fn names_are_the_same_in_the_store_and_the_api() -> Result<(), serde_json::Error> {
        for bound in PoolBound::ALL {
            assert_eq!(serde_json::to_value(bound)?, bound.name());
            assert_eq!(PoolBound::parse(bound.name()), Some(bound));
        }
        assert_eq!(serde_json::to_value(PoolChoice::AvoidSticky)?, PoolChoice::AvoidSticky.name());
        assert_eq!(serde_json::to_value(PoolOrder::Near)?, PoolOrder::Near.name());
        Ok(())
    }
}
