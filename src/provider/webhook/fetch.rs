//! What lies at somebody's URL, fetched from nowhere that is not public; a login goes to its own host alone.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, LOCATION};
use reqwest::Response;
use tokio::time::Instant;
use url::Url;

use super::WebhookClient;
use crate::model::Secret;
use crate::provider::client::chain;

/// What is larger is nobody's picture: carriers take no more than this.
const LARGEST: usize = 5 * 1024 * 1024;
/// Carriers send on to where their pictures lie.
const REDIRECTS: usize = 3;

/// A picture, or whatever else came with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedMedia {
    pub content_type: Option<String>,
    pub body: Bytes,
}

impl WebhookClient {
    /// `GET`, all of it within that time. Else why there is nothing.
    pub async fn fetch(
        &self,
        url: &str,
        login: Option<(&str, &Secret)>,
        within: Duration,
    ) -> Result<FetchedMedia, String> {
        let until = Instant::now() + within;
        let first = self.allow.check_url(url).map_err(|bad| bad.to_string())?;
        let mut url = first.clone();
        for _ in 0..=REDIRECTS {
            let left = until.saturating_duration_since(Instant::now());
            let mut request = self.http.get(url.clone()).timeout(left);
            if let Some((user, password)) = login.filter(|_| url.origin() == first.origin()) {
                request = request.basic_auth(user, Some(password.expose()));
            }
            let response = request.send().await.map_err(|error| chain(&error.without_url()))?;
            match next(&response, &url)? {
                Some(next) => url = self.allow.check_url(next.as_str()).map_err(|bad| bad.to_string())?,
                None => return read(response).await,
            }
        }
        Err("it is sent on again and again".to_owned())
    }
}

/// Where an answer sends us on to.
fn next(response: &Response, at: &Url) -> Result<Option<Url>, String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| at.join(location).ok());
    next.map(Some).ok_or_else(|| "it is sent on to nowhere".to_owned())
}

async fn read(mut response: Response) -> Result<FetchedMedia, String> {
    if response.status().as_u16() != 200 {
        return Err(format!("HTTP {}", response.status().as_u16()));
    }
    let large = || format!("it is larger than {LARGEST} bytes");
    let named = usize::try_from(response.content_length().unwrap_or_default()).unwrap_or(usize::MAX);
    if named > LARGEST {
        return Err(large());
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // at once what it is to have: growing takes more
    let mut body = BytesMut::with_capacity(named);
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(FetchedMedia { content_type, body: body.freeze() })
}
