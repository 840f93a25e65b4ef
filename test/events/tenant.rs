//! What is another client's is not there.

use switchboard::store::Change;

use super::{builder, call, endpoint, test_event, well};
use crate::harness::{Layout, Result, stored};
use crate::on_both_engines;

async fn another_client_s_things_are_not_there(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let (id, _) = endpoint(&server, "http://127.0.0.1:9/", &["*"]).await?;
    let event = test_event(&server, &id).await?;
    let other = stored("00000000000000000000000000000002");
    let give = Change::new()
        .one("UPDATE sb_endpoint SET client_id = ?", vec![other.clone()])
        .one("UPDATE sb_event SET client_id = ?", vec![other]);
    server.home().databases.store()?.commit(give).await?;
    for (method, path) in [
        ("GET", format!("/v1/endpoints/{id}")),
        ("PATCH", format!("/v1/endpoints/{id}")),
        ("DELETE", format!("/v1/endpoints/{id}")),
        ("POST", format!("/v1/endpoints/{id}/rotate")),
        ("POST", format!("/v1/endpoints/{id}/test")),
        ("GET", format!("/v1/events/{event}")),
        ("POST", format!("/v1/events/{event}/replay")),
    ] {
        let body = (method != "GET").then(|| serde_json::json!({}));
        assert_eq!(call(&server, method, &path, body).await?.0, 404, "{method} {path}");
    }
    for path in ["/v1/endpoints", "/v1/events"] {
        assert_eq!(well(&server, "GET", path, None).await?["data"], serde_json::json!([]));
    }
    assert_eq!(server.rows("SELECT state FROM sb_endpoint").await?, [["enabled"]]);
    Ok(())
}

on_both_engines!(another_client_s_things_are_not_there);
