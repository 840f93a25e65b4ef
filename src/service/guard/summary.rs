//! What the guard writes down by time, and reads at its start.

use std::collections::{HashMap, HashSet};

use super::{CALL_WEIGHT, Guard, GuardExemption, GuardMode};
use crate::model::guard::{DAY_MS, GuardOrigin, GuardThresholds, JudgedSend, VerifiedCounts};
use crate::model::lock::lock;
use crate::model::{Address, ClientId, CodeChannel, Millis, VerificationId};
use crate::store;
use crate::store::guard::decision::{self, GuardDecision, OldDecisions};
use crate::store::guard::{AskedNumber, OldVerified, VerifiedColumn, approved_of, level, were_verified};
use crate::store::version::{self, CachedDataset};

/// Decisions in one commit.
const BATCH: usize = 2_000;
/// Sends of the last day that are remembered at a start.
const RECALLED: usize = 50_000;
/// A day of UTC that counts may be as old as this; a number is remembered as long as that at least.
const LEAST_MS: Millis = 16 * DAY_MS;

impl Guard {
    pub(super) async fn begin(&self) -> store::Result<()> {
        let (store, now_ms) = (&self.parts.store, self.parts.clock.now_ms());
        version::begin(store, CachedDataset::Guard).await?;
        self.refresh().await?;
        {
            let stored = level::all(store, now_ms).await?;
            let mut levels = lock(&self.levels);
            for part in &stored {
                levels.entry(part.client).or_default().restore(&part.name, &part.body);
                // their thresholds are those of what was verified, from the first send on
                match part.name.split_once(':') {
                    Some(("p", prefix)) => self.want_of(part.client, VerifiedColumn::Prefix, prefix, now_ms, true),
                    Some(("n", network)) => self.want_of(part.client, VerifiedColumn::Network, network, now_ms, true),
                    _ => {}
                }
            }
        }
        self.recall(now_ms).await?;
        self.read_wanted(now_ms).await
    }

    /// The sends of the last day that are not approved: an approval to come takes them out.
    async fn recall(&self, now_ms: Millis) -> store::Result<()> {
        let decisions = decision::since(&self.parts.store, now_ms.saturating_sub(DAY_MS), RECALLED).await?;
        let verifications: HashSet<VerificationId> = decisions.iter().map(|one| one.verification).collect();
        let verifications: Vec<VerificationId> = verifications.into_iter().collect();
        let approved = approved_of(&self.parts.store, &verifications).await?;
        let approved: HashSet<VerificationId> = approved.into_iter().collect();
        let uncounted = [Some(GuardExemption::SafeList), Some(GuardExemption::RiskCheck)];
        let mut levels = lock(&self.levels);
        for decision in decisions {
            if approved.contains(&decision.verification) || uncounted.contains(&decision.exemption) {
                continue;
            }
            let to = Address::stored(decision.address);
            let origin = GuardOrigin::known(&to, decision.country, decision.network);
            let send = JudgedSend {
                verification: decision.verification,
                origin: &origin,
                thresholds: GuardThresholds::of(&VerifiedCounts::default(), super::GuardRatios::default()),
                is_network_verified: false,
                weight: if decision.channel == CodeChannel::Call { CALL_WEIGHT } else { 1.0 },
                is_refused: decision.rule.is_some() || decision.refused_by.is_some(),
                at_ms: decision.id.made_ms(),
            };
            levels.entry(decision.client).or_default().recall(&send, now_ms);
        }
        Ok(())
    }

    /// Writes the decisions down that wait, and reads what thresholds want: every second.
    pub async fn write_decisions(&self) -> store::Result<()> {
        let mut waiting = std::mem::take(&mut *lock(&self.decisions));
        let mut written = 0;
        while written < waiting.len() {
            let end = waiting.len().min(written + BATCH);
            let done = self.write_some(&mut waiting[written..end]).await;
            if let Err(error) = done {
                // in their order, before what has come since
                let left = waiting.split_off(written);
                let mut waiting = lock(&self.decisions);
                let since = std::mem::take(&mut *waiting);
                *waiting = left.into_iter().chain(since).collect();
                return Err(error);
            }
            written = end;
        }
        self.read_wanted(self.parts.clock.now_ms()).await
    }

    /// Writes some decisions down, those that did not wait for it with whether their number was verified before.
    async fn write_some(&self, some: &mut [GuardDecision]) -> store::Result<()> {
        let did_not_wait = |one: &&mut GuardDecision| {
            one.mode == GuardMode::RecordOnly && one.rule.is_some() && one.exemption.is_none()
        };
        let mut unknown: Vec<&mut GuardDecision> = some.iter_mut().filter(did_not_wait).collect();
        let asked = |one: &&mut GuardDecision| {
            let until_ms = one.id.made_ms();
            let since_ms = until_ms.saturating_sub(self.parts.settings.remember.as_ms());
            AskedNumber { client: one.client, to: Address::stored(one.address.as_str()), since_ms, until_ms }
        };
        let asked: Vec<AskedNumber> = unknown.iter().map(asked).collect();
        let known = were_verified(&self.parts.store, &asked).await?;
        for (one, was_verified) in unknown.iter_mut().zip(known) {
            one.exemption = was_verified.then_some(GuardExemption::VerifiedBefore);
        }
        decision::insert(&self.parts.store, some).await
    }

    /// Writes down how the levels stand, as far as they have changed: every ten seconds.
    pub async fn write_levels(&self) -> store::Result<()> {
        let now_ms = self.parts.clock.now_ms();
        let changed: HashMap<ClientId, _> = {
            let mut levels = lock(&self.levels);
            levels.iter_mut().map(|(client, levels)| (*client, levels.changed_parts())).collect()
        };
        for (client, parts) in changed {
            // what cannot be written is written when it has changed again: a level is soon another anyway
            level::write(&self.parts.store, client, &parts).await?;
        }
        for levels in lock(&self.levels).values_mut() {
            levels.tidy(now_ms);
        }
        Ok(())
    }

    /// Writes down what it has, as the node stops.
    pub async fn close(&self) {
        if let Err(error) = self.write_decisions().await {
            tracing::warn!(%error, "could not write down the guard's last decisions");
        }
        if let Err(error) = self.write_levels().await {
            tracing::warn!(%error, "could not write down the guard's levels");
        }
    }

    /// Removes what has served.
    pub async fn sweep(&self) -> store::Result<()> {
        let (store, now_ms) = (&self.parts.store, self.parts.clock.now_ms());
        let settings = &self.parts.settings;
        let mut decisions = OldDecisions::before(now_ms.saturating_sub(settings.keep_decisions.as_ms()));
        while decisions.remove(store).await? {}
        let mut verified = OldVerified::before(now_ms.saturating_sub(settings.remember.as_ms().max(LEAST_MS)));
        while verified.remove(store).await? {}
        level::sweep(store, now_ms).await
    }
}
