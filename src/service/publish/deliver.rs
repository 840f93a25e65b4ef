//! Handing a text to its platform's sink: leased, signed, tried again until it is taken, then erased.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{LoopbackPublicationSink, PhoneTextPublisher, sink};
use crate::crypto::backend as column;
use crate::model::{DurationSetting, Millis, Platform, Secret, rfc3339};
use crate::provider::WebhookPostOutcome;
use crate::service::race::won;
use crate::service::{Result, retry};
use crate::store::lease::Lease;
use crate::store::publication::{self, PhoneTextPublication};
use crate::store::{self, backend};

/// How long a job is its claimer's alone.
const LEASE: DurationSetting = DurationSetting::from_millis(60_000);
/// A lease older than this is not begun with: the sink may take its time, and clocks stand apart.
const BEGUN: Duration = Duration::from_secs(35);
/// Jobs looked at in one go, of which one is claimed: other nodes look at them too.
const LOOK: i64 = 8;
/// What Standard Webhooks advises, from one failed try to the next; the last goes on.
const WAITS: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(300),
    Duration::from_secs(1_800),
    Duration::from_secs(7_200),
    Duration::from_secs(18_000),
    Duration::from_secs(36_000),
];
/// How long we keep trying to record that a sink took a text; if we fail, the sink gets it twice.
const WRITING: Duration = Duration::from_secs(10);

/// A text that this node alone may post for now.
pub struct ClaimedPublication {
    job: PhoneTextPublication,
    at: Instant,
}

/// What a sink is posted.
#[derive(Serialize)]
struct PlatformSinkTextOut<'a> {
    message_id: String,
    user_id: &'a str,
    platform: &'a str,
    phone_hash: &'a str,
    plaintext: &'a str,
    received_at: String,
    /// Absent unless `publish.include_grant` is set; `null` where the user has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Value>,
}

impl PhoneTextPublisher {
    /// Claims a text of this platform whose time has come.
    pub async fn claim(&self, platform: &str) -> Result<Option<ClaimedPublication>> {
        let now_ms = self.parts.clock.now_ms();
        for mut job in publication::due(&self.parts.store, platform, &self.parts.owner, now_ms, LOOK).await? {
            let at = Instant::now();
            let now_ms = self.parts.clock.now_ms();
            let lease = Lease { owner: &self.parts.owner, now_ms, until_ms: now_ms + LEASE.as_ms() };
            if won(job.claim(&self.parts.store, lease).await)?.is_some() {
                return Ok(Some(ClaimedPublication { job, at }));
            }
        }
        Ok(None)
    }

    /// Posts a text and records what came of it.
    pub async fn deliver(&self, claimed: ClaimedPublication) {
        let ClaimedPublication { job, at } = claimed;
        let Some(platform) = self.parts.platforms.iter().find(|platform| platform.name == job.platform) else { return };
        let delivery = match self.body(platform, &job).await {
            // whoever took the lease over posts it
            Ok(_) if at.elapsed() > BEGUN => return,
            Ok(body) if LoopbackPublicationSink::is_of(platform) => {
                if let Some(sink) = &self.parts.loopback {
                    sink.take(&body);
                }
                WebhookPostOutcome::Delivered { status: 200 }
            }
            Ok(body) => {
                sink::post(&self.parts.webhooks, platform, job.id.to_string(), body, self.parts.clock.now_ms()).await
            }
            Err(error) => WebhookPostOutcome::Failed { status: None, retry_after: None, reason: error.to_string() },
        };
        let refused = match delivery {
            WebhookPostOutcome::Delivered { .. } => None,
            WebhookPostOutcome::Failed { reason, retry_after, .. } => Some((reason, retry_after)),
            // the text stays: the operator's own sink is gone by mistake, or will be named anew
            WebhookPostOutcome::Gone => Some(("HTTP 410".to_owned(), None)),
        };
        let (result, written) = match refused {
            None => ("published", retry::while_away(WRITING, || job.finish(&self.parts.store, "published")).await),
            Some((reason, wait)) => {
                let (publication, platform, tries) = (job.id, &job.platform, job.tries);
                tracing::warn!(%publication, platform, tries, reason, "no sink took a text");
                ("failed", self.put_off(&job, &reason, wait).await)
            }
        };
        self.parts.metrics.delivery(&platform.name, result);
        match written {
            Ok(()) => tracing::info!(publication = %job.id, platform = job.platform, result, "posted a text"),
            Err(error) => tracing::warn!(publication = %job.id, %error, "could not record what became of a text"),
        }
    }

    async fn body(&self, platform: &Platform, job: &PhoneTextPublication) -> Result<String> {
        let plain = self.parts.master.open(publication::text_place(&job.id.hex()), &job.sealed)?;
        let plain = std::str::from_utf8(&plain).map_err(|_| crate::crypto::Error::Undecryptable)?;
        let out = PlatformSinkTextOut {
            message_id: job.id.to_string(),
            user_id: job.user.as_str(),
            platform: &job.platform,
            phone_hash: &job.phone_hash,
            plaintext: plain,
            received_at: rfc3339(job.received_ms),
            grant: if self.parts.settings.include_grant { Some(self.grant(platform, job).await?) } else { None },
        };
        Ok(serde_json::to_string(&out).map_err(|error| store::Error::Data(error.to_string()))?)
    }

    /// The user's grant as it is now: what was taken back since is not told.
    async fn grant(&self, platform: &Platform, job: &PhoneTextPublication) -> Result<Value> {
        let Some(sealed) = backend::grant(&self.parts.backend, &job.user, platform.id).await? else {
            return Ok(Value::Null);
        };
        let key = self.backend_key().await?;
        let open = |sealed: Option<String>| sealed.map(|text| column::open_column(key.expose(), &text)).transpose();
        let (username, token, unique_id) = (open(sealed.username)?, open(sealed.token)?, open(sealed.unique_id)?);
        Ok(json!({"username": username, "token": token, "unique_id": unique_id}))
    }

    async fn backend_key(&self) -> Result<Secret> {
        if !self.parts.backend_key.is_empty() {
            return Ok(self.parts.backend_key.clone());
        }
        let missing = || store::Error::Refused("the backend has no shared key: set backend.shared_key_file".into());
        Ok(backend::shared_key(&self.parts.backend).await?.ok_or_else(missing)?)
    }

    async fn put_off(&self, job: &PhoneTextPublication, reason: &str, wait: Option<Duration>) -> store::Result<()> {
        let now_ms = self.parts.clock.now_ms();
        let ready_ms = now_ms + wait_ms(job.tries, wait);
        let reason: String = reason.chars().take(255).collect();
        job.give_back(&self.parts.store, ready_ms, now_ms, &reason).await
    }
}

/// How long after so many tries the next one comes: at least what the sink asked for.
fn wait_ms(tries: i64, asked: Option<Duration>) -> Millis {
    let failures = usize::try_from(tries).unwrap_or(0).clamp(1, WAITS.len());
    let usual = WAITS[failures - 1];
    Millis::try_from(retry::wait(usual, asked).as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_follow_ever_more_slowly_and_as_the_sink_asks() {
        assert_eq!(
            (0..9).map(|tries| wait_ms(tries, None) / 1000).collect::<Vec<_>>(),
            [5, 5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000]
        );
        assert_eq!(wait_ms(1, Some(Duration::from_secs(60))), 60_000);
        assert_eq!(wait_ms(2, Some(Duration::from_secs(1))), 300_000);
        assert_eq!(wait_ms(1, Some(Duration::MAX)), 86_400_000);
    }
}
