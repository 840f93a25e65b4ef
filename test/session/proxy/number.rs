//! The numbers of a service: by their SID or as they are dialled, reserved, in use, and in one service at most.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{ProxyDoor, ours};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::session::talk::{ANN, BOB};

async fn numbers_are_put_in_reserved_and_taken_out(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let numbers = door.path("PhoneNumbers");
    for nth in 0..3 {
        door.number(&ours(nth), &["sms", "mms", "voice"]).await?;
    }
    let account = format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers", door.client.sid);
    let all = door.well("GET", &format!("{account}.json"), &[]).await?;
    let all: Vec<Value> = all["incoming_phone_numbers"].as_array().cloned().unwrap_or_default();
    ensure!(all.len() == 3 && all[0]["phone_number"] == ours(2), "{all:?}");
    let (first, second) = (text(&all[2]["sid"])?, text(&all[1]["sid"])?);
    let known = door.well("GET", &format!("{account}/{first}.json"), &[]).await?;
    ensure!(known == all[2] && known["capabilities"]["mms"] == true, "{known}");
    let query = format!("{account}.json?PhoneNumber=%2B{}&PageSize=1", &ours(1)[1..]);
    let found = door.well("GET", &query, &[]).await?;
    ensure!(found["incoming_phone_numbers"][0]["sid"] == second.as_str(), "{found}");
    let found = door.well("GET", &format!("{account}.json?FriendlyName=main"), &[]).await?;
    ensure!(found["incoming_phone_numbers"] == json!([]), "no number has another name: {found}");
    let (mut at, mut walked) = (format!("{account}.json?PageSize=1"), Vec::new());
    loop {
        let page = door.well("GET", &at, &[]).await?;
        walked.push(page["incoming_phone_numbers"][0]["phone_number"].clone());
        match page["next_page_uri"].as_str() {
            Some(next) => next.clone_into(&mut at),
            None => break,
        }
    }
    ensure!(walked == [ours(2), ours(1), ours(0)], "{walked:?}");

    let (status, put) = door.ask("POST", &numbers, &[("Sid", &first)]).await?;
    ensure!(status == 201 && put["sid"] == first.as_str() && put["phone_number"] == ours(0), "{status} {put}");
    ensure!(put["in_use"] == 0 && put["is_reserved"] == false && put["iso_country"] == "US", "{put}");
    let put = door.well("POST", &numbers, &[("PhoneNumber", &ours(1)), ("IsReserved", "true")]).await?;
    ensure!(put["sid"] == second.as_str() && put["is_reserved"] == true, "{put}");
    // one that is reserved is not chosen
    let session = door.hold(&[ANN, BOB], &[]).await?;
    let people = door.people(&session).await?;
    let is_first = |one: &Value| one["proxy_identifier_sid"] == first.as_str();
    ensure!(people.len() == 2 && people.iter().all(is_first), "{people:?}");
    let one = format!("{numbers}/{first}");
    ensure!(door.well("GET", &one, &[]).await?["in_use"] == 1);
    door.refused("DELETE", &one, &[], (409, 20409)).await?;
    let freed = door.well("POST", &format!("{numbers}/{second}"), &[("IsReserved", "false")]).await?;
    ensure!(freed["is_reserved"] == false, "{freed}");
    let page = door.well("GET", &format!("{numbers}?PageSize=1"), &[]).await?;
    ensure!(page["phone_numbers"][0]["sid"] == second.as_str() && page["meta"]["key"] == "phone_numbers", "{page}");
    let page = door.well("GET", &text(&page["meta"]["next_page_url"])?, &[]).await?;
    ensure!(page["phone_numbers"][0]["in_use"] == 1, "{page}");
    door.well("POST", &text(&session["url"])?, &[("Status", "closed")]).await?;
    let (status, empty) = door.ask("DELETE", &one, &[]).await?;
    ensure!(status == 204 && empty.is_null(), "{status} {empty}");
    door.refused("GET", &one, &[], (404, 20404)).await?;
    door.close(10).await
}

async fn a_number_is_in_one_service(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 1).await?;
    let (numbers, other) = (door.path("PhoneNumbers"), door.serve("other").await?);
    let others = format!("/v1/Services/{other}/PhoneNumbers");
    let page = door.well("GET", &numbers, &[]).await?;
    let sid = text(&page["phone_numbers"][0]["sid"])?;
    door.refused("POST", &others, &[("Sid", &sid)], (400, 80605)).await?;
    door.refused("GET", &format!("{others}/{sid}"), &[], (404, 20404)).await?;
    // again where it is
    ensure!(door.well("POST", &numbers, &[("Sid", &sid)]).await?["sid"] == sid.as_str());
    door.number("SENDER", &["sms"]).await?;
    for (form, with) in [
        (vec![], (400, 20001)),
        (vec![("Sid", "PN1")], (400, 80407)),
        (vec![("Sid", "PN00000000000000000000000000000000")], (404, 20404)),
        (vec![("PhoneNumber", "+12125559999")], (404, 20404)),
        (vec![("PhoneNumber", "SENDER")], (400, 20001)),
        (vec![("Sid", sid.as_str()), ("IsReserved", "perhaps")], (400, 20001)),
    ] {
        door.refused("POST", &numbers, &form, with).await?;
    }
    door.refused("GET", &format!("{numbers}/PN1"), &[], (400, 80407)).await?;
    door.refused("PUT", &format!("{numbers}/{sid}"), &[], (405, 20004)).await?;
    door.close(3).await
}

on_both_engines!(numbers_are_put_in_reserved_and_taken_out, a_number_is_in_one_service);
