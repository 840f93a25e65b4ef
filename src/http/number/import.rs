//! `/v1/numbers/import`: numbers from a file, all of them or none.

use ::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::UnreadBody;
use crate::http::reply::{self, HandlerResult};
use crate::http::resource::{ListOut, ResourceRequest};
use crate::http::{RequestParts, audit, auth, list, object, openapi, written};
use crate::model::{NumberImportId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::number::import::{ImportedNumbers, NumberDefaults, NumberImport, NumberImportState};

#[derive(Serialize, ToSchema)]
#[schema(as = ImportedNumbers)]
pub(in crate::http) struct ImportedNumbersOut {
    /// Of the import, as the audit log has it.
    id: String,
    /// So many numbers are in use from now on.
    added: usize,
    /// The ids of the first and the last of them: those of all others are between these.
    first_number_id: Option<String>,
    last_number_id: Option<String>,
}

pub(in crate::http) fn imported(done: &ImportedNumbers) -> ImportedNumbersOut {
    let (first, last) = done.bounds.map(|(first, last)| (first.to_string(), last.to_string())).unzip();
    ImportedNumbersOut { id: done.id.to_string(), added: done.added, first_number_id: first, last_number_id: last }
}

/// Who takes numbers in.
pub(in crate::http) fn context(request: &RequestParts) -> AuditContext<'static, ImportedNumbers> {
    audit::context(request, "number.import", |done: &ImportedNumbers| audit::json(&imported(done)))
}

/// What may be said of all numbers of a file.
pub(super) fn defaults() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("account_id", "The account of numbers for which the file names none.", openapi::text()),
        openapi::optional("pool_id", "The pool of numbers for which the file names none.", openapi::text()),
    ]
}

/// `POST /v1/numbers/import`: takes numbers from a file, all or none: the first line names the column `number`, and may
/// name `account_id`, `capabilities`, `meaning`, `platform`, `rate`, `pool_id` and `reserved`. They are there at once,
/// when the last is written. `http.import_limit` bytes at most.
#[utoipa::path(
    post, path = "/v1/numbers/import", tag = "numbers", operation_id = "import_numbers",
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "All are in use from now on, in exclusive pools soon.", body = ImportedNumbersOut),
        (status = 400, description = "Nothing was taken; `lines` names each line that is wrong, and why."),
        (status = 409, description = "Others took one of them, or an account or a pool changed; nothing was taken."),
        (status = 415, description = "The body is not `text/csv`."),
    ),
)]
pub(super) async fn import(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    object::check_csv(&request)?;
    let defaults = NumberDefaults {
        account: request.param("account_id").map(|id| written::account(&id)).transpose()?,
        pool: request.param("pool_id").map(|id| written::pool(&id)).transpose()?,
        country: request.app.country(client),
    };
    let text = object::collect_within(&request.app.imports, posted, &request.app).await?;
    let bytes = text.clone();
    // it counts until it is answered, but is held only until it is read: writing takes longer
    request.hold(text);
    let done = request.app.number_imports.from_sheet(client, bytes, defaults, context(&request)).await?;
    Ok(reply::json(StatusCode::OK, &imported(&done)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = NumberImport)]
struct NumberImportOut {
    id: String,
    /// `done`: its numbers are there, and only traces of it are left; `failed`: they are being removed.
    #[schema(schema_with = states)]
    state: &'static str,
    total: i64,
    /// So many are written by now.
    written: i64,
    created_at: String,
}

fn states() -> openapi::SchemaOrRef {
    openapi::one_of(NumberImportState::ALL.map(NumberImportState::name))
}

fn out(import: &NumberImport) -> NumberImportOut {
    NumberImportOut {
        id: import.id.to_string(),
        state: import.state.name(),
        total: import.total,
        written: import.written,
        created_at: rfc3339(import.created_ms),
    }
}

/// `GET /v1/number-imports`: the imports of numbers that are under way, or have left something to do, newest first.
/// Soon after its end one is in the audit log alone.
#[utoipa::path(
    get, path = "/v1/number-imports", tag = "numbers", operation_id = "list_number_imports",
    responses((status = 200, description = "All of them.", body = ListOut<NumberImportOut>)),
)]
pub(super) async fn list(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let imports = request.app.number_imports.list(client).await?;
    Ok(list::reply(imports.iter().map(out).collect(), None::<NumberImportId>, false))
}
