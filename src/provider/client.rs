//! The HTTP client of the providers: pooled, bounded, and able to say whether a request went out.

mod due;
mod pause;

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use reqwest::{Request, RequestBuilder, Response};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use self::due::RequestDeadlinePassed;
use super::{AskError, BaseUrl, SendOutcome, Settings, roots};
use crate::model::bom;
use crate::model::lock::lock;

pub(super) use self::pause::retry_after;

/// Answers are read no further: a page of a hundred long messages, every character escaped, fits.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;
/// Idle connections are closed before the provider does it: a request that meets a closing
/// connection is uncertain.
const IDLE_FOR: Duration = Duration::from_secs(20);
pub(super) const USER_AGENT: &str = concat!("Switchboard/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct HttpClientBuildError(String);

impl HttpClientBuildError {
    pub(super) fn new(error: &reqwest::Error) -> Self {
        Self(chain(error))
    }
}

/// One for the process: the pool is shared by all accounts.
#[derive(Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    timeout: Duration,
    connect_timeout: Duration,
    connections_per_host: usize,
    permits: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A provider's host, and the permits to call it.
#[derive(Clone)]
pub(super) struct ProviderHost {
    client: HttpClient,
    base: BaseUrl,
    permits: Arc<Semaphore>,
}

/// Reads a provider's code and its words out of a refusal.
pub(super) type RefusalReader = fn(&[u8]) -> Option<(Option<i64>, String)>;

/// Why there is no status to judge by.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestFailure {
    /// Our own calls took every connection: not the provider's fault.
    #[error("every connection to the provider was busy")]
    Busy,
    /// Its time was over before it could be written: nor that.
    #[error("{}", RequestDeadlinePassed)]
    Late,
    /// The request was not written.
    #[error("{0}")]
    NotSent(String),
    /// It was, at least in part.
    #[error("{0}")]
    NoAnswer(String),
}

/// A status, and what could be read of its body.
pub(super) struct ProviderAnswer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// Empty where it was cut off or too long: nobody may act on half an answer.
    pub(super) body: Bytes,
}

impl HttpClient {
    pub fn new(settings: &Settings) -> Result<Self, HttpClientBuildError> {
        let timeout = settings.timeout.as_duration();
        let connect_timeout = settings.connect_timeout.as_duration().min(timeout);
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(roots::tls())
            .timeout(timeout)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(settings.connections_per_host)
            .redirect(reqwest::redirect::Policy::none())
            // hyper repeats only what it never began to write, and only on a reused connection
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| HttpClientBuildError::new(&error))?;
        let connections_per_host = settings.connections_per_host.max(1);
        Ok(Self { http, timeout, connect_timeout, connections_per_host, permits: Arc::default() })
    }

    pub(super) fn host(&self, base: &BaseUrl) -> ProviderHost {
        let mut known = lock(&self.permits);
        let permits = known
            .entry(base.to_string())
            .or_insert_with(|| Arc::new(Semaphore::new(self.connections_per_host.min(Semaphore::MAX_PERMITS))));
        ProviderHost { client: self.clone(), base: base.clone(), permits: permits.clone() }
    }
}

impl ProviderHost {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.http.request(method, self.base.join(path))
    }

    /// Asks, which may be done twice.
    pub(super) async fn call(&self, request: RequestBuilder) -> Result<ProviderAnswer, RequestFailure> {
        self.run(request.build().map_err(failure)?, None).await
    }

    /// Sends what may be sent once: it is not begun after `until`.
    pub(super) async fn send(&self, request: RequestBuilder, until: Instant) -> Result<ProviderAnswer, RequestFailure> {
        let request = due::bound(request.build().map_err(failure)?, until);
        self.run(request.ok_or_else(|| RequestFailure::NotSent("only a whole body can be held back".to_owned()))?, None)
            .await
    }

    /// The same of a request that is nothing but a head. On its way it cannot be held back, so that it is begun only
    /// while there is time to connect.
    pub(super) async fn send_head(
        &self,
        request: RequestBuilder,
        until: Instant,
    ) -> Result<ProviderAnswer, RequestFailure> {
        let begin_by = until.checked_sub(self.client.connect_timeout).unwrap_or(until);
        self.run(request.build().map_err(failure)?, Some(begin_by)).await
    }

    /// Asks; what is no success is an error, whose code and words `explain` reads.
    pub(super) async fn ask(
        &self,
        request: RequestBuilder,
        explain: RefusalReader,
    ) -> Result<ProviderAnswer, AskError> {
        let answer = self.call(request).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(answer.ask_error(explain)) }
    }

    /// Sends, and reads what came of it: `made` reads an answer that says that something was made, and `unnamed` is
    /// the reason of what it cannot read.
    pub(super) async fn outcome(
        &self,
        request: RequestBuilder,
        until: Instant,
        explain: RefusalReader,
        made: fn(&[u8]) -> Option<SendOutcome>,
        unnamed: &str,
    ) -> SendOutcome {
        match self.send(request, until).await {
            Ok(answer) if answer.status.is_success() => {
                made(&answer.body).unwrap_or_else(|| SendOutcome::Uncertain { reason: unnamed.to_owned() })
            }
            Ok(answer) => answer.outcome(explain),
            Err(failure) => failure.into(),
        }
    }

    async fn run(&self, mut request: Request, begin_by: Option<Instant>) -> Result<ProviderAnswer, RequestFailure> {
        let begun = Instant::now();
        // the wait is part of the call; yet what is begun too late to be answered would be in doubt for nothing
        let permit = tokio::time::timeout(self.client.timeout / 2, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(RequestFailure::Busy);
        };
        if begin_by.is_some_and(|latest| latest <= Instant::now()) {
            return Err(RequestFailure::Late);
        }
        let left = self.client.timeout.saturating_sub(begun.elapsed());
        *request.timeout_mut() = Some(left);
        let response = self.client.http.execute(request).await.map_err(failure)?;
        Ok(ProviderAnswer::read(response).await)
    }
}

/// Told apart by what reqwest 0.13 and hyper 1 guarantee: `is_connect` covers the name, the
/// connection, TLS and `connect_timeout`, all before a byte of the request; a hyper error that
/// is "canceled" hands the request back unwritten. What was too late was held back by ourselves. Anything else may
/// have been written.
fn failure(error: reqwest::Error) -> RequestFailure {
    let error = error.without_url();
    let mut is_unwritten = error.is_connect() || error.is_builder();
    let mut source = error.source();
    while let Some(cause) = source {
        is_unwritten |= cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if cause.is::<RequestDeadlinePassed>() {
            return RequestFailure::Late;
        }
        source = cause.source();
    }
    let reason = chain(&error);
    if is_unwritten { RequestFailure::NotSent(reason) } else { RequestFailure::NoAnswer(reason) }
}

/// An error with its causes: reqwest alone says only "error sending request".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl ProviderAnswer {
    async fn read(mut response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers(), OffsetDateTime::now_utc());
        let mut body = BytesMut::new();
        let whole = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LIMIT => body.extend_from_slice(&chunk),
                Ok(None) => break true,
                Ok(Some(_)) | Err(_) => break false,
            }
        };
        let body = if whole { body.freeze() } else { Bytes::new() };
        Self { status, retry_after, body: body.slice_ref(bom::skip(&body)) }
    }

    /// The outcome of a send that did not succeed; `explain` reads the provider's code and words.
    pub(super) fn outcome(&self, explain: impl Fn(&[u8]) -> Option<(Option<i64>, String)>) -> SendOutcome {
        let (code, words) = explain(&self.body).unwrap_or_default();
        let reason = self.reason(&words);
        match self.status.as_u16() {
            // our queue at the provider is full: that passes
            _ if code == Some(21_611) => SendOutcome::Throttled { after: self.retry_after, reason },
            429 => SendOutcome::Throttled { after: self.retry_after, reason },
            401 | 402 => SendOutcome::Denied { code, reason },
            403 => SendOutcome::Forbidden { code, reason },
            // the request did not come through whole, or came too early (RFC 8470), or there is a pause: nothing was
            // taken, nor where a redirect was not followed
            300..=399 | 408 | 425 | 500 | 503 => SendOutcome::Unreachable { after: self.retry_after, reason },
            400..=499 => SendOutcome::Refused { code, reason },
            _ => SendOutcome::Uncertain { reason },
        }
    }

    /// The same for a question.
    pub(super) fn ask_error(&self, explain: impl Fn(&[u8]) -> Option<(Option<i64>, String)>) -> AskError {
        let (code, words) = explain(&self.body).unwrap_or_default();
        let reason = self.reason(&words);
        match self.status.as_u16() {
            401..=403 => AskError::Denied { reason },
            429 => AskError::Throttled { after: self.retry_after, reason },
            408 | 425 => AskError::Unreachable { reason },
            400..=499 => AskError::Refused { code, reason },
            _ => AskError::Unreachable { reason },
        }
    }

    /// A carrier's words; where it says none, the status.
    pub(super) fn reason(&self, words: &str) -> String {
        let words = shown(words);
        if words.is_empty() { format!("HTTP {}", self.status.as_u16()) } else { words }
    }
}

/// A provider's words, fit to be stored and shown.
pub(super) fn shown(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
#[path = "client_test.rs"]
mod tests;
