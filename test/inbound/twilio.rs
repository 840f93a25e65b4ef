//! Twilio's webhooks: signed over the public URL, or refused with nothing stored.

use serde_json::{Value, json};

use super::play::{
    OURS, PERSON, PUBLIC, account, builder, form, number, post_form, post_twilio, received, settled, twilio,
    with_twilio,
};
use crate::harness::carrier::{TOKEN, signature::sign};
use crate::harness::{Layout, Result, Server};
use crate::operations::vectors::vectors;
use crate::{in_foreign_sessions, on_both_engines};

const SMS: &str = "/webhooks/twilio/sms";

async fn stored(server: &Server) -> Result<usize> {
    Ok(server.rows("SELECT id FROM sb_inbound").await?.len())
}

async fn a_text_is_stored_once_and_becomes_one_message(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    for _ in 0..3 {
        let (status, answer) = post_twilio(&server, SMS, &form("SM1", "Ça va ? + % & = ✓"), TOKEN).await?;
        assert_eq!(status, 200);
        assert!(answer.ends_with("<Response/>"), "{answer}");
    }
    // the same at once, and with a query, which is signed too
    let fields = form("SM2", "two");
    let twins = (0..8).map(|_| post_twilio(&server, "/webhooks/twilio/sms?k=v&x=1", &fields, TOKEN));
    for twin in futures_util::future::join_all(twins).await {
        assert_eq!(twin?.0, 200);
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, "Ça va ? + % & = ✓"], [PERSON, OURS, "two"]]);
    let rows = server.rows("SELECT state, encoding, segments FROM sb_message ORDER BY id").await?;
    assert_eq!(rows, [["received", "ucs2", "1"], ["received", "gsm7", "1"]]);
    assert_eq!(stored(&server).await?, 2);
    Ok(())
}

async fn what_is_forged_leaves_nothing(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    let fields = form("SM1", "hello");
    let foreign: Vec<_> =
        fields.iter().map(|(k, v)| if *k == "AccountSid" { (*k, "ACffff") } else { (*k, *v) }).collect();
    for (path, fields, token) in
        [(SMS, &fields, "guess"), (SMS, &foreign, TOKEN), ("/webhooks/twilio/status", &fields, "guess")]
    {
        assert_eq!(post_twilio(&server, path, fields, token).await?.0, 403, "{path}");
    }
    let owned: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let signature = sign(TOKEN, &format!("{PUBLIC}{SMS}"), &owned);
    let changed: Vec<_> = owned.iter().map(|(k, v)| (k.clone(), v.replace("hello", "hullo"))).collect();
    assert_eq!(post_form(&server, SMS, &changed, &signature).await?.0, 403);
    assert_eq!(post_form(&server, "/webhooks/twilio/sms?a=b", &owned, &signature).await?.0, 403);
    assert_eq!(post_form(&server, SMS, &owned, "").await?.0, 403);
    assert_eq!(server.post(SMS, "%ff=%ff").await?.0, 403);
    assert_eq!(server.post("/webhooks/twilio/other", "").await?.0, 404);
    assert_eq!(server.http.get(server.url(SMS)).send().await?.status(), 405);
    assert_eq!(stored(&server).await?, 0);
    // theirs, and not what they document
    let nameless: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != "MessageSid").collect();
    assert_eq!(post_twilio(&server, SMS, &nameless, TOKEN).await?.0, 400);
    assert_eq!(server.post(SMS, "x".repeat(70_000)).await?.0, 413);
    assert_eq!(stored(&server).await?, 0);
    Ok(())
}

async fn json_is_signed_by_its_digest(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    let body = Value::Object(form("SM7", "as JSON").into_iter().map(|(k, v)| (k.to_owned(), json!(v))).collect());
    // a mark before it is part of what is signed, and not of what is said
    let body = format!("\u{feff}{body}");
    let path = format!("{SMS}?bodySHA256={}", switchboard::crypto::hash::sha256_hex(body.as_bytes()));
    let post = async |path: &str, body: String| {
        let signature = sign(TOKEN, &format!("{PUBLIC}{path}"), &[]);
        let request = server.http.post(server.url(path)).header("X-Twilio-Signature", signature);
        anyhow::Ok(request.header("Content-Type", "application/json").body(body).send().await?.status().as_u16())
    };
    assert_eq!(post(&path, body.replace("as JSON", "as forged")).await?, 403);
    assert_eq!(post(SMS, body.clone()).await?, 403, "JSON without its digest");
    assert_eq!(post(&path, body).await?, 200);
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, "as JSON"]]);
    Ok(())
}

/// The case of the shared file that is for this path, at both URLs by which the gateway may know itself; the others
/// are for paths that it has not, or name no account.
async fn the_vectors_hold_at_the_door(layout: Layout) -> Result {
    let vectors = vectors("twilio_signatures.json")?;
    let (case, named) = (&vectors["cases"][0], "sms inbound");
    assert_eq!(case["name"], named);
    let variants = vectors["port_variants"].as_array().into_iter().flatten().filter(|variant| variant["name"] == named);
    let mut held = 0;
    for variant in variants {
        assert_eq!((&variant["signed_url"], &variant["accepted"]), (&case["url"], &json!(true)));
        let seen = variant["seen_url"].as_str().unwrap_or_default();
        let server = builder(layout).await?.set("http.public_url", seen.trim_end_matches(SMS)).start().await?;
        the_vector_holds(&server, case, &vectors["auth_token"]).await?;
        held += 1;
    }
    assert_eq!(held, 2);
    Ok(())
}

async fn the_vector_holds(server: &Server, case: &Value, token: &Value) -> Result {
    let sid = &case["params"]["AccountSid"];
    let id = account(server, "twilio", json!({"account_sid": sid, "auth_token": token}), json!({})).await?;
    number(server, &id, OURS, json!({})).await?;
    let params = case["params"].as_object().into_iter().flatten();
    let mut fields: Vec<_> = params.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect();
    let signature = case["signature"].as_str().unwrap_or_default();
    assert_eq!(post_form(server, SMS, &fields, signature).await?.0, 200);
    fields.push(("Extra".into(), String::new()));
    assert_eq!(post_form(server, SMS, &fields, signature).await?.0, 403);
    settled(server).await?;
    assert_eq!(received(server).await?, [[PERSON, OURS, "I am ready to learn!"]]);
    Ok(())
}

async fn a_text_to_a_number_that_is_not_ours_is_kept_as_it_came(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    let fields: Vec<_> =
        form("SM1", "hello").into_iter().map(|(k, v)| if k == "To" { (k, "+14155550177") } else { (k, v) }).collect();
    assert_eq!(post_twilio(&server, SMS, &fields, TOKEN).await?.0, 200);
    settled(&server).await?;
    assert_eq!(stored(&server).await?, 1);
    assert!(received(&server).await?.is_empty());
    assert!(server.log()?.contains("not to a number of ours"));
    Ok(())
}

async fn carriers_are_not_counted_among_the_requests_of_an_address(layout: Layout) -> Result {
    let server = builder(layout).await?.set("http.requests_per_address", 3).start().await?;
    twilio(&server).await?;
    for n in 0..10 {
        assert_eq!(post_twilio(&server, SMS, &form(&format!("SM{n}"), "hello"), TOKEN).await?.0, 200);
    }
    // what only looks like their paths is
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(server.http.get(server.url("/inbound-call/elsewhere")).send().await?.status().as_u16());
    }
    assert_eq!(statuses[3], 429, "{statuses:?}");
    Ok(())
}

on_both_engines!(
    a_text_is_stored_once_and_becomes_one_message,
    what_is_forged_leaves_nothing,
    json_is_signed_by_its_digest,
    the_vectors_hold_at_the_door,
    a_text_to_a_number_that_is_not_ours_is_kept_as_it_came,
    carriers_are_not_counted_among_the_requests_of_an_address,
);
in_foreign_sessions!(a_text_is_stored_once_and_becomes_one_message);
