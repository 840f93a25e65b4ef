//! Asks clients' servers what becomes of texts, many at once: one that takes its time holds up nobody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::job::{DueJobs, JobHandler, JobSource, RunnerLimits};
use super::runner::JobSourceRunner;
use crate::model::ClientId;
use crate::service::Result;
use crate::service::session::{AskedTexts, ClaimedAskedText};

/// Texts that are asked about at once: so many that some servers which take their time hold up nobody else.
const AT_ONCE: usize = 512;

const LIMITS: RunnerLimits = RunnerLimits {
    what: "texts to ask about",
    every: Duration::from_millis(500),
    backlog_pause: Duration::ZERO,
    at_once: AT_ONCE,
    per_key: 64,
    // none is claimed that cannot be asked about at once
    claim: 1,
    held: AT_ONCE,
    patience: Duration::MAX,
    // what is under way is finished
    last: None,
};

/// Texts whose turn it is.
pub(super) struct AskedTextSource(Arc<AskedTexts>);

pub(super) fn runner(texts: &Arc<AskedTexts>) -> JobSourceRunner<AskedTextSource, AskedTexts> {
    JobSourceRunner::new(LIMITS, AskedTextSource(texts.clone()), texts.clone())
}

impl JobSource for AskedTextSource {
    type Job = ClaimedAskedText;
    /// Whose server is asked.
    type Key = ClientId;

    fn key(&self, text: &ClaimedAskedText) -> ClientId {
        text.client()
    }

    fn can_skip(&self, _client: &ClientId) -> bool {
        true
    }

    async fn arrived(&mut self) -> Option<ClaimedAskedText> {
        self.0.arrived().await;
        None
    }

    async fn claim(&mut self, busy: &[ClientId], _limit: usize) -> Result<DueJobs<ClaimedAskedText>> {
        let text = self.0.claim(busy).await?;
        Ok(DueJobs { may_be_more: text.is_some(), jobs: text.into_iter().collect() })
    }
}

impl JobHandler<ClaimedAskedText> for AskedTexts {
    /// Each is written by itself, as soon as it is known what becomes of it.
    type Done = Infallible;

    async fn handle(&self, text: ClaimedAskedText) -> Option<Infallible> {
        self.settle(text).await;
        None
    }
}
