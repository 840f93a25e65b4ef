//! The requests of a description: where they go, and what they say once a message is put in.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::RequestBuilder;
use serde::Deserialize;
use url::Host;

use super::body::{BodyDescription, BodyTemplate};
use super::escape::EscapeContext;
use super::login::{LoginDescription, LoginTemplate};
use super::template::{FillSource, Placeholder, Template, secret, template};
use crate::model::Secret;
use crate::provider::client::ProviderHost;
use crate::provider::{BaseUrl, web};

/// A request as a description writes it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestDescription {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The login of `Authorization: Basic`.
    #[serde(default)]
    basic: Option<LoginDescription>,
    #[serde(default)]
    body: Option<BodyDescription>,
}

/// A request into which messages can be put.
#[derive(Clone)]
pub(super) struct RequestTemplate {
    method: Method,
    pub base: BaseUrl,
    /// With the query.
    path: Template,
    headers: Vec<(HeaderName, Template)>,
    basic: Option<LoginTemplate>,
    body: Option<BodyTemplate>,
}

/// Headers that are the connection's, not the carrier's.
const OURS: [&str; 5] = ["connection", "content-length", "host", "transfer-encoding", "upgrade"];

/// Whether nobody else can read what goes there: it is encrypted, or stays on this machine.
fn is_unread(base: &str) -> bool {
    let Ok(url) = web::normal(base) else { return false };
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    is_here || url.scheme() == "https"
}

/// The part of a URL that no placeholder may touch, and the path with what follows.
fn split(field: &str, url: &str) -> Result<(BaseUrl, Template), String> {
    let behind_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[behind_scheme..].find(['/', '?']).map_or(url.len(), |at| behind_scheme + at);
    let wrong = || format!("{field} must be https://host[:port]/path?query, with placeholders in path and query only");
    let base: BaseUrl = url[..end].parse().map_err(|_| wrong())?;
    if url[..end].contains(['{', '}']) || url.contains(['#', ' ', '\\']) || url.chars().any(char::is_control) {
        return Err(wrong());
    }
    if !is_unread(&url[..end]) {
        return Err(format!("{field} must be https://, unless it is on this machine"));
    }
    let slash = if url[end..].starts_with('/') { "" } else { "/" };
    let path = template(field, &format!("{slash}{}", &url[end..]))?;
    Ok((base, path))
}

/// Whether a path has a segment that leads elsewhere.
fn has_dots(path: &str) -> bool {
    path.split('?').next().unwrap_or_default().split('/').any(|segment| matches!(segment, "." | ".."))
}

impl RequestDescription {
    /// What it comes to. `field`: where it stands in its description.
    pub(super) fn compile(&self, field: &str) -> Result<RequestTemplate, String> {
        let method = match self.method.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => return Err(format!("{field}.method must be GET, POST, PUT or PATCH")),
        };
        if method == Method::GET && self.body.is_some() {
            return Err(format!("{field}.body must be left out: a GET has none"));
        }
        let (base, path) = split(&format!("{field}.url"), &self.url)?;
        let headers = self.headers(field)?;
        let basic = self.basic.as_ref().map(|login| login.compile(&format!("{field}.basic"))).transpose()?;
        if basic.is_some() && headers.iter().any(|(name, _)| *name == AUTHORIZATION) {
            return Err(format!("{field}.basic must be left out: there is a header Authorization"));
        }
        let body = self.body.as_ref().map(|body| body.compile(&format!("{field}.body"))).transpose()?;
        let request = RequestTemplate { method, base, path, headers, basic, body };
        let is_list = |template: &Template| template.placeholders().any(|one| *one == Placeholder::MediaUrls);
        if request.single().any(is_list) {
            return Err(format!("{field}: {{media_urls}} must stand alone, in a field of a form or a text of JSON"));
        }
        Ok(request)
    }

    fn headers(&self, field: &str) -> Result<Vec<(HeaderName, Template)>, String> {
        let mut headers: Vec<(HeaderName, Template)> = Vec::new();
        for (name, value) in &self.headers {
            let field = format!("{field}.headers.{name}");
            let name: HeaderName = name.parse().map_err(|_| format!("{field} is no name of a header"))?;
            if OURS.contains(&name.as_str()) {
                return Err(format!("{field} must be left out: the connection says it"));
            }
            if value.chars().any(char::is_control) {
                return Err(format!("{field} must be without line ends and control characters"));
            }
            if headers.iter().any(|(known, _)| *known == name) {
                return Err(format!("{field} must come once, in whatever case"));
            }
            let value = if name == AUTHORIZATION { secret(&field, value)? } else { template(&field, value)? };
            headers.push((name, value));
        }
        Ok(headers)
    }
}

/// A value of a header, which is kept out of logs.
fn header(value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| "a value fits no header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

impl RequestTemplate {
    /// The templates outside the body.
    fn single(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|(_, template)| template);
        let login = self.basic.iter().flat_map(LoginTemplate::templates);
        std::iter::once(&self.path).chain(headers).chain(login)
    }

    /// All of them.
    pub(super) fn templates(&self) -> Vec<&Template> {
        let mut all: Vec<&Template> = self.single().collect();
        if let Some(body) = &self.body {
            body.add_templates(&mut all);
        }
        all
    }

    pub(super) fn add_secrets(&self, names: &mut BTreeSet<String>) {
        self.templates().into_iter().for_each(|template| template.add_secrets(names));
    }

    pub(super) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// What logs in by HTTP Basic, where that is asked for.
    pub(super) fn login(&self, source: &FillSource<'_>) -> Result<Option<Secret>, String> {
        self.basic.as_ref().map(|login| login.fill(source)).transpose()
    }

    /// The request with everything put in; or why it cannot be written.
    pub(super) fn build(&self, host: &ProviderHost, source: &FillSource<'_>) -> Result<RequestBuilder, String> {
        let path = self.path.fill(source, EscapeContext::Url)?;
        if has_dots(&path) {
            return Err("a value of dots alone cannot stand between two slashes".to_owned());
        }
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            headers.insert(name.clone(), header(&template.fill(source, EscapeContext::Header)?)?);
        }
        if let Some(login) = self.login(source)? {
            headers.insert(AUTHORIZATION, header(&["Basic ", login.expose()].concat())?);
        }
        let content = self.body.as_ref().map(|body| body.fill(source)).transpose()?;
        if let Some(content_type) = content.as_ref().map(|(content_type, _)| *content_type) {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        let request = host.request(self.method.clone(), &path).headers(headers);
        Ok(match content {
            Some((_, content)) => request.body(content),
            None => request,
        })
    }
}

#[cfg(test)]
#[path = "request_test.rs"]
mod tests;
