//! What is under `/v1`: each resource names its paths, and what answers there, in rows. From these come the routes, the
//! methods that a 405 allows, the description, and the words that the log may show.

use std::collections::HashMap;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use ::http::Method;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use utoipa::openapi::{OpenApi as Description, RefOr};
use warp::Filter;
use warp::path::Tail;

use super::body::ReadBody;
pub(super) use super::body::UnreadBody;
use super::compat::twilio;
pub(super) use super::list::{ListOut, PageIn};
pub(super) use super::reply::{HandlerResult, Refusal};
use super::{App, HttpRoutes, RequestParts, auth, openapi, posted, reply};
use crate::service::Error;

/// A request to one of these paths.
pub(super) struct ResourceRequest {
    pub(super) app: Arc<App>,
    parts: RequestParts,
    given: Vec<String>,
    /// Its body, emptied once that was read.
    held: OnceLock<ReadBody>,
}

impl Deref for ResourceRequest {
    type Target = RequestParts;

    fn deref(&self) -> &RequestParts {
        &self.parts
    }
}

impl ResourceRequest {
    /// Counts its body until it is answered: what was read of it is held as long.
    pub(super) fn hold(&self, body: ReadBody) {
        // there is one
        let _ = self.held.set(body.emptied());
    }

    /// What stands in the place of the path's nth `{…}`, as it was written.
    pub(super) fn given(&self, nth: usize) -> &str {
        self.given.get(nth).map_or("", String::as_str)
    }

    /// The id in the path's first `{…}`. Text that is no id is answered as "no such `what`".
    pub(super) fn id<Id: FromStr>(&self, what: &str) -> Result<Id, Error> {
        self.nth_id(0, what)
    }

    /// The same of another place.
    pub(super) fn nth_id<Id: FromStr>(&self, nth: usize, what: &str) -> Result<Id, Error> {
        self.given(nth).parse().map_err(|_| Error::not_found(what))
    }
}

type ResourceHandler = Box<dyn Fn(ResourceRequest, UnreadBody) -> BoxFuture<'static, HandlerResult> + Send + Sync>;

/// A method of a path, and what answers it.
pub(super) struct ResourceMethod {
    name: Method,
    answer: ResourceHandler,
    query: fn() -> Vec<openapi::Parameter>,
}

impl ResourceMethod {
    /// What its query may say, besides which page is asked for.
    pub(super) fn asking(self, query: fn() -> Vec<openapi::Parameter>) -> Self {
        Self { query, ..self }
    }
}

/// A method whose handler takes no body.
pub(super) fn on<F>(method: Method, handler: impl Fn(ResourceRequest) -> F + Send + Sync + 'static) -> ResourceMethod
where
    F: Future<Output = HandlerResult> + Send + 'static,
{
    with_body(method, move |request: ResourceRequest, _: UnreadBody| handler(request))
}

/// A method whose handler reads a body, once it knows who asks.
pub(super) fn with_body<F>(
    name: Method,
    handler: impl Fn(ResourceRequest, UnreadBody) -> F + Send + Sync + 'static,
) -> ResourceMethod
where
    F: Future<Output = HandlerResult> + Send + 'static,
{
    let answer = move |request: ResourceRequest, posted: UnreadBody| handler(request, posted).boxed();
    ResourceMethod { name, answer: Box::new(answer), query: Vec::new }
}

/// Who is let in before a handler is asked.
type ResourceAccessCheck = fn(&RequestParts) -> Result<(), Refusal>;

struct ServedResourcePath {
    segments: Vec<&'static str>,
    admit: ResourceAccessCheck,
    methods: Vec<ResourceMethod>,
}

/// Whether anything may stand in the place of a segment.
fn is_open(segment: &str) -> bool {
    segment.starts_with('{')
}

impl ServedResourcePath {
    /// What stands in the place of each `{…}`; `None`: it is another path that is asked for.
    fn given(&self, asked: &[&str]) -> Option<Vec<String>> {
        if asked.len() != self.segments.len() {
            return None;
        }
        let mut given = Vec::new();
        for (ours, theirs) in self.segments.iter().zip(asked) {
            if is_open(ours) && !theirs.is_empty() {
                given.push((*theirs).to_owned());
            } else if ours != theirs {
                return None;
            }
        }
        Some(given)
    }

    fn answer(&self, request: ResourceRequest, posted: UnreadBody) -> BoxFuture<'static, HandlerResult> {
        if let Some(method) = self.methods.iter().find(|method| method.name == request.method) {
            return (self.admit)(&request).map_or_else(refuse, |()| (method.answer)(request, posted));
        }
        let allowed: Vec<&str> = self.methods.iter().map(|method| method.name.as_str()).collect();
        refuse(reply::method_not_allowed(&allowed.join(", ")).into())
    }
}

fn refuse(refusal: Refusal) -> BoxFuture<'static, HandlerResult> {
    std::future::ready(Err(refusal)).boxed()
}

/// The word before ids in a path, and what they begin with.
pub(super) type PathWordAndIdPrefix = (&'static str, &'static str);

/// One resource.
pub(super) struct Resource {
    description: fn() -> Description,
    pub(super) ids: Option<PathWordAndIdPrefix>,
    admit: ResourceAccessCheck,
    paths: Vec<ServedResourcePath>,
}

impl Resource {
    /// One for all who are known: its handlers ask what each may. `ids`: of those of its items, where they have any.
    pub(super) fn new(description: fn() -> Description, ids: impl Into<Option<PathWordAndIdPrefix>>) -> Self {
        Self { description, ids: ids.into(), admit: |request| auth::known(request).map(|_| ()), paths: Vec::new() }
    }

    /// One that is for administrators alone: its handlers need not ask.
    pub(super) fn of_administrators(
        description: fn() -> Description,
        ids: impl Into<Option<PathWordAndIdPrefix>>,
    ) -> Self {
        Self { admit: auth::administrator, ..Self::new(description, ids) }
    }

    /// One that is open to anybody.
    pub(super) fn of_anybody(description: fn() -> Description) -> Self {
        Self { admit: |_| Ok(()), ..Self::new(description, None) }
    }

    /// Its next path, with `{…}` where anything may stand. Of several that fit the first answers.
    pub(super) fn at<const N: usize>(mut self, path: &'static str, methods: [ResourceMethod; N]) -> Self {
        let (segments, admit) = (path.split('/').collect(), self.admit);
        self.paths.push(ServedResourcePath { segments, admit, methods: methods.into() });
        self
    }

    /// Its part of the description.
    pub(super) fn described(&self) -> Description {
        let mut all = (self.description)();
        for path in &self.paths {
            let Some(item) = all.paths.paths.get_mut(&format!("/v1/{}", path.segments.join("/"))) else { continue };
            for method in &path.methods {
                let query: Vec<RefOr<openapi::Parameter>> = (method.query)().into_iter().map(RefOr::T).collect();
                if let Some(operation) = openapi::operation(item, &method.name).filter(|_| !query.is_empty()) {
                    operation.parameters.get_or_insert_default().extend(query);
                }
            }
        }
        all
    }

    /// Every segment that is the same in all requests.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.paths.iter().flat_map(|path| path.segments.iter().copied()).filter(|segment| !is_open(segment))
    }
}

/// What stands behind `/v1`; nothing falls through.
pub(super) fn routes(resources: Vec<Resource>, app: &Arc<App>) -> HttpRoutes {
    let mut by_word: HashMap<&'static str, Vec<ServedResourcePath>> = HashMap::new();
    for path in resources.into_iter().flat_map(|resource| resource.paths) {
        by_word.entry(path.segments[0]).or_default().push(path);
    }
    let by_word = Arc::new(by_word);
    let answer = move |tail: Tail, parts: RequestParts, posted: UnreadBody, app: Arc<App>| {
        // a slash at the end says nothing
        let asked: Vec<&str> = tail.as_str().strip_suffix('/').unwrap_or(tail.as_str()).split('/').collect();
        let mut paths = by_word.get(asked[0]).into_iter().flatten();
        let found = paths.find_map(|path| Some((path, path.given(&asked)?)));
        match found {
            Some((path, given)) => path.answer(ResourceRequest { app, parts, given, held: OnceLock::new() }, posted),
            None if twilio::is_of_v1(tail.as_str()) => twilio::answer_v1(tail, parts, posted, app).map(Ok).boxed(),
            None => refuse(reply::not_found().into()),
        }
    };
    warp::path::tail().and(posted(app)).then(answer).map(reply::settle).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_what_stands_in_its_open_places() {
        for (ours, theirs, given) in [
            ("pools", "pools", Some(vec![])),
            ("pools", "pool", None),
            ("pools/{id}", "pools/a", Some(vec!["a"])),
            ("pools/{id}", "pools/", None),
            ("pools/{id}", "pools/a/numbers", None),
            ("pools/{id}/numbers/{number_id}", "pools/a/numbers/b%2F", Some(vec!["a", "b%2F"])),
            ("pools/{id}/numbers/{number_id}", "pools/a/others/b", None),
        ] {
            let segments = ours.split('/').collect();
            let path = ServedResourcePath { segments, admit: auth::administrator, methods: Vec::new() };
            let asked: Vec<&str> = theirs.split('/').collect();
            let given = given.map(|given: Vec<&str>| given.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(path.given(&asked), given, "{ours} for {theirs}");
        }
    }

    #[test]
    fn what_a_row_asks_is_described() {
        for resource in super::super::resources() {
            let mut described = resource.described();
            for path in &resource.paths {
                let name = format!("/v1/{}", path.segments.join("/"));
                for method in &path.methods {
                    let item = described.paths.paths.get_mut(&name);
                    let operation = item.and_then(|item| openapi::operation(item, &method.name));
                    assert!(operation.is_some(), "{} {name}", method.name);
                    let known: Vec<&RefOr<openapi::Parameter>> =
                        operation.iter().flat_map(|operation| operation.parameters.iter().flatten()).collect();
                    for asked in (method.query)() {
                        let is_asked = |one: &&RefOr<openapi::Parameter>| matches!(one, RefOr::T(one) if *one == asked);
                        assert!(known.iter().any(is_asked), "{} {name}: {}", method.name, asked.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_described_is_what_the_rows_name() {
        for resource in super::super::resources() {
            let described = (resource.description)();
            let rows: Vec<String> =
                resource.paths.iter().map(|path| format!("/v1/{}", path.segments.join("/"))).collect();
            assert_eq!(described.paths.paths.len(), rows.len(), "{rows:?}");
            assert!(described.paths.paths.keys().all(|path| rows.contains(path)), "{rows:?}");
        }
    }
}
