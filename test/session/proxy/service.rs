//! Services: pools by Twilio's names, whose they are, and what else there is under `/v1/Services`.

use anyhow::ensure;
use serde_json::{Value, json};

use super::ProxyDoor;
use crate::events::{text, well};
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::relay::scene::act_well;
use crate::session::talk::{ANN, BOB};

async fn a_service_is_a_pool(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 1).await?;
    let path = format!("/v1/Services/{}", door.service);
    let made = door.well("GET", &path, &[]).await?;
    ensure!(made["unique_name"] == "rides" && made["default_ttl"] == 0, "{made}");
    ensure!(made["geo_match_level"] == "country" && made["number_selection_behavior"] == "prefer-sticky", "{made}");
    ensure!(made["url"] == door.server.url(&path) && made["account_sid"] == door.client.sid.as_str(), "{made}");
    ensure!(made["links"]["sessions"] == door.server.url(&door.path("Sessions")), "{made}");
    let by_name = door.well("GET", "/v1/Services/rides", &[]).await?;
    ensure!(by_name == made, "{by_name}");
    let (asked, told) = ("https://hooks.example.com/ask", "https://hooks.example.com/told");
    let form = [
        ("DefaultTtl", "3600"),
        ("GeoMatchLevel", "extended-area-code"),
        ("NumberSelectionBehavior", "avoid-sticky"),
        ("CallbackUrl", told),
        ("InterceptCallbackUrl", asked),
        ("OutOfSessionCallbackUrl", asked),
        ("UniqueName", "trips"),
    ];
    let changed = door.well("POST", &path, &form).await?;
    ensure!(changed["default_ttl"] == 3600 && changed["geo_match_level"] == "overlay", "{changed}");
    ensure!(changed["number_selection_behavior"] == "avoid-sticky" && changed["callback_url"] == told, "{changed}");
    ensure!(changed["intercept_callback_url"] == asked && changed["unique_name"] == "trips", "{changed}");
    let pool = act_well(&door.server, &door.client.id, "GET", &format!("/v1/pools/{}", door.pool()), None).await?;
    ensure!(pool["name"] == "trips" && pool["choice"] == "avoid_sticky" && pool["ttl"] == "1h", "{pool}");
    ensure!(pool["intercept_url"] == asked && pool["hook_format"] == "form", "{pool}");
    let emptied = door.well("POST", &path, &[("CallbackUrl", ""), ("DefaultTtl", "0")]).await?;
    ensure!(emptied["callback_url"].is_null() && emptied["default_ttl"] == 0, "{emptied}");
    ensure!(emptied["intercept_callback_url"] == asked, "{emptied}");
    for level in ["area-code", "overlay", "radius", "country"] {
        let changed = door.well("POST", &path, &[("GeoMatchLevel", level)]).await?;
        ensure!(changed["geo_match_level"] == level, "{changed}");
    }
    // not while somebody is in a session there
    let session = door.hold(&[ANN, BOB], &[]).await?;
    door.refused("DELETE", &path, &[], (409, 20409)).await?;
    door.well("POST", &text(&session["url"])?, &[("Status", "closed")]).await?;
    // nor while somebody may come into one
    let empty = door.hold(&[], &[]).await?;
    door.refused("DELETE", &path, &[], (409, 20409)).await?;
    door.well("DELETE", &text(&empty["url"])?, &[]).await?;
    let (status, empty) = door.ask("DELETE", &path, &[]).await?;
    ensure!(status == 204 && empty.is_null(), "{status} {empty}");
    door.refused("GET", &path, &[], (404, 20404)).await?;
    door.close(12).await
}

async fn other_kinds_of_services_are_none(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    door.refused("POST", "/v1/Services", &[], (400, 20001)).await?;
    let (status, hint) = door.ask("POST", "/v1/Services", &[("FriendlyName", "sales")]).await?;
    ensure!(status == 404 && hint["code"] == 20404, "{status} {hint}");
    ensure!(text(&hint["message"])?.contains("UniqueName"), "{hint}");
    for (form, with) in [
        ([("UniqueName", "rides"), ("DefaultTtl", "0")], (400, 80602)),
        ([("UniqueName", "more"), ("GeoMatchLevel", "planet")], (400, 20001)),
        ([("UniqueName", "more"), ("DefaultTtl", "-1")], (400, 20001)),
        ([("UniqueName", "more"), ("CallbackUrl", "ftp://a.example/")], (400, 20001)),
        ([("UniqueName", "more"), ("NumberSelectionBehavior", "sticky")], (400, 20001)),
        ([("UniqueName", "more"), ("ChatInstanceSid", "IS00000000000000000000000000000000")], (400, 20001)),
    ] {
        door.refused("POST", "/v1/Services", &form, with).await?;
    }
    let hex = &door.service[2..];
    for sid in [format!("MG{hex}"), format!("IS{hex}"), format!("KS{}", "0".repeat(32)), "nothing".to_owned()] {
        door.refused("GET", &format!("/v1/Services/{sid}"), &[], (404, 20404)).await?;
        door.refused("GET", &format!("/v1/Services/{sid}/Sessions"), &[], (404, 20404)).await?;
    }
    let webhooks = format!("{}/Webhooks", text(&door.hold(&[], &[]).await?["url"])?);
    for at in [door.path("ShortCodes"), door.path("PhoneNumbers/PN1/More"), webhooks] {
        door.refused("GET", &at, &[], (404, 20404)).await?;
    }
    door.refused("GET", &door.path("Sessions/KC1/Webhooks"), &[], (400, 80409)).await?;
    door.refused("PUT", "/v1/Services", &[], (405, 20004)).await?;
    door.refused("PUT", &door.path("Sessions"), &[], (405, 20004)).await?;
    // a pool that gives each number to one session is shown to nobody here
    let body = json!({"name": "alone", "exclusive": true});
    let pool = act_well(&door.server, &door.client.id, "POST", "/v1/pools", Some(body)).await?;
    let exclusive = format!("/v1/Services/KS{}", &text(&pool["id"])?[5..]);
    door.refused("GET", &exclusive, &[], (404, 20404)).await?;
    let names = |page: &Value| -> Vec<Value> {
        page["services"].as_array().into_iter().flatten().map(|one| one["unique_name"].clone()).collect()
    };
    let later = door.serve("later").await?;
    let rename = [("UniqueName", "rides")];
    door.refused("POST", &format!("/v1/Services/{later}"), &rename, (400, 80602)).await?;
    door.well("POST", &format!("/v1/Services/{}", door.service), &rename).await?;
    let page = door.well("GET", "/v1/Services?PageSize=1", &[]).await?;
    ensure!(names(&page) == ["later"] && page["meta"]["key"] == "services", "{page}");
    let next = door.well("GET", &text(&page["meta"]["next_page_url"])?, &[]).await?;
    ensure!(names(&next) == ["rides"] && next["meta"]["next_page_url"].is_null(), "{next}");
    let back = door.well("GET", &text(&next["meta"]["previous_page_url"])?, &[]).await?;
    ensure!(names(&back) == ["later"] && back["meta"]["page"] == 0, "{back}");
    door.close(5).await
}

async fn only_its_client_has_it(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 1).await?;
    let other = crate::relay::client(&door.server, "1").await?;
    for at in [format!("/v1/Services/{}", door.service), door.path("Sessions"), door.path("PhoneNumbers")] {
        let (status, answer) = door.ask_as((&other.sid, &other.token), "GET", &at, &[]).await?;
        ensure!(status == 404 && answer["code"] == 20404, "{at}: {status} {answer}");
    }
    let (status, wrong) = door.ask_as((&door.client.sid, "wrong"), "GET", "/v1/Services", &[]).await?;
    ensure!(status == 401 && wrong["code"] == 20003, "{status} {wrong}");
    // keys hold sessions where they may; what is the client's own is not theirs to change
    let path = format!("/v1/clients/{}/keys", door.client.id);
    for (scope, read, made) in [("sessions", 403, 201), ("read", 200, 403)] {
        let key = json!({"name": scope, "scopes": [scope]});
        let key = text(&well(&door.server, "POST", &path, Some(key)).await?["key"])?;
        let by = (door.client.sid.as_str(), key.as_str());
        ensure!(door.ask_as(by, "GET", "/v1/Services", &[]).await?.0 == read, "{scope}");
        ensure!(door.ask_as(by, "POST", "/v1/Services", &[("UniqueName", "x")]).await?.0 == 403, "{scope}");
        ensure!(door.ask_as(by, "POST", &door.path("Sessions"), &[]).await?.0 == made, "{scope}");
    }
    // URLs stand on the host that was asked
    let url = door.server.url("/v1/Services");
    let request = door.server.http.get(url).basic_auth(&door.client.sid, Some(&door.client.token));
    let page: Value = request.header("host", "proxy.example.org").send().await?.json().await?;
    let first = text(&page["meta"]["first_page_url"])?;
    ensure!(first.starts_with("http://proxy.example.org/v1/Services?"), "{first}");
    door.close(2).await
}

on_both_engines!(a_service_is_a_pool, other_kinds_of_services_are_none, only_its_client_has_it);
