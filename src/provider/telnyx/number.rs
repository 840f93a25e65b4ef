//! The numbers of an account at Telnyx
//! (<https://developers.telnyx.com/api-reference/phone-number-configurations/list-phone-numbers>).

use http::Method;
use serde::Deserialize;

use super::Telnyx;
use crate::model::Address;
use crate::provider::{AskError, CarrierNumber};

/// Pages that are read at most.
const PAGES: usize = 1_000;
const PAGE_SIZE: &str = "250";

#[derive(Deserialize)]
struct TelnyxNumberIn {
    phone_number: String,
    /// Others are not ours yet, or no longer.
    status: Option<String>,
}

#[derive(Deserialize)]
struct TelnyxPageIn {
    data: Vec<TelnyxNumberIn>,
    #[serde(default)]
    meta: TelnyxMetaIn,
}

#[derive(Default, Deserialize)]
struct TelnyxMetaIn {
    total_pages: Option<usize>,
}

impl Telnyx {
    /// `GET /v2/phone_numbers`. It does not say what they can do; all of them text.
    pub(super) async fn list_numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = [("page[number]", page.to_string()), ("page[size]", PAGE_SIZE.to_owned())];
            let request = self.host.request(Method::GET, "/v2/phone_numbers").query(&query);
            let answer = self.ask(request).await?;
            let unreadable = |_| AskError::Unreachable { reason: "Telnyx's answer cannot be read".into() };
            let read: TelnyxPageIn = serde_json::from_slice(&answer.body).map_err(unreadable)?;
            let active = read.data.iter().filter(|number| number.status.as_deref().is_none_or(|it| it == "active"));
            found.extend(active.map(|number| {
                let (_, address) = Address::from_carrier(&number.phone_number);
                CarrierNumber { address, can_text: true, can_mms: false, can_call: false }
            }));
            if read.data.is_empty() || read.meta.total_pages.is_none_or(|pages| page >= pages) {
                break;
            }
        }
        Ok(found)
    }
}
