//! What the guard made of each send: `sb_guard_decision`.

use serde::Deserialize;

use crate::model::guard::{DAY_MS, GuardExemption, GuardMode, GuardRule};
use crate::model::{ClientId, CodeChannel, GuardDecisionId, Millis, VerificationId};
use crate::store::engine::{SqlConditions, at_most, below};
use crate::store::sweep::RetentionCursor;
use crate::store::{Change, Result, Store, Value, params};

/// A decision, which is kept whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GuardDecision {
    pub id: GuardDecisionId,
    pub client: ClientId,
    pub verification: VerificationId,
    pub address: String,
    pub country: String,
    pub network: Option<String>,
    pub channel: CodeChannel,
    pub mode: GuardMode,
    pub is_allowed: bool,
    /// What it broke.
    pub rule: Option<GuardRule>,
    /// Why it went out all the same.
    pub exemption: Option<GuardExemption>,
    /// What other than the guard refused it.
    pub refused_by: Option<String>,
    /// Decided without the other nodes.
    pub is_degraded: bool,
    /// Levels and thresholds, in JSON.
    pub figures: String,
}

/// The fields of [`GuardDecision`].
const COLUMNS: &str = "id, client_id, verification_id, address, country, network, channel, mode, is_allowed, rule_name, \
                       exemption, refused_by, is_degraded, figures";

impl GuardDecision {
    fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.client,
            self.verification,
            self.address.as_str(),
            self.country.as_str(),
            self.network.clone(),
            self.channel.name(),
            self.mode.name(),
            self.is_allowed,
            self.rule.map(GuardRule::name),
            self.exemption.map(GuardExemption::name),
            self.refused_by.clone(),
            self.is_degraded,
            self.figures.as_str(),
        ]
    }
}

/// Writes them in one commit.
pub async fn insert(store: &Store, decisions: &[GuardDecision]) -> Result<()> {
    let into = format!("INSERT INTO sb_guard_decision ({COLUMNS})");
    let rows = decisions.iter().map(GuardDecision::values).collect();
    let Some(last) = decisions.last() else { return Ok(()) };
    store.commit_once(Change::new().insert(&into, rows).settled_by_id("sb_guard_decision", last.id)).await
}

/// Which decisions a list holds.
#[derive(Clone, Debug, Default)]
pub struct GuardDecisionFilter {
    /// Of this client; `None`: of all.
    pub client: Option<ClientId>,
    pub verification: Option<VerificationId>,
    pub rule: Option<GuardRule>,
    pub is_allowed: Option<bool>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
    pub after: Option<GuardDecisionId>,
}

/// Newest first.
pub async fn list(store: &Store, filter: &GuardDecisionFilter, limit: usize) -> Result<Vec<GuardDecision>> {
    // ids are in the order of time
    let end = filter.before_ms.map(GuardDecisionId::first_of);
    // those of a verification are no older than it is, and it lives a day at most
    let of_one = filter.verification.map(|one| one.made_ms());
    let over = of_one.map(|made_ms| GuardDecisionId::first_of(made_ms.saturating_add(2 * DAY_MS)));
    let (sql, params) = SqlConditions::of("id < ?", vec![below([filter.after, end, over].into_iter().flatten().min())])
        .and_some("id >= ?", filter.from_ms.max(of_one).map(GuardDecisionId::first_of))
        .and_some("client_id = ?", filter.client)
        .and_some("verification_id = ?", filter.verification)
        .and_some("rule_name = ?", filter.rule.map(GuardRule::name))
        .and_some("is_allowed = ?", filter.is_allowed)
        .page(&format!("SELECT {COLUMNS} FROM sb_guard_decision"), "ORDER BY id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

/// The last ones since a time, the oldest of them first: at most so many.
pub async fn since(store: &Store, since_ms: Millis, limit: usize) -> Result<Vec<GuardDecision>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_guard_decision WHERE id >= ? ORDER BY id DESC LIMIT ?");
    let params = params![GuardDecisionId::first_of(since_ms), at_most(limit)];
    let mut found: Vec<GuardDecision> = store.all(sql, params).await?;
    found.reverse();
    Ok(found)
}

/// Old decisions, removed batch by batch.
#[derive(Debug)]
pub struct OldDecisions(RetentionCursor);

impl OldDecisions {
    pub fn before(before_ms: Millis) -> Self {
        Self(RetentionCursor::before(before_ms))
    }

    /// Removes a batch; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id FROM sb_guard_decision WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.0.go_on(store, find).await?;
        let keys = passed.rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
        if !keys.is_empty() {
            store.commit(Change::new().any("DELETE FROM sb_guard_decision WHERE id IN ({})", &[], &keys)).await?;
        }
        Ok(passed.may_be_more)
    }
}
