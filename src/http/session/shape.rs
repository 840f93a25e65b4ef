//! Sessions as clients write and read them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use crate::http::object::nullable;
use crate::http::reply::{self, Refusal};
use crate::http::{openapi, written};
use crate::model::address::{Address, AddressRole, Country};
use crate::model::{
    Channel, DurationSetting, Millis, PoolId, SessionDoor, SessionLabels, SessionMode, SessionState, rfc3339,
};
use crate::service::session::{
    Participant, ParticipantOrder, SessionChange, SessionMove, SessionOrder, SessionSettings, SessionWithParticipants,
};

fn modes() -> openapi::SchemaOrRef {
    openapi::one_of(SessionMode::ALL.map(SessionMode::name))
}

pub(super) fn states() -> openapi::SchemaOrRef {
    openapi::one_of(SessionState::ALL.map(SessionState::name))
}

fn moves() -> openapi::SchemaOrRef {
    openapi::one_of(["in_progress", "inactive", "closed"])
}

fn all_labels() -> openapi::SchemaOrRef {
    openapi::one_of(SessionLabels::ALL.map(SessionLabels::name))
}

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSession)]
pub(super) struct SessionIn {
    /// 1 to 50 people.
    participants: Vec<ParticipantIn>,
    /// The pool that they get their numbers of.
    pool_id: String,
    /// `both`, as it is without: texts, and calls where the number can. `message`, or `voice`: only these.
    #[schema(schema_with = modes)]
    mode: Option<String>,
    /// At most 256 characters; nobody in the session sees it.
    name: Option<String>,
    /// A name of yours that no other open session has: at most 191 characters.
    unique_name: Option<String>,
    /// Anything of yours, kept with the session: 4096 characters of JSON at most.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Json>>,
    /// It ends so long after what was said last; unless given, as its pool says, or never.
    #[schema(value_type = Option<String>, example = "1d")]
    ttl: Option<DurationSetting>,
    /// It ends then, whatever is said: RFC 3339.
    #[schema(example = "2030-01-31T12:00:00Z")]
    ends_at: Option<String>,
    /// What stands before a text that is passed on: `off`, as it is without, the sender's `name`, or the `letter` of
    /// their place.
    #[schema(schema_with = all_labels)]
    labels: Option<String>,
    /// What each is told as it begins, and who comes later as they come; unless given, as its pool says, or nothing.
    start_text: Option<String>,
    /// The same when it has ended.
    end_text: Option<String>,
    /// Asked before a text is passed on, as of pools; unless given, whom its pool names, or nobody.
    #[schema(example = "https://hooks.example.com/intercept")]
    intercept_url: Option<String>,
}

/// Somebody who is to be in a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewParticipant)]
pub(super) struct ParticipantIn {
    /// A phone number as people write it, with its country code unless the client has a country.
    #[schema(example = "+14155550100")]
    address: String,
    /// What the others are shown where the session has labels: at most 255 characters.
    name: Option<String>,
    /// The number of the pool that they are to have; left out: one is chosen.
    number: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SessionChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
pub(super) struct SessionChangeIn {
    /// `null` takes it away; so of the next four.
    #[serde(default, deserialize_with = "nullable")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Json>>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    ttl: Option<Option<DurationSetting>>,
    #[serde(default, deserialize_with = "nullable")]
    ends_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    intercept_url: Option<Option<String>>,
    #[schema(schema_with = all_labels)]
    labels: Option<String>,
    #[schema(schema_with = moves)]
    state: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionOut<'a> {
    id: String,
    #[schema(schema_with = states)]
    state: &'static str,
    /// Why it ended: `expired` where nobody has closed it, `deleted` at a door where that makes it go.
    reason: Option<&'a str>,
    #[schema(schema_with = modes)]
    mode: &'static str,
    name: Option<&'a str>,
    unique_name: Option<&'a str>,
    pool_id: Option<String>,
    /// In the order in which they came.
    participants: Vec<ParticipantOut<'a>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a Map<String, Json>>,
    #[schema(example = "1d")]
    ttl: Option<String>,
    ends_at: Option<String>,
    /// When it ends as things are.
    expires_at: Option<String>,
    #[schema(schema_with = all_labels)]
    labels: &'static str,
    start_text: Option<&'a str>,
    end_text: Option<&'a str>,
    intercept_url: Option<&'a str>,
    /// When something was said last.
    last_interaction_at: Option<String>,
    created_at: String,
    updated_at: String,
    closed_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Participant)]
pub(super) struct ParticipantOut<'a> {
    id: String,
    address: &'a str,
    name: Option<&'a str>,
    /// The number by which they know all others.
    number: &'a str,
    joined_at: String,
    left_at: Option<String>,
}

pub(super) fn participant_out(one: &Participant) -> ParticipantOut<'_> {
    ParticipantOut {
        id: one.id.to_string(),
        address: &one.address,
        name: one.name.as_deref(),
        number: &one.number,
        joined_at: rfc3339(one.joined_ms),
        left_at: one.left_ms.map(rfc3339),
    }
}

impl<'a> SessionOut<'a> {
    pub(super) fn of(SessionWithParticipants { session, participants }: &'a SessionWithParticipants) -> Self {
        let ttl = session.ttl_ms.and_then(|ttl_ms| u64::try_from(ttl_ms).ok());
        Self {
            id: session.id.to_string(),
            state: session.state.name(),
            reason: session.reason.as_deref(),
            mode: session.mode.name(),
            name: session.name.as_deref(),
            unique_name: session.unique_name.as_deref(),
            pool_id: session.pool.map(|pool: PoolId| pool.to_string()),
            participants: participants.iter().map(participant_out).collect(),
            metadata: session.metadata.as_ref(),
            ttl: ttl.map(|ttl_ms| DurationSetting::from_millis(ttl_ms).to_string()),
            ends_at: session.ends_ms.map(rfc3339),
            expires_at: session.expires_ms.map(rfc3339),
            labels: session.settings.labels.name(),
            start_text: session.settings.start_text.as_deref(),
            end_text: session.settings.end_text.as_deref(),
            intercept_url: session.settings.intercept_url.as_deref(),
            last_interaction_at: session.last_said_ms().map(rfc3339),
            created_at: rfc3339(session.created_ms),
            updated_at: rfc3339(session.changed_ms),
            closed_at: session.closed_ms.map(rfc3339),
        }
    }
}

/// A number; it may not say over what it is written to.
fn phone(field: &str, text: &str, role: AddressRole, country: Option<Country>) -> Result<Address, Refusal> {
    match written::address(field, text, role, country)? {
        (None | Some(Channel::Sms), address) => Ok(address),
        (Some(_), _) => Err(reply::bad_field(field, "must not name a channel")),
    }
}

fn time(text: &str) -> Result<Millis, Refusal> {
    written::time("ends_at", text)
}

fn labels(name: &str) -> Result<SessionLabels, Refusal> {
    SessionLabels::parse(name).ok_or_else(|| reply::bad_field("labels", "must be off, name or letter"))
}

fn mode(name: &str) -> Result<SessionMode, Refusal> {
    SessionMode::parse(name).ok_or_else(|| reply::bad_field("mode", "must be message, voice or both"))
}

impl ParticipantIn {
    /// `address`, `number`: what the fields are called where it is told that they are wrong.
    pub(super) fn read(
        self,
        address: &str,
        number: &str,
        country: Option<Country>,
    ) -> Result<ParticipantOrder, Refusal> {
        let named = self.number.as_deref();
        Ok(ParticipantOrder {
            address: phone(address, &self.address, AddressRole::Recipient, country)?,
            number: named.map(|named| phone(number, named, AddressRole::Sender, country)).transpose()?,
            name: self.name,
        })
    }
}

impl SessionIn {
    pub(super) fn read(self, country: Option<Country>) -> Result<SessionOrder, Refusal> {
        let read = |(nth, one): (usize, ParticipantIn)| {
            let field = |name: &str| format!("participants[{nth}].{name}");
            one.read(&field("address"), &field("number"), country)
        };
        Ok(SessionOrder {
            pool: written::pool(&self.pool_id)?,
            participants: self.participants.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
            mode: self.mode.as_deref().map(mode).transpose()?.unwrap_or_default(),
            name: self.name,
            unique_name: self.unique_name,
            metadata: self.metadata,
            ttl: self.ttl,
            ends_ms: self.ends_at.as_deref().map(time).transpose()?,
            settings: SessionSettings {
                labels: self.labels.as_deref().map(labels).transpose()?.unwrap_or_default(),
                start_text: self.start_text,
                end_text: self.end_text,
                intercept_url: self.intercept_url,
                ..SessionSettings::default()
            },
            door: SessionDoor::Native,
        })
    }
}

impl SessionChangeIn {
    pub(super) fn read(self) -> Result<SessionChange, Refusal> {
        let state = |name: &str| match SessionState::parse(name) {
            Some(SessionState::Open | SessionState::InProgress) => Ok(SessionMove::Resume),
            Some(SessionState::Inactive) => Ok(SessionMove::Pause),
            Some(SessionState::Closed) => Ok(SessionMove::Close),
            Some(SessionState::Failed) | None => {
                Err(reply::bad_field("state", "must be in_progress, inactive or closed"))
            }
        };
        let ends_ms = self.ends_at.map(|at| at.as_deref().map(time).transpose()).transpose()?;
        Ok(SessionChange {
            name: self.name,
            metadata: self.metadata,
            ttl: self.ttl,
            ends_ms,
            intercept_url: self.intercept_url,
            labels: self.labels.as_deref().map(labels).transpose()?,
            state: self.state.as_deref().map(state).transpose()?,
            ..SessionChange::default()
        })
    }
}
