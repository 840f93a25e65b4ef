//! Which lines of a file are wrong.

use ::http::StatusCode;
use serde::Serialize;
use warp::reply::Response;

use super::{Problem, respond};
use crate::service::sheet::BadSheetLine;

#[derive(Serialize)]
struct BadSheetLineOut<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    detail: &'a str,
}

#[derive(Serialize)]
struct SheetLinesOut<'a> {
    #[serde(flatten)]
    problem: Problem<'a>,
    lines: Vec<BadSheetLineOut<'a>>,
}

/// 400 that names the lines that are wrong, the first thousand of them.
pub(super) fn lines(wrong: &[BadSheetLine], detail: &str) -> Response {
    let first = wrong.first().map(|line| format!("{detail}: {line}"));
    let detail = first.as_deref().unwrap_or(detail);
    let status = StatusCode::BAD_REQUEST;
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail, field: None };
    let lines = wrong
        .iter()
        .map(|wrong| BadSheetLineOut { line: wrong.line, field: wrong.field, detail: &wrong.reason })
        .collect();
    let out = SheetLinesOut { problem, lines };
    // text and numbers always serialise
    respond(status, "application/problem+json", serde_json::to_vec(&out).unwrap_or_default())
}
