//! What the carrier's connections share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use crate::behaviour::Rules;
use crate::callback::Receipts;
use crate::log::Log;

/// Webhooks under way at once.
const WEBHOOKS: usize = 64;

pub struct Carrier {
    pub account: String,
    pub token: String,
    /// The one `Authorization` that is let in.
    pub credentials: String,
    pub log: Log,
    pub rules: Mutex<Rules>,
    pub receipts: Mutex<Receipts>,
    pub counts: Mutex<BTreeMap<&'static str, u64>>,
    pub in_flight: Gauge,
    pub http: reqwest::Client,
    pub webhooks: Semaphore,
}

impl Carrier {
    pub fn open(file: &Path, account: String, token: &str) -> anyhow::Result<Self> {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{account}:{token}")));
        // what Twilio waits for a webhook's answer
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
        Ok(Self {
            account,
            token: token.to_owned(),
            credentials,
            log: Log::open(file)?,
            rules: Mutex::default(),
            receipts: Mutex::default(),
            counts: Mutex::default(),
            in_flight: Gauge::default(),
            http,
            webhooks: Semaphore::new(WEBHOOKS),
        })
    }

    pub fn count(&self, what: &'static str) {
        if let Ok(mut counts) = self.counts.lock() {
            *counts.entry(what).or_default() += 1;
        }
    }
}

/// How many there are just now, and how many there ever were at once.
#[derive(Default)]
pub struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

pub struct Counted<'a>(&'a Gauge);

impl Gauge {
    pub fn enter(&self) -> Counted<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Counted(self)
    }

    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
