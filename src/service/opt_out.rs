//! Who wants nothing from which number, on which channel: the ledger, the keywords and their replies, administration.

mod administer;
mod keyword;
mod ledger;

use std::sync::Arc;

pub use administer::{OptOutEntry, OptOutFilter};
pub use keyword::{PersonText, Settings};

use crate::model::{Clock, Keywords};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::message::Messages;
use crate::store::Store;
use crate::store::outbox::LaneKeyHasher;

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    pub clock: Clock,
    pub lanes: LaneKeyHasher,
    /// What waits is taken back here, and keywords are answered by it.
    pub messages: Arc<Messages>,
}

pub struct OptOuts {
    parts: Parts,
    keywords: Keywords,
}

impl OptOuts {
    pub fn new(parts: Parts) -> Self {
        let keywords = parts.settings.keywords();
        Self { parts, keywords }
    }
}
