//! What a paired phone may publish to: the configured table of platforms.

use serde::{Deserialize, Deserializer, Serialize};

/// One row of `[[platforms]]`. `id` is `wallets.platformId` of the backend database
/// and stays inside; the rest goes to phones as it stands.
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
}

fn lower_case<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|name| name.to_lowercase())
}

/// A user's platforms: those with a grant, and the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserPlatforms {
    pub saved_platforms: Vec<Platform>,
    pub unsaved_platforms: Vec<Platform>,
}

impl UserPlatforms {
    pub fn of(all: &[Platform], granted: &[i64]) -> Self {
        let (saved_platforms, unsaved_platforms) =
            all.iter().cloned().partition(|platform| granted.contains(&platform.id));
        Self { saved_platforms, unsaved_platforms }
    }
}
