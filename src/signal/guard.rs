//! The guard's levels as all nodes count them together, in Redis: one script judges by all rules, and counts.

use redis::Cmd;

use super::SharedCounter;
use crate::model::guard::{GuardFigure, GuardOrigin, GuardRule, GuardThresholds, JudgedSend};
use crate::model::{ClientId, Millis, VerificationId};

const SCRIPT: &str = include_str!("guard.lua");
const NAMES: &str = "switchboard:guard:";

/// Levels that all nodes share; by itself a node shares none.
#[derive(Clone, Default)]
pub struct SharedLevels(SharedCounter);

/// What the script says of a send.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedJudgement {
    /// The level with the send, by each rule.
    pub figures: Vec<GuardFigure>,
    /// Where the levels stand behind it.
    pub standing: Vec<GuardFigure>,
}

/// The rules that have a bucket, in the order in which the script takes and gives them.
const BUCKETS: [GuardRule; 5] = [
    GuardRule::PrefixDay,
    GuardRule::AddressDay,
    GuardRule::AddressHour,
    GuardRule::CountryDay,
    GuardRule::CountryHour,
];

/// How many figures there are.
const FIGURES: usize = GuardRule::ALL.len();

fn thresholds(of: GuardThresholds) -> [f64; 5] {
    [of.prefix_day, of.network_day, of.network_hour, of.country_day, of.country_hour]
}

/// Above how many countries an address breaks its rule.
const COUNTRIES: f64 = 3.0;

impl SharedLevels {
    pub fn new(counter: SharedCounter) -> Self {
        Self(counter)
    }

    /// Whether there are, or may be, other nodes.
    pub fn is_joined(&self) -> bool {
        self.0.is_joined()
    }

    /// Judges a send and counts it. `stood`: where this node knows the levels to have stood, which holds where Redis
    /// knows nothing. `None`: each node counts for itself now.
    pub async fn judge(
        &self,
        client: ClientId,
        send: &JudgedSend<'_>,
        stood: &[GuardFigure],
    ) -> Option<SharedJudgement> {
        let limits = thresholds(send.thresholds);
        let GuardOrigin { country, prefix, number, network } = send.origin;
        let mut command = command(client, "judge", send.verification, send.at_ms);
        command.arg(country).arg(prefix).arg(network.as_deref().unwrap_or_default()).arg(*number);
        command.arg(send.weight).arg(u8::from(send.is_refused)).arg(u8::from(send.is_network_verified));
        command.arg(&limits[..]);
        for rule in BUCKETS {
            command.arg(stood.iter().find(|figure| figure.rule == rule).map_or(-1.0, |figure| figure.level));
        }
        let answer: Vec<String> = self.0.ask(&command).await?;
        read(&answer, limits)
    }

    /// A verification was approved.
    pub async fn approve(&self, client: ClientId, verification: VerificationId, at_ms: Millis) {
        self.tell(&command(client, "approve", verification, at_ms)).await;
    }

    /// The sends of a verification that were judged at these times are taken back.
    pub async fn take_back(&self, client: ClientId, verification: VerificationId, sent_ms: &[Millis], at_ms: Millis) {
        let mut command = command(client, "take_back", verification, at_ms);
        command.arg(sent_ms);
        self.tell(&command).await;
    }

    /// Empties a client's levels: all, or those that a number counts in.
    pub async fn reset(&self, client: ClientId, origin: Option<&GuardOrigin>, at_ms: Millis) {
        let mut command = command(client, "empty", VerificationId::first_of(0), at_ms);
        if let Some(GuardOrigin { country, prefix, network, .. }) = origin {
            command.arg(country).arg(prefix).arg(network.as_deref().unwrap_or_default());
        }
        self.tell(&command).await;
    }

    async fn tell(&self, command: &Cmd) {
        if self.is_joined() {
            // who is away hears nothing: each node has taken it out of its own
            self.0.ask::<Vec<String>>(command).await;
        }
    }
}

fn command(client: ClientId, what: &str, verification: VerificationId, at_ms: Millis) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(SCRIPT).arg(0).arg(format!("{NAMES}{}:", client.hex()));
    command.arg(what).arg(at_ms).arg(verification.hex());
    command
}

fn read(answer: &[String], limits: [f64; 5]) -> Option<SharedJudgement> {
    let levels = answer.iter().map(|text| text.parse::<f64>().ok()).collect::<Option<Vec<f64>>>()?;
    let (figures, standing) = levels.split_at_checked(FIGURES)?;
    let threshold_of = |rule: GuardRule| {
        BUCKETS.iter().position(|known| *known == rule).and_then(|at| limits.get(at).copied()).unwrap_or(COUNTRIES)
    };
    // what is below nothing is not there
    let figure = |(rule, level): (&GuardRule, &f64)| {
        (*level >= 0.0).then(|| GuardFigure { rule: *rule, level: *level, threshold: threshold_of(*rule) })
    };
    Some(SharedJudgement {
        figures: GuardRule::ALL.iter().zip(figures).filter_map(figure).collect(),
        standing: BUCKETS.iter().zip(standing).filter_map(figure).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_answers_is_read_by_rule() {
        let limits = [5.0, 10.0, 5.0, 20.0, 10.0];
        let answer = |levels: [f64; 11]| levels.map(|level| format!("{level:.6}"));
        let all = read(&answer([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 1.0, 2.0, 3.0, 4.0]), limits);
        let all = all.map(|judged| {
            let rules: Vec<_> = judged.figures.iter().map(|figure| (figure.rule, figure.threshold)).collect();
            (rules, judged.standing.len())
        });
        let rules = [
            (GuardRule::PrefixDay, 5.0),
            (GuardRule::AddressDay, 10.0),
            (GuardRule::AddressHour, 5.0),
            (GuardRule::AddressCountries, 3.0),
            (GuardRule::CountryDay, 20.0),
            (GuardRule::CountryHour, 10.0),
        ];
        assert_eq!(all, Some((rules.to_vec(), 5)));
        let alone = read(&answer([1.0, -1.0, -1.0, -1.0, 5.0, 6.0, 0.0, -1.0, -1.0, 3.0, 4.0]), limits);
        assert_eq!(alone.map(|judged| (judged.figures.len(), judged.standing.len())), Some((3, 3)));
        assert_eq!(read(&["x".to_owned()], limits), None);
    }
}
