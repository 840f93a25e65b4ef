//! Answers to what an import asks: waited for where a server is busy or away for a moment, and read where it refuses.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// Tries of one request where a server asks to be asked later, and where none answers.
const TRIES: u32 = 6;
const UNANSWERED_TRIES: u32 = 4;
/// How long the second try waits; each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A server may not say that we are to wait for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a server said.
#[derive(Debug)]
pub(super) struct ImportAnswer {
    pub(super) status: StatusCode,
    /// Null where it is empty, or no JSON.
    pub(super) body: Value,
}

impl ImportAnswer {
    /// What is there now, or why the server would not.
    pub(super) fn accepted(self) -> Result<Value, String> {
        if self.status.is_success() { Ok(self.body) } else { Err(self.why()) }
    }

    /// In our words, or in Twilio's.
    fn why(&self) -> String {
        let said = |name: &str| self.body[name].as_str();
        let field = said("field").map(|field| format!(" ({field})")).unwrap_or_default();
        let detail = said("detail").or(said("message")).map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{}{field}{detail}", self.status)
    }

    /// It may be another one later.
    fn is_busy(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.status.is_server_error()
    }

    /// An error where everything else would be answered like this too.
    fn or_end(self) -> anyhow::Result<Self> {
        // a fault over one thing need not be one over the next
        let is_end = self.is_busy() && self.status != StatusCode::INTERNAL_SERVER_ERROR;
        if is_end || self.status == StatusCode::UNAUTHORIZED {
            anyhow::bail!("{}", self.why());
        }
        Ok(self)
    }
}

/// The answer to a request, which is sent again where none comes, or one that says later: it must do no harm when it is
/// sent twice. An error ends the import; `unanswered` is what it says where no answer came.
pub(super) async fn answer(request: impl Fn() -> RequestBuilder, unanswered: &str) -> anyhow::Result<ImportAnswer> {
    let (mut wait, mut tries) = (FIRST_WAIT, 0);
    loop {
        tries += 1;
        let asked = match sent(request()).await {
            Ok((answer, _)) if tries >= TRIES || !answer.is_busy() => return answer.or_end(),
            Ok((_, asked)) => asked,
            Err(error) if tries >= UNANSWERED_TRIES || error.is_builder() => {
                return Err(anyhow::Error::new(error).context(unanswered.to_owned()));
            }
            Err(_) => None,
        };
        tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
        wait *= 2;
    }
}

/// What is answered, and how long we are asked to wait.
async fn sent(request: RequestBuilder) -> reqwest::Result<(ImportAnswer, Option<Duration>)> {
    let response = request.send().await?;
    let (status, asked) = (response.status(), asked_wait(&response));
    let body = serde_json::from_str(&response.text().await?).unwrap_or_default();
    Ok((ImportAnswer { status, body }, asked))
}

fn asked_wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, body: Value) -> ImportAnswer {
        ImportAnswer { status: StatusCode::from_u16(status).unwrap_or_default(), body }
    }

    #[test]
    fn why_is_told_in_whose_words_it_is() {
        let ours = said(400, json!({"field": "name", "detail": "is empty"})).accepted();
        assert_eq!(ours, Err("400 Bad Request (name): is empty".to_owned()));
        let theirs = said(404, json!({"code": 20404, "message": "not found"})).accepted();
        assert_eq!(theirs, Err("404 Not Found: not found".to_owned()));
        assert_eq!(said(502, Value::Null).accepted(), Err("502 Bad Gateway".to_owned()));
        assert_eq!(said(201, json!({"id": "x"})).accepted(), Ok(json!({"id": "x"})));
    }

    #[test]
    fn what_holds_for_all_ends_it() {
        for (status, goes_on) in
            [(200, true), (404, true), (409, true), (500, true), (401, false), (429, false), (503, false)]
        {
            assert_eq!(said(status, Value::Null).or_end().is_ok(), goes_on, "{status}");
        }
    }
}
