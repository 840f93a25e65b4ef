//! Whose text it is: who was in which session by a number, at the time at which a text of theirs came in. That it is
//! handled later changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use super::{COLUMNS, Participant, Session, SessionWithParticipants, filled};
use crate::model::{Id as _, LaneKey, Millis, NumberId, ParticipantId, PoolId, SessionId};
use crate::store::{Query, Result, Row, Store, Value, params};

/// So far apart the clocks of two nodes may be for whoever texts as soon as they are in a session.
const APART_MS: Millis = 2_000;

/// Somebody who texts a number of ours, and when.
#[derive(Clone, Debug)]
pub struct PairAtTime {
    /// The form of their address by which they are found.
    pub person: String,
    pub number: NumberId,
    pub at_ms: Millis,
    /// In which what they text there while they are in no session takes turns, where it is asked about.
    pub lane: LaneKey,
}

/// Where a text belongs.
#[derive(Clone, Debug)]
pub struct SessionRoute {
    pub session: Arc<SessionWithParticipants>,
    /// Who of its people has sent it.
    pub from: ParticipantId,
    /// The lane of texts that came before it and are still asked about: of this person's from before they were in the
    /// session, else of what was said there.
    pub behind: Option<[u8; 16]>,
}

/// As whom somebody was in which session, and whether texts of theirs from before it, and of it, are asked about now.
type RouteRow = (ParticipantId, SessionId, Option<i64>, Option<i64>);

/// The session of each of these, in their order; nothing where they were in none by that number then.
pub async fn find(store: &Store, pairs: &[PairAtTime]) -> Result<Vec<Option<SessionRoute>>> {
    let found = participants(store, pairs).await?;
    let mut keys: Vec<Value> = found.iter().flatten().map(|(_, session, ..)| session.into()).collect();
    if keys.is_empty() {
        return Ok(vec![None; pairs.len()]);
    }
    keys.sort_unstable();
    keys.dedup();
    let sql = format!("{COLUMNS} WHERE id IN ({{}})");
    let rows = store.look_up_each(sql, keys).await?;
    let read = rows.iter().map(Row::read).collect::<Result<Vec<Session>>>()?;
    let all = filled(store, read).await?.into_iter().map(|one| (one.session.id, Arc::new(one)));
    let sessions: HashMap<SessionId, Arc<SessionWithParticipants>> = all.collect();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|nth| pairs[*nth].at_ms);
    let (mut routes, mut ends) = (vec![None; pairs.len()], HashMap::new());
    for nth in order {
        let (Some((from, session, before, there)), pair) = (found[nth], &pairs[nth]) else { continue };
        let Some(session) = sessions.get(&session) else { continue };
        let end = ends.entry(session.session.id).or_insert(session.session.expires_ms);
        if goes_on(&session.session, end, pair.at_ms) {
            let there = there.map(|_| session.session.id.bytes());
            let behind = before.map(|_| pair.lane.bytes()).or(there);
            routes[nth] = Some(SessionRoute { session: session.clone(), from, behind });
        }
    }
    Ok(routes)
}

/// Whether a session went on at that time, though nobody may have closed it that was over: then it ends that much later
/// for what came behind.
fn goes_on(session: &Session, end_ms: &mut Option<Millis>, at_ms: Millis) -> bool {
    if session.closed_ms.is_some() {
        return true;
    }
    if end_ms.is_some_and(|end_ms| end_ms <= at_ms) {
        return false;
    }
    let silent_ms = session.ttl_ms.map(|ttl_ms| at_ms.saturating_add(ttl_ms));
    let later_ms = [silent_ms, session.ends_ms].into_iter().flatten().min();
    *end_ms = later_ms.max(*end_ms);
    true
}

/// As whom each of these was in a session. Intervals of a pair meet only where a session was opened again: then the one
/// that began last was in between. Whoever was in none there before may text a little earlier than they came in, by the
/// clock of another node. One statement says who is there and what is asked about: a session that came of a text is seen
/// with what is still to be passed on of that, or with its copies.
async fn participants(store: &Store, pairs: &[PairAtTime]) -> Result<Vec<Option<RouteRow>>> {
    let sql = "SELECT p.id, p.session_id, (SELECT 1 FROM sb_asked_text b WHERE b.lane = ? LIMIT 1), \
               (SELECT 1 FROM sb_asked_text a WHERE a.lane = p.session_id LIMIT 1) \
               FROM sb_participant p WHERE p.person = ? AND p.number_id = ? \
               AND p.joined_ms <= ? AND (p.left_ms IS NULL OR p.left_ms > ?) AND (p.joined_ms <= ? OR NOT EXISTS \
               (SELECT 1 FROM sb_participant q WHERE q.person = p.person AND q.number_id = p.number_id \
               AND q.joined_ms < p.joined_ms)) ORDER BY p.joined_ms DESC LIMIT 1";
    let query = |pair: &PairAtTime| {
        let at_ms = pair.at_ms;
        Query::new(sql, params![pair.lane, pair.person.as_str(), pair.number, at_ms + APART_MS, at_ms, at_ms])
    };
    let found = store.look_up(pairs.iter().map(query).collect()).await?;
    found.iter().map(|rows| rows.first().map(Row::read).transpose()).collect()
}

/// The session that somebody was in last by a number.
pub async fn last(store: &Store, person: &str, number: NumberId) -> Result<Option<SessionId>> {
    let sql = "SELECT session_id FROM sb_participant WHERE person = ? AND number_id = ? \
               ORDER BY joined_ms DESC LIMIT 1";
    store.first(sql, params![person, number]).await
}

/// Whether a pool has sessions, or had some of late, of which strangers are told: of the masked door's they never are, as
/// the last of them shows.
pub async fn has_sessions(store: &Store, pool: PoolId) -> Result<bool> {
    let sql = "SELECT s.id FROM sb_session s WHERE s.id = (SELECT MAX(l.id) FROM sb_session l WHERE l.pool_id = ?) \
               AND s.door <> 'masked'";
    Ok(!store.look_up(vec![Query::new(sql, params![pool])]).await?.concat().is_empty())
}

/// Whether somebody who has left has come into another session by the same number since: they would take what comes for
/// what is said there.
pub async fn is_elsewhere(store: &Store, one: &Participant) -> Result<bool> {
    let sql = "SELECT participant_id FROM sb_pair WHERE person = ? AND number_id = ?";
    let holder: Option<ParticipantId> = store.first(sql, params![one.person.as_str(), one.number_id]).await?;
    Ok(holder.is_some_and(|holder| holder != one.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, SessionDoor, SessionMode, SessionState};
    use crate::store::session::SessionSettings;

    fn session(ttl_ms: Option<Millis>, ends_ms: Option<Millis>) -> Session {
        Session {
            id: SessionId::new(1),
            client: ClientId::OPERATOR,
            pool: None,
            name: None,
            unique_name: None,
            mode: SessionMode::Both,
            state: SessionState::InProgress,
            reason: None,
            door: SessionDoor::Native,
            settings: SessionSettings::default(),
            metadata: None,
            ttl_ms,
            ends_ms,
            last_ms: None,
            expires_ms: None,
            tell_ms: None,
            sequence: 1,
            created_ms: 0,
            changed_ms: 0,
            closed_ms: None,
        }
    }

    #[test]
    fn each_text_of_a_backlog_keeps_its_session_going_for_the_next() {
        let (talk, mut end) = (session(Some(1_000), None), Some(5_000));
        for (at_ms, is_in_time) in [(4_900, true), (5_800, true), (6_700, true), (7_700, false), (7_699, true)] {
            assert_eq!(goes_on(&talk, &mut end, at_ms), is_in_time, "{at_ms}");
        }
        let (talk, mut end) = (session(Some(1_000), Some(5_500)), Some(5_000));
        assert_eq!([4_900, 5_400, 5_500].map(|at_ms| goes_on(&talk, &mut end, at_ms)), [true, true, false]);
        let mut end = None;
        assert!([1, i64::MAX].map(|at_ms| goes_on(&session(None, None), &mut end, at_ms)) == [true, true]);
    }

    #[test]
    fn one_that_was_closed_has_its_people_leave() {
        let closed = Session { closed_ms: Some(9), ..session(Some(1), Some(1)) };
        assert!(goes_on(&closed, &mut Some(1), 5));
    }
}
