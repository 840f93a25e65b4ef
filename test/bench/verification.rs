//! Codes that prove phones: how many go out, each to somebody else, and how many come back right, against messages that
//! are accepted in the same run; and the same where a million are pending.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::harness::{ADMIN, Layout, Result, Server};
use crate::load::{CONNECTIONS, Load, Post, offer, offer_until};
use crate::pending::{self, code, phone};
use crate::plan::Plan;
use crate::stage;
use crate::table::{Table, median};
use crate::{disk, message, meter};

const SENT_TO: &str = "/v1/verifications";
const CHECKED_AT: &str = "/v1/verifications/check";
/// Pending ones that are there before.
const PENDING: u64 = 1_000_000;
const FEW_PENDING: u64 = 20_000;
/// The first who gets a code here: of those before, [`pending::fill`] has made pending ones.
const FIRST: u64 = 2_000_000;
/// What there is at least of messages' rate, and of the rate where nothing is pending.
const OF_MESSAGES: f64 = 0.6;
const LEFT: f64 = 0.8;
/// So long codes may take to come back at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// So many a second.
struct Rates {
    messages: f64,
    sent: f64,
    checked: f64,
}

/// What is done, and how much of it.
type Figure = (&'static str, fn(&Rates) -> f64);

const FIGURES: [Figure; 2] = [
    ("verifications created, their texts queued", |rates: &Rates| rates.sent),
    ("right codes checked", |rates: &Rates| rates.checked),
];

/// A server, with who of the people got a code, and whose has come back.
struct Side {
    server: Server,
    pending: u64,
    sent: Arc<AtomicU64>,
    checked: Arc<AtomicU64>,
}

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let pending = if plan.is_short { FEW_PENDING } else { PENDING };
    let (empty, full) = (Side::start(0).await?, Side::start(pending).await?);
    // by turns, so that both stores grow alike
    let both = async || Ok((empty.round(plan).await?, full.round(plan).await?));
    let (rounds, fdatasync) = disk::runs(&empty.server.home(), plan, plan.rounds, both).await?;
    let middle = |of: &dyn Fn(&(Rates, Rates)) -> f64| median(rounds.iter().map(of).collect());
    for (what, of) in FIGURES {
        let (rate, messages) = (middle(&|(empty, _)| of(empty)), middle(&|(empty, _)| empty.messages));
        let ratio = middle(&|(empty, _)| of(empty) / empty.messages);
        let ours = format!("{rate:.0}/s = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
        table.add(what, ours, format!("{OF_MESSAGES} of {messages:.0} messages/s"), ratio >= OF_MESSAGES);
        let (large, left) = (middle(&|(_, full)| of(full)), middle(&|(empty, full)| of(full) / of(empty)));
        let beside = middle(&|(_, full)| of(full) / full.messages);
        let ours = format!("{large:.0}/s = {left:.2}, {beside:.2} of messages there (fdatasync {fdatasync:.2} ms)");
        table.add(&format!("{what}, {pending} pending"), ours, format!("{LEFT} of {rate:.0}/s, none"), left >= LEFT);
    }
    Ok(())
}

fn post(body: String) -> Post {
    Post { head: format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"), body }
}

impl Side {
    async fn start(pending: u64) -> Result<Self> {
        let server = stage::start(Layout::SqliteShared, None).await?;
        if pending > 0 {
            pending::fill(&server, pending).await?;
        }
        let [sent, checked] = [FIRST; 2].map(|first| Arc::new(AtomicU64::new(first)));
        Ok(Self { server, pending, sent, checked })
    }

    async fn round(&self, plan: &Plan) -> Result<Rates> {
        let (messages, _) = message::round(&self.server, plan).await?;
        let sent = offer(&self.server, &self.codes(), plan.span).await?;
        sent.show("verifications created");
        // what is approved before its text has left would not be sent
        meter::drained(&self.server).await?;
        let checked = offer_until(&self.server, &self.checks(), self.mostly_checked()).await?;
        checked.show("right codes checked");
        self.settled().await?;
        Ok(Rates { messages, sent: sent.rate, checked: checked.rate })
    }

    /// Codes of the caller's to people who had none before. What has been asked for has been answered once the offer is
    /// over.
    fn codes(&self) -> Load {
        let sent = self.sent.clone();
        let make = move |_| {
            let nth = sent.fetch_add(1, Ordering::Relaxed);
            post(format!("{{\"to\":\"{}\",\"code\":\"{}\",\"ttl\":\"24h\"}}", phone(nth), code(nth)))
        };
        Load { path: SENT_TO, make: Arc::new(make), pace: None, connections: CONNECTIONS }
    }

    /// What these people type.
    fn checks(&self) -> Load {
        let checked = self.checked.clone();
        let make = move |_| {
            let nth = checked.fetch_add(1, Ordering::Relaxed);
            post(format!("{{\"to\":\"{}\",\"code\":\"{}\"}}", phone(nth), code(nth)))
        };
        Load { path: CHECKED_AT, make: Arc::new(make), pace: None, connections: CONNECTIONS }
    }

    /// Waits until four of five that are out have come back: those behind them are asked for before that is seen.
    async fn mostly_checked(&self) -> Result {
        let (sent, checked) = (self.sent.load(Ordering::Relaxed), self.checked.load(Ordering::Relaxed));
        let (end, begun) = (sent - (sent - checked) / 5, Instant::now());
        while self.checked.load(Ordering::Relaxed) < end {
            ensure!(begun.elapsed() < PATIENCE, "{} of {end} codes came back", self.checked.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Whether each code that came back has opened its verification, and is gone.
    async fn settled(&self) -> Result {
        let open = self.sent.load(Ordering::Relaxed) - self.checked.load(Ordering::Relaxed);
        let pending = self.count("SELECT COUNT(*) FROM sb_verification_pending").await?;
        ensure!(pending == self.pending + open, "{pending} are pending, of {} and {open}", self.pending);
        let kept = "SELECT COUNT(*) FROM sb_verification WHERE status <> 'pending' AND code IS NOT NULL";
        ensure!(self.count(kept).await? == 0, "codes outlive their verifications");
        Ok(())
    }

    async fn count(&self, sql: &'static str) -> Result<u64> {
        let rows = self.server.rows(sql).await?.concat();
        Ok(rows.first().context("no count")?.parse()?)
    }
}
