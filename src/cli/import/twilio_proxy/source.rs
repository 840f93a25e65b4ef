//! Twilio Proxy's API, read page by page at the pace that it allows.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::model::Secret;

const PAGE_SIZE: &str = "100";
/// Tries of one request, and how long the second waits for; each further one twice as long.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// It may not say that we are to wait for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) struct TwilioProxySource {
    client: Client,
    base: Url,
    account_sid: String,
    token: Secret,
}

/// What came of one try.
enum FetchResult {
    Page(Value),
    /// It may do better later; how long to wait for where it says that.
    Later(anyhow::Error, Option<Duration>),
}

impl TwilioProxySource {
    pub(super) fn new(client: Client, base: &str, account_sid: String, token: Secret) -> anyhow::Result<Self> {
        let base: Url = base.parse().with_context(|| format!("{base} is no URL"))?;
        anyhow::ensure!(["http", "https"].contains(&base.scheme()), "{base} must be an http(s) URL");
        Ok(Self { client, base, account_sid, token })
    }

    /// All items of a list.
    pub(super) async fn list(&self, path: &str, key: &str) -> anyhow::Result<Vec<Value>> {
        let mut url = self.base.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        let (mut items, mut seen) = (Vec::new(), HashSet::new());
        loop {
            anyhow::ensure!(seen.insert(url.to_string()), "{path}: its pages lead in a circle");
            let page = self.fetch(&url).await.with_context(|| path.to_owned())?;
            let found = page[key].as_array().with_context(|| format!("{path}: a page has no {key}"))?;
            items.extend(found.iter().cloned());
            match page["meta"]["next_page_url"].as_str() {
                Some(next) => url = self.here(next)?,
                None => return Ok(items),
            }
        }
    }

    /// The next page, where the first was: the token goes nowhere else.
    fn here(&self, next: &str) -> anyhow::Result<Url> {
        let next = self.base.join(next).with_context(|| format!("{next} is no URL"))?;
        let mut url = self.base.clone();
        url.set_path(next.path());
        url.set_query(next.query());
        Ok(url)
    }

    async fn fetch(&self, url: &Url) -> anyhow::Result<Value> {
        let (mut wait, mut tries) = (FIRST_WAIT, 0);
        loop {
            tries += 1;
            match self.try_fetch(url).await? {
                FetchResult::Page(page) => return Ok(page),
                FetchResult::Later(error, _) if tries == TRIES => return Err(error),
                FetchResult::Later(_, asked) => {
                    tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait *= 2;
                }
            }
        }
    }

    async fn try_fetch(&self, url: &Url) -> anyhow::Result<FetchResult> {
        let request = self.client.get(url.clone()).basic_auth(&self.account_sid, Some(self.token.expose()));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(FetchResult::Later(error.into(), None)),
        };
        let (status, asked) = (response.status(), asked_wait(&response));
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            anyhow::ensure!(body.is_object(), "the answer is no JSON");
            return Ok(FetchResult::Page(body));
        }
        let message = body["message"].as_str().map(|message| format!(": {message}")).unwrap_or_default();
        let error = anyhow::anyhow!("{status}{message}");
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Ok(FetchResult::Later(error, asked));
        }
        Err(error)
    }
}

fn asked_wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
