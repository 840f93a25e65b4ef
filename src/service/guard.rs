//! The guard against pumping: whether a code goes out, and what is known of whoever asks for it.

mod facts;
mod lists;
mod manage;
mod summary;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

pub use lists::GuardRules;
pub use manage::{GuardRulesChange, GuardStanding, NewSafeListEntry};

pub use crate::model::guard::{GuardExemption, GuardFigure, GuardMode, GuardRatios, GuardRule, SafeKind};
pub use crate::store::guard::VerifiedFact;
pub use crate::store::guard::decision::{GuardDecision, GuardDecisionFilter};
pub use crate::store::guard::list::SafeListEntry;

use self::facts::VerifiedFacts;
use self::lists::GuardLists;
use crate::model::guard::{ClientLevels, GuardJudgement, GuardOrigin, GuardThresholds, JudgedSend, VerifiedCounts};
use crate::model::lock::lock;
use crate::model::{Address, ClientId, Clock, CodeChannel, DurationSetting, GuardDecisionId, Millis, VerificationId};
use crate::service::snapshot::Snapshot;
use crate::signal::SharedLevels;
use crate::store::guard::{AskedNumber, were_verified};
use crate::store::{self, Store};

/// Calls cost more than texts: they count so often.
const CALL_WEIGHT: f64 = 3.0;
/// Decisions that wait to be written; what is beyond is not kept, and the log says so.
const DECISIONS: usize = 100_000;

/// `[guard]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub mode: GuardMode,
    pub ratios: GuardRatios,
    /// Of countries that have their own.
    #[serde(deserialize_with = "lists::countries")]
    pub countries: BTreeMap<String, GuardRatios>,
    /// For how long a number that was verified is never blocked.
    pub remember: DurationSetting,
    /// How long decisions are kept.
    pub keep_decisions: DurationSetting,
}

/// What the guard is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub clock: Clock,
    pub shared: SharedLevels,
}

pub struct Guard {
    parts: Parts,
    lists: Snapshot<GuardLists>,
    levels: Mutex<HashMap<ClientId, ClientLevels>>,
    facts: VerifiedFacts,
    /// Whoever wants a country that is not known waits for the first that reads it; when that has failed last.
    reading: tokio::sync::Mutex<Millis>,
    decisions: Mutex<Vec<GuardDecision>>,
    is_degraded: AtomicBool,
}

/// A code that is about to go out.
#[derive(Clone, Copy, Debug)]
pub struct GuardedSend<'a> {
    pub client: ClientId,
    pub verification: VerificationId,
    pub to: &'a Address,
    /// Where that is, and from where it is asked for.
    pub origin: &'a GuardOrigin,
    /// Of whoever asks for it, where the client says so.
    pub device_ip: Option<IpAddr>,
    pub channel: CodeChannel,
    /// `false`: the caller, who may, wants it not to be checked.
    pub risk_check: bool,
    /// What other than the guard has refused it: it counts as refused, and is written down as that.
    pub refused_by: Option<&'static str>,
    pub at_ms: Millis,
}

impl GuardedSend<'_> {
    fn weight(&self) -> f64 {
        if self.channel == CodeChannel::Call { CALL_WEIGHT } else { 1.0 }
    }
}

/// What the guard says of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardVerdict {
    /// Always, but for what the guard refuses: what others refuse they know themselves.
    pub allowed: bool,
    pub decision: GuardDecisionId,
    /// What it breaks, whether it is refused for it or not.
    pub rule: Option<GuardRule>,
}

impl Guard {
    /// Reads its lists and how its levels stood of late.
    pub async fn open(parts: Parts) -> store::Result<Self> {
        let guard = Self {
            parts,
            lists: Snapshot::default(),
            levels: Mutex::default(),
            facts: VerifiedFacts::default(),
            reading: tokio::sync::Mutex::default(),
            decisions: Mutex::default(),
            is_degraded: AtomicBool::new(false),
        };
        guard.begin().await?;
        Ok(guard)
    }

    /// Decides on a send, counts it, and writes that down within a second. It is asked once for each.
    pub async fn judge(&self, send: &GuardedSend<'_>) -> GuardVerdict {
        let lists = self.lists.current();
        let origin = send.origin;
        let rules = lists.rules(send.client, &self.parts.settings);
        let exemption = if lists.is_safe(send.client, send.to, &origin.country, send.device_ip) {
            Some(GuardExemption::SafeList)
        } else {
            (!send.risk_check).then_some(GuardExemption::RiskCheck)
        };
        let verified = self.verified(send.client, origin, send.at_ms).await;
        let judged = judged(send, &verified, rules.ratios(&origin.country));
        // whoever is let in whatever the levels are does not raise them: a test of load would lock out all others
        let (judgement, is_degraded) = match exemption {
            Some(_) => (self.levels_of(send.client, |levels| levels.look(&judged)), false),
            None => self.count(send.client, &judged).await,
        };
        self.want(send.client, origin, &judgement, send.at_ms);
        let exemption = match (exemption, judgement.rule) {
            // what goes out in any case does not wait for that: it is looked up as it is written down
            (None, Some(_)) if rules.mode == GuardMode::Enforce => {
                self.was_verified(send).await.then_some(GuardExemption::VerifiedBefore)
            }
            (given, _) => given,
        };
        let allowed = judgement.rule.is_none() || exemption.is_some() || rules.mode == GuardMode::RecordOnly;
        let decision = GuardDecisionId::new(send.at_ms);
        self.write_down(GuardDecision {
            id: decision,
            client: send.client,
            verification: send.verification,
            address: send.to.as_str().to_owned(),
            country: origin.country.clone(),
            network: origin.network.clone(),
            channel: send.channel,
            mode: rules.mode,
            is_allowed: allowed && send.refused_by.is_none(),
            rule: judgement.rule,
            exemption,
            refused_by: send.refused_by.map(str::to_owned),
            is_degraded,
            figures: written(judgement.figures),
        });
        GuardVerdict { allowed, decision, rule: judgement.rule }
    }

    /// Whether the safe list has a number, or from where it is asked for: then neither the guard refuses it, nor a
    /// country's permission.
    pub fn is_safe(&self, client: ClientId, to: &Address, origin: &GuardOrigin, device_ip: Option<IpAddr>) -> bool {
        self.lists.current().is_safe(client, to, &origin.country, device_ip)
    }

    /// A verification was approved, and what [`store::guard::verified`] writes has committed.
    pub async fn approved(&self, fact: &VerifiedFact) {
        self.levels_of(fact.client, |levels| levels.approve(fact.verification, fact.at_ms));
        self.facts.add(fact);
        self.parts.shared.approve(fact.client, fact.verification, fact.at_ms).await;
    }

    /// A verification's sends that were judged at these times have not left, and will not: what had left counts.
    pub async fn taken_back(&self, client: ClientId, verification: VerificationId, sent_ms: &[Millis], at_ms: Millis) {
        if sent_ms.is_empty() {
            return;
        }
        self.levels_of(client, |levels| levels.take_back(verification, sent_ms, at_ms));
        self.parts.shared.take_back(client, verification, sent_ms, at_ms).await;
    }

    /// Counts a send with all nodes, or else with this one alone; and whether it was so for want of the others.
    async fn count(&self, client: ClientId, send: &JudgedSend<'_>) -> (GuardJudgement, bool) {
        if !self.parts.shared.is_joined() {
            return (self.levels_of(client, |levels| levels.judge(send)), false);
        }
        let (stood, own) =
            self.levels_of(client, |levels| (levels.standing(send.origin, send.at_ms), levels.judge(send)));
        let Some(shared) = self.parts.shared.judge(client, send, &stood).await else {
            self.is_degraded.store(true, Ordering::Relaxed);
            return (own, true);
        };
        self.is_degraded.store(false, Ordering::Relaxed);
        self.levels_of(client, |levels| levels.adopt(send.origin, &shared.standing, send.at_ms));
        (GuardJudgement::of(shared.figures), false)
    }

    fn levels_of<T>(&self, client: ClientId, work: impl FnOnce(&mut ClientLevels) -> T) -> T {
        work(lock(&self.levels).entry(client).or_default())
    }

    async fn was_verified(&self, send: &GuardedSend<'_>) -> bool {
        let since_ms = send.at_ms.saturating_sub(self.parts.settings.remember.as_ms());
        let asked = AskedNumber { client: send.client, to: send.to.clone(), since_ms, until_ms: Millis::MAX };
        match were_verified(&self.parts.store, &[asked]).await {
            Ok(found) => found == [true],
            Err(error) => {
                // who cannot be known is not refused for it
                tracing::warn!(%error, "could not look whether a number was verified before; it is let through");
                true
            }
        }
    }

    fn write_down(&self, decision: GuardDecision) {
        let mut waiting = lock(&self.decisions);
        if waiting.len() < DECISIONS {
            waiting.push(decision);
        } else {
            tracing::warn!(decision = %decision.id, "too many decisions of the guard wait; one is not kept");
        }
    }
}

fn judged<'a>(send: &GuardedSend<'a>, verified: &VerifiedCounts, ratios: GuardRatios) -> JudgedSend<'a> {
    JudgedSend {
        verification: send.verification,
        origin: send.origin,
        thresholds: GuardThresholds::of(verified, ratios),
        is_network_verified: verified.network_day > 0,
        weight: send.weight(),
        is_refused: send.refused_by.is_some(),
        at_ms: send.at_ms,
    }
}

/// Figures to three places, as they are kept.
fn written(figures: Vec<GuardFigure>) -> String {
    let places = |value: f64| (value * 1000.0).round() / 1000.0;
    let rounded: Vec<GuardFigure> = figures
        .into_iter()
        .map(|GuardFigure { rule, level, threshold }| GuardFigure {
            rule,
            level: places(level),
            threshold: places(threshold),
        })
        .collect();
    serde_json::to_string(&rounded).unwrap_or_default()
}
