//! The ledger of opt-outs, seen and mended by administrators.

use reqwest::Method;
use serde_json::{Value, json};

use super::play::{OURS, PERSON, builder, call, get, in_state, loopback, number, send, settled, text, with_loopback};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

async fn set(server: &Server, number: &str, person: &str, is_out: bool) -> Result<(u16, Value)> {
    let path = format!("/v1/opt-outs/{number}/{person}");
    call(server, Method::PUT, &path, Some(json!({"is_out": is_out}))).await
}

/// A list's people, and its next cursor.
async fn people(server: &Server, query: &str) -> Result<(Vec<String>, Option<String>)> {
    let page = get(server, &format!("/v1/opt-outs?{query}")).await?;
    let data = page["data"].as_array().cloned().unwrap_or_default();
    let people = data.iter().map(|entry| entry["person"].as_str().unwrap_or_default().to_owned()).collect();
    Ok((people, page["next_cursor"].as_str().map(str::to_owned)))
}

async fn an_entry_is_set_and_lifted(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    let (status, entry) = set(&server, "%2B14155550199", "%2B14155550100", true).await?;
    assert_eq!(status, 200, "{entry}");
    assert_eq!((&entry["number"], &entry["person"]), (&json!(OURS), &json!(PERSON)));
    assert_eq!((&entry["is_out"], &entry["reason"]), (&json!(true), &json!("administrator")));
    assert_eq!(send(&server, PERSON, "one").await?.0, 403);
    assert_eq!(set(&server, OURS, PERSON, true).await?.1, entry, "again changes nothing");
    let (status, lifted) = set(&server, OURS, PERSON, false).await?;
    assert_eq!((status, &lifted["is_out"]), (200, &json!(false)), "{lifted}");
    assert_eq!(send(&server, PERSON, "two").await?.0, 202);
    // what a person said is mended too
    text(&server, PERSON, OURS, "STOP").await?;
    settled(&server).await?;
    assert_eq!(get(&server, "/v1/opt-outs").await?["data"][0]["reason"], "keyword");
    assert_eq!(set(&server, OURS, PERSON, false).await?.1["reason"], "administrator");
    assert_eq!(send(&server, PERSON, "three").await?.0, 202);
    // a later word of theirs stands again
    text(&server, PERSON, OURS, "STOP").await?;
    settled(&server).await?;
    assert_eq!(send(&server, PERSON, "four").await?.0, 403);
    Ok(())
}

async fn setting_one_takes_back_what_waits(layout: Layout) -> Result {
    let server = builder(layout).await?.set("outbox.retry_first", "10m").start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    // nobody is ever there: the first is tried again in ten minutes, the second waits behind it
    let gone = "+15005550014";
    let mut ids = Vec::new();
    for body in ["first", "second"] {
        ids.push(send(&server, gone, body).await?.1["id"].as_str().unwrap_or_default().to_owned());
    }
    in_state(&server, &ids[0], "sending").await?;
    assert_eq!(set(&server, OURS, gone, true).await?.0, 200);
    for id in &ids {
        in_state(&server, id, "canceled").await?;
    }
    assert!(server.rows("SELECT lane FROM sb_lane").await?.is_empty(), "nothing is left, no confirmation either");
    Ok(())
}

async fn lists_are_narrowed_and_come_in_pages(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    let account = get(&server, "/v1/accounts").await?["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    number(&server, &account, "Acme & Co", json!({})).await?;
    let others = ["+14155550103", "+14155550101", "+14155550102"];
    for person in others {
        assert_eq!(set(&server, OURS, person, true).await?.0, 200);
    }
    assert_eq!(set(&server, "Acme%20%26%20Co", others[0], true).await?.0, 200);
    let (first, cursor) = people(&server, "limit=2").await?;
    assert_eq!(first, [others[1], others[2]], "by number and person");
    let (rest, last) = people(&server, &format!("limit=2&cursor={}", cursor.unwrap_or_default())).await?;
    assert_eq!((rest, last), (vec![others[0].to_owned(), others[0].to_owned()], None));
    assert_eq!(people(&server, "number=%2B14155550199").await?.0.len(), 3);
    assert_eq!(people(&server, "number=Acme%20%26%20Co").await?.0, [others[0]]);
    assert_eq!(people(&server, "num%62er=Acme+%26+Co&limit=%31").await?.0, [others[0]], "written otherwise");
    assert_eq!(people(&server, "person=%2B14155550103").await?.0.len(), 2);
    assert_eq!(people(&server, "person=%2B14155550103&number=%2B14155550199").await?.0.len(), 1);
    assert_eq!(people(&server, "person=%2B14155550109").await?.0.len(), 0);
    Ok(())
}

async fn what_cannot_be_is_refused(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    for (number, person, wanted) in [
        ("+14155550198", PERSON, 404),
        ("%ff", PERSON, 404),
        (OURS, "someone", 400),
        (OURS, "+1415", 400),
        (OURS, "%ff", 400),
    ] {
        let (status, answer) = set(&server, number, person, true).await?;
        assert_eq!(status, wanted, "{number} {person}: {answer}");
    }
    let path = format!("/v1/opt-outs/{OURS}/{PERSON}");
    for body in [json!({}), json!({"is_out": 1}), json!({"is_out": true, "reason": "keyword"})] {
        assert_eq!(call(&server, Method::PUT, &path, Some(body)).await?.0, 400);
    }
    for query in ["cursor=xyz", "cursor=00", "number=%00", "person=+1", "limit=0", "limit"] {
        let (status, answer) = call(&server, Method::GET, &format!("/v1/opt-outs?{query}"), None).await?;
        assert_eq!(status, 400, "{query}: {answer}");
    }
    let open = server.http.get(server.url("/v1/opt-outs")).send().await?;
    assert_eq!(open.status(), 401);
    assert!(server.rows("SELECT id FROM sb_opt_out").await?.is_empty());
    Ok(())
}

on_both_engines!(
    an_entry_is_set_and_lifted,
    setting_one_takes_back_what_waits,
    lists_are_narrowed_and_come_in_pages,
    what_cannot_be_is_refused,
);
