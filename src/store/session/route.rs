//! Whose text it is: who was in which session by a number, at the time at which a text of theirs came in. That it is
//! handled later changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use super::{COLUMNS, Participant, Session, SessionWithParticipants, filled};
use crate::model::{Millis, NumberId, ParticipantId, SessionId};
use crate::store::{Query, Result, Row, Store, Value, params};

/// Pairs of one look-up.
const PAIRS: usize = 64;

/// Somebody who texts a number of ours, and when.
#[derive(Clone, Debug)]
pub struct PairAtTime {
    /// The form of their address by which they are found.
    pub person: String,
    pub number: NumberId,
    pub at_ms: Millis,
}

/// Where a text belongs.
#[derive(Clone, Debug)]
pub struct SessionRoute {
    pub session: Arc<SessionWithParticipants>,
    /// Who of its people has sent it.
    pub from: ParticipantId,
}

/// The session of each of these, in their order; nothing where they were in none by that number then.
pub async fn find(store: &Store, pairs: &[PairAtTime]) -> Result<Vec<Option<SessionRoute>>> {
    let found = participants(store, pairs).await?;
    let mut keys: Vec<Value> = found.iter().flatten().map(|(_, session)| session.into()).collect();
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
    let route = |(pair, found): (&PairAtTime, Option<(ParticipantId, SessionId)>)| {
        let (from, session) = found?;
        let session = sessions.get(&session).filter(|one| !is_over(&one.session, pair.at_ms))?;
        Some(SessionRoute { session: session.clone(), from })
    };
    Ok(pairs.iter().zip(found).map(route).collect())
}

/// Whether the time of a session was over by then, though nobody had closed it yet.
fn is_over(session: &Session, at_ms: Millis) -> bool {
    session.closed_ms.is_none() && session.expires_ms.is_some_and(|expires_ms| expires_ms <= at_ms)
}

/// As whom each of these was in a session. Intervals of a pair meet only where a session was opened again: then the one
/// that began last was in between.
async fn participants(store: &Store, pairs: &[PairAtTime]) -> Result<Vec<Option<(ParticipantId, SessionId)>>> {
    let sql = "SELECT id, session_id FROM sb_participant WHERE person = ? AND number_id = ? AND joined_ms <= ? \
               AND (left_ms IS NULL OR left_ms > ?) ORDER BY joined_ms DESC LIMIT 1";
    let mut found = Vec::with_capacity(pairs.len());
    for some in pairs.chunks(PAIRS) {
        let query =
            |pair: &PairAtTime| Query::new(sql, params![pair.person.as_str(), pair.number, pair.at_ms, pair.at_ms]);
        for rows in store.look_up(some.iter().map(query).collect()).await? {
            found.push(rows.first().map(Row::read).transpose()?);
        }
    }
    Ok(found)
}

/// Whether somebody who has left has come into another session by the same number since: they would take what comes for
/// what is said there.
pub async fn is_elsewhere(store: &Store, one: &Participant) -> Result<bool> {
    let sql = "SELECT participant_id FROM sb_pair WHERE person = ? AND number_id = ?";
    let holder: Option<ParticipantId> = store.first(sql, params![one.person.as_str(), one.number_id]).await?;
    Ok(holder.is_some_and(|holder| holder != one.id))
}
