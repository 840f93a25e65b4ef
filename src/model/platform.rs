//! What a paired phone may publish to: the configured table of platforms.

use serde::{Deserialize, Deserializer, Serialize};

use super::Secret;

/// One row of `[[platforms]]`. `id` is `wallets.platformId` of the backend database
/// and stays inside, as the sink does; the rest goes to phones as it stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    #[serde(skip_serializing)]
    pub id: i64,
    /// Phones expect lower case.
    #[serde(deserialize_with = "lower_case")]
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub letter: String,
    #[serde(default)]
    pub logo: String,
    #[serde(default)]
    pub initialization_url: String,
    /// Where its texts are posted; empty: they are refused.
    #[serde(skip_serializing, default)]
    pub sink_url: String,
    /// `whsec_…`: signs those posts.
    #[serde(skip_serializing, default)]
    pub sink_secret: Secret,
}

impl Platform {
    /// What follows the letter and its colon, where a text is for this platform.
    pub fn addressed<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (letter, rest) = text.split_once(':')?;
        (!letter.is_empty() && letter == self.letter).then_some(rest)
    }

    pub fn has_sink(&self) -> bool {
        !self.sink_url.is_empty()
    }
}

fn lower_case<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|name| name.to_lowercase())
}

/// A user's platforms: those with a grant, and the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserPublishingPlatforms {
    pub saved_platforms: Vec<Platform>,
    pub unsaved_platforms: Vec<Platform>,
}

impl UserPublishingPlatforms {
    pub fn of(all: &[Platform], granted: &[i64]) -> Self {
        let (saved_platforms, unsaved_platforms) =
            all.iter().cloned().partition(|platform| granted.contains(&platform.id));
        Self { saved_platforms, unsaved_platforms }
    }
}
