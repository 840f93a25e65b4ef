//! What still waits to go from a number to a person.

use super::list::Filter;
use super::{address, states_before};
use crate::model::message::MessageState;
use crate::model::{ArcMessageContent, Channel, ClientId, MessageId};
use crate::store::engine::SqlConditions;
use crate::store::{Result, Store, Value, params};

/// Messages of the person that are looked through at once.
const WINDOW: usize = 512;

/// Messages of a pair on a channel that no provider has taken, with whose they are and what they hold. Newest first:
/// taken back in this order, none comes to the head of its lane meanwhile.
pub async fn unsent(
    store: &Store,
    channel: Channel,
    number: &str,
    person: &str,
) -> Result<Vec<(ClientId, MessageId, ArcMessageContent)>> {
    let mut filter = Filter::default();
    let mut found = Vec::new();
    loop {
        let ids = address::find(store, person, &filter, WINDOW).await?;
        let keys: Vec<_> = ids.iter().map(Value::from).collect();
        let waits = format!("{} AND m.direction = 'outbound'", states_before("m.state", MessageState::Sent));
        let pair = "m.to_address = ? AND m.from_address = ? AND COALESCE(m.channel, 'sms') = ?";
        let unsent = SqlConditions::of(pair, params![person, number, channel.name()]).one_of("m.id", &keys);
        let what = "m.client_id, m.id, m.extra FROM sb_message m";
        let (sql, params) = filter.page(unsent.and(&waits, Vec::new()), what, "m.id", "LIMIT ?", WINDOW);
        found.extend(store.all::<(ClientId, MessageId, ArcMessageContent)>(sql, params).await?);
        match ids.last() {
            Some(last) if ids.len() >= WINDOW => filter.after = Some(*last),
            _ => return Ok(found),
        }
    }
}
