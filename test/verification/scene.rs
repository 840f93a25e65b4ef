//! What tests of codes start from: a server that sends them by the loopback, and how they are asked for and looked at.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::{Builder, Result, Server};
use crate::messages::{drained, with};
use crate::relay::acts::Shown::{Changed, Gone, Made};
use crate::relay::acts::{Act, Scene, act};
use crate::relay::scene::everything;

pub const VERIFICATIONS: &str = "/v1/verifications";
pub const SERVICES: &str = "/v1/verification-services";
pub const ANN: &str = "+12065550110";
pub const BEN: &str = "+12065550111";
/// So long that it does not stand in a database by chance.
pub const CODE: &str = "4820917365";
pub const WRONG: &str = "0000000000";

/// What is done to a client's verifications, and to its services.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    const ONE: &str = "/v1/verifications/{id}";
    const SERVICE: &str = "/v1/verification-services/{id}";
    let of = |nth: usize| json!({"to": format!("+1206555012{nth}"), "code": CODE});
    let sent = scene.post(server, VERIFICATIONS, of(1)).await?;
    let given_up = scene.post(server, VERIFICATIONS, of(2)).await?;
    let posted = scene.post(server, VERIFICATIONS, of(3)).await?;
    let proved = scene.post(server, VERIFICATIONS, of(4)).await?;
    let service = scene.post(server, SERVICES, json!({"name": "shop"})).await?;
    Ok(scene.for_client([
        act("POST", VERIFICATIONS, &[], of(5), "verification.create", Made),
        act("POST", "/v1/verifications/{id}/resend", &[&sent], json!({}), "verification.resend", Changed),
        act("POST", "/v1/verifications/{id}/cancel", &[&posted], Value::Null, "verification.cancel", Changed),
        act("POST", "/v1/verifications/{id}/approve", &[&proved], Value::Null, "verification.approve", Changed),
        act("DELETE", ONE, &[&given_up], Value::Null, "verification.cancel", Changed),
        act("POST", SERVICES, &[], json!({"name": "bank"}), "verification_service.create", Made),
        act("PATCH", SERVICE, &[&service], json!({"name": "store"}), "verification_service.change", Changed),
        act("DELETE", SERVICE, &[&service], Value::Null, "verification_service.delete", Gone),
    ]))
}

/// A server with a number of the operator on the loopback, to which everything goes.
pub async fn ready(builder: Builder) -> Result<Server> {
    let server = builder.start().await?;
    everything(&server).await?;
    Ok(server)
}

/// Asks for a code: status and answer.
pub async fn asked(server: &Server, to: &str, set: Value) -> Result<(u16, Value)> {
    call(server, "POST", VERIFICATIONS, Some(with(json!({ "to": to }), set))).await
}

/// The same, where it must be sent.
pub async fn made(server: &Server, to: &str, set: Value) -> Result<Value> {
    let (status, answer) = asked(server, to, set).await?;
    ensure!(status == 201, "{status} {answer}");
    Ok(answer)
}

/// The same by a code of the caller's.
pub async fn of_code(server: &Server, to: &str) -> Result<Value> {
    made(server, to, json!({ "code": CODE })).await
}

pub fn path(verification: &Value) -> Result<String> {
    Ok(format!("{VERIFICATIONS}/{}", text(&verification["id"])?))
}

pub async fn shown(server: &Server, verification: &Value) -> Result<Value> {
    well(server, "GET", &path(verification)?, None).await
}

/// Looks at a code: what came of it.
pub async fn checked(server: &Server, verification: &Value, code: &str) -> Result<Value> {
    let path = format!("{}/check", path(verification)?);
    well(server, "POST", &path, Some(json!({ "code": code }))).await
}

/// The same by the number: status and answer.
pub async fn checked_of(server: &Server, to: &str, code: &str) -> Result<(u16, Value)> {
    call(server, "POST", &format!("{VERIFICATIONS}/check"), Some(json!({"to": to, "code": code}))).await
}

/// What a check of this comes to.
pub fn verdict(status: &str, valid: bool, left: i64) -> impl Fn(&Value) -> bool {
    move |answer: &Value| answer["status"] == status && answer["valid"] == valid && answer["attempts_left"] == left
}

/// The texts that somebody was sent, newest first.
pub async fn texts(server: &Server, to: &str) -> Result<Vec<String>> {
    drained(server).await?;
    let path = format!("/v1/loopback/messages?to={}", to.replace('+', "%2B"));
    let listed = well(server, "GET", &path, None).await?;
    let all = listed["data"].as_array().context("no list")?;
    all.iter().map(|one| text(&one["body"])).collect()
}

/// The digits in a text.
pub fn code_in(text: &str) -> String {
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() >= 4);
    digits.unwrap_or_default().to_owned()
}

/// What holds at any moment, each as a query that finds what does not.
const BROKEN: [(&str, &str); 4] = [
    (
        "names of what is nowhere",
        "SELECT p.verification_id FROM sb_verification_pending p WHERE NOT EXISTS \
         (SELECT 1 FROM sb_verification v WHERE v.id = p.verification_id)",
    ),
    (
        "pending ones without their name",
        "SELECT v.id FROM sb_verification v WHERE v.status = 'pending' AND NOT EXISTS \
         (SELECT 1 FROM sb_verification_pending p WHERE p.verification_id = v.id)",
    ),
    ("codes of what is over", "SELECT id FROM sb_verification WHERE status <> 'pending' AND code IS NOT NULL"),
    ("pending ones without a code", "SELECT id FROM sb_verification WHERE status = 'pending' AND code IS NULL"),
];

/// Nothing is half made, and no code outlives its verification.
pub async fn consistent(server: &Server) -> Result {
    for (what, sql) in BROKEN {
        let found = server.rows(sql).await?;
        ensure!(found.is_empty(), "{what}: {found:?}");
    }
    Ok(())
}
