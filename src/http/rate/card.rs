//! `/v1/rates.csv`: the whole card of rates, out and in.

use std::collections::BTreeMap;

use ::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::UnreadBody;
use crate::http::reply::{self, HandlerResult};
use crate::http::resource::ResourceRequest;
use crate::http::{audit, object, openapi};
use crate::model::form;
use crate::service::tariff::ImportedRates;

const CSV: &str = "text/csv; charset=utf-8";

/// `GET /v1/rates.csv`: all rates: `channel,prefix,price,from,until`.
#[utoipa::path(
    get, path = "/v1/rates.csv", tag = "rates", operation_id = "export_rates",
    responses((status = 200, description = "The card, as the import takes it.", body = String, content_type = "text/csv")),
)]
pub(super) async fn export(request: ResourceRequest) -> HandlerResult {
    Ok(reply::content(CSV, request.app.tariff.export().await?))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ImportedRates)]
struct ImportedRatesOut {
    added: usize,
    /// Rates of a channel, prefix and time that were there already: the file's price and end stand.
    replaced: usize,
    /// Rates that were not in a file that replaces the card.
    removed: usize,
    /// How many lines were taken for each channel.
    #[schema(value_type = BTreeMap<String, usize>, example = json!({"mms": 0, "sms": 2, "voice": 1, "whatsapp": 0}))]
    channels: BTreeMap<&'static str, usize>,
}

pub(super) fn replacing() -> Vec<openapi::Parameter> {
    let words = "`true`: the file is the card from now on; rates that are not in it go.";
    vec![openapi::optional("replace", words, openapi::one_of(["true", "false"]))]
}

/// `POST /v1/rates.csv`: takes rates from a file, all or none: the first line names the columns `channel`, `prefix` and
/// `price`, and may name `from` and `until`. `http.import_limit` bytes at most.
#[utoipa::path(
    post, path = "/v1/rates.csv", tag = "rates", operation_id = "import_rates",
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "Taken.", body = ImportedRatesOut),
        (status = 400, description = "Nothing was taken; `lines` names each line that is wrong, and why."),
        (status = 415, description = "The body is not `text/csv`."),
    ),
)]
pub(super) async fn import(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    object::check_csv(&request)?;
    let replaces = request.param("replace").map_or(Some(false), |text| form::flag(&text));
    let replaces = replaces.ok_or_else(|| reply::bad_field("replace", "must be true or false"))?;
    let text = object::collect_within(&request.app.imports, posted, &request.app).await?;
    let context = audit::context(&request, "rate.import", |done: &ImportedRates| audit::json(&out(done)));
    let done = request.app.tariff.import(text.clone(), replaces, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&done)))
}

fn out(done: &ImportedRates) -> ImportedRatesOut {
    let ImportedRates { added, replaced, removed, channels } = done.clone();
    ImportedRatesOut { added, replaced, removed, channels }
}

/// `PUT /v1/rates.csv`: the same as POST.
#[utoipa::path(
    put, path = "/v1/rates.csv", tag = "rates", operation_id = "put_rates",
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "Taken.", body = ImportedRatesOut),
        (status = 400, description = "Nothing was taken; `lines` names each line that is wrong, and why."),
        (status = 415, description = "The body is not `text/csv`."),
    ),
)]
pub(super) async fn put_card(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    import(request, posted).await
}
