//! What the loopback carrier is and can do, and the nothing that an account on it is opened with.

use serde::Deserialize;

use crate::provider::{AccountCredentials, BadCredentials, CarrierFeature, CarrierProfile, OPTED_OUT};

pub(super) const PROFILE: &CarrierProfile = &CarrierProfile {
    name: "loopback",
    title: "Loopback",
    credentials_words: "empty: an object without keys",
    features: &[CarrierFeature::List, CarrierFeature::LookUp, CarrierFeature::Calls, CarrierFeature::Whatsapp],
    resends: true,
    opt_out_codes: &[OPTED_OUT],
    is_inside: true,
    // none of its tricks blames the account
    ..CarrierProfile::PLAIN
};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LoopbackCredentials {}

impl AccountCredentials for LoopbackCredentials {
    fn values(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }

    fn check(&self) -> Result<(), BadCredentials> {
        Ok(())
    }

    fn external_id(&self) -> String {
        "loopback".to_owned()
    }
}
