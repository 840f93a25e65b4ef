//! How the guard's settings, decisions and thresholds are written in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::openapi;
use crate::model::{CodeChannel, rfc3339};
use crate::service::guard::{
    GuardDecision, GuardExemption, GuardFigure, GuardMode, GuardRatios, GuardRule, GuardRules, GuardStanding,
};

fn modes() -> openapi::SchemaOrRef {
    openapi::one_of(GuardMode::ALL.map(GuardMode::name))
}

pub(super) fn rule_names() -> openapi::SchemaOrRef {
    openapi::one_of(GuardRule::ALL.map(GuardRule::name))
}

fn channels() -> openapi::SchemaOrRef {
    openapi::one_of(CodeChannel::ALL.map(CodeChannel::name))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGuardRatios)]
pub(super) struct GuardRatiosIn {
    /// From 0 to 10, as `hour`.
    #[schema(example = 0.3)]
    day: f64,
    #[schema(example = 0.2)]
    hour: f64,
}

impl From<GuardRatiosIn> for GuardRatios {
    fn from(given: GuardRatiosIn) -> Self {
        Self { day: given.day, hour: given.hour }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GuardChange)]
pub(super) struct GuardRulesIn {
    /// `record_only`: everything goes out, and what would have been refused is written down. `enforce`: it is refused.
    #[schema(schema_with = modes)]
    pub(super) mode: Option<String>,
    /// How many may stand unverified for each that was verified.
    pub(super) ratios: Option<GuardRatiosIn>,
    /// The same of countries that have their own, by two letters or, behind a plus, their calling code; in the place of
    /// those that are there.
    pub(super) countries: Option<BTreeMap<String, GuardRatiosIn>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GuardRatios)]
pub(super) struct GuardRatiosOut {
    day: f64,
    hour: f64,
}

impl From<GuardRatios> for GuardRatiosOut {
    fn from(ratios: GuardRatios) -> Self {
        Self { day: ratios.day, hour: ratios.hour }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Guard)]
pub(super) struct GuardRulesOut {
    #[schema(schema_with = modes)]
    mode: &'static str,
    ratios: GuardRatiosOut,
    countries: BTreeMap<String, GuardRatiosOut>,
}

pub(super) fn rules_out(rules: &GuardRules) -> GuardRulesOut {
    GuardRulesOut {
        mode: rules.mode.name(),
        ratios: rules.ratios.into(),
        countries: rules.countries.iter().map(|(name, ratios)| (name.clone(), (*ratios).into())).collect(),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = GuardFigure)]
pub(super) struct GuardFigureOut {
    #[schema(schema_with = rule_names)]
    rule: &'static str,
    /// With the send.
    level: f64,
    /// Above this the rule is broken.
    threshold: f64,
}

fn figure_out(figure: &GuardFigure) -> GuardFigureOut {
    GuardFigureOut { rule: figure.rule.name(), level: figure.level, threshold: figure.threshold }
}

#[derive(Serialize, ToSchema)]
#[schema(as = GuardDecision)]
pub(super) struct GuardDecisionOut {
    id: String,
    at: String,
    client_id: String,
    verification_id: String,
    to: String,
    /// Two letters, or behind a plus the calling code of a number of which no region is known.
    country: String,
    /// From where the code was asked for: an address, or an IPv6 /64.
    network: Option<String>,
    #[schema(schema_with = channels)]
    channel: &'static str,
    /// In force then.
    #[schema(schema_with = modes)]
    mode: &'static str,
    /// Whether it went out, as far as was decided here.
    allowed: bool,
    /// The first rule that it broke.
    #[schema(value_type = Option<String>)]
    rule: Option<&'static str>,
    /// Why it went out whatever the levels were: `verified_before`, `safe_list` or `risk_check`.
    #[schema(value_type = Option<String>)]
    exemption: Option<&'static str>,
    /// What other than the guard refused it.
    refused_by: Option<String>,
    /// Decided without the other nodes, as Redis was away.
    degraded: bool,
    figures: Vec<GuardFigureOut>,
}

pub(super) fn decision_out(decision: GuardDecision) -> GuardDecisionOut {
    let figures: Vec<GuardFigure> = serde_json::from_str(&decision.figures).unwrap_or_default();
    GuardDecisionOut {
        id: decision.id.to_string(),
        at: rfc3339(decision.id.made_ms()),
        client_id: decision.client.to_string(),
        verification_id: decision.verification.to_string(),
        to: decision.address,
        country: decision.country,
        network: decision.network,
        channel: decision.channel.name(),
        mode: decision.mode.name(),
        allowed: decision.is_allowed,
        rule: decision.rule.map(GuardRule::name),
        exemption: decision.exemption.map(GuardExemption::name),
        refused_by: decision.refused_by,
        degraded: decision.is_degraded,
        figures: figures.iter().map(figure_out).collect(),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = GuardThresholds)]
pub(super) struct GuardStandingOut {
    country: String,
    prefix: String,
    network: Option<String>,
    /// Whether the safe list has it: then it is not blocked.
    is_safe: bool,
    /// What one more text would break.
    #[schema(value_type = Option<String>)]
    rule: Option<&'static str>,
    figures: Vec<GuardFigureOut>,
    /// Whether this node decides without the others now, as Redis is away.
    degraded: bool,
}

pub(super) fn standing_out(standing: GuardStanding, degraded: bool) -> GuardStandingOut {
    GuardStandingOut {
        country: standing.country,
        prefix: standing.prefix,
        network: standing.network,
        is_safe: standing.is_safe,
        rule: standing.rule.map(GuardRule::name),
        figures: standing.figures.iter().map(figure_out).collect(),
        degraded,
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GuardReset)]
pub(super) struct GuardResetIn {
    /// Only the levels that this number counts in: its prefix's and its country's.
    #[schema(example = "+12065550110")]
    pub(super) to: Option<String>,
    /// With `to`: this address's too.
    pub(super) device_ip: Option<String>,
}
