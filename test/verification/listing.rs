//! Verifications in lists: whose they are, what narrows them, page by page, and never with a code.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::scene::{
    ANN, BEN, CODE, SERVICES, VERIFICATIONS, WRONG, checked, consistent, made, of_code, path, ready, shown,
};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::person;
use crate::on_both_engines;
use crate::relay::client::{By, ask, client, key_text};
use crate::relay::scene::{act_well, customer};

async fn page(server: &Server, query: &str) -> Result<Value> {
    well(server, "GET", &format!("{VERIFICATIONS}?{query}"), None).await
}

/// The ids that a list names, in its order.
fn ids(listed: &Value) -> Result<Vec<String>> {
    let all = listed["data"].as_array().context("no list")?;
    all.iter().map(|one| text(&one["id"])).collect()
}

async fn found(server: &Server, query: &str) -> Result<Vec<String>> {
    ids(&page(server, query).await?)
}

async fn pages_are_newest_first_and_whole(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    ensure!(page(&server, "").await? == json!({"data": [], "next_cursor": null}));
    let mut all = Vec::new();
    for nth in 0..7 {
        all.push(text(&of_code(&server, &person(nth)).await?["id"])?);
    }
    all.reverse();
    let (mut seen, mut cursor): (Vec<String>, Option<String>) = (Vec::new(), None);
    for wanted in [3, 3, 1] {
        let behind = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let listed = page(&server, &format!("limit=3{behind}")).await?;
        let some = ids(&listed)?;
        ensure!(some.len() == wanted, "{listed}");
        seen.extend(some);
        cursor = listed["next_cursor"].as_str().map(str::to_owned);
    }
    ensure!(cursor.is_none() && seen == all, "{seen:?}, not {all:?}");
    consistent(&server).await
}

async fn each_filter_narrows(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let service = text(&well(&server, "POST", SERVICES, Some(json!({"name": "Shop"}))).await?["id"])?;
    let approved = of_code(&server, ANN).await?;
    checked(&server, &approved, CODE).await?;
    let canceled = of_code(&server, ANN).await?;
    well(&server, "DELETE", &path(&canceled)?, None).await?;
    let called = made(&server, BEN, json!({"channel": "call"})).await?;
    let of_service = made(&server, BEN, json!({ "service": service })).await?;
    // carriers write it in two ways
    let mexican = of_code(&server, "+5215512345678").await?;
    let guessed = of_code(&server, &person(1)).await?;
    for _ in 0..5 {
        checked(&server, &guessed, WRONG).await?;
    }
    let all = [&approved, &canceled, &called, &of_service, &mexican, &guessed];
    for (query, wanted) in [
        ("to=%2B12065550110".to_owned(), vec![&canceled, &approved]),
        ("to=%2B12065550110&status=approved".to_owned(), vec![&approved]),
        ("to=%2B525512345678".to_owned(), vec![&mexican]),
        ("to=%2B12065550119".to_owned(), vec![]),
        ("status=canceled".to_owned(), vec![&canceled]),
        ("status=max_attempts_reached".to_owned(), vec![&guessed]),
        ("status=pending".to_owned(), vec![&mexican, &of_service, &called]),
        ("status=expired".to_owned(), vec![]),
        ("channel=call".to_owned(), vec![&called]),
        ("channel=whatsapp".to_owned(), vec![]),
        (format!("service={service}"), vec![&of_service]),
        ("created_from=2020-01-01".to_owned(), all.iter().rev().copied().collect()),
        ("created_before=2020-01-01".to_owned(), vec![]),
    ] {
        let wanted = wanted.into_iter().map(|one| text(&one["id"])).collect::<Result<Vec<String>>>()?;
        let listed = found(&server, &query).await?;
        ensure!(listed == wanted, "{query}: {listed:?}, not {wanted:?}");
    }
    consistent(&server).await
}

async fn what_narrows_nothing_is_told_by_its_name(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    for (query, field) in [
        ("to=nobody-at-all-here", "to"),
        ("status=open", "status"),
        ("channel=pigeon", "channel"),
        ("service=shop", "service"),
        ("created_from=yesterday", "created_from"),
        ("created_before=x", "created_before"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let (status, problem) = call(&server, "GET", &format!("{VERIFICATIONS}?{query}"), None).await?;
        ensure!(status == 400 && problem["field"] == field, "{query}: {status} {problem}");
    }
    Ok(())
}

async fn one_whose_time_is_over_is_expired_in_every_list(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let short = made(&server, ANN, json!({"code": CODE, "ttl": "5s"})).await?;
    let id = text(&short["id"])?;
    ensure!(found(&server, "status=pending").await? == std::slice::from_ref(&id));
    until("its end", async || {
        let listed = page(&server, "status=expired").await?;
        let is_there = ids(&listed)? == [id.clone()] && listed["data"][0]["status"] == "expired";
        Ok(is_there.then_some(()))
    })
    .await?;
    ensure!(found(&server, "status=pending").await?.is_empty());
    ensure!(shown(&server, &short).await?["status"] == "expired");
    Ok(())
}

async fn nobody_lists_what_is_another_clients(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let (ann, ben) = (customer(&server, "10", json!({})).await?, customer(&server, "10", json!({})).await?);
    let order = || Some(json!({"to": ANN, "code": CODE}));
    let made = act_well(&server, &ann, "POST", VERIFICATIONS, order()).await?;
    let of_ann = act_well(&server, &ann, "GET", VERIFICATIONS, None).await?;
    ensure!(ids(&of_ann)? == [text(&made["id"])?], "{of_ann}");
    for query in ["", "?to=%2B12065550110", "?status=pending"] {
        let listed = act_well(&server, &ben, "GET", &format!("{VERIFICATIONS}{query}"), None).await?;
        ensure!(listed["data"] == json!([]), "{query}: {listed}");
    }
    ensure!(found(&server, "").await?.is_empty(), "nor does the operator by itself");
    // the same of its services
    let service = act_well(&server, &ann, "POST", SERVICES, Some(json!({"name": "Shop"}))).await?;
    ensure!(act_well(&server, &ben, "GET", SERVICES, None).await?["data"] == json!([]));
    let one = format!("{SERVICES}/{}", text(&service["id"])?);
    for method in ["GET", "PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!({"name": "mine"}));
        let (status, _, problem) = ask(&server, By::AdminFor(&ben), method, &one, body).await?;
        ensure!(status == 404, "{method}: {status} {problem}");
    }
    let of_it = Some(json!({"to": ANN, "service": service["id"]}));
    let (status, _, problem) = ask(&server, By::AdminFor(&ben), "POST", VERIFICATIONS, of_it).await?;
    ensure!(status == 400 && problem["field"] == "service", "{status} {problem}");
    Ok(())
}

async fn a_list_takes_a_key_that_may_read_and_holds_no_code(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let ann = client(&server, "Ann", json!({"balance": "10"})).await?;
    let reader = key_text(&server, &ann, json!({"name": "reads", "scopes": ["read"]})).await?;
    let texter = key_text(&server, &ann, json!({"name": "texts", "scopes": ["sms"]})).await?;
    let id = text(&ann["id"])?;
    let order = json!({"to": ANN, "code": CODE, "metadata": {"user": 7}});
    let made = act_well(&server, &id, "POST", VERIFICATIONS, Some(order)).await?;
    let one = path(&made)?;
    for way in [VERIFICATIONS, one.as_str()] {
        let (status, _, answer) = ask(&server, By::Bearer(&reader), "GET", way, None).await?;
        ensure!(status == 200 && answer.to_string().contains(ANN), "{status} {answer}");
        ensure!(!answer.to_string().contains(CODE), "{answer}");
        ensure!(ask(&server, By::Bearer(&texter), "GET", way, None).await?.0 == 403);
        ensure!(ask(&server, By::Nobody, "GET", way, None).await?.0 == 401);
    }
    // whoever may read may not change
    let check = Some(json!({ "code": CODE }));
    ensure!(ask(&server, By::Bearer(&reader), "POST", &format!("{one}/check"), check).await?.0 == 403);
    ensure!(ask(&server, By::Bearer(&reader), "DELETE", &one, None).await?.0 == 403);
    Ok(())
}

on_both_engines!(
    pages_are_newest_first_and_whole,
    each_filter_narrows,
    what_narrows_nothing_is_told_by_its_name,
    one_whose_time_is_over_is_expired_in_every_list,
    nobody_lists_what_is_another_clients,
    a_list_takes_a_key_that_may_read_and_holds_no_code,
);
