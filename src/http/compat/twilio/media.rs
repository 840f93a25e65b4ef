//! The media of a message: named, not served; they lie where their client, or the carrier, put them.

use serde_json::{Value, json};

use super::error::TwilioCompatResult;
use super::form::TwilioForm;
use super::page::{PageEdges, RequestedPage};
use super::{TwilioCompatRequest, date, message, shape, sid};
use crate::crypto::hash;
use crate::service::client::KeyScope;

/// `GET Messages/<sid>/Media.json`
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let message = message::find(visit, sid).await?;
    let form = TwilioForm::query(visit)?;
    let asked = RequestedPage::of(&form, &visit.app.messages)?;
    let content = &message.content;
    let parent = content.sid(message.id);
    let path = shape::path(message.client, &format!("/Messages/{parent}/Media"));
    let (created, account) = (date::rfc2822(message.created_ms), sid::account(message.client));
    let item = |(place, url): (usize, &String)| -> Value {
        let digest = hash::sha256_hex(format!("{parent}\0{place}\0{url}").as_bytes());
        let sid = format!("ME{}", digest.get(..32).unwrap_or_default());
        json!({
            "sid": sid, "account_sid": account, "parent_sid": parent, "content_type": null,
            "date_created": created, "date_updated": created, "uri": format!("{path}/{sid}.json"),
        })
    };
    let items: Vec<Value> = content.media_urls.iter().enumerate().map(item).collect();
    let held = PageEdges::of(&[], None);
    Ok(asked.reply(&form, &format!("{path}.json"), "media_list", &items, &held))
}
