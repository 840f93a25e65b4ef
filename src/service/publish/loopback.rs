//! The sink of platforms that have none of their own, under `--dev`: in memory, the newest hundred, for looking at.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::Value;

use super::PhoneTextPublisher;
use crate::model::Platform;
use crate::model::lock::lock;

/// What stands in the place of `platforms.sink_url`; no URL of anybody's.
const URL: &str = "loopback:";
const KEPT: usize = 100;

/// What was posted, as a sink reads it.
#[derive(Clone)]
pub struct LoopbackSinkPost {
    pub number: u64,
    pub body: Value,
}

#[derive(Default)]
pub struct LoopbackPublicationSink {
    posted: Mutex<VecDeque<LoopbackSinkPost>>,
}

/// The platforms, each of them with a sink: its own, or the loopback.
pub fn with_loopback(platforms: &[Platform]) -> Vec<Platform> {
    let with_sink = |mut platform: Platform| {
        if !platform.has_sink() {
            URL.clone_into(&mut platform.sink_url);
        }
        platform
    };
    platforms.iter().cloned().map(with_sink).collect()
}

impl LoopbackPublicationSink {
    pub(super) fn is_of(platform: &Platform) -> bool {
        platform.sink_url == URL
    }

    pub(super) fn take(&self, body: &str) {
        let mut posted = lock(&self.posted);
        let number = posted.front().map_or(0, |last| last.number + 1);
        posted.push_front(LoopbackSinkPost { number, body: serde_json::from_str(body).unwrap_or_default() });
        posted.truncate(KEPT);
    }
}

impl PhoneTextPublisher {
    /// What the loopback sink was posted before that number, newest first, and one more where there is one. `None`: there
    /// is no such sink.
    pub fn loopback_publications(&self, before: Option<u64>, limit: usize) -> Option<Vec<LoopbackSinkPost>> {
        let posted = lock(&self.parts.loopback.as_ref()?.posted);
        let older = posted.iter().filter(|one| before.is_none_or(|before| one.number < before));
        Some(older.take(limit + 1).cloned().collect())
    }
}
