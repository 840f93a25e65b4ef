//! The HTTP client of the commands that talk to a running server.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;

use super::escape;
use crate::config::Config;
use crate::gateway::{self, DEV_TOKEN};
use crate::model::ClientId;

/// What a server gives in one page.
const LARGEST_PAGE: usize = 200;
/// How long an answer may take, and one for which the server has a lot to do, or others to ask.
const PROMPT: Duration = Duration::from_secs(20);
const PATIENT: Duration = Duration::from_secs(600);

/// Which server to talk to.
#[derive(Args, Clone)]
pub(super) struct ServerUrlArguments {
    /// Where the server is [default: http.public_url, else the first http.listen]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// A certificate to trust, PEM, where the server's is not from a public authority
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
}

/// An object of those fields that are given.
pub(super) fn fields<const N: usize>(given: [(&str, Option<Value>); N]) -> Value {
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A query of those parameters that are given.
pub(super) fn query<const N: usize>(given: [(&str, Option<String>); N]) -> String {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

/// What the API calls a choice: the same as the command line does.
pub(super) fn name(choice: &impl ValueEnum) -> Option<Value> {
    word(choice).map(Value::from)
}

/// The same for a query.
pub(super) fn word(choice: &impl ValueEnum) -> Option<String> {
    choice.to_possible_value().map(|value| value.get_name().to_owned())
}

/// A text that takes away what there is where it is empty.
pub(super) fn clearable(given: Option<&str>) -> Option<Value> {
    given.map(|text| if text.is_empty() { Value::Null } else { text.into() })
}

/// What is in a file; `-`: in the standard input.
pub(super) fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() != "-" {
        return std::fs::read(file).with_context(|| file.display().to_string());
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

/// A client for ourselves on this machine: what the certificate says of the world's name for us is no matter.
pub(super) fn own_client() -> anyhow::Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(5)).tls_danger_accept_invalid_certs(true).build()?)
}

/// A client with its server's address.
pub(super) struct ApiClient {
    pub(super) base: String,
    pub(super) client: Client,
    token: String,
    /// The client whose things these are; without one, the operator.
    acts_for: Option<ClientId>,
    timeout: Duration,
}

pub(super) fn client(ca: Option<&PathBuf>) -> anyhow::Result<Client> {
    let mut builder = Client::builder().timeout(PROMPT).redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca {
        let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    Ok(builder.build()?)
}

impl ServerUrlArguments {
    pub(super) fn api(&self, config: &Config) -> anyhow::Result<ApiClient> {
        let base = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => gateway::origin(config)?.to_string(),
        };
        let token = config.admin.token.expose();
        let token = if token.is_empty() { DEV_TOKEN } else { token }.to_owned();
        Ok(ApiClient { base, client: client(self.ca.as_ref())?, token, acts_for: None, timeout: PROMPT })
    }
}

impl ApiClient {
    /// The same for a client.
    pub(super) fn acting_for(self, client: Option<ClientId>) -> Self {
        Self { acts_for: client, ..self }
    }

    /// The same for what may take its time.
    pub(super) fn patient(self) -> Self {
        Self { timeout: PATIENT, ..self }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.timeout(self.timeout);
        match self.acts_for {
            Some(client) => request.header("switchboard-client", client.to_string()),
            None => request,
        }
    }

    /// Posts a file of CSV, which may take its time.
    pub(super) async fn post_csv(&self, path: &str, text: Vec<u8>) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).header("content-type", "text/csv").body(text);
        object(checked(request.timeout(PATIENT).send().await, &self.base).await?).await
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Response> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Response> {
        self.send(Method::DELETE, path, None).await
    }

    /// What stands at a path.
    pub(super) async fn read(&self, path: &str) -> anyhow::Result<Value> {
        object(self.get(path).await?).await
    }

    /// Posts an object, or nothing; null where the answer is empty.
    pub(super) async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        object(self.send(Method::POST, path, body).await?).await
    }

    /// Posts an object under a name of the client's, so that repeating it does no harm.
    pub(super) async fn post_as(&self, name: Option<&str>, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).json(body);
        let request = match name {
            Some(name) => request.header("idempotency-key", name),
            None => request,
        };
        object(checked(request.send().await, &self.base).await?).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        object(self.send(Method::PATCH, path, Some(body)).await?).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        object(self.send(Method::PUT, path, Some(body)).await?).await
    }

    /// A list's first items, `at_most` of them, however many pages they fill.
    pub(super) async fn list(
        &self,
        path: &str,
        filters: &[(&str, Option<String>)],
        at_most: usize,
    ) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), None);
        while items.len() < at_most {
            let limit = (at_most - items.len()).min(LARGEST_PAGE);
            let request = self.request(Method::GET, path);
            let request = request.query(&[("limit", limit)]).query(filters).query(&[("cursor", cursor.as_deref())]);
            let page = object(checked(request.send().await, &self.base).await?).await?;
            items.extend(page["data"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = Some(next.to_owned());
        }
        Ok(items)
    }

    /// A request that is yet to be sent.
    pub(super) fn asking(&self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let request = self.request(method, path);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        checked(self.asking(method, path, body).send().await, &self.base).await
    }
}

/// What is told where no server answers.
pub(super) fn no_answer(base: &str) -> String {
    format!("no answer from {base}; is the server running there?")
}

async fn object(response: Response) -> anyhow::Result<Value> {
    let text = response.text().await?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).context("the server's answer is no JSON; is it a Switchboard of this version?")
}

/// An answer of 2xx, or what the server said instead.
pub(super) async fn checked(sent: reqwest::Result<Response>, base: &str) -> anyhow::Result<Response> {
    let response = sent.with_context(|| no_answer(base))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    let problem = serde_json::from_str::<Value>(&body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(&body);
    // the detail names the first line of a file that is wrong
    let others = problem["lines"].as_array().into_iter().flatten().skip(1);
    let others: Vec<String> = others.map(|line| format!("\n{}", escape::line(&wrong_line(line)))).collect();
    anyhow::bail!("{status}: {}{}", escape::line(detail), others.concat())
}

/// What a line of a file is refused for.
fn wrong_line(line: &Value) -> String {
    let field = line["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
    format!("line {}: {field}{}", line["line"], line["detail"].as_str().unwrap_or_default())
}
