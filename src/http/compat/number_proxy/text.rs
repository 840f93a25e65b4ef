//! `POST /`: what a carrier posts of a text to one of the numbers, in either shape of Flowroute's.

use ::http::StatusCode;
use serde_json::Value as Json;

use super::refusal::NumberProxyRefusal;
use super::{NumberProxyResult, consumer, is_short, said};
use crate::http::{App, RequestParts, reply};
use crate::model::bom;
use crate::service::ErrorKind;

/// Takes a text in; once it is stored, the session that it is said in gets it.
pub(super) async fn take(request: &RequestParts, body: &[u8], app: &App) -> NumberProxyResult {
    let client = consumer(app, request)?.client;
    let post = read(body).ok_or_else(unreadable)?;
    match app.inbox.take_for(client, post).await {
        Ok(()) => Ok(reply::empty(StatusCode::OK)),
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Unreadable | ErrorKind::TooLong) => {
            Err(unreadable())
        }
        Err(error) => Err(error.into()),
    }
}

fn unreadable() -> NumberProxyRefusal {
    let said = reply::text(StatusCode::BAD_REQUEST, "There was an issue parsing your request.");
    NumberProxyRefusal::Own(said.into())
}

/// The post with an id, its own or else one that no other has. `None`: it is no text.
fn read(body: &[u8]) -> Option<String> {
    let mut post: Json = serde_json::from_slice(bom::skip(body)).ok()?;
    let is_flat = post.get("data").is_none();
    let fields = if is_flat { &post } else { post.get("data")?.get("attributes")? };
    let has_number = |name: &str| said(fields.get(name)).is_some_and(|number| is_short(&number));
    if !has_number("to") || !has_number("from") || said(fields.get("body")).is_none() {
        return None;
    }
    let post_or_data = if is_flat { &mut post } else { post.get_mut("data")? };
    if said(post_or_data.get("id")).is_none_or(|id| id.is_empty()) {
        let id = format!("{:032x}", rand::random::<u128>());
        post_or_data.as_object_mut()?.insert("id".to_owned(), id.into());
    }
    Some(post.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(post: &Json) -> Option<Json> {
        let read: Json = serde_json::from_str(&read(post.to_string().as_bytes())?).ok()?;
        read.get("id").or_else(|| read["data"].get("id")).cloned()
    }

    #[test]
    fn both_shapes_are_read_and_each_has_an_id() {
        let text = json!({"to": "12125550100", "from": 14_155_550_101_u64, "body": ""});
        let newer = |id: Json| json!({"data": {"id": id, "attributes": text}});
        assert_eq!(id(&newer(json!("mdr2-1"))), Some(json!("mdr2-1")));
        let mut flat = text.clone();
        flat["id"] = json!("mdr1-1");
        assert_eq!(id(&flat), Some(json!("mdr1-1")));
        for without in [text.clone(), newer(json!(null)), newer(json!(""))] {
            let made = id(&without);
            assert!(made.is_some() && made != id(&without), "{without}: {made:?}");
        }
    }

    #[test]
    fn what_lacks_something_is_no_text() {
        let text = json!({"to": "12125550100", "from": "14155550101", "body": "x"});
        for (field, value) in
            [("to", json!(null)), ("from", json!("")), ("body", json!(null)), ("to", json!("1".repeat(19)))]
        {
            let mut wrong = text.clone();
            wrong[field] = value;
            assert_eq!(id(&wrong), None, "{wrong}");
            assert_eq!(id(&json!({"data": {"id": "1", "attributes": wrong}})), None, "{wrong}");
        }
        for wrong in ["", "[]", "7", "{}", r#"{"data": {}}"#, "x"] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
