//! Posts paired phones' texts to their platforms' sinks: a runner for each platform that has one, so that none waits for
//! another's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::job::{DueJobs, JobHandler, JobSource, RunnerLimits};
use super::runner::JobSourceRunner;
use crate::service::Result;
use crate::service::publish::{ClaimedPublication, PhoneTextPublisher};

/// Calls of one sink at once.
const AT_ONCE: usize = 8;

const LIMITS: RunnerLimits = RunnerLimits {
    what: "texts to publish",
    every: Duration::from_secs(1),
    backlog_pause: Duration::ZERO,
    at_once: AT_ONCE,
    per_key: AT_ONCE,
    // none is claimed that cannot be posted at once
    claim: 1,
    held: AT_ONCE,
    patience: Duration::MAX,
    // a call under way is finished
    last: None,
};

/// The texts of one platform.
pub(super) struct PublicationJobSource {
    publish: Arc<PhoneTextPublisher>,
    platform: String,
}

pub(super) fn runners(
    publish: &Arc<PhoneTextPublisher>,
) -> impl Iterator<Item = JobSourceRunner<PublicationJobSource, PhoneTextPublisher>> {
    publish.platforms().map(move |platform| {
        let texts = PublicationJobSource { publish: publish.clone(), platform: platform.to_owned() };
        JobSourceRunner::new(LIMITS, texts, publish.clone())
    })
}

impl JobSource for PublicationJobSource {
    type Job = ClaimedPublication;
    type Key = ();

    fn key(&self, _text: &ClaimedPublication) {}

    async fn arrived(&mut self) -> Option<ClaimedPublication> {
        self.publish.arrived(&self.platform).await;
        None
    }

    async fn claim(&mut self, _busy: &[()], _limit: usize) -> Result<DueJobs<ClaimedPublication>> {
        let text = self.publish.claim(&self.platform).await?;
        Ok(DueJobs { may_be_more: text.is_some(), jobs: text.into_iter().collect() })
    }
}

impl JobHandler<ClaimedPublication> for PhoneTextPublisher {
    /// Each text is written by itself as soon as its sink has answered: until then the sink may get it twice.
    type Done = Infallible;

    async fn handle(&self, text: ClaimedPublication) -> Option<Infallible> {
        self.deliver(text).await;
        None
    }
}
