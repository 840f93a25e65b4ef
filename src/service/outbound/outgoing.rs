//! A message as its provider gets it.

use super::{Extra, Outbound};
use crate::provider::Outgoing;
use crate::service::account::Line;
use crate::store::message::Message;

impl Outbound {
    pub(super) fn outgoing(&self, message: &Message, line: &Line) -> Outgoing {
        let status_url = self.parts.public_url.as_ref().and_then(|origin| {
            let path = line.connector.status_path()?;
            Some(format!("{origin}{path}"))
        });
        Outgoing {
            id: message.id,
            from: message.from.clone(),
            to: message.to.clone(),
            body: message.body.clone(),
            media_urls: Extra::parse(message.extra.as_deref()).media_urls,
            valid_for_secs: None,
            status_url,
        }
    }
}
