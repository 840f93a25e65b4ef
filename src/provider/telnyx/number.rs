//! The numbers of an account at Telnyx
//! (<https://developers.telnyx.com/api-reference/phone-number-configurations/list-phone-numbers>).

use http::Method;
use serde::Deserialize;

use super::Telnyx;
use crate::model::Address;
use crate::provider::{AskError, CarrierNumber};

/// Pages that are read at most.
const PAGES: usize = 1_000;
const PAGE_SIZE: usize = 250;

#[derive(Deserialize)]
struct TelnyxNumberIn {
    phone_number: String,
    /// Others are not ours yet, or no longer.
    status: Option<String>,
}

#[derive(Deserialize)]
struct TelnyxPageIn {
    data: Vec<TelnyxNumberIn>,
    meta: Option<TelnyxMetaIn>,
}

#[derive(Deserialize)]
struct TelnyxMetaIn {
    total_pages: Option<usize>,
}

impl TelnyxPageIn {
    /// Whether none follows this one; where nobody says how many there are, one that is not full is the last.
    fn is_last(&self, page: usize) -> bool {
        match self.meta.as_ref().and_then(|meta| meta.total_pages) {
            Some(pages) => page >= pages || self.data.is_empty(),
            None => self.data.len() < PAGE_SIZE,
        }
    }
}

impl Telnyx {
    /// `GET /v2/phone_numbers`. It does not say what they can do; all of them text.
    pub(super) async fn list_numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = [("page[number]", page.to_string()), ("page[size]", PAGE_SIZE.to_string())];
            let request = self.host.request(Method::GET, "/v2/phone_numbers").query(&query);
            let answer = self.ask(request).await?;
            let unreadable = |_| AskError::Unreachable { reason: "Telnyx's answer cannot be read".into() };
            let read: TelnyxPageIn = serde_json::from_slice(&answer.body).map_err(unreadable)?;
            let active = read.data.iter().filter(|number| number.status.as_deref().is_none_or(|it| it == "active"));
            found.extend(active.map(|number| {
                let (_, address) = Address::from_carrier(&number.phone_number);
                CarrierNumber { address, can_text: true, can_mms: false, can_call: false }
            }));
            if read.is_last(page) {
                return Ok(found);
            }
        }
        Err(AskError::too_many_numbers())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_last_page_is_known() {
        let full = Value::from(vec![json!({"phone_number": "+14155550100"}); PAGE_SIZE]);
        for (said, page, is_last) in [
            (json!({"data": full, "meta": {"total_pages": 2}}), 1, false),
            (json!({"data": full, "meta": {"total_pages": 2}}), 2, true),
            (json!({"data": [], "meta": {"total_pages": 9}}), 1, true),
            (json!({"data": [{"phone_number": "+1"}], "meta": {"total_pages": 2}}), 1, false),
            (json!({"data": full, "meta": null}), 1, false),
            (json!({"data": full, "meta": {"page_number": 1}}), 1, false),
            (json!({"data": full}), 1, false),
            (json!({"data": [{"phone_number": "+1"}]}), 1, true),
        ] {
            let read: TelnyxPageIn = serde_json::from_value(said).unwrap();
            assert_eq!(read.is_last(page), is_last, "page {page} with {} numbers", read.data.len());
        }
    }
}
