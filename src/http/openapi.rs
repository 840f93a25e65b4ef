//! `GET /v1/openapi.json`: the paths under `/v1`, described by their handlers' own words, and the events that we post
//! (OpenAPI 3.1).

use std::sync::LazyLock;

use ::http::Method;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, OpenApi as Description, Ref, RefOr, Response as Described};

use super::event_type;
use super::reply::{self, HandlerResult, Problem};
use super::resource::{PathWordAndIdPrefix, Resource, ResourceRequest, on};

pub(super) use utoipa::openapi::path::Parameter;

/// What a value may be: written down, or the name of what is.
pub(super) type SchemaOrRef = RefOr<Schema>;

/// The names of the security schemes: an administrator's key; a client's key; its account SID with a key, or with
/// its auth token.
const ADMINISTRATOR: &str = "administrator";
const KEY: &str = "key";
const CLIENT: &str = "client";
const PROBLEM: &str = "application/problem+json";
const FORBIDDEN: &str = "It is known who asks, and that one may not: a path for administrators, or a key without the \
                         scope, or from another network.";

pub(super) fn resource() -> Resource {
    Resource::of_anybody(RootApiDoc::openapi).at("openapi.json", [on(Method::GET, describe)])
}

/// What describes these handlers.
macro_rules! described {
    ($($handlers:tt)*) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handlers)*))]
        struct ApiDoc;

        <ApiDoc as utoipa::OpenApi>::openapi
    }};
}

pub(super) use described;

/// `GET /v1/openapi.json`: this description.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "description", operation_id = "describe", security(()),
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object, content_type = "application/json")),
)]
async fn describe(_: ResourceRequest) -> HandlerResult {
    // written once, for the first who asks: it does not change while the server runs
    static TEXT: LazyLock<String> = LazyLock::new(|| description().to_json().unwrap_or_default() + "\n");
    Ok(reply::content("application/json", TEXT.as_bytes()))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchboard",
        description = include_str!("openapi/guide.md"),
    ),
    paths(describe),
    components(schemas(Problem)),
    security(("administrator" = []), ("key" = []), ("client" = [])),
)]
struct RootApiDoc;

/// All paths, and on each what every path can answer; and what we post ourselves.
pub(super) fn description() -> Description {
    let resources = super::resources();
    let ids: Vec<_> = resources.iter().filter_map(|resource| resource.ids).collect();
    // its own words come first, as those of others are not taken
    let mut all = resources.iter().map(Resource::described).fold(RootApiDoc::openapi(), Description::merge_from);
    say_common(&mut all, &ids);
    all.webhooks = Some(event_type::webhooks(all.components.get_or_insert_default()));
    all
}

/// What handlers need not say, as it holds for all of them.
fn say_common(all: &mut Description, ids: &[PathWordAndIdPrefix]) {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some(
        "`admin.token`, or a key made by `switchboard admin key create`; a client's key on the paths that are clients'",
    ));
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic);
    let basic = basic.description(Some("a client's account SID with its auth token or a key; or a key's SID with it"));
    let key = ApiKeyValue::with_description("X-Proxy-Auth", "a client's key");
    if let Some(components) = &mut all.components {
        components.add_security_scheme(ADMINISTRATOR, SecurityScheme::Http(bearer.build()));
        components.add_security_scheme(CLIENT, SecurityScheme::Http(basic.build()));
        components.add_security_scheme(KEY, SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
    for (path, item) in &mut all.paths.paths {
        for operation in operations(item) {
            describe_ids(path, ids, operation);
            summarise(operation);
            refuse(operation);
        }
    }
}

/// What a method of a path does.
pub(super) fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete, &mut item.put].into_iter().flatten()
}

/// The ids in a path are described in the same words everywhere.
fn describe_ids(path: &str, known: &[PathWordAndIdPrefix], operation: &mut Operation) {
    let segments: Vec<&str> = path.split('/').collect();
    let ids = segments.windows(2).filter_map(|pair| {
        let name = pair[1].strip_prefix('{')?.strip_suffix('}')?;
        let (_, begin) = known.iter().find(|(word, _)| *word == pair[0])?;
        let mut parameter = Parameter::new(name);
        parameter.parameter_in = ParameterIn::Path;
        parameter.description = Some(format!("`{begin}_` and 32 hex digits"));
        parameter.schema = Some(text());
        Some(RefOr::T(parameter))
    });
    let ids: Vec<RefOr<Parameter>> = ids.collect();
    if !ids.is_empty() {
        operation.parameters.get_or_insert_default().splice(0..0, ids);
    }
}

/// The docs of a handler begin with its route, which stands in the description already.
fn summarise(operation: &mut Operation) {
    let Some((_, words)) = operation.summary.as_deref().and_then(|summary| summary.split_once("`: ")) else { return };
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    operation.summary = Some(format!("{first}{}", letters.as_str()));
}

/// Adds the refusals that follow from what an operation takes; its own words about them stay.
fn refuse(operation: &mut Operation) {
    let is_in = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.filter(|one| matches!(one, RefOr::T(one) if one.parameter_in == place)).count() > 0
    };
    let (by_id, by_query, has_body) =
        (is_in(ParameterIn::Path), is_in(ParameterIn::Query), operation.request_body.is_some());
    let is_open = operation.security.is_some();
    let all = [
        (by_query || has_body, "400", "What was sent is not as it should be; `field` says where."),
        (!is_open, "401", "The key is missing, or none that is in force."),
        (!is_open, "403", FORBIDDEN),
        (by_id, "404", "There is no such thing."),
        (true, "405", "This path does not take that method; `Allow` says which it takes."),
        (has_body, "408", "The body did not arrive in time."),
        (has_body, "413", "The body is too long."),
        (has_body, "415", "The body is not `application/json`."),
        (true, "429", "Too many requests from this address, or with this key; `Retry-After` says how long to wait."),
        (!is_open, "500", "A fault of ours; the log has it under the `X-Request-Id` of this answer."),
        (!is_open, "503", "The store is away or busy; `Retry-After` says how long to wait."),
    ];
    for (_, status, words) in all.into_iter().filter(|(can_happen, ..)| *can_happen) {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(status, words)));
    }
    for response in operation.responses.responses.iter_mut().filter(|(status, _)| status.as_str() >= "400") {
        // a handler says why; what the answer looks like is always the same
        if let (_, RefOr::T(response)) = response {
            response.content.entry(PROBLEM.to_owned()).or_insert_with(|| RefOr::T(content()));
        }
    }
}

fn content() -> Content {
    Content::new(Some(Ref::from_schema_name("Problem")))
}

fn problem(status: &str, words: &str) -> Described {
    let response = ResponseBuilder::new().description(words).content(PROBLEM, content());
    let header = match status {
        "401" => "WWW-Authenticate",
        "405" => "Allow",
        "429" | "503" => "Retry-After",
        _ => return response.build(),
    };
    response.header(header, HeaderBuilder::new().schema(Some(text())).build()).build()
}

/// Any text.
pub(super) fn text() -> SchemaOrRef {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()))
}

/// An object that these words describe.
pub(super) fn object(words: String) -> SchemaOrRef {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::Object).description(Some(words)).build()))
}

/// A text that is one of these names.
pub(super) fn one_of(names: impl IntoIterator<Item = &'static str>) -> SchemaOrRef {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()))
}

/// A list of such things.
pub(super) fn list_of(items: SchemaOrRef) -> SchemaOrRef {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(items).build()))
}

/// A parameter of a path that may be left out.
pub(super) fn optional(name: &str, words: &str, schema: impl Into<SchemaOrRef>) -> Parameter {
    let mut parameter = Parameter::new(name);
    parameter.parameter_in = ParameterIn::Query;
    parameter.required = utoipa::openapi::Required::False;
    parameter.description = Some(words.to_owned());
    parameter.schema = Some(schema.into());
    parameter
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::HttpMethod;

    use super::*;

    #[test]
    fn each_method_of_a_path_is_found() {
        let all = [HttpMethod::Get, HttpMethod::Post, HttpMethod::Put, HttpMethod::Patch, HttpMethod::Delete];
        let mut item = PathItem::from_http_methods(all, Operation::default());
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(operation(&mut item, &method).is_some(), "{method}");
        }
        assert_eq!(operations(&mut item).count(), 5);
    }

    #[test]
    fn what_null_takes_away_is_a_text_or_null_that_may_be_left_out() -> Result<(), serde_json::Error> {
        let all = serde_json::to_value(description())?;
        for (name, field) in [
            ("ClientChange", "email"),
            ("ClientChange", "low_at"),
            ("KeyChange", "senders"),
            ("NumberChange", "platform"),
            ("PoolChange", "start_text"),
            ("PoolChange", "ttl"),
            ("RateChange", "until"),
            ("RouteChange", "channel"),
        ] {
            let schema = &all["components"]["schemas"][name];
            assert_eq!(schema["properties"][field]["type"], serde_json::json!(["string", "null"]), "{name}: {schema}");
            assert!(schema["required"].is_null(), "{name}: {schema}");
        }
        Ok(())
    }

    #[test]
    fn the_open_places_of_all_paths_are_described() {
        let mut all = description();
        assert_eq!(all.info.title, "Switchboard");
        for (path, item) in &mut all.paths.paths {
            let open = |part: &str| Some(part.strip_prefix('{')?.strip_suffix('}')?.to_owned());
            let mut places: Vec<String> = path.split('/').filter_map(open).collect();
            places.sort_unstable();
            for operation in operations(item) {
                let named = operation.parameters.iter().flatten().filter_map(|one| match one {
                    RefOr::T(one) if one.parameter_in == ParameterIn::Path => Some(one.name.clone()),
                    _ => None,
                });
                let mut named: Vec<String> = named.collect();
                named.sort_unstable();
                assert_eq!(named, places, "{path}");
            }
        }
    }
}
