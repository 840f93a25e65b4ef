//! Stands between our connector and Prism: writes down each request and what Prism says of it, and loses answers on
//! command, so that the connector asks what became of a message.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};
use switchboard::model::lock::lock;
use warp::Filter as _;
use warp::path::FullPath;

use crate::harness::{Prism, Result};

/// A request as it came, and Prism's verdict.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub form: Vec<(String, String)>,
    pub status: u16,
    /// The violations that Prism names in a header, though it answers.
    violations: Option<String>,
    /// What Prism said.
    answer: String,
}

impl Seen {
    /// The values of one field of the form, in their order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
}

#[derive(Default)]
struct Book {
    seen: Mutex<Vec<Seen>>,
    /// So many answers to sends are lost.
    lost: AtomicUsize,
}

pub struct Witness {
    _prism: Prism,
    port: u16,
    book: Arc<Book>,
}

impl Witness {
    /// `None` where the description is not beside the repository.
    pub async fn start() -> Result<Option<Self>> {
        let Some(prism) = Prism::start().await? else { return Ok(None) };
        // a second test finds it installed, which is as good
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let (book, to, http) = (Arc::new(Book::default()), prism.url(), reqwest::Client::new());
        let kept = book.clone();
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let route = warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned());
        let route = route.and(warp::body::bytes()).then(move |method, path: FullPath, query, headers, body| {
            let (kept, to, http) = (kept.clone(), to.clone(), http.clone());
            async move {
                let asked = Asked { method, path: path.as_str().to_owned(), query, headers, body };
                let answer = asked.pass_on(&http, &to, &kept).await;
                answer.unwrap_or_else(|error| say(StatusCode::IM_A_TEAPOT, error.to_string()))
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(warp::serve(route).incoming(listener).run());
        Ok(Some(Self { _prism: prism, port, book }))
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Prism gets the next sends, and their answers are unreadable.
    pub fn lose(&self, answers: usize) {
        self.book.lost.store(answers, Ordering::SeqCst);
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.book.seen).clone()
    }

    /// That Prism accepted every request, and the description knows each name in it.
    pub fn verify(&self) -> Result {
        let description = Prism::description()?.context("no description")?;
        for seen in self.seen() {
            let is_taken = (200..300).contains(&seen.status) && seen.violations.is_none();
            ensure!(is_taken, "Prism refused {} {}?{}: {}", seen.method, seen.path, seen.query, seen.answer);
            let known = known(&description, &seen)?;
            let query = form_urlencoded::parse(seen.query.as_bytes()).into_owned();
            for (name, _) in query.chain(seen.form.clone()) {
                ensure!(known.contains(&name), "the description has no {name}: {seen:#?}");
            }
        }
        Ok(())
    }
}

/// The parameters that the description has for such a request.
fn known(description: &Value, seen: &Seen) -> Result<BTreeSet<String>> {
    let resource = if seen.path.contains("/Calls") { "Calls" } else { "Messages" };
    let item = if seen.path.contains(&format!("/{resource}/")) { "/{Sid}" } else { "" };
    let path = format!("/2010-04-01/Accounts/{{AccountSid}}/{resource}{item}.json");
    let operation = &description["paths"][path][seen.method.as_str().to_lowercase()];
    ensure!(operation.is_object(), "the description has no {} {}", seen.method, seen.path);
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"];
    let fields = form.as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let queried = parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
    Ok(fields.chain(queried.map(str::to_owned)).collect())
}

struct Asked {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    async fn pass_on(self, http: &reqwest::Client, to: &str, book: &Book) -> Result<Response<String>> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let url = format!("{to}{}{mark}{}", self.path, self.query);
        let mut headers = self.headers;
        headers.remove(http::header::HOST);
        let request = http.request(self.method.clone(), url).headers(headers).body(self.body.clone());
        let response = request.send().await?;
        let status = response.status();
        let violations = response.headers().get("sl-violations").map(|value| format!("{value:?}"));
        let answer = response.text().await?;
        let form = form_urlencoded::parse(&self.body).into_owned().collect();
        let (method, path, query) = (self.method.clone(), self.path, self.query);
        let seen = Seen { method, path, query, form, status: status.as_u16(), violations, answer: answer.clone() };
        let shown = match self.method {
            Method::POST if lose_one(book) => "<html>".to_owned(),
            Method::GET if status.is_success() => paged(&seen, answer)?,
            _ => answer,
        };
        lock(&book.seen).push(seen);
        Ok(say(status, shown))
    }
}

fn lose_one(book: &Book) -> bool {
    book.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// A list with a second page, at an address such as Twilio gives; Prism's own are of another account.
fn paged(seen: &Seen, answer: String) -> Result<String> {
    let mut list: Value = serde_json::from_str(&answer)?;
    if list["messages"].is_null() && list["calls"].is_null() {
        return Ok(answer);
    }
    let is_last = seen.query.contains("PageToken=");
    let next = format!("{}?{}&Page=1&PageToken=PASM00000000000000000000000000000000", seen.path, seen.query);
    list["next_page_uri"] = if is_last { Value::Null } else { json!(next) };
    Ok(list.to_string())
}

fn say(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
