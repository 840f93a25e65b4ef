//! Forms as clients really write them, at each door that takes one.

use std::fmt::Write as _;

use anyhow::ensure;
use serde_json::{Value, json};

use super::{Client, client, loopback};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::messages::number;

const FORM: &str = "application/x-www-form-urlencoded";
const TO: &str = "+14155550100";
const FROM: &str = "+15005550006";

/// The paths by which a text is sent, and where each says what is wrong.
fn doors(client: &Client) -> [(String, &'static str); 3] {
    let twilio = format!("/2010-04-01/Accounts/{}/Messages.json", client.sid);
    [("/relay/sms".to_owned(), "error"), ("/relay/api/sms".to_owned(), "error"), (twilio, "message")]
}

async fn post(server: &Server, client: &Client, path: &str, kind: &str, body: &[u8]) -> Result<(u16, Value)> {
    let request = server.http.post(server.url(path)).basic_auth(&client.sid, Some(&client.token));
    let answer = request.header("content-type", kind).body(body.to_vec()).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

/// Parts as browsers and libraries write them.
fn parts(boundary: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        let _ = write!(body, "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let _ = write!(body, "--{boundary}--\r\n");
    body.into_bytes()
}

/// With the fields that every text needs.
fn form(rest: &[u8]) -> Vec<u8> {
    [&b"To=%2B14155550100&From=%2B15005550006&"[..], rest].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_read_however_it_is_written() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "mms"]})).await?;
    let client = client(&server, "100").await?;
    let latin = "application/x-www-form-urlencoded; charset=ISO-8859-1";
    let (a, b) = ("https://a.example/1", "https://a.example/2?x=1");
    let usual = [("To", TO), ("From", FROM)];
    let multipart = |rest: &[(&str, &str)]| parts("=_x'y", &[&usual[..], rest].concat());
    let in_parts = "Multipart/Form-Data; charset=utf-8; boundary=\"=_x'y\"";
    let marked = b"--b\r\ncontent-disposition: form-data; name=To\r\n\r\n+14155550100\r\n--b\r\n\
                   Content-Disposition: form-data; name=\"Body\"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\
                   Gr\xfc\xdfe\r\n--b--";
    let rows: Vec<(&str, Vec<u8>, &str, Vec<&str>)> = vec![
        (FORM, form(b"Body=a+b%20%2B+%E2%9C%93"), "a b + ✓", Vec::new()),
        ("Application/X-WWW-Form-URLEncoded ; Charset=\"utf-8\"", form(b"Body=Gr%C3%BC%C3%9Fe"), "Grüße", Vec::new()),
        (
            FORM,
            form(b"Body=x&MediaUrl=https%3A%2F%2Fa.example%2F1&MediaUrl=https://a.example/2?x%3D1"),
            "x",
            vec![a, b],
        ),
        (FORM, form(b"Body=x&To=%2B14155550100&Unknown=1&Unknown=2&=&"), "x", Vec::new()),
        (latin, form(b"Body=Gr%FC%DFe"), "Grüße", Vec::new()),
        (latin, form(b"Body=Gr\xfc\xdfe"), "Grüße", Vec::new()),
        ("application/x-www-form-urlencoded;charset=windows-1252", form(b"Body=%93a%94+%80"), "“a” €", Vec::new()),
        (
            in_parts,
            multipart(&[("Body", "a+b%20\r\nc ✓"), ("MediaUrl", a), ("MediaUrl", b)]),
            "a+b%20\r\nc ✓",
            vec![a, b],
        ),
        ("multipart/form-data; boundary=b", marked.to_vec(), "Grüße", Vec::new()),
    ];
    for (path, _) in doors(&client) {
        for (kind, body, said, media) in &rows {
            let (status, told) = post(&server, &client, &path, kind, body).await?;
            let written = || format!("{path} {kind} {:?}", String::from_utf8_lossy(body));
            ensure!((200..300).contains(&status), "{}: {status} {told}", written());
            let id = format!("/v1/messages/msg_{}", &text(&told["sid"])?[2..]);
            let kept = server.http.get(server.url(&id)).bearer_auth(&client.key).send().await?.json::<Value>().await?;
            ensure!(
                kept["body"] == *said && kept["to"] == TO && kept["media_urls"] == json!(media),
                "{}: {kept}",
                written()
            );
        }
        // a plus that was not encoded arrives as a blank, and ten digits are no number without it
        let raw = b"To=+9991234567&From=+15005550006&Body=x";
        let (status, told) = post(&server, &client, &path, FORM, raw).await?;
        ensure!((200..300).contains(&status), "{path}: {status} {told}");
        let id = format!("/v1/messages/msg_{}", &text(&told["sid"])?[2..]);
        let kept = server.http.get(server.url(&id)).bearer_auth(&client.key).send().await?.json::<Value>().await?;
        ensure!(kept["to"] == "+9991234567", "{path}: {kept}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_form_of_texts_is_refused_in_words() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    loopback(&server).await?;
    let client = client(&server, "100").await?;
    let file = b"--b\r\nContent-Disposition: form-data; name=\"MediaUrl\"; filename=\"a.png\"\r\n\r\nx\r\n--b--";
    let rows: [(&str, Vec<u8>, &str); 7] = [
        ("multipart/form-data; boundary=b", file.to_vec(), "MediaUrl: must be a text, not a file"),
        ("multipart/form-data; boundary=c", file.to_vec(), "boundary"),
        ("multipart/form-data", file.to_vec(), "boundary"),
        ("application/x-www-form-urlencoded; charset=utf-16", form(b"Body=x"), "charset must be"),
        (FORM, form(b"Body=x&To=%2B14155550101"), "To: must come once"),
        (FORM, form(b"Body=x&Body=y"), "Body: must come once"),
        (
            "multipart/form-data; boundary=b",
            parts("b", &[("To", TO), ("To", FROM), ("Body", "x")]),
            "To: must come once",
        ),
    ];
    for (path, reason) in doors(&client) {
        for (kind, body, said) in &rows {
            let (status, told) = post(&server, &client, &path, kind, body).await?;
            ensure!(status == 400 && text(&told[reason])?.contains(said), "{path} {kind} {said}: {status} {told}");
        }
    }
    ensure!(well(&server, "GET", "/v1/loopback/messages", None).await?["data"] == json!([]));
    Ok(())
}

/// Numbers and booleans stand in JSON as such, and are the texts of a form.
#[tokio::test(flavor = "multi_thread")]
async fn json_of_the_older_paths_says_what_a_form_says() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms"]})).await?;
    let client = client(&server, "100").await?;
    for (kind, body, said) in [
        ("application/json", r#"{"To": "+14155550100", "From": "+15005550006", "Body": 42}"#, "42"),
        ("Application/JSON; charset=utf-8", r#"{"To": "+14155550100", "Body": true, "From": null}"#, "true"),
        ("text/plain", r#"{"To": "+14155550100", "Body": -1.5}"#, "-1.5"),
        // what curl says unless it is told otherwise
        (FORM, r#" {"To": "+14155550100", "Body": "a=b&c"}"#, "a=b&c"),
        ("application/json", r#"{"To": 14155550100, "Body": "x", "MediaUrl": null}"#, "x"),
    ] {
        for path in ["/relay/sms", "/relay/api/sms"] {
            let (status, told) = post(&server, &client, path, kind, body.as_bytes()).await?;
            ensure!(status == 200, "{path} {body}: {status} {told}");
            let id = format!("/v1/messages/msg_{}", &text(&told["sid"])?[2..]);
            let kept = server.http.get(server.url(&id)).bearer_auth(&client.key).send().await?.json::<Value>().await?;
            ensure!(kept["body"] == said && kept["to"] == TO, "{path} {body}: {kept}");
        }
    }
    for (body, said) in [
        (r#"{"To": "+14155550100", "Body": {"a": 1}}"#, "Body: must be a text"),
        (r#"{"To": ["+14155550100"], "Body": "x"}"#, "To: must be a text"),
        (r#"{"To": "+14155550100", "Body": "x", "MediaUrl": [1]}"#, "MediaUrl"),
    ] {
        let (status, told) = post(&server, &client, "/relay/sms", "application/json", body.as_bytes()).await?;
        ensure!(status == 400 && text(&told["error"])?.contains(said), "{body}: {status} {told}");
    }
    Ok(())
}
