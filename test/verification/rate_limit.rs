//! Limits of a client's own: made, changed and taken away, with their buckets.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::events::text;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::relay::acts::Shown::{Changed, Gone, Made};
use crate::relay::acts::{Act, Scene, act, on};
use crate::relay::scene::{self, act_well, customer};
use crate::snapshots::hold_inline;

const ALL: &str = "/v1/verification-rate-limits";
const ONE: &str = "/v1/verification-rate-limits/{id}";
const BUCKETS: &str = "/v1/verification-rate-limits/{id}/buckets";
const BUCKET: &str = "/v1/verification-rate-limits/{id}/buckets/{bucket_id}";

/// What is done to a client's limit, which has a bucket already.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    let limit = scene.post(server, ALL, json!({"name": "end_user_ip"})).await?;
    let new = json!({"max": 3, "interval": "10m"});
    let bucket = scene.post(server, &format!("{ALL}/{limit}/buckets"), new).await?;
    let more = json!({"max": 5, "interval": "1h"});
    Ok(scene.for_client([
        act("POST", ALL, &[], json!({"name": "other"}), "verification_limit.create", Made),
        act("PATCH", ONE, &[&limit], json!({"description": "x"}), "verification_limit.change", Changed),
        act("POST", BUCKETS, &[&limit], more, "verification_limit.add_bucket", Changed),
        on(
            &limit,
            act("PATCH", BUCKET, &[&limit, &bucket], json!({"max": 4}), "verification_limit.change_bucket", Changed),
        ),
        on(&limit, act("DELETE", BUCKET, &[&limit, &bucket], Value::Null, "verification_limit.remove_bucket", Changed)),
        act("DELETE", ONE, &[&limit], Value::Null, "verification_limit.delete", Gone),
    ]))
}

async fn a_limit_is_made_changed_and_taken_away(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "1", json!({})).await?;
    let buckets = json!([{"max": 2, "interval": "10m"}]);
    let new = json!({"name": "end_user_ip", "description": "by address", "buckets": buckets});
    let made = act_well(&server, &client, "POST", ALL, Some(new)).await?;
    let shown = json!({"id": "vrb_…", "max": 2, "interval": "10m", "created_at": "(time)", "changed_at": "(time)"});
    let wanted = json!({"id": "vrl_…", "service": null, "name": "end_user_ip", "description": "by address",
        "buckets": [shown], "created_at": "(time)", "changed_at": "(time)"});
    hold_inline(&["VerificationRateLimit", "RateLimitBucket"], &made, &wanted)?;
    let path = format!("{ALL}/{}", text(&made["id"])?);
    ensure!(act_well(&server, &client, "GET", &path, None).await? == made);

    let bucket = json!({"max": 20, "interval": "1h"});
    let added = act_well(&server, &client, "POST", &format!("{path}/buckets"), Some(bucket)).await?;
    let place = format!("{path}/buckets/{}", text(&added["id"])?);
    let changed = act_well(&server, &client, "PATCH", &place, Some(json!({"max": 9, "interval": "1d"}))).await?;
    ensure!(changed["max"] == 9 && changed["interval"] == "1d" && changed["id"] == added["id"], "{changed}");
    ensure!(act_well(&server, &client, "GET", &place, None).await? == changed);
    let listed = act_well(&server, &client, "GET", &format!("{path}/buckets"), None).await?;
    ensure!(listed["data"] == json!([made["buckets"][0], changed]) && listed["next_cursor"].is_null(), "{listed}");
    act_well(&server, &client, "DELETE", &place, None).await?;
    ensure!(scene::act(&server, &client, "DELETE", &place, None).await?.0 == 404);

    let renamed = act_well(&server, &client, "PATCH", &path, Some(json!({"name": "ip", "buckets": []}))).await?;
    ensure!(renamed["name"] == "ip" && renamed["buckets"] == json!([]), "{renamed}");
    ensure!(renamed["description"] == "by address", "{renamed}");
    let listed = act_well(&server, &client, "GET", ALL, None).await?;
    ensure!(listed["data"] == json!([renamed]), "{listed}");
    act_well(&server, &client, "DELETE", &path, None).await?;
    ensure!(scene::act(&server, &client, "GET", &path, None).await?.0 == 404);
    Ok(())
}

async fn what_cannot_be_a_limit_is_told(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "1", json!({})).await?;
    let bucket = |max: u32, interval: &str| json!({"name": "a", "buckets": [{"max": max, "interval": interval}]});
    let twice = json!({"name": "a", "buckets": [{"max": 1, "interval": "60s"}, {"max": 2, "interval": "1m"}]});
    for (body, status, field) in [
        (json!({"name": ""}), 400, "name"),
        (json!({"name": "a b"}), 400, "name"),
        (json!({"name": "a".repeat(65)}), 400, "name"),
        (json!({"name": "a", "description": "x".repeat(256)}), 400, "description"),
        (json!({"name": "a", "service": "vsv_1"}), 400, "service"),
        (bucket(0, "1m"), 400, "max"),
        (bucket(1_000_001, "1m"), 400, "max"),
        (bucket(1, "999ms"), 400, "interval"),
        (bucket(1, "32d"), 400, "interval"),
        (bucket(1, "1"), 400, "buckets[0].interval"),
        (twice, 409, "interval"),
    ] {
        let (said, problem) = scene::act(&server, &client, "POST", ALL, Some(body.clone())).await?;
        ensure!(said == status && problem["field"] == field, "{body}: {said} {problem}");
    }
    for at in 0..10 {
        act_well(&server, &client, "POST", ALL, Some(json!({"name": format!("limit{at}")}))).await?;
    }
    let (status, problem) = scene::act(&server, &client, "POST", ALL, Some(json!({"name": "more"}))).await?;
    ensure!(status == 409 && problem["detail"] == "there are 10 rate limits, which is all there may be", "{problem}");

    // a name is one limit's of a client, and another client's too
    let other = customer(&server, "1", json!({})).await?;
    let theirs = text(&act_well(&server, &other, "POST", ALL, Some(json!({"name": "limit0"}))).await?["id"])?;
    let (status, problem) = scene::act(&server, &other, "POST", ALL, Some(json!({"name": "limit0"}))).await?;
    ensure!(status == 409 && problem["field"] == "name", "{status} {problem}");
    act_well(&server, &other, "POST", ALL, Some(json!({"name": "limit1"}))).await?;
    let path = format!("{ALL}/{theirs}");
    let (status, problem) = scene::act(&server, &other, "PATCH", &path, Some(json!({"name": "limit1"}))).await?;
    ensure!(status == 409 && problem["field"] == "name", "{status} {problem}");
    for (method, body) in [("GET", None), ("PATCH", Some(json!({"name": "mine"}))), ("DELETE", None)] {
        let status = scene::act(&server, &client, method, &path, body).await?.0;
        ensure!(status == 404, "another client's is not there: {method} {status}");
    }
    Ok(())
}

on_both_engines!(a_limit_is_made_changed_and_taken_away, what_cannot_be_a_limit_is_told);
