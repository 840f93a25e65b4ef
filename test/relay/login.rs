//! Callbacks whose URLs bring a login, as Twilio lets them: it goes by HTTP Basic, and is shown nowhere.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use switchboard::crypto::signature::twilio;

use super::client::{By, ask};
use super::{client, loopback, post};
use crate::events::receiver::Receiver;
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;

async fn a_callback_s_login_goes_by_http_basic(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let server = Builder::new(layout).await?.set("event.allow", "127.0.0.1").start().await?;
    loopback(&server).await?;
    let ann = client(&server, "1").await?;
    let url = receiver.url("/told?of=it");
    let with_login = url.replace("//", "//ann:s3cret%40x@");
    let sms = json!({"To": "+14155550100", "From": "+15005550006", "Body": "hello", "StatusCallback": with_login});
    let (status, sent) = post(&server, &ann.key, "/relay/api/sms", &sms).await?;
    ensure!(status == 200, "{status} {sent}");
    let posts = receiver.wait(1).await?;
    let login = format!("Basic {}", STANDARD.encode("ann:s3cret@x"));
    assert_eq!(posts[0].header("authorization")?, login);
    let fields: Vec<(String, String)> = form_urlencoded::parse(&posts[0].body).into_owned().collect();
    // what its receiver sees is what is signed
    let signed = twilio::TwilioSignedPost::form(&url, &twilio::sorted(&fields));
    ensure!(signed.is_by(&ann.token, posts[0].header("x-twilio-signature")?), "{fields:?}");
    for private in ["http://ann:s3cret%40x@10.0.0.1/", "http://ann:s3cret%40x@localhost/"] {
        let sms = json!({"To": "+14155550100", "Body": "hello", "StatusCallback": private});
        let (status, refused) = post(&server, &ann.key, "/relay/api/sms", &sms).await?;
        ensure!(status == 400 && !refused.to_string().contains("s3cret"), "{private}: {status} {refused}");
    }
    // elsewhere a login has no place
    let native = json!({"to": "+14155550100", "from": "+15005550006", "body": "hello", "callback_url": with_login});
    let (status, refused) = post(&server, &ann.key, "/v1/messages", &native).await?;
    ensure!(status == 400 && refused["field"] == "callback_url", "{status} {refused}");
    ensure!(!server.log()?.contains("s3cret"), "{}", server.log()?);
    let payloads = server.rows("SELECT payload FROM sb_event").await?.concat().concat();
    ensure!(!payloads.is_empty() && !payloads.contains("s3cret"), "{payloads}");
    // nor by what is asked of it, nor in the audit log of who sends and takes back for her
    let later = json!({"To": "+14155550100", "From": "+15005550006", "Body": "later", "StatusCallback": with_login});
    let by = || By::AdminFor(&ann.id);
    let (status, _, sent) = ask(&server, by(), "POST", "/relay/api/sms", Some(later)).await?;
    ensure!(status == 200, "{status} {sent}");
    let (status, _, listed) = ask(&server, by(), "GET", "/v1/messages", None).await?;
    let shown = &listed["data"][0]["callback_url"];
    ensure!(status == 200 && *shown == url.as_str(), "{listed}");
    let path = format!("/v1/messages/{}", crate::events::text(&listed["data"][0]["id"])?);
    let (status, _, found) = ask(&server, by(), "GET", &path, None).await?;
    ensure!(status == 200 && !found.to_string().contains("s3cret"), "{found}");
    ask(&server, by(), "DELETE", &path, None).await?;
    ask(&server, by(), "PATCH", &path, Some(json!({"body": ""}))).await?;
    let written = server.rows("SELECT COALESCE(before_text, ''), COALESCE(after_text, '') FROM sb_audit").await?;
    let written = written.concat().concat();
    ensure!(written.contains("/told") && !written.contains("s3cret"), "{written}");
    Ok(())
}

on_both_engines!(a_callback_s_login_goes_by_http_basic);
