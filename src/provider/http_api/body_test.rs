//! What is put into a body comes out of it again, and nothing else does.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::Secret;
use crate::provider::OutgoingMessage;
use crate::provider::http_api::template::NamedSecrets;
use crate::provider::mock::outgoing;

fn compiled(description: Value) -> Result<BodyTemplate, String> {
    let read: BodyDescription = serde_json::from_value(description).map_err(|error| error.to_string())?;
    read.compile("body")
}

fn filled(description: Value, message: &OutgoingMessage) -> Result<String, String> {
    let secrets = NamedSecrets::from([("key".to_owned(), Secret::new("k&\"<".into()))]);
    let source = FillSource { message: Some(message), hears_receipts: true, secrets: &secrets };
    Ok(compiled(description)?.fill(&source)?.1)
}

#[test]
fn what_a_message_does_not_have_is_left_out() {
    let form =
        json!({"form": {"text": "{body}", "dlr": "{status_url}", "ttl": "{valid_for_secs}", "m": "{media_urls}"}});
    let json = json!({"json": {"text": "{body}", "dlr": "{status_url}", "ttl": "{valid_for_secs}", "m": "{media_urls}",
        "to": ["{to}"], "flags": [true, 1, null], "key": "{secret.key}"}});
    let plain = outgoing("+14155550100", "hello");
    assert_eq!(filled(form.clone(), &plain).as_deref(), Ok("text=hello"));
    let read: Value = serde_json::from_str(&filled(json.clone(), &plain).unwrap()).unwrap();
    let wanted = json!({"text": "hello", "to": ["+14155550100"], "flags": [true, 1, null], "key": "k&\"<"});
    assert_eq!(read, wanted);
    let full = OutgoingMessage {
        status_url: Some("https://gw/s?a=b".into()),
        valid_for_secs: Some(60),
        media_urls: vec!["https://a/1".into(), "https://a/2".into()],
        ..plain
    };
    let wanted = "dlr=https%3A%2F%2Fgw%2Fs%3Fa%3Db&m=https%3A%2F%2Fa%2F1&m=https%3A%2F%2Fa%2F2&text=hello&ttl=60";
    assert_eq!(filled(form, &full).as_deref(), Ok(wanted));
    let read: Value = serde_json::from_str(&filled(json, &full).unwrap()).unwrap();
    let told = json!([read["dlr"], read["ttl"], read["m"]]);
    assert_eq!(told, json!(["https://gw/s?a=b", 60, ["https://a/1", "https://a/2"]]));
    // nobody would believe what came there
    let source = FillSource { message: Some(&full), hears_receipts: false, secrets: &NamedSecrets::new() };
    let unheard = compiled(json!({"form": {"text": "{body}", "dlr": "{status_url}"}})).unwrap().fill(&source).unwrap();
    assert_eq!(unheard.1, "text=hello");
}

#[test]
fn placeholders_stand_only_where_they_can_be_escaped() {
    for (description, field) in [
        (json!({"xml": "<a>{to}</a><b/>"}), "body.xml "),
        (json!({"xml": "<{to}/>"}), "body.xml "),
        (json!({"xml": "<a {to}='x'/>"}), "body.xml "),
        (json!({"xml": "<a xmlns='{to}'/>"}), "body.xml "),
        (json!({"xml": "<a><!-- {to} --></a>"}), "body.xml "),
        (json!({"xml": "<a><![CDATA[{to}]]></a>"}), "body.xml "),
        (json!({"xml": "<?xml version='1.0'?><?go {to}?><a/>"}), "body.xml "),
        (json!({"xml": "<!DOCTYPE a><a/>"}), "body.xml "),
        (json!({"xml": "<a>{nobody}</a>"}), "body.xml "),
        (json!({"xml": "<a>{media_urls}</a>"}), "body.xml: "),
        (json!({"form": {"m": "x{media_urls}"}}), "body.form.m: "),
        (json!({"form": {"to": "{to"}}), "body.form.to "),
        (json!({"json": {"a": [{"b": "{to"}]}}), "body.json.a[0].b "),
        (json!({"json": ["{media_urls} {media_urls}"]}), "body.json[0]: "),
        (json!({"text": "{to}"}), "unknown variant"),
    ] {
        let said = compiled(description.clone()).err().unwrap_or_default();
        assert!(said.starts_with(field), "{description}: {said}");
    }
    let odd = filled(json!({"xml": "<a>{body}</a>"}), &outgoing("+1", "\u{1}"));
    assert!(odd.is_err_and(|reason| reason.starts_with("body ")));
}

proptest! {
    #[test]
    fn a_form_gives_it_back(body in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        let form = filled(json!({"form": {"text": "<{body}>", "a": "1"}}), &outgoing("+1", &body)).unwrap();
        let read: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        prop_assert_eq!(read, [("a".to_owned(), "1".to_owned()), ("text".to_owned(), format!("<{body}>"))]);
    }

    #[test]
    fn json_gives_it_back(body in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        let description = json!({"json": {"text": "{body}", "list": [{"x": "[{body}]"}]}});
        let written = filled(description, &outgoing("+1", &body)).unwrap();
        let read: Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(read, json!({"text": body, "list": [{"x": format!("[{body}]")}]}));
    }

    #[test]
    fn xml_gives_it_back(body in "\\PC{0,40}|[\\t\\n\\r -\\x7f]{0,40}") {
        let xml = "<?xml version=\"1.0\"?><m><t a='{body}' b=\"{body}\">{body}</t><k>{secret.key}</k></m>";
        let description = json!({"xml": xml});
        let written = filled(description, &outgoing("+1", &body)).unwrap();
        let document = Document::parse(&written).unwrap();
        let elements: Vec<_> = document.descendants().filter(roxmltree::Node::is_element).collect();
        prop_assert_eq!(elements.len(), 3);
        prop_assert_eq!(elements[1].text().unwrap_or_default(), body.as_str());
        prop_assert_eq!(elements[1].attribute("a"), Some(body.as_str()));
        prop_assert_eq!(elements[1].attribute("b"), Some(body.as_str()));
        prop_assert_eq!(elements[2].text(), Some("k&\"<"));
    }
}
