//! What comes in: webhooks are proved, stored once and answered; then they are handled once, as jobs.

mod desk;
mod fields;
mod loopback;
mod message;
mod metrics;
mod proof;
mod read;
mod receipt;
mod text;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub use desk::Desk;
pub use loopback::{Filter, LoopbackMessage, Page, Played};
pub use metrics::Metrics;
pub use proof::{Post, Proved, form_check};
pub use webhook::Error;

pub use crate::provider::twilio::EMPTY_TWIML;
pub use crate::store::inbound::Kind;

use crate::crypto::HashKey;
use crate::model::{Clock, Millis, Span};
use crate::provider::Loopback;
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::keep::Pace;
use crate::service::opt_out::OptOuts;
use crate::service::pool::Pool;
use crate::service::publish::Publish;
use crate::store::account::token;
use crate::store::batch::{Batch, WRITERS};
use crate::store::inbound::intake::Intake;
use crate::store::lease::Owner;
use crate::store::sweep::Walk;
use crate::store::{self, Store, inbound};

use self::read::Parsed;

/// `[inbound]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long webhooks are kept as they came; a repeat within that time is known as one.
    pub keep: Span,
    /// A receipt for a message that no provider is known to have taken is tried so long.
    pub receipt_patience: Span,
}

/// How long a node has for the jobs that it takes.
const LEASE: Duration = Duration::from_secs(30);
/// Jobs held in memory at most; what is beyond waits in the store.
const HELD: usize = 10_000;

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    /// Under which signatures are known.
    pub signature_key: HashKey,
    pub directory: Arc<Directory>,
    pub opt_outs: Arc<OptOuts>,
    pub publish: Arc<Publish>,
    pub events: Arc<Events>,
    pub loopback: Loopback,
    pub clock: Clock,
    /// This process among all that lease webhooks.
    pub owner: Owner,
    pub metrics: Metrics,
    pub stop: CancellationToken,
}

/// A webhook to be handled.
type Job = inbound::Job<Parsed>;

pub struct Inbound {
    parts: Parts,
    intake: Batch<Intake<Parsed>>,
    /// Where large posts are looked at.
    checks: Pool,
}

impl Inbound {
    /// The service, and the desk at which its worker handles what it takes in.
    pub fn start(parts: Parts) -> (Arc<Self>, Desk) {
        let (queue, jobs) = mpsc::channel(HELD);
        let (store, clock, owner) = (parts.store.clone(), parts.clock.clone(), parts.owner.clone());
        let intake = Batch::start_many(Intake { store, clock, owner, lease: LEASE, queue }, WRITERS);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // as many may wait as there are connections
        let checks = Pool::new((cores / 2).max(1), Semaphore::MAX_PERMITS / 2);
        let inbound = Arc::new(Self { parts, intake, checks });
        let desk = Desk::new(inbound.clone(), jobs);
        (inbound, desk)
    }

    fn now_ms(&self) -> Millis {
        self.parts.clock.now_ms()
    }

    /// Counts what waits, for the metrics.
    pub async fn measure(&self) -> Result<(), store::Error> {
        self.count_uses().await?;
        self.parts.metrics.measured(store::backlog::inbound(&self.parts.store).await?);
        Ok(())
    }

    /// Writes down how often posts were believed by tokens that are not their account's own.
    async fn count_uses(&self) -> Result<(), store::Error> {
        let entries = self.parts.directory.current();
        let proofs = entries.handles().flat_map(|handle| &handle.proofs);
        let taken: Vec<_> = proofs.filter_map(|proof| Some((proof, proof.take_uses()?))).collect();
        let told: Vec<_> = taken.iter().map(|(_, uses)| uses.clone()).collect();
        let counted = token::count(&self.parts.store, &told).await;
        if counted.is_err() {
            for (proof, uses) in &taken {
                proof.give_back(uses);
            }
        }
        counted
    }

    /// Forgets webhooks that have been kept long enough.
    pub async fn sweep(&self) -> Result<(), store::Error> {
        let before_ms = self.now_ms() - self.parts.settings.keep.as_ms();
        let (mut walk, mut pace) = (Walk::before(before_ms), Pace::default());
        while inbound::sweep(&self.parts.store, &mut walk).await? {
            pace.rest().await;
        }
        Ok(())
    }
}
