//! Twilio Proxy's API, read page by page at the pace that it allows.

use std::collections::HashSet;

use anyhow::Context as _;
use reqwest::Client;
use serde_json::Value;
use url::{Host, Url};

use crate::cli::import::answer::answer;
use crate::cli::import::target::ImportStep;
use crate::model::Secret;

const PAGE_SIZE: &str = "100";

pub(super) struct TwilioProxySource {
    client: Client,
    base: Url,
    account_sid: String,
    token: Secret,
}

/// A list, read page by page.
pub(super) struct TwilioProxyList<'a> {
    source: &'a TwilioProxySource,
    path: String,
    /// Under which its items stand.
    key: &'static str,
    next: Option<Url>,
    seen: HashSet<String>,
}

/// Whether a token may be sent there: nobody on the way can read it.
fn is_safe(base: &Url) -> bool {
    let is_here = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    base.scheme() == "https" || (base.scheme() == "http" && is_here)
}

/// The next page, where the first was: the token goes nowhere else.
fn here(base: &Url, next: &str) -> anyhow::Result<Url> {
    let next = base.join(next).with_context(|| format!("{next} is no URL"))?;
    let mut url = base.clone();
    url.set_path(next.path());
    url.set_query(next.query());
    Ok(url)
}

impl TwilioProxySource {
    pub(super) fn new(client: Client, base: &str, account_sid: String, token: Secret) -> anyhow::Result<Self> {
        let base: Url = base.parse().with_context(|| format!("{base} is no URL"))?;
        anyhow::ensure!(is_safe(&base), "the URL of Twilio Proxy must begin with https: the token is sent there");
        Ok(Self { client, base, account_sid, token })
    }

    pub(super) fn list(&self, path: &str, key: &'static str) -> TwilioProxyList<'_> {
        let mut url = self.base.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        TwilioProxyList { source: self, path: path.to_owned(), key, next: Some(url), seen: HashSet::new() }
    }

    /// All items of a list that is not long.
    pub(super) async fn all(&self, path: &str, key: &'static str) -> ImportStep<Vec<Value>> {
        let (mut list, mut items) = (self.list(path, key), Vec::new());
        loop {
            match list.page().await? {
                Ok(Some(page)) => items.extend(page),
                Ok(None) => return Ok(Ok(items)),
                Err(why) => return Ok(Err(why)),
            }
        }
    }
}

impl TwilioProxyList<'_> {
    /// The next page; nothing behind the last.
    pub(super) async fn page(&mut self) -> ImportStep<Option<Vec<Value>>> {
        let Some(url) = self.next.take() else { return Ok(Ok(None)) };
        anyhow::ensure!(self.seen.insert(url.to_string()), "{}: its pages lead in a circle", self.path);
        let TwilioProxySource { client, base, account_sid, token } = self.source;
        let request = || client.get(url.clone()).basic_auth(account_sid, Some(token.expose()));
        let answered = answer(request, &format!("no answer from {base}")).await.with_context(|| self.path.clone())?;
        let mut page = match answered.accepted() {
            Ok(page) => page,
            Err(why) => return Ok(Err(why)),
        };
        let Some(Value::Array(items)) = page.get_mut(self.key).map(Value::take) else {
            return Ok(Err(format!("{}: a page has no {}", self.path, self.key)));
        };
        self.next = page["meta"]["next_page_url"].as_str().map(|next| here(base, next)).transpose()?;
        Ok(Ok(Some(items)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_over_https_or_stays_on_this_machine() -> anyhow::Result<()> {
        for (base, is_good) in [
            ("https://proxy.twilio.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:8080", true),
            ("http://proxy.twilio.com", false),
            ("http://127.0.0.1.example.org", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(is_safe(&base.parse()?), is_good, "{base}");
        }
        Ok(())
    }

    #[test]
    fn pages_are_read_where_the_first_was() -> anyhow::Result<()> {
        let base: Url = "https://proxy.example.org".parse()?;
        let path = "/v1/Services?Page=1";
        for next in [path.to_owned(), format!("//evil.example.com{path}"), format!("https://evil.example.com{path}")] {
            assert_eq!(here(&base, &next)?.as_str(), "https://proxy.example.org/v1/Services?Page=1", "{next}");
        }
        Ok(())
    }
}
