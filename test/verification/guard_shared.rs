//! The guard's levels as all nodes count them, in Redis, and as one does by itself: the same, whatever comes.

use anyhow::{Context as _, ensure};
use switchboard::model::guard::{
    ClientLevels, GuardFigure, GuardOrigin, GuardRatios, GuardRule, GuardThresholds, JudgedSend, VerifiedCounts,
};
use switchboard::model::{ClientId, Millis, VerificationId};
use switchboard::signal::{SharedCounter, SharedLevels};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::Result;
use crate::harness::database::redis;

const BEGIN_MS: Millis = 1_800_000_000_000;
const STEPS: usize = 1_500;

/// Numbers that come in the same order each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Somebody in one of a few places, half of them in one country; of some it is known from where they ask.
    fn origin(&mut self) -> GuardOrigin {
        let (prefix, network) = (self.below(100), self.below(5));
        let countries = ["US", "US", "US", "US", "FR", "DE", "GB", "+883"];
        GuardOrigin {
            country: countries[usize::try_from(prefix % 8).unwrap_or(0)].to_owned(),
            prefix: format!("+{prefix}"),
            number: prefix * 1_000 + self.below(1_000),
            network: (network > 0).then(|| network.to_string()),
        }
    }

    fn thresholds(&mut self) -> GuardThresholds {
        let verified = VerifiedCounts { prefix_day: 40, network_day: 60, ..VerifiedCounts::default() };
        let verified = if self.below(4) == 0 { verified } else { VerifiedCounts::default() };
        GuardThresholds::of(&verified, GuardRatios::default())
    }
}

fn judged(verification: VerificationId, origin: &GuardOrigin, at_ms: Millis) -> JudgedSend<'_> {
    JudgedSend {
        verification,
        origin,
        thresholds: GuardThresholds::of(&VerifiedCounts::default(), GuardRatios::default()),
        is_network_verified: false,
        weight: 1.0,
        is_refused: false,
        at_ms,
    }
}

fn are_same(one: &[GuardFigure], other: &[GuardFigure]) -> bool {
    let is_same = |(one, other): (&GuardFigure, &GuardFigure)| {
        one.rule == other.rule
            && (one.level - other.level).abs() < 1e-3
            && (one.threshold - other.threshold).abs() < 1e-9
    };
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}

async fn shared(stop: &CancellationToken) -> Result<SharedLevels> {
    Ok(SharedLevels::new(SharedCounter::redis(&redis()?, &TaskTracker::new(), stop).await?))
}

/// A random life: sends of all kinds, resends, approvals, cancellations.
#[tokio::test(flavor = "multi_thread")]
async fn the_script_counts_what_a_node_does() -> Result {
    let stop = CancellationToken::new();
    let (shared, client) = (shared(&stop).await?, ClientId::new(BEGIN_MS));
    let (mut own, mut numbers, mut now_ms) = (ClientLevels::default(), Numbers(7), BEGIN_MS);
    let mut made: Vec<(VerificationId, GuardOrigin, Millis)> = Vec::new();
    let mut broken = Vec::new();
    for step in 0..STEPS {
        now_ms += 1 + Millis::try_from(numbers.below(12_000))?;
        let one = numbers.below(made.len().max(1).try_into()?);
        let known = made.get(usize::try_from(one)?).cloned();
        match (numbers.below(10), known) {
            (0, Some((verification, ..))) => {
                own.approve(verification, now_ms);
                shared.approve(client, verification, now_ms).await;
            }
            (1, Some((verification, _, sent_ms))) => {
                own.take_back(verification, &[sent_ms], now_ms);
                shared.take_back(client, verification, &[sent_ms], now_ms).await;
            }
            (what, known) => {
                let again = known.filter(|_| what == 2).map(|(verification, origin, _)| (verification, origin));
                let (verification, origin) = again.unwrap_or_else(|| (VerificationId::new(now_ms), numbers.origin()));
                let send = JudgedSend {
                    thresholds: numbers.thresholds(),
                    is_network_verified: numbers.below(3) == 0,
                    weight: if numbers.below(8) == 0 { 3.0 } else { 1.0 },
                    is_refused: numbers.below(12) == 0,
                    ..judged(verification, &origin, now_ms)
                };
                let judgement = own.judge(&send);
                let answer = shared.judge(client, &send, &[]).await.context("Redis is away")?;
                ensure!(
                    are_same(&judgement.figures, &answer.figures),
                    "step {step}: {:?} is not {:?}",
                    judgement.figures,
                    answer.figures
                );
                let standing = own.standing(&origin, now_ms);
                ensure!(are_same(&standing, &answer.standing), "step {step}: {standing:?} is not {answer:?}");
                let broke = judgement.figures.iter().filter(|figure| figure.level > figure.threshold);
                broken.extend(broke.map(|figure| figure.rule));
                made.push((verification, origin, now_ms));
            }
        }
    }
    for rule in GuardRule::ALL {
        ensure!(broken.contains(&rule), "nothing broke {rule:?}");
    }
    shared.reset(client, None, now_ms).await;
    stop.cancel();
    Ok(())
}

/// A node that has counted before must not bring back what another has emptied.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_emptied_is_empty_for_all_nodes() -> Result {
    let stop = CancellationToken::new();
    let (shared, client) = (shared(&stop).await?, ClientId::new(BEGIN_MS));
    let to = |number| GuardOrigin {
        country: "US".to_owned(),
        prefix: "+1206555".to_owned(),
        number,
        network: Some("192.0.2.7".to_owned()),
    };
    for all in [false, true] {
        let (mut other, at_ms) = (ClientLevels::default(), BEGIN_MS + Millis::from(all));
        for number in [100, 200, 300, 400] {
            let origin = to(number);
            let send = judged(VerificationId::new(at_ms), &origin, at_ms);
            let stood = other.standing(&origin, at_ms);
            other.judge(&send);
            shared.judge(client, &send, &stood).await.context("Redis is away")?;
        }
        let origin = to(900);
        shared.reset(client, Some(&origin).filter(|_| !all), at_ms).await;
        let stood = other.standing(&origin, at_ms);
        ensure!(stood.iter().any(|figure| figure.level > 3.9), "{stood:?}");
        let send = judged(VerificationId::new(at_ms), &origin, at_ms);
        let found = shared.judge(client, &send, &stood).await.context("Redis is away")?;
        ensure!(found.figures.iter().all(|figure| (figure.level - 1.0).abs() < 1e-6), "{found:?}");
    }
    shared.reset(client, None, BEGIN_MS).await;
    stop.cancel();
    Ok(())
}
