//! Pages of lists: `?cursor=` and `?limit=` in, `{"data", "next_cursor"}` out.

use std::str::FromStr;

use ::http::StatusCode;
use serde::Serialize;
use warp::reply::Response;

use super::{Call, reply};

/// Items in one page unless `?limit=` says otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

#[derive(Serialize)]
struct ListOut<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// After which item, and how many.
pub(super) fn page<Id: FromStr>(call: &Call) -> Result<(Option<Id>, usize), Box<Response>> {
    let after = call.param("cursor").map(str::parse).transpose();
    let after = after.map_err(|_| reply::bad_field("cursor", "not one of ours"))?;
    let limit = call.param("limit").map_or(Ok(PAGE), |limit| match limit.parse() {
        Ok(limit @ 1..=LARGEST_PAGE) => Ok(limit),
        _ => Err(reply::bad_field("limit", "a number from 1 to 200")),
    })?;
    Ok((after, limit))
}

/// `last`: the id of the last item, from which the next page goes on.
pub(super) fn reply<T: Serialize>(data: Vec<T>, last: Option<impl ToString>, more: bool) -> Response {
    let next_cursor = last.filter(|_| more).map(|id| id.to_string());
    reply::json(StatusCode::OK, &ListOut { data, next_cursor })
}
