//! What a session says of itself and need not be found by.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{Millis, SessionLabels};

/// Its column holds it as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct SessionSettings {
    pub labels: SessionLabels,
    /// What each is told when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_text: Option<String>,
    /// The same when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_text: Option<String>,
    /// What somebody is told who has no session at the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_session_text: Option<String>,
    /// Who is asked before something is passed on; unless given, whom the pool names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intercept_url: Option<String>,
    /// It rests so long after what was said or changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_after_ms: Option<Millis>,
    /// The addresses of those with whom it was made, as they were written, in their order; only where a door answers so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
}

impl SessionSettings {
    /// As its column holds it.
    pub(super) fn text(&self) -> String {
        // an enum and texts always serialise
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn read_settings<'de, D: Deserializer<'de>>(from: D) -> Result<SessionSettings, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written_and_unknown_ones_passed_over() -> serde_json::Result<()> {
        let settings = SessionSettings {
            labels: SessionLabels::Letter,
            start_text: Some("Hello".to_owned()),
            ..SessionSettings::default()
        };
        assert_eq!(settings.text(), r#"{"labels":"letter","start_text":"Hello"}"#);
        assert_eq!(serde_json::from_str::<SessionSettings>(&settings.text())?, settings);
        assert_eq!(serde_json::from_str::<SessionSettings>(r#"{"hook": 1}"#)?, SessionSettings::default());
        Ok(())
    }
}
