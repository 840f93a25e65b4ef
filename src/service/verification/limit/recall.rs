//! What was sent before a node started counts on: read from the store once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::{CountedWindow, DAY_MS, SendLimits};
use crate::model::lock::lock;
use crate::model::{Address, MessageId, Millis};
use crate::signal::SharedWindow;
use crate::store::verification::limit::{self, SentCode};
use crate::store::{self, Store};

/// Sends that are read at once.
const RECALLED: usize = 5_000;

/// What else a send is counted by, as its verification has kept it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CountedExtra {
    device_ip: Option<IpAddr>,
    rate_limits: BTreeMap<String, String>,
}

impl SendLimits {
    /// Counts what was sent within a day, or within the longest interval of a limit that there is: once, before
    /// anything is sent.
    pub async fn recall(&self, store: &Store, now_ms: Millis) -> store::Result<()> {
        let mut after = MessageId::first_of(now_ms - self.named.longest_ms().max(DAY_MS));
        loop {
            let sent = limit::sent_after(store, after, RECALLED).await?;
            let Some(last) = sent.last().map(|last| last.message) else { return Ok(()) };
            self.remember(&sent, now_ms);
            after = last;
        }
    }

    fn remember(&self, sent: &[SentCode], now_ms: Millis) {
        let mut recent = lock(&self.recent);
        for one in sent {
            let counts = |window: &SharedWindow| window.limit.within_ms > now_ms - one.at_ms;
            let windows = self.sent_windows(one).into_iter().map(|window| window.shared).filter(counts);
            recent.add(&windows.collect::<Vec<_>>(), one.at_ms);
        }
    }

    /// All that it was counted in, as far as that is known and there still.
    fn sent_windows(&self, sent: &SentCode) -> Vec<CountedWindow> {
        let to = Address::stored(sent.address.as_str());
        // one that cannot be read counts for its number
        let extra: Option<CountedExtra> = sent.extra.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let CountedExtra { device_ip, rate_limits } = extra.unwrap_or_default();
        let mut windows: Vec<CountedWindow> = self.recipient(sent.client, &to).collect();
        windows.extend(device_ip.and_then(|address| self.address(sent.client, address)));
        windows.extend(self.client(sent.client));
        for (name, value) in &rate_limits {
            windows.extend(self.named(sent.client, sent.service, (name, value)).into_iter().flatten());
        }
        windows
    }
}
