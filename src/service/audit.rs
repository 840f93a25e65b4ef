//! What administrators do, written down for good.

use crate::model::{AuditId, Clock};
use crate::service::page;
use crate::store::{self, Store, audit};

pub use crate::store::audit::{Entry, Filter};

/// What a column holds at most, on every engine.
const WHO: usize = 64;
const LONGEST: usize = 60_000;

/// What somebody has done.
#[derive(Clone, Debug)]
pub struct Did {
    /// The administrator's key, or that it was the configuration's.
    pub who: String,
    /// Such as `client.create`.
    pub action: &'static str,
    /// The id of what it was done to.
    pub object: String,
    /// JSON without secrets.
    pub before: Option<String>,
    pub after: Option<String>,
    /// From where.
    pub address: Option<String>,
}

pub struct Audit {
    pub store: Store,
    pub clock: Clock,
}

impl Audit {
    /// Writes down what was done.
    pub async fn record(&self, did: Did) -> Result<(), store::Error> {
        let at_ms = self.clock.now_ms();
        let cut = |text: Option<String>| {
            text.map(|text| if text.len() > LONGEST { format!("{{\"bytes\":{}}}", text.len()) } else { text })
        };
        let entry = Entry {
            id: AuditId::new(at_ms),
            at_ms,
            who: did.who.chars().take(WHO).collect(),
            action: did.action.to_owned(),
            object: did.object.chars().take(WHO).collect(),
            before: cut(did.before),
            after: cut(did.after),
            address: did.address,
        };
        let written = audit::insert(&self.store, &entry).await;
        if let Err(error) = &written {
            let Entry { who, action, object, .. } = &entry;
            tracing::error!(%error, who, action, object, "what was done is not in the audit log");
        }
        written
    }

    /// Newest first; whether there are more.
    pub async fn list(&self, filter: &Filter, limit: usize) -> Result<(Vec<Entry>, bool), store::Error> {
        Ok(page(audit::list(&self.store, filter, limit + 1).await?, limit))
    }
}
