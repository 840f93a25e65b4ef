//! The numbers of an account at Flowroute
//! (<https://developer.flowroute.com/api/numbers/v2.0/list-account-phone-numbers/>).

use http::Method;
use serde::Deserialize;

use super::Flowroute;
use crate::model::Address;
use crate::provider::{AskError, CarrierNumber};

/// Pages that are read at most.
const PAGES: usize = 1_000;
const PAGE_SIZE: usize = 200;

/// Its id is the number, without a plus.
#[derive(Deserialize)]
struct FlowrouteNumberIn {
    id: String,
}

#[derive(Deserialize)]
struct FlowroutePageIn {
    data: Vec<FlowrouteNumberIn>,
}

impl Flowroute {
    /// `GET /v2/numbers`. It does not say what they can do; all of them take texts and pictures.
    pub(super) async fn list_numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
        let mut found = Vec::new();
        for page in 0..PAGES {
            let query = [("limit", PAGE_SIZE), ("offset", page * PAGE_SIZE)];
            let answer = self.ask(self.request_at(Method::GET, "/v2/numbers").query(&query)).await?;
            let unreadable = |_| AskError::Unreachable { reason: "Flowroute's answer cannot be read".into() };
            let read: FlowroutePageIn = serde_json::from_slice(&answer.body).map_err(unreadable)?;
            found.extend(read.data.iter().map(|number| {
                let (_, address) = Address::from_american_carrier(&number.id);
                CarrierNumber { address, can_text: true, can_mms: true, can_call: false }
            }));
            if read.data.len() < PAGE_SIZE {
                return Ok(found);
            }
        }
        Err(AskError::too_many_numbers())
    }
}
