//! The HTTP client of the commands that talk to a running server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use reqwest::{Certificate, Client, Response};

use crate::config::Config;
use crate::gateway::{self, DEV_TOKEN};

/// Which server to talk to.
#[derive(Args, Clone)]
pub(super) struct Server {
    /// Where the server is [default: http.public_url, else the first http.listen]
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// A certificate to trust, PEM, where the server's is not from a public authority
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
}

/// A client for ourselves on this machine: what the certificate says of the world's name for us is no matter.
pub(super) fn own_client() -> anyhow::Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(5)).tls_danger_accept_invalid_certs(true).build()?)
}

/// A client with its server's address.
pub(super) struct Api {
    pub(super) base: String,
    pub(super) client: Client,
    token: String,
}

pub(super) fn client(ca: Option<&PathBuf>) -> anyhow::Result<Client> {
    let mut builder = Client::builder().timeout(Duration::from_secs(20)).redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca {
        let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    Ok(builder.build()?)
}

impl Server {
    pub(super) fn api(&self, config: &Config) -> anyhow::Result<Api> {
        let base = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => gateway::origin(config)?.to_string(),
        };
        let token = config.admin.token.expose();
        let token = if token.is_empty() { DEV_TOKEN } else { token }.to_owned();
        Ok(Api { base, client: client(self.ca.as_ref())?, token })
    }
}

impl Api {
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Response> {
        checked(self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await, &self.base).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.client.delete(format!("{}{path}", self.base)).bearer_auth(&self.token);
        checked(request.send().await, &self.base).await
    }
}

/// An answer of 2xx, or what the server said instead.
pub(super) async fn checked(sent: reqwest::Result<Response>, base: &str) -> anyhow::Result<Response> {
    let response = sent.with_context(|| format!("no answer from {base}; is the server running there?"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    let detail = serde_json::from_str::<serde_json::Value>(&body).ok();
    let detail = detail.and_then(|problem| problem["detail"].as_str().map(str::to_owned)).unwrap_or(body);
    anyhow::bail!("{status}: {detail}")
}
