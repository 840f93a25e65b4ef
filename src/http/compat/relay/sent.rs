//! What clients of the relay are answered, first and again.

use ::http::StatusCode;
use serde::{Deserialize, Serialize};
use warp::reply::Response;

use super::RelayApiPath;
use crate::http::reply;
use crate::model::{Channel, Money};
use crate::service::idempotency::StoredReply;
use crate::service::message::Message;

/// What was accepted; kept so, without the balance, for a request that comes again.
#[derive(Deserialize, Serialize)]
pub(super) struct RelayApiSendReply {
    sid: String,
    status: String,
    cost: Money,
}

#[derive(Serialize)]
struct RelaySentWithBalance {
    #[serde(flatten)]
    sent: RelayApiSendReply,
    /// What its client has left; the operator pays nothing.
    remaining_balance: Option<Money>,
}

impl RelayApiSendReply {
    pub(super) fn of(door: &RelayApiPath, message: &Message) -> Self {
        let sid = match door.channel {
            Channel::Voice => format!("CA{}", message.id.hex()),
            // as its callbacks name it
            Channel::Sms | Channel::Whatsapp => message.content.sid(message.id),
        };
        Self { sid, status: door.status.to_owned(), cost: message.cost.unwrap_or_default() }
    }

    pub(super) fn kept(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn response(self, door: &RelayApiPath, balance: Option<Money>) -> Response {
        if door.with_balance {
            return reply::json(StatusCode::OK, &RelaySentWithBalance { sent: self, remaining_balance: balance });
        }
        reply::json(StatusCode::OK, &self)
    }

    /// What was answered first.
    pub(super) fn again(door: &RelayApiPath, kept: StoredReply) -> String {
        if !door.with_balance {
            return kept.text;
        }
        let whole = serde_json::from_str(&kept.text).ok().and_then(|sent| {
            serde_json::to_string(&RelaySentWithBalance { sent, remaining_balance: kept.balance }).ok()
        });
        whole.unwrap_or(kept.text)
    }
}
