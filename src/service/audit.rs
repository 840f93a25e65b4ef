//! What administrators do, written down for good.
//!
//! Whoever changes something for somebody takes an [`AuditContext`], and puts its [`AuditContext::entry`] into the
//! change that does it: what is not written down is not done, and what is done is written down.

use crate::model::{AuditId, Millis};
use crate::service::page;
use crate::store::{self, Store, audit};

pub use crate::store::audit::{AuditEntry, Filter};

/// What a column holds at most, on every engine.
const WHO: usize = 64;
const LONGEST: usize = 60_000;

/// Who does something.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The administrator's key, or that it is the configuration's, or that it is done at the console.
    pub who: String,
    /// From where.
    pub address: Option<String>,
}

/// Writes JSON without secrets.
type AuditView<'a, T> = dyn Fn(&T) -> Option<String> + Send + Sync + 'a;

/// Who does what to a `T`, and how it is written down.
pub struct AuditContext<'a, T> {
    /// `None`: it is not written down.
    by: Option<Actor>,
    action: &'static str,
    show: Box<AuditView<'a, T>>,
}

impl<'a, T> AuditContext<'a, T> {
    /// `action` is such as `client.create`; `show` writes JSON without secrets.
    pub fn new(
        by: Option<Actor>,
        action: &'static str,
        show: impl Fn(&T) -> Option<String> + Send + Sync + 'a,
    ) -> Self {
        Self { by, action, show: Box::new(show) }
    }

    /// What no administrator does.
    pub fn unwritten() -> Self {
        Self::new(None, "", |_| None)
    }

    /// What is written down of it, where it is: the id of what it is done to, and how that was and will be; `None`
    /// where there is nothing.
    pub(super) fn entry(
        &self,
        at_ms: Millis,
        object: impl ToString,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Option<AuditEntry> {
        let by = self.by.as_ref()?;
        let shown = |one: Option<&T>| one.and_then(|one| (self.show)(one)).map(cut);
        Some(AuditEntry {
            id: AuditId::next(at_ms),
            at_ms,
            who: by.who.chars().take(WHO).collect(),
            action: self.action.to_owned(),
            object: object.to_string().chars().take(WHO).collect(),
            before: shown(before),
            after: shown(after),
            address: by.address.clone(),
        })
    }

    /// Writes down what changes nothing here, but is asked of a provider: before it is asked.
    pub(super) async fn write(
        &self,
        store: &Store,
        at_ms: Millis,
        object: impl ToString,
        before: Option<&T>,
    ) -> store::Result<()> {
        let Some(entry) = self.entry(at_ms, object, before, None) else { return Ok(()) };
        store.commit(store::Change::new().audited(Some(entry))).await
    }
}

fn cut(text: String) -> String {
    if text.len() > LONGEST { format!("{{\"bytes\":{}}}", text.len()) } else { text }
}

pub struct AuditLog {
    pub store: Store,
}

impl AuditLog {
    /// Newest first; whether there are more.
    pub async fn list(&self, filter: &Filter, limit: usize) -> store::Result<(Vec<AuditEntry>, bool)> {
        Ok(page(audit::list(&self.store, filter, limit + 1).await?, limit))
    }
}
