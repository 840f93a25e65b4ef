//! How much a client's calls may say.

use serde::Deserialize;

use super::named;

/// What TwiML is taken from a client.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AllowedTwiml {
    /// All that there is: what the carrier's account may do.
    Any,
    /// What speaks to who answers, and reaches nobody else.
    Say,
}

named!(AllowedTwiml, Any, Say);
