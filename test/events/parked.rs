//! Deliveries whose turn is long in coming: no claim passes over them, and none is left when it comes. The store alone, at
//! times of our own.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use switchboard::model::event::EventType;
use switchboard::model::{ClientId, EndpointId, EventId, Millis};
use switchboard::store::delivery::{
    DeliveryOutcome, DeliveryState, EndpointHealthChange, FinishedDelivery, LeasedDelivery, add, behind, claim, list,
    record, release_overlooked, replay,
};
use switchboard::store::endpoint::{self, Endpoint};
use switchboard::store::event::{EventSequenceSource, EventTarget, NewEvent, PendingEvents};
use switchboard::store::lease::{Lease, LeaseOwner};
use switchboard::store::version::{CachedDataset, begin};
use switchboard::store::{Change, Store};

use crate::harness::server::Home;
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;

const NOW_MS: Millis = 1_900_000_000_000;
const HOUR_MS: Millis = 3_600_000;
/// Longer than a delivery may be due before it is parked.
const SOON_MS: Millis = 2_000;
const OBJECT: [u8; 16] = [7; 16];

/// An ordered endpoint, and nobody who posts.
struct Scene {
    home: Arc<Home>,
    store: Store,
    endpoint: EndpointId,
    owner: LeaseOwner,
}

impl Scene {
    async fn new(layout: Layout) -> Result<Self> {
        let home = Builder::new(layout).await?.home();
        let store = home.databases.store()?;
        store.migrate().await?;
        begin(&store, CachedDataset::Endpoints).await?;
        let scene = Self { home, store, endpoint: EndpointId::new(NOW_MS), owner: LeaseOwner::generate() };
        let made = Endpoint {
            id: scene.endpoint,
            url: "http://127.0.0.1/".to_owned(),
            description: String::new(),
            patterns: vec!["*".parse()?],
            is_ordered: true,
            is_enabled: true,
            reason: None,
            failing_since_ms: None,
            previous_until_ms: None,
            created_ms: NOW_MS,
            changed_ms: NOW_MS,
        };
        endpoint::insert(&scene.store, ClientId::OPERATOR, &made, vec![1], None).await?;
        Ok(scene)
    }

    /// Events of one object with these places, due at that time.
    async fn tell(
        &self,
        object: [u8; 16],
        places: std::ops::RangeInclusive<i64>,
        at_ms: Millis,
    ) -> Result<Vec<EventId>> {
        let orders = places.map(|sequence| EventSequenceSource::Known { object, sequence }).collect();
        self.tell_in(orders, at_ms).await
    }

    async fn tell_in(&self, orders: Vec<EventSequenceSource>, at_ms: Millis) -> Result<Vec<EventId>> {
        let new = |order: EventSequenceSource| NewEvent {
            id: EventId::new(at_ms),
            client: ClientId::OPERATOR,
            kind: EventType::EndpointTest,
            payload: "{}".to_owned(),
            message: None,
            order,
            ordered: vec![self.endpoint],
            created_ms: at_ms,
        };
        let events: Vec<NewEvent> = orders.into_iter().map(new).collect();
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let targets = ids.iter().map(|id| (*id, EventTarget::Endpoint(self.endpoint))).collect();
        self.store.commit(add(Change::new(), &PendingEvents { new: events, targets }, at_ms)).await?;
        Ok(ids)
    }

    async fn claim(&self, at_ms: Millis, limit: i64) -> Result<Vec<LeasedDelivery>> {
        let lease = Lease { owner: &self.owner, now_ms: at_ms, until_ms: at_ms + 12_000 };
        Ok(claim(&self.store, lease, &[], limit).await?)
    }

    /// Claims one, which must be this.
    async fn claim_only(&self, at_ms: Millis, wanted: EventId) -> Result<LeasedDelivery> {
        let mut claimed = self.claim(at_ms, 64).await?;
        let ids: Vec<EventId> = claimed.iter().map(|one| one.held.event).collect();
        ensure!(ids == [wanted], "{ids:?}, not {wanted}");
        claimed.pop().context("one")
    }

    async fn record(&self, claimed: &LeasedDelivery, outcome: DeliveryOutcome, at_ms: Millis) -> Result {
        let done = FinishedDelivery { held: claimed.held, outcome, health: EndpointHealthChange::Unchanged };
        Ok(record(&self.store, &self.owner, &[done], at_ms).await?)
    }

    /// The first of them fails and waits for an hour, and those behind it are parked.
    async fn hold(&self, ids: &[EventId]) -> Result {
        let first = self.claim_only(NOW_MS, *ids.first().context("a first")?).await?;
        self.record(&first, later(NOW_MS + HOUR_MS), NOW_MS).await?;
        ensure!(self.claim(NOW_MS + SOON_MS, 64).await?.is_empty(), "it is nobody's turn");
        ensure!(self.parked().await? == ids.len() - 1, "those behind it are parked");
        Ok(())
    }

    async fn parked(&self) -> Result<usize> {
        let sql = "SELECT event_id FROM sb_delivery WHERE ready_ms >= 4611686018427387904";
        Ok(self.store.query(sql, Vec::new()).await?.len())
    }

    async fn seen(&self) -> Result<Endpoint> {
        endpoint::find(&self.store, ClientId::OPERATOR, self.endpoint).await?.context("an endpoint")
    }
}

fn later(at_ms: Millis) -> DeliveryOutcome {
    DeliveryOutcome::Later { at_ms, status: Some(500), reason: "500".to_owned() }
}

fn delivered() -> DeliveryOutcome {
    DeliveryOutcome::Delivered { status: 200 }
}

fn over(state: DeliveryState) -> DeliveryOutcome {
    DeliveryOutcome::Over { state, status: None, reason: "over".to_owned() }
}

async fn those_behind_are_parked_and_go_one_after_the_other(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    let mut ids = scene.tell(OBJECT, 1..=5, NOW_MS).await?;
    let first = scene.claim_only(NOW_MS, ids[0]).await?;
    scene.record(&first, later(NOW_MS + HOUR_MS), NOW_MS).await?;
    ensure!(scene.claim(NOW_MS + 500, 64).await?.is_empty());
    ensure!(scene.parked().await? == 0, "they are young");
    ensure!(scene.claim(NOW_MS + SOON_MS, 64).await?.is_empty());
    ensure!(scene.parked().await? == 4);
    ids.extend(scene.tell(OBJECT, 6..=6, NOW_MS + SOON_MS).await?);
    ensure!(scene.claim(NOW_MS + 2 * SOON_MS, 64).await?.is_empty());
    ensure!(scene.parked().await? == 5);
    // its lease is given back once: nobody goes
    let at_ms = NOW_MS + HOUR_MS;
    let first = scene.claim_only(at_ms, ids[0]).await?;
    scene.record(&first, DeliveryOutcome::Released { at_ms }, at_ms).await?;
    ensure!(scene.parked().await? == 5);
    let ends = [
        delivered(),
        over(DeliveryState::Exhausted),
        over(DeliveryState::Dropped),
        delivered(),
        delivered(),
        delivered(),
    ];
    for (n, (id, end)) in ids.iter().zip(ends).enumerate() {
        let one = scene.claim_only(at_ms + 1, *id).await?;
        scene.record(&one, end, at_ms + 1).await?;
        ensure!(scene.parked().await? == 4_usize.saturating_sub(n), "it releases the next");
    }
    let turns = scene.store.query("SELECT event_id FROM sb_delivery_turn", Vec::new()).await?;
    ensure!(turns.is_empty(), "{turns:?}");
    Ok(())
}

async fn many_that_may_not_go_keep_nobody_waiting(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    scene.tell(OBJECT, 1..=700, NOW_MS).await?;
    let first = scene.claim(NOW_MS, 1).await?.pop().context("the first")?;
    scene.record(&first, later(NOW_MS + HOUR_MS), NOW_MS).await?;
    // due after all of them
    let others = scene.tell_in(vec![EventSequenceSource::Alone; 3], NOW_MS + 1).await?;
    let claimed = scene.claim(NOW_MS + SOON_MS, 2).await?;
    ensure!(claimed.len() == 2 && claimed.iter().all(|one| others.contains(&one.held.event)), "{claimed:?}");
    ensure!(scene.parked().await? == 699, "each was come by once");
    Ok(())
}

/// The endpoint takes turns no more: it is told in any order, or of nothing.
async fn stop(scene: &Scene, way: usize, at_ms: Millis) -> Result<bool> {
    let seen = scene.seen().await?;
    Ok(match way {
        0 => {
            let to = Endpoint { is_ordered: false, changed_ms: at_ms, ..seen.clone() };
            endpoint::update(&scene.store, ClientId::OPERATOR, &seen, &to, None).await?;
            true
        }
        1 => endpoint::disable(&scene.store, scene.endpoint, seen.changed_ms, "x", at_ms).await?,
        _ => endpoint::delete(&scene.store, ClientId::OPERATOR, scene.endpoint, at_ms, None).await?,
    })
}

async fn one_who_stops_taking_turns_releases_all(layout: Layout) -> Result {
    for way in 0..3 {
        let scene = Scene::new(layout).await?;
        let ids = scene.tell(OBJECT, 1..=4, NOW_MS).await?;
        scene.hold(&ids).await?;
        let at_ms = NOW_MS + 2 * SOON_MS;
        ensure!(stop(&scene, way, at_ms).await?, "{way}");
        let claimed = scene.claim(at_ms, 64).await?;
        ensure!(claimed.len() == 3 && scene.parked().await? == 0, "{way}: {claimed:?}");
    }
    Ok(())
}

/// An embedded store whose rows of a table cannot be changed, until that is undone.
async fn halt(scene: &Scene, table: &str) -> Result {
    let sql = format!("CREATE TRIGGER halt BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'halt'); END");
    Ok(scene.store.commit(Change::new().run(sql, Vec::new())).await?)
}

async fn go_on(scene: &Scene) -> Result {
    Ok(scene.store.commit(Change::new().run("DROP TRIGGER halt", Vec::new())).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_ends_though_what_waits_for_it_cannot_be_released() -> Result {
    for way in 0..3 {
        let scene = Scene::new(Layout::SqliteShared).await?;
        let ids = scene.tell(OBJECT, 1..=4, NOW_MS).await?;
        scene.hold(&ids).await?;
        halt(&scene, "sb_delivery").await?;
        ensure!(stop(&scene, way, NOW_MS + 2 * SOON_MS).await?, "{way}");
        let seen = endpoint::find(&scene.store, ClientId::OPERATOR, scene.endpoint).await?;
        ensure!(seen.is_none_or(|seen| !seen.is_enabled || !seen.is_ordered), "{way}");
        go_on(&scene).await?;
        ensure!(scene.parked().await? == 3, "{way}");
        ensure!(release_overlooked(&scene.store, NOW_MS + 2 * SOON_MS).await? == 3, "{way}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_go_goes_though_others_cannot_be_parked() -> Result {
    let scene = Scene::new(Layout::SqliteShared).await?;
    let ids = scene.tell(OBJECT, 1..=2, NOW_MS).await?;
    let first = scene.claim_only(NOW_MS, ids[0]).await?;
    scene.record(&first, later(NOW_MS + HOUR_MS), NOW_MS).await?;
    let other = scene.tell_in(vec![EventSequenceSource::Alone], NOW_MS + 1).await?;
    halt(&scene, "sb_delivery_turn").await?;
    scene.claim_only(NOW_MS + SOON_MS, other[0]).await?;
    ensure!(scene.parked().await? == 0);
    go_on(&scene).await?;
    ensure!(scene.claim(NOW_MS + SOON_MS, 64).await?.is_empty() && scene.parked().await? == 1);
    Ok(())
}

async fn more_than_a_commit_bears_are_released(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    scene.tell(OBJECT, 1..=1_200, NOW_MS).await?;
    let first = scene.claim(NOW_MS, 1).await?.pop().context("the first")?;
    scene.record(&first, later(NOW_MS + HOUR_MS), NOW_MS).await?;
    for _ in 0..3 {
        ensure!(scene.claim(NOW_MS + SOON_MS, 64).await?.is_empty(), "it is nobody's turn");
    }
    ensure!(scene.parked().await? == 1_199, "each claim parks some");
    // the last of all that are parked: the look comes by it all the same
    let sql = "UPDATE sb_delivery SET ready_ms = 9223372036854775807 WHERE event_id = ?";
    scene.store.commit(Change::new().one(sql, vec![first.held.event.into()])).await?;
    ensure!(release_overlooked(&scene.store, NOW_MS + HOUR_MS).await? == 1);
    ensure!(scene.parked().await? == 1_199);
    ensure!(stop(&scene, 0, NOW_MS + HOUR_MS).await? && scene.parked().await? == 0);
    Ok(())
}

async fn one_that_is_parked_as_its_endpoint_stops_to_take_turns_is_released(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    let ids = scene.tell(OBJECT, 1..=3, NOW_MS).await?;
    scene.hold(&ids).await?;
    ensure!(stop(&scene, 0, NOW_MS + SOON_MS).await? && scene.parked().await? == 0);
    // by a claim that had read it as it was before
    let sql = "UPDATE sb_delivery SET ready_ms = ? WHERE event_id = ?";
    let values = vec![behind(ids[1]).into(), ids[2].into()];
    scene.store.commit(Change::new().one(sql, values)).await?;
    let seen = scene.seen().await?;
    let to = Endpoint { description: "x".to_owned(), changed_ms: seen.changed_ms + 1, ..seen.clone() };
    endpoint::update(&scene.store, ClientId::OPERATOR, &seen, &to, None).await?;
    ensure!(scene.parked().await? == 1, "it took no turns before either: nobody looks");
    let found = list(&scene.store, ids[2]).await?;
    ensure!(found.len() == 1 && found[0].state == DeliveryState::Pending && found[0].ready_ms.is_none(), "{found:?}");
    ensure!(release_overlooked(&scene.store, NOW_MS + SOON_MS).await? == 1 && scene.parked().await? == 0);
    Ok(())
}

async fn what_a_person_asks_for_waits_for_nobody_and_parks_nobody(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    let ids = scene.tell(OBJECT, 1..=4, NOW_MS).await?;
    scene.hold(&ids).await?;
    let (at_ms, targets) = (NOW_MS + 2 * SOON_MS, [EventTarget::Endpoint(scene.endpoint)]);
    // one in the middle: it goes, and the one behind it stands behind another
    replay(&scene.store, ids[1], &targets, at_ms, None).await?;
    ensure!(scene.parked().await? == 1);
    let asked = scene.claim_only(at_ms + SOON_MS, ids[1]).await?;
    ensure!(scene.parked().await? == 2);
    scene.record(&asked, over(DeliveryState::Exhausted), at_ms + SOON_MS).await?;
    ensure!(scene.parked().await? == 2, "it holds nobody");
    // the first: it goes, and the next goes beside it
    replay(&scene.store, ids[0], &targets, at_ms + SOON_MS, None).await?;
    let mut claimed: Vec<EventId> = scene.claim(at_ms + SOON_MS, 64).await?.iter().map(|one| one.held.event).collect();
    claimed.sort_unstable_by_key(|event| ids.iter().position(|id| id == event));
    ensure!(claimed == [ids[0], ids[2]] && scene.parked().await? == 1, "{claimed:?}");
    Ok(())
}

async fn nobody_is_parked_behind_one_who_leaves_just_then(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    // a connection of its own
    let store = scene.home.databases.store()?;
    for round in 0..30_u8 {
        let at_ms = NOW_MS + Millis::from(round) * 60_000;
        let ids = scene.tell([round; 16], 1..=2, at_ms).await?;
        let first = scene.claim_only(at_ms, ids[0]).await?;
        let lease = Lease { owner: &scene.owner, now_ms: at_ms + SOON_MS, until_ms: at_ms + 12_001 };
        let (ended, found) = tokio::join!(scene.record(&first, delivered(), at_ms), claim(&store, lease, &[], 64));
        ended?;
        let mut second = found?;
        ensure!(scene.parked().await? == 0, "round {round}");
        second.extend(scene.claim(at_ms + SOON_MS, 64).await?);
        ensure!(second.len() == 1, "round {round}: {second:?}");
        scene.record(&second[0], delivered(), at_ms + SOON_MS).await?;
    }
    Ok(())
}

async fn one_that_was_overlooked_is_released(layout: Layout) -> Result {
    let scene = Scene::new(layout).await?;
    let ids = scene.tell(OBJECT, 1..=3, NOW_MS).await?;
    scene.hold(&ids).await?;
    ensure!(release_overlooked(&scene.store, NOW_MS + SOON_MS).await? == 0, "it is not their turn");
    let sql = "UPDATE sb_delivery SET ready_ms = 4611686018427387904 WHERE event_id = ?";
    scene.store.commit(Change::new().one(sql, vec![ids[0].into()])).await?;
    ensure!(scene.claim(NOW_MS + HOUR_MS, 64).await?.is_empty());
    ensure!(release_overlooked(&scene.store, NOW_MS + HOUR_MS).await? == 1);
    scene.claim_only(NOW_MS + HOUR_MS, ids[0]).await?;
    Ok(())
}

on_both_engines!(
    those_behind_are_parked_and_go_one_after_the_other,
    many_that_may_not_go_keep_nobody_waiting,
    one_who_stops_taking_turns_releases_all,
    more_than_a_commit_bears_are_released,
    one_that_is_parked_as_its_endpoint_stops_to_take_turns_is_released,
    what_a_person_asks_for_waits_for_nobody_and_parks_nobody,
    nobody_is_parked_behind_one_who_leaves_just_then,
    one_that_was_overlooked_is_released,
);
