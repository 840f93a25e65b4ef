//! What was said in sessions: `sb_interaction`, a row for each copy, in the commit that says what came of it. How a copy
//! stands, and what it says, its message knows: it is read from there, and gone with it.

mod page;
mod touch;

pub use page::{InteractionFilter, find, is_shared, page, remove};
pub use touch::SessionTouch;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Participant;
use super::call::UNHEARD_MS;
use crate::model::message::MessageState;
use crate::model::{
    ArcMessageContent, CallStatus, ClientId, InteractionId, MessageId, Millis, ParticipantId, SessionId, named,
};
use crate::store::engine::at_most;
use crate::store::{Change, Result, Row, Store, Value, params};

/// How somebody spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum InteractionKind {
    Message,
    Voice,
}

named!(InteractionKind, Message, Voice);

/// Why a copy was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum InteractionFailure {
    /// The session takes no texts, or no calls.
    Mode,
    /// Nobody else is in it.
    Alone,
    /// They want nothing from that number.
    OptedOut,
    /// The session's client cannot pay for it.
    Unpayable,
    /// Copies have stopped: it looks as though two programs answered each other.
    Loop,
    /// They have left, and are in another session by the same number.
    Left,
    /// The number is not there any more, or cannot do that.
    Number,
    /// It says nothing, or is too long.
    Text,
    /// The client's server did not let it pass.
    Blocked,
}

named!(InteractionFailure, Mode, Alone, OptedOut, Unpayable, Loop, Left, Number, Text, Blocked);

/// What is said to somebody, about to be written.
#[derive(Clone, Debug)]
pub struct NewInteraction {
    pub id: InteractionId,
    pub session: SessionId,
    pub client: ClientId,
    pub kind: InteractionKind,
    /// `None`: the session's client, or the session itself as it begins or ends.
    pub from: Option<ParticipantId>,
    /// `None`: there was nobody.
    pub to: Option<ParticipantId>,
    /// What came in.
    pub inbound: Option<MessageId>,
    /// The copy, or why there is none.
    pub copy: Result<MessageId, InteractionFailure>,
    /// It is the first that was stopped, which is told.
    pub begins_loop: bool,
    pub at_ms: Millis,
}

/// What came of a text in its session.
#[derive(Clone, Debug, Default)]
pub struct InteractionRecord {
    pub said: Vec<NewInteraction>,
    /// How its session goes on by it.
    pub touched: Option<SessionTouch>,
}

const INSERT: &str = "INSERT INTO sb_interaction (id, session_id, client_id, kind, from_participant, to_participant, \
     inbound_id, outbound_id, status, reason, created_ms)";

impl NewInteraction {
    /// Of what somebody is told by their session itself, as it begins or ends for them: the text, or why there is none.
    pub fn told(to: &Participant, text: MessageId, why: Option<InteractionFailure>, at_ms: Millis) -> Self {
        Self {
            id: text.into(),
            session: to.session,
            client: to.client,
            kind: InteractionKind::Message,
            from: None,
            to: Some(to.id),
            inbound: None,
            copy: why.map_or(Ok(text), Err),
            begins_loop: false,
            at_ms,
        }
    }

    /// How it stands in the beginning.
    pub fn status(&self) -> MessageState {
        if self.copy.is_ok() { MessageState::Accepted } else { MessageState::Failed }
    }

    /// The values of [`INSERT`].
    fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.session,
            self.client,
            self.kind.name(),
            self.from,
            self.to,
            self.inbound,
            self.copy.ok(),
            self.status().name(),
            self.copy.err().map(InteractionFailure::name),
            self.at_ms,
        ]
    }
}

/// Adds rows alone: nobody in a session has spoken.
pub fn insert(change: Change, said: &[NewInteraction]) -> Change {
    change.insert(INSERT, said.iter().map(NewInteraction::values).collect())
}

/// Adds what came of texts to a change. `begun`: sessions that are under way by it, and of which that is told.
/// [`crate::store::Error::Guard`]: one of them was under way already, or is over.
pub(in crate::store) fn add<'a>(
    change: Change,
    records: impl Iterator<Item = &'a InteractionRecord>,
    begun: &BTreeSet<SessionId>,
    now_ms: Millis,
) -> Change {
    let (mut rows, mut touches) = (Vec::new(), BTreeMap::<SessionId, SessionTouch>::new());
    for InteractionRecord { said, touched } in records {
        rows.extend(said.iter().map(NewInteraction::values));
        if let Some(touch) = touched {
            touches.entry(touch.session).and_modify(|known| known.add(*touch)).or_insert(*touch);
        }
    }
    // in one order for all, so that no two wait for each other
    let touches: Vec<SessionTouch> = touches.into_values().collect();
    touch::write(change.insert(INSERT, rows), &touches, begun, now_ms)
}

/// What was said to somebody, and how that stands.
#[derive(Clone, Debug, Deserialize)]
pub struct Interaction {
    pub id: InteractionId,
    pub kind: InteractionKind,
    pub from: Option<ParticipantId>,
    pub to: Option<ParticipantId>,
    pub inbound: Option<MessageId>,
    pub outbound: Option<MessageId>,
    status: Option<MessageState>,
    /// Why there is no copy.
    pub reason: Option<String>,
    pub created_ms: Millis,
    /// How the copy stands, while it is there.
    state: Option<MessageState>,
    pub error_code: Option<i64>,
    pub error_reason: Option<String>,
    changed_ms: Option<Millis>,
    /// What was said, as whoever said it wrote it.
    body: Option<String>,
    redacted_ms: Option<Millis>,
    content: ArcMessageContent,
    /// How a call stands at its carrier.
    call: Option<CallStatus>,
    /// How long one was that is over, in seconds.
    pub duration: Option<i64>,
}

/// The fields of [`Interaction`].
const COLUMNS: &str = "SELECT i.id, i.kind, i.from_participant, i.to_participant, i.inbound_id, i.outbound_id, i.status, \
     i.reason, i.created_ms, o.state, o.error_code, o.error_reason, o.changed_ms, \
     CASE WHEN n.id IS NULL THEN o.body ELSE n.body END, \
     CASE WHEN n.id IS NULL THEN o.redacted_ms ELSE n.redacted_ms END, \
     CASE WHEN n.id IS NULL THEN o.extra ELSE n.extra END, c.status, c.duration FROM sb_interaction i \
     LEFT JOIN sb_message n ON n.id = i.inbound_id LEFT JOIN sb_message o ON o.id = i.outbound_id \
     LEFT JOIN sb_call c ON c.message_id = i.outbound_id";

impl Interaction {
    pub fn state(&self) -> Option<MessageState> {
        self.state.or(self.status)
    }

    /// The same in one word, which of a call is its carrier's.
    pub fn status(&self) -> Option<&'static str> {
        let state = self.state()?;
        Some(self.call.map_or(state.name(), |said| CallStatus::shown(state, said).name()))
    }

    /// Whether there was a copy that is not kept any more: nobody knows what became of it.
    pub fn is_copy_gone(&self) -> bool {
        self.outbound.is_some() && self.state.is_none()
    }

    /// Whether it is a call that is not over, as far as its carrier has said.
    pub fn is_call_under_way(&self, now_ms: Millis) -> bool {
        let is_over = self.state().is_none_or(MessageState::is_final);
        self.kind == InteractionKind::Voice && !is_over && now_ms < self.created_ms + UNHEARD_MS
    }

    pub fn changed_ms(&self) -> Millis {
        self.changed_ms.map_or(self.created_ms, |changed_ms| changed_ms.max(self.created_ms))
    }

    /// What was said, and its media; nothing where it is not kept.
    pub fn words(&self) -> Option<(&str, &[String])> {
        let body = self.body.as_deref().filter(|_| self.redacted_ms.is_none())?;
        Some((body, &self.content.media_urls))
    }
}

/// These, in the order of their ids.
pub async fn of_ids(store: &Store, ids: &[InteractionId]) -> Result<Vec<Interaction>> {
    let sql = format!("{COLUMNS} WHERE i.id IN ({{}})");
    let rows = store.look_up_each(sql, ids.iter().map(Value::from).collect()).await?;
    let mut found = rows.iter().map(Row::read).collect::<Result<Vec<Interaction>>>()?;
    found.sort_by_key(|one| one.id);
    Ok(found)
}

/// Words that are kept still: of which interaction, and in which messages.
#[derive(Clone, Debug, Deserialize)]
pub struct KeptWords {
    pub id: InteractionId,
    pub client: ClientId,
    pub inbound: Option<MessageId>,
    pub outbound: Option<MessageId>,
}

/// What was said between these two, and is kept still, oldest first.
pub async fn kept(store: &Store, after: InteractionId, before: InteractionId, limit: usize) -> Result<Vec<KeptWords>> {
    let sql = "SELECT i.id, i.client_id, n.id, o.id FROM sb_interaction i \
               LEFT JOIN sb_message n ON n.id = i.inbound_id AND n.redacted_ms IS NULL \
               LEFT JOIN sb_message o ON o.id = i.outbound_id AND o.redacted_ms IS NULL \
               WHERE i.id > ? AND i.id < ? ORDER BY i.id LIMIT ?";
    store.all(sql, params![after, before, at_most(limit)]).await
}
