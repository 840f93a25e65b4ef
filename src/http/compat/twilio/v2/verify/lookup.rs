//! What is known of a number that is verified, where its service wants to be told: what its numbering plan says.

use serde_json::{Value, json};

use crate::model::address::number_type;
use crate::model::{Address, NumberType};
use crate::service::verification::ServiceSettings;

/// In Twilio's words; null where a plan does not tell a mobile from a fixed line.
fn kind(number: NumberType) -> Option<&'static str> {
    match number {
        NumberType::Mobile => Some("mobile"),
        NumberType::FixedLine => Some("landline"),
        NumberType::Voip => Some("voip"),
        _ => None,
    }
}

pub(super) fn out(settings: &ServiceSettings, address: &str) -> Value {
    if !settings.lookup {
        return json!({});
    }
    let kind = kind(number_type(&Address::stored(address)));
    json!({
        "carrier": {
            "error_code": null,
            "mobile_country_code": null,
            "mobile_network_code": null,
            "name": null,
            "type": kind,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_asked_where_a_service_wants_it() {
        let asked = ServiceSettings { lookup: true, ..ServiceSettings::default() };
        assert_eq!(out(&ServiceSettings::default(), "+447400123456"), json!({}));
        assert_eq!(out(&asked, "+447400123456")["carrier"]["type"], "mobile");
        assert_eq!(out(&asked, "+442079460000")["carrier"]["type"], "landline");
        assert!(out(&asked, "+12065550110")["carrier"]["type"].is_null());
    }
}
