//! Conversations in which nobody learns a number: `sb_session`, and the people in them, `sb_participant`.
//!
//! What must be there once stands in tables of its own, in which only open sessions have rows: a person and a number
//! (`sb_pair`), a unique name (`sb_session_name`), a number of a pool that gives each to one session
//! (`sb_pool_number`). Their keys decide; whoever chose what another took reads and chooses again.

pub mod asked;
pub mod call;
mod change;
mod close;
mod due;
pub mod intake;
pub mod interaction;
mod join;
mod memory;
mod old;
pub mod route;
mod settings;
pub mod speech;

pub use change::{leave, reopen, update};
pub use close::{SessionEnd, close, give_reason};
pub use due::{defer, expired, silent, untold};
pub use join::{NewParticipant, PoolTerms, StickyMark, is_any_participant};
pub use memory::{
    FREE, REMEMBERED, StickyNumber, free, free_near, is_free, is_free_for, name_scope, named, remembered, remembered_at,
};
pub use old::{OldInteractions, OldSessions, forget_old};
pub use settings::SessionSettings;

use std::collections::HashMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use self::settings::read_settings;
use super::engine::{SqlConditions, below};
use super::{Query, Result, Row, Store, Value, params};
use crate::model::{
    ClientId, Millis, NumberId, ParticipantId, PoolId, SessionDoor, SessionId, SessionMode, SessionState,
};

#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub client: ClientId,
    /// The pool that it has its numbers of.
    pub pool: Option<PoolId>,
    pub name: Option<String>,
    /// No other open session has it in the same [`name_scope`].
    pub unique_name: Option<String>,
    pub mode: SessionMode,
    pub state: SessionState,
    /// Why it ended.
    pub reason: Option<String>,
    pub door: SessionDoor,
    #[serde(deserialize_with = "read_settings")]
    pub settings: SessionSettings,
    #[serde(deserialize_with = "read_metadata")]
    pub metadata: Option<Map<String, Json>>,
    /// It ends so long after what was said last, or after it was made.
    pub ttl_ms: Option<Millis>,
    /// It ends then, whatever is said.
    pub ends_ms: Option<Millis>,
    /// When something was said last; while people call each other, until when that counts as under way.
    pub last_ms: Option<Millis>,
    /// When it ends as things are; of one that is over, nothing.
    pub expires_ms: Option<Millis>,
    /// Its people are to be told that it has ended, from then on.
    pub tell_ms: Option<Millis>,
    /// How many events it has had: each change adds to it, so that nobody changes what they have not read.
    pub sequence: i64,
    pub created_ms: Millis,
    pub changed_ms: Millis,
    pub closed_ms: Option<Millis>,
}

/// Somebody in a session, and the number by which they know all the others.
#[derive(Clone, Debug, Deserialize)]
pub struct Participant {
    pub id: ParticipantId,
    pub session: SessionId,
    pub client: ClientId,
    /// As it was given.
    pub address: String,
    /// The form of it by which they are found.
    pub person: String,
    pub name: Option<String>,
    pub number_id: NumberId,
    pub number: String,
    pub joined_ms: Millis,
    /// From when on they are not in it any more.
    pub left_ms: Option<Millis>,
    /// Who came before whom.
    pub place: i64,
}

/// A session with its people, those who have left among them, in the order in which they came.
#[derive(Clone, Debug)]
pub struct SessionWithParticipants {
    pub session: Session,
    pub participants: Vec<Participant>,
}

impl SessionWithParticipants {
    /// Those who are in it; of one that is over, those who were to the end.
    pub fn present(&self) -> impl Iterator<Item = &Participant> {
        let closed_ms = self.session.closed_ms;
        self.participants.iter().filter(move |one| one.left_ms.is_none() || one.left_ms == closed_ms)
    }
}

fn read_metadata<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Map<String, Json>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| serde_json::from_str(&text).map_err(D::Error::custom)).transpose()
}

/// The fields of [`Session`].
const COLUMNS: &str = "SELECT id, client_id, pool_id, name, unique_name, mode, state, reason, door, settings, \
     metadata, ttl_ms, ends_ms, last_ms, expires_ms, tell_ms, sequence, created_ms, changed_ms, closed_ms \
     FROM sb_session";

const INSERT: &str = "INSERT INTO sb_session (id, client_id, pool_id, name, unique_name, mode, state, reason, door, \
     settings, metadata, ttl_ms, ends_ms, last_ms, expires_ms, tell_ms, sequence, created_ms, changed_ms, closed_ms, \
     rest_after_ms, rests_ms)";

/// The fields of [`Participant`].
const PARTICIPANT: &str = "SELECT id, session_id, client_id, address, person, name, number_id, number, joined_ms, \
     left_ms, place FROM sb_participant";

/// Metadata as its column holds it.
fn metadata_text(metadata: Option<&Map<String, Json>>) -> Option<String> {
    metadata.and_then(|metadata| serde_json::to_string(metadata).ok())
}

impl Session {
    /// When it ends as things are.
    pub fn end(&self) -> Option<Millis> {
        let silent_ms = self.ttl_ms.map(|ttl_ms| self.last_ms.unwrap_or(self.created_ms).saturating_add(ttl_ms));
        [silent_ms, self.ends_ms].into_iter().flatten().min()
    }

    /// Whether it is over by then; what has ended by itself may not be closed yet.
    pub fn is_over_at(&self, now_ms: Millis) -> bool {
        self.closed_ms.is_some() || self.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
    }

    /// When it rests as things are: not while people call each other.
    pub fn rest(&self) -> Option<Millis> {
        let is_awake = matches!(self.state, SessionState::Open | SessionState::InProgress);
        let silent_ms = self.last_ms.map_or(self.changed_ms, |last_ms| last_ms.max(self.changed_ms));
        self.settings.rest_after_ms.filter(|_| is_awake).map(|after_ms| silent_ms.saturating_add(after_ms))
    }

    /// The values of [`INSERT`].
    fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.client,
            self.pool,
            self.name.clone(),
            self.unique_name.clone(),
            self.mode.name(),
            self.state.name(),
            self.reason.clone(),
            self.door.name(),
            self.settings.text(),
            metadata_text(self.metadata.as_ref()),
            self.ttl_ms,
            self.ends_ms,
            self.last_ms,
            self.expires_ms,
            self.tell_ms,
            self.sequence,
            self.created_ms,
            self.changed_ms,
            self.closed_ms,
            self.settings.rest_after_ms,
            self.rest(),
        ]
    }
}

/// Which sessions are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<SessionState>,
    /// Somebody is in it, or was, who is found by this form of their address.
    pub person: Option<String>,
    /// It is open, and somebody in it has this number.
    pub number: Option<NumberId>,
    pub unique_name: Option<String>,
    pub pool: Option<PoolId>,
    /// It is open, and was made at this door.
    pub open_at: Option<SessionDoor>,
    pub after: Option<SessionId>,
    /// Newer than this one: those that come right before it.
    pub before: Option<SessionId>,
    /// Not those that have ended for this reason.
    pub without_reason: Option<&'static str>,
    /// Not those that have ended by then, though nobody has closed them yet.
    pub live_at_ms: Option<Millis>,
}

/// A client's sessions, newest first; those before one the other way round.
pub async fn list(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<SessionWithParticipants>> {
    let with = |condition| format!("id IN (SELECT session_id FROM {condition})");
    // somebody is in few of them, which are looked up: the sign keeps the index of all of the client's out of it
    let whose = if filter.person.is_some() { "+client_id = ? AND id < ?" } else { "client_id = ? AND id < ?" };
    let those = SqlConditions::of(whose, params![client, below(filter.after)])
        .and_some("state = ?", filter.state.map(SessionState::name))
        .and_some("unique_name = ?", filter.unique_name.as_deref())
        .and_some("pool_id = ?", filter.pool)
        .and_some("id > ?", filter.before)
        .and_some("(reason IS NULL OR reason <> ?)", filter.without_reason)
        .and_some("closed_ms IS NULL AND door = ?", filter.open_at.map(SessionDoor::name))
        .and_some("(expires_ms IS NULL OR expires_ms > ?)", filter.live_at_ms)
        .and_some(&with("sb_participant WHERE person = ?"), filter.person.as_deref())
        .and_some(&with("sb_pair WHERE number_id = ?"), filter.number);
    let order = if filter.before.is_some() { "ORDER BY id LIMIT ?" } else { "ORDER BY id DESC LIMIT ?" };
    let (sql, params) = those.page(COLUMNS, order, limit);
    filled(store, store.all(sql, params).await?).await
}

pub async fn find(store: &Store, client: ClientId, id: SessionId) -> Result<Option<SessionWithParticipants>> {
    let found = store.all(format!("{COLUMNS} WHERE id = ? AND client_id = ?"), params![id, client]).await?;
    Ok(filled(store, found).await?.pop())
}

/// Whose a session is.
pub async fn client_of(store: &Store, id: SessionId) -> Result<Option<ClientId>> {
    store.first("SELECT client_id FROM sb_session WHERE id = ?", params![id]).await
}

/// Sessions with their people.
async fn filled(store: &Store, sessions: Vec<Session>) -> Result<Vec<SessionWithParticipants>> {
    let ids: Vec<Value> = sessions.iter().map(|session| session.id.into()).collect();
    let mut people: HashMap<SessionId, Vec<Participant>> = HashMap::new();
    if !ids.is_empty() {
        let all = Query::over(format!("{PARTICIPANT} WHERE session_id IN ({{}})"), &[], ids);
        let rows = store.look_up(vec![all]).await?.concat();
        for one in rows.iter().map(Row::read::<Participant>) {
            let one = one?;
            people.entry(one.session).or_default().push(one);
        }
    }
    let fill = |session: Session| {
        let mut participants = people.remove(&session.id).unwrap_or_default();
        participants.sort_by_key(|one| (one.place, one.id));
        SessionWithParticipants { session, participants }
    };
    Ok(sessions.into_iter().map(fill).collect())
}
