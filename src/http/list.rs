//! Pages of lists: `?cursor=` and `?limit=` in, `{"data", "next_cursor"}` out.

use std::str::FromStr;

use ::http::StatusCode;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use warp::reply::Response;

use super::reply::{self, Refusal};
use super::{App, RequestParts, openapi};
use crate::model::MessageId;

/// Items in one page unless `?limit=` says otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// One page.
#[derive(Serialize, ToSchema)]
#[schema(as = List)]
pub(super) struct ListOut<T> {
    data: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// The parameters of every list.
pub(super) struct PageIn;

impl IntoParams for PageIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(LARGEST_PAGE));
        let number = number.default(Some(PAGE.into()));
        vec![
            openapi::optional("cursor", "The `next_cursor` of the page before.", openapi::text()),
            openapi::optional("limit", "So many items at most.", Schema::Object(number.build())),
        ]
    }
}

/// After which item, and how many.
pub(super) fn page<Id: FromStr>(request: &RequestParts) -> Result<(Option<Id>, usize), Refusal> {
    page_of(request, |cursor| cursor.parse().ok())
}

/// The same of messages or calls, whose cursors are sealed where they are no item's that was shown.
pub(super) fn page_of_messages<Id: FromStr + Into<MessageId>>(
    request: &RequestParts,
    app: &App,
) -> Result<(Option<MessageId>, usize), Refusal> {
    let plain = |cursor: &str| cursor.parse::<Id>().ok().map(Into::<MessageId>::into);
    page_of(request, |cursor| app.messages.sealed(cursor).map(|place| place.id()).or_else(|| plain(cursor)))
}

/// The same where the cursor is read so.
pub(super) fn page_of<Id>(
    request: &RequestParts,
    read: impl Fn(&str) -> Option<Id>,
) -> Result<(Option<Id>, usize), Refusal> {
    let wrong = || reply::bad_field("cursor", "not one of ours");
    let after = request.param("cursor").map(|cursor| read(&cursor).ok_or_else(wrong)).transpose()?;
    let limit = request.param("limit").map_or(Ok(PAGE), |limit| match limit.parse() {
        Ok(limit @ 1..=LARGEST_PAGE) => Ok(limit),
        _ => Err(reply::bad_field("limit", "a number from 1 to 200")),
    })?;
    Ok((after, limit))
}

/// `last`: where the next page goes on, mostly the id of the last item.
pub(super) fn reply<T: Serialize>(data: Vec<T>, last: Option<impl ToString>, more: bool) -> Response {
    let next_cursor = last.filter(|_| more).map(|id| id.to_string());
    reply::json(StatusCode::OK, &ListOut { data, next_cursor })
}
