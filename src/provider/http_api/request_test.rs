//! Requests say what they are to, and no value leads them elsewhere.

use serde_json::{Value, json};

use super::*;
use crate::provider::http_api::template::NamedSecrets;
use crate::provider::mock::{Result, client, outgoing, settings};

fn compiled(description: Value) -> std::result::Result<RequestTemplate, String> {
    let read: RequestDescription = serde_json::from_value(description).map_err(|error| error.to_string())?;
    read.compile("send")
}

fn built(description: Value, to: &str, body: &str) -> Result<std::result::Result<reqwest::Request, String>> {
    let host = client(&settings("http://127.0.0.1:9")?)?.host(&"http://127.0.0.1:9".parse()?);
    let secrets = NamedSecrets::new();
    let message = outgoing(to, body);
    let source = FillSource { message: Some(&message), hears_receipts: false, secrets: &secrets };
    let request = compiled(description)?.build(&host, &source);
    Ok(match request {
        Ok(request) => Ok(request.build()?),
        Err(reason) => Err(reason),
    })
}

#[test]
fn values_end_where_they_stand() -> Result {
    let url = "https://h/v1/{to}/x?text={body}&a=1";
    let description = json!({"method": "GET", "url": url, "headers": {"X-To": "<{to}>"}});
    let request = built(description, "+1/../2?b=3", "a&b=c d#e")??;
    assert_eq!(request.url().path(), "/v1/%2B1%2F..%2F2%3Fb%3D3/x");
    assert_eq!(request.url().query(), Some("text=a%26b%3Dc%20d%23e&a=1"));
    assert_eq!(request.headers()["x-to"], "<+1/../2?b=3>");
    assert!(request.body().is_none());
    Ok(())
}

#[test]
fn what_cannot_be_written_is_refused() -> Result {
    let header = json!({"method": "POST", "url": "https://h/", "headers": {"X-Text": "{body}"}});
    for split in ["a\r\nX-Admin: 1", "a\n", "\r"] {
        assert!(built(header.clone(), "+1", split)?.is_err(), "{split:?}");
    }
    for dots in [".", ".."] {
        let path = json!({"method": "POST", "url": "https://h/a/{body}/b"});
        assert!(built(path, "+1", dots)?.is_err(), "{dots}");
    }
    Ok(())
}

#[test]
fn what_is_wrong_is_named() {
    for (wrong, field) in [
        (json!({"method": "DELETE", "url": "https://h/"}), "send.method "),
        (json!({"method": "GET", "url": "https://h/", "body": {"form": {}}}), "send.body "),
        (json!({"method": "POST", "url": "https://{to}/"}), "send.url "),
        (json!({"method": "POST", "url": "https://h{to}"}), "send.url "),
        (json!({"method": "POST", "url": "{to}://h/"}), "send.url "),
        (json!({"method": "POST", "url": "https://u:p@h/"}), "send.url "),
        (json!({"method": "POST", "url": "ftp://h/"}), "send.url "),
        (json!({"method": "POST", "url": "https://h/#{to}"}), "send.url "),
        (json!({"method": "POST", "url": "https://h/{too}"}), "send.url "),
        (json!({"method": "POST", "url": "https://h/{media_urls}"}), "send: {media_urls} "),
        (json!({"method": "POST", "url": "https://h/", "headers": {"a b": ""}}), "send.headers.a b "),
        (json!({"method": "POST", "url": "https://h/", "headers": {"A": "b\r\nC: d"}}), "send.headers.A "),
        (json!({"method": "POST", "url": "https://h/", "headers": {"Host": "b"}}), "send.headers.Host "),
        (json!({"method": "POST", "url": "https://h/", "headers": {"X-A": "b", "x-a": "c"}}), "send.headers.x-a "),
    ] {
        let said = compiled(wrong.clone()).err().unwrap_or_default();
        assert!(said.starts_with(field), "{wrong}: {said}");
    }
}

#[test]
fn what_is_secret_goes_nowhere_in_the_clear() {
    for (url, is_good) in [
        ("https://example.org/", true),
        ("HTTPS://example.org", true),
        ("http://127.0.0.1:8080/a", true),
        ("http://127.1/", true),
        ("http://[::1]/", true),
        ("http://localhost?a=b", true),
        ("http://example.org/", false),
        ("http://localhost.example.org/", false),
        ("http://10.0.0.1/", false),
        ("http://[fe80::1]/", false),
    ] {
        let said = compiled(json!({"method": "POST", "url": url})).err();
        assert_eq!(said.is_none(), is_good, "{url}: {said:?}");
    }
}

#[test]
fn a_description_holds_no_login() {
    let with = |more: Value| {
        let mut description = json!({"method": "POST", "url": "https://h/"});
        more.as_object().unwrap().iter().for_each(|(name, value)| description[name] = value.clone());
        compiled(description).err().unwrap_or_default()
    };
    for (more, field) in [
        (json!({"headers": {"authorization": "Bearer hush"}}), "send.headers.authorization "),
        (json!({"headers": {"Authorization": "Bearer {id}"}}), "send.headers.Authorization "),
        (json!({"basic": {"user": "me", "password": "hush"}}), "send.basic.password "),
        (json!({"basic": {"user": "me", "password": ""}}), "send.basic.password "),
        (json!({"basic": {"user": "hush"}}), "send.basic.user "),
        (json!({"basic": {"user": "{", "password": "{secret.a}"}}), "send.basic.user "),
        (json!({"basic": {"user": "{to}", "password": "{secret.a}"}}), "send.basic "),
        (
            json!({"headers": {"authorization": "{secret.a}"}, "basic": {"user": "{secret.a}"}}),
            "send.basic must be left out",
        ),
        (json!({"headers": {"authorization": "Bearer {secret.a}"}}), ""),
        (json!({"basic": {"user": "{secret.a}"}}), ""),
        (json!({"basic": {"user": "me", "password": "{secret.a}"}}), ""),
    ] {
        let said = with(more.clone());
        assert!(said.starts_with(field) && said.is_empty() == field.is_empty(), "{more}: {said}");
        assert!(!said.contains("hush"), "{said}");
    }
}
