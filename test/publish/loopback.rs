//! The sink that `--dev` has for platforms without one: a text is seen to arrive with nothing configured.

use anyhow::ensure;
use serde_json::Value;
use switchboard::crypto::EncryptedPayload;
use switchboard::crypto::signature::twilio::sign;

use super::play::{pair, post};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{ADMIN, Builder, Layout, PHONE, Result, Server, USER, until};
use crate::inbound::play::{PUBLIC, twilio};
use crate::on_both_engines;

async fn publications(server: &Server, query: &str) -> Result<(u16, Value)> {
    let request = server.http.get(server.url(&format!("/v1/loopback/publications{query}"))).bearer_auth(ADMIN);
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

async fn a_text_is_seen_to_arrive_with_nothing_configured(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.dev().start().await?;
    ensure!(publications(&server, "").await? == (200, serde_json::json!({"data": [], "next_cursor": null})));
    let key = pair(&server, USER).await?;
    for plain in ["t:first", "g:to@example.org:subject:body", "T:third"] {
        let (status, said) = post(&server, &EncryptedPayload::seal(&key, plain)?).await?;
        ensure!(status == 200 && said == "published!", "{status} {said}");
    }
    let three = async || {
        let (_, page) = publications(&server, "").await?;
        Ok((page["data"].as_array().map(Vec::len) == Some(3)).then_some(page))
    };
    let page = until("three publications", three).await?;
    let mut seen: Vec<_> = page["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["platform"].as_str().unwrap_or_default(), one["plaintext"].as_str().unwrap_or_default()))
        .collect();
    seen.sort_unstable();
    ensure!(
        seen == [("gmail", "g:to@example.org:subject:body"), ("telegram", "T:third"), ("twitter", "t:first")],
        "{page}"
    );
    ensure!(page["data"][0]["user_id"] == USER && !page.to_string().contains(PHONE), "{page}");
    // a page at a time
    let (_, first) = publications(&server, "?limit=2").await?;
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let (_, last) = publications(&server, &format!("?limit=2&cursor={cursor}")).await?;
    ensure!(first["data"].as_array().map(Vec::len) == Some(2) && last["data"][0] == page["data"][2], "{first} {last}");
    ensure!(last["next_cursor"].is_null(), "{last}");
    let stranger = server.http.get(server.url("/v1/loopback/publications")).send().await?;
    ensure!(stranger.status() == 401);
    Ok(())
}

/// Twilio signs the URL as its customer has written it there; on the way a login becomes a header.
async fn a_form_is_taken_under_every_form_of_its_url(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("http.public_url", PUBLIC).dev().start().await?;
    twilio(&server).await?;
    let key = pair(&server, USER).await?;
    let form = |text: &str| -> Result<Vec<(String, String)>> {
        let fields = [("AccountSid", ACCOUNT), ("From", PHONE), ("Body", &EncryptedPayload::seal(&key, text)?)];
        Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    };
    let with_login = PUBLIC.replace("://", "://user:secret@");
    for (nth, (base, path, login)) in [
        (PUBLIC, "/sms/platform/twilio", None),
        (PUBLIC, "/sms/platform/twilio/", None),
        (PUBLIC, "/sms/platform/twilio?a=b", None),
        (with_login.as_str(), "/sms/platform/twilio", Some(("user", "secret"))),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = form(&format!("t:{nth}"))?;
        for (signed, wanted) in [(format!("{base}{path}x"), 400), (format!("{base}{path}"), 200)] {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let request = server.http.post(server.url(path)).body(body);
            let request = request.header("X-Twilio-Signature", sign(TOKEN, &signed, &fields));
            let request = match login {
                Some((user, password)) => request.basic_auth(user, Some(password)),
                None => request,
            };
            let status = request.send().await?.status();
            ensure!(status == wanted, "{status} for {path} signed as {signed}");
        }
    }
    Ok(())
}

on_both_engines!(a_text_is_seen_to_arrive_with_nothing_configured, a_form_is_taken_under_every_form_of_its_url);

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_there_is_none() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (status, problem) = publications(&server, "").await?;
    ensure!(status == 404 && problem["detail"].as_str().is_some_and(|words| words.contains("--dev")), "{problem}");
    let key = pair(&server, USER).await?;
    ensure!(
        post(&server, &EncryptedPayload::seal(&key, "t:nowhere")?).await?.0 == 400,
        "a platform without a sink took a text"
    );
    Ok(())
}
