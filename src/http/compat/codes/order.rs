//! `POST /` `{"auth_id", "recipient"}`: a code is texted, in the place of the one before it under that name.

use ::http::StatusCode;
use serde_json::{Map, Value as Json, json};

use super::refusal::invalid;
use super::{AUTH_ID, CodesDoorSettings, CodesResult, LONGEST_AUTH_ID, RECIPIENT, is_auth_id, verifier};
use crate::http::compat::number_proxy::said;
use crate::http::{App, RequestParts, reply, verification};
use crate::model::address::AddressRole;
use crate::model::{Address, CodeChannel, VerificationDoor};
use crate::service::Error;
use crate::service::client::ApiConsumer;
use crate::service::relay::SenderChoice;
use crate::service::verification::{CreateResult, VerificationOrder};

/// Digits of a recipient: 1, and ten of a number in North America.
const RECIPIENT_DIGITS: usize = 11;

pub(super) async fn create(
    request: &RequestParts,
    consumer: &ApiConsumer,
    fields: &Map<String, Json>,
    app: &App,
) -> CodesResult {
    verifier(consumer)?;
    let auth_id = auth_id(fields)?;
    let order = order(recipient(fields)?, auth_id.clone(), &app.codes)?;
    let context = verification::context(request, "verification.create");
    match app.verifications.create(consumer, order, None, &|_| String::new(), &context).await? {
        CreateResult::Sent(..) => {
            let body = json!({"message": "Success: Verification code created.", "auth_id": auth_id});
            Ok(reply::json(StatusCode::OK, &body))
        }
        // what has no name does not come again
        CreateResult::Again(_) => Err(Error::key_reused().into()),
    }
}

/// A number is read as one with quotes around it, and comes back so.
fn auth_id(fields: &Map<String, Json>) -> CodesResult<String> {
    let wrong =
        || invalid(&format!("auth_id must be a text of 1 to {LONGEST_AUTH_ID} characters, without outer blanks."));
    said(fields.get(AUTH_ID)).filter(|text| is_auth_id(text)).ok_or_else(wrong)
}

fn recipient(fields: &Map<String, Json>) -> CodesResult<Address> {
    let wrong = || invalid("recipient must be a number of 11 digits that begins with 1, such as 12065550110.");
    let is_number = |text: &String| {
        text.len() == RECIPIENT_DIGITS && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let written = said(fields.get(RECIPIENT)).filter(is_number).ok_or_else(wrong)?;
    let read = Address::read(&format!("+{written}"), AddressRole::Recipient, None);
    read.map(|(_, address)| address).map_err(|_| wrong())
}

/// What is asked for in the words of the settings.
fn order(to: Address, auth_id: String, settings: &CodesDoorSettings) -> CodesResult<VerificationOrder> {
    let from = settings.from.as_str();
    let from = (!from.is_empty()).then(|| Address::read(from, AddressRole::Sender, None)).transpose();
    let from = from.map_err(|error| Error::invalid("from", error.to_string()))?;
    Ok(VerificationOrder {
        auth_id: Some(auth_id),
        code_length: Some(settings.code_length),
        ttl: Some(settings.ttl),
        max_checks: Some(settings.tries),
        name: Some(settings.org_name.clone()),
        message: Some(settings.text.clone()),
        from: from.map(|(_, address)| SenderChoice::Address(address)),
        ..VerificationOrder::new(to, CodeChannel::Sms, VerificationDoor::Older)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Json) -> Map<String, Json> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_name_may_be_a_number_and_comes_back_as_text() {
        for (given, read) in [
            (json!("user1"), Some("user1")),
            (json!(42), Some("42")),
            (json!(-7), Some("-7")),
            (json!("x".repeat(121)), None),
            (json!(""), None),
            (json!(" user1"), None),
            (json!(null), None),
            (json!(true), None),
            (json!(["user1"]), None),
            (json!({"id": "user1"}), None),
        ] {
            let found = auth_id(&fields(&json!({"auth_id": given}))).ok();
            assert_eq!(found.as_deref(), read, "{given}");
        }
        assert!(auth_id(&Map::new()).is_err());
    }

    #[test]
    fn a_recipient_is_one_and_ten_digits() {
        for (given, read) in [
            (json!("12065550110"), Some("+12065550110")),
            (json!(12_065_550_110_u64), Some("+12065550110")),
            (json!("2065550110"), None),
            (json!("+12065550110"), None),
            (json!("22065550110"), None),
            (json!("120655501100"), None),
            (json!(" 12065550110"), None),
            (json!("1206555011O"), None),
            (json!("١٢٠٦٥٥٥٠١١٠"), None),
            (json!(12_065_550_110.5), None),
            (json!(null), None),
            (json!([12_065_550_110_u64]), None),
        ] {
            let found = recipient(&fields(&json!({"recipient": given}))).ok();
            assert_eq!(found.as_ref().map(Address::as_str), read, "{given}");
        }
        assert!(recipient(&Map::new()).is_err());
    }
}
