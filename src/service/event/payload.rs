//! What is told with each type of event: the fields of `data`, and their schema.

mod example;
mod verification;

pub use example::example;
pub(in crate::service) use verification::VerificationEventData;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::model::Money;
use crate::model::event::EventGroup;
use crate::provider::CallNotes;

/// The `data` of all types of a group.
pub(in crate::service) trait EventPayload: Serialize {
    const GROUP: EventGroup;
}

#[derive(Serialize, ToSchema)]
#[schema(as = MessageData)]
pub(in crate::service) struct MessageEventData<'a> {
    /// Which of this message's events came first: 1, 2, 3… in the order in which they were written down.
    // none here: only the store knows, which writes it into what is posted
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    /// `outbound` or `inbound`.
    pub(in crate::service) direction: &'static str,
    /// `sms` or `whatsapp`.
    pub(in crate::service) channel: &'static str,
    /// What the type says too.
    pub(in crate::service) state: &'static str,
    pub(in crate::service) from: &'a str,
    pub(in crate::service) to: &'a str,
    pub(in crate::service) body: &'a str,
    #[schema(value_type = Vec<String>)]
    pub(in crate::service) media_urls: &'a [String],
    /// Of a message that came in: what its carrier says of each.
    #[schema(value_type = Option<Vec<String>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) media_types: Option<&'a [String]>,
    pub(in crate::service) segments: i64,
    #[schema(value_type = Option<Object>)]
    pub(in crate::service) metadata: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) error: Option<EventErrorData<'a>>,
    /// RFC 3339.
    pub(in crate::service) created_at: String,
    /// Of a message that came in: what its carrier says besides, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) carrier: Option<BTreeMap<String, String>>,
    /// How many of the carrier's fields there was no room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) carrier_omitted: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallData)]
pub(in crate::service) struct CallEventData<'a> {
    /// Which of this call's events came first: 1, 2, 3… in the order in which they were written down.
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    /// What the type says too.
    pub(in crate::service) status: &'static str,
    pub(in crate::service) from: &'a str,
    pub(in crate::service) to: &'a str,
    /// Seconds.
    pub(in crate::service) duration: Option<i64>,
    #[schema(value_type = CallNotes)]
    #[serde(flatten)]
    pub(in crate::service) notes: &'a CallNotes,
    #[schema(value_type = Option<Object>)]
    pub(in crate::service) metadata: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) error: Option<EventErrorData<'a>>,
    /// RFC 3339.
    pub(in crate::service) created_at: String,
}

/// Why a message or a call failed.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorData)]
pub(in crate::service) struct EventErrorData<'a> {
    /// The carrier's.
    pub(in crate::service) code: Option<i64>,
    #[schema(value_type = Option<String>)]
    pub(in crate::service) reason: Option<Cow<'a, str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeviceData)]
pub(in crate::service) struct DeviceEventData<'a> {
    /// 1 of the event that it was paired, 2 of the one that it was revoked.
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    pub(in crate::service) user_id: &'a str,
    /// 16 hex digits by which both ends know the shared key.
    pub(in crate::service) fingerprint: &'a str,
    /// `one-step` or `two-step`.
    pub(in crate::service) flavour: &'static str,
    /// RFC 3339.
    pub(in crate::service) paired_at: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) revoked_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OptOutData)]
pub(in crate::service) struct OptOutEventData<'a> {
    /// Which change of this entry came first: 1, 2, 3… in the order in which they were written down.
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) number: &'a str,
    pub(in crate::service) person: &'a str,
    /// `sms` or `whatsapp`.
    pub(in crate::service) channel: &'static str,
    pub(in crate::service) is_out: bool,
    /// `keyword`, `carrier` or `administrator`.
    pub(in crate::service) reason: &'static str,
    /// RFC 3339.
    pub(in crate::service) changed_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BalanceData)]
pub(in crate::service) struct BalanceEventData {
    pub(in crate::service) client_id: String,
    #[schema(value_type = String)]
    pub(in crate::service) balance: Money,
    #[schema(value_type = Option<String>)]
    pub(in crate::service) low_at: Option<Money>,
    #[schema(value_type = String)]
    pub(in crate::service) credit_limit: Money,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccountData)]
pub(in crate::service) struct AccountEventData<'a> {
    pub(in crate::service) account_id: String,
    pub(in crate::service) provider: &'a str,
    pub(in crate::service) name: &'a str,
    /// Since when it rests, or rested: RFC 3339.
    pub(in crate::service) since: String,
    /// The carrier's.
    pub(in crate::service) code: Option<i64>,
    pub(in crate::service) reason: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionData)]
pub(in crate::service) struct SessionEventData<'a> {
    /// Which of this session's events came first: each has a higher one than those before it.
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    /// `open`, `in_progress`, `inactive`, `closed` or `failed`.
    pub(in crate::service) state: &'static str,
    /// Why it ended by itself.
    pub(in crate::service) reason: Option<&'a str>,
    /// `message`, `voice` or `both`.
    pub(in crate::service) mode: &'static str,
    pub(in crate::service) name: Option<&'a str>,
    pub(in crate::service) unique_name: Option<&'a str>,
    pub(in crate::service) pool_id: Option<String>,
    /// Those who are in it; when it has ended, those who were to the end.
    pub(in crate::service) participants: Vec<SessionParticipantEventData<'a>>,
    /// Who came or left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) participant: Option<SessionParticipantEventData<'a>>,
    #[schema(value_type = Option<Object>)]
    pub(in crate::service) metadata: Option<&'a Map<String, Value>>,
    /// RFC 3339.
    pub(in crate::service) created_at: String,
}

/// Somebody in a session.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionParticipantData)]
pub(in crate::service) struct SessionParticipantEventData<'a> {
    pub(in crate::service) id: String,
    pub(in crate::service) address: &'a str,
    pub(in crate::service) name: Option<&'a str>,
    /// The number of yours by which they know the others.
    pub(in crate::service) number: &'a str,
    /// RFC 3339.
    pub(in crate::service) joined_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InteractionData)]
pub(in crate::service) struct InteractionEventData {
    /// Which of its session's events came first: 1, 2, 3… in the order in which they were written down.
    #[schema(value_type = i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    pub(in crate::service) session_id: String,
    /// `message` or `voice`.
    pub(in crate::service) kind: &'static str,
    /// Who said it; null: you did.
    pub(in crate::service) from_participant_id: Option<String>,
    /// To whom; null: there was nobody.
    pub(in crate::service) to_participant_id: Option<String>,
    /// What came in.
    pub(in crate::service) inbound_message_id: Option<String>,
    /// The copy, of which its own events tell more; null: there is none.
    pub(in crate::service) outbound_message_id: Option<String>,
    /// The same of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) outbound_call_id: Option<String>,
    /// `accepted` or `failed`.
    pub(in crate::service) status: &'static str,
    /// Why there is no copy: `mode`, `alone`, `opted_out`, `unpayable`, `loop`, `left`, `number`, `text` or `blocked`.
    #[schema(value_type = Option<String>)]
    pub(in crate::service) reason: Option<&'static str>,
    /// RFC 3339.
    pub(in crate::service) created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndpointData)]
pub(in crate::service) struct EndpointEventData {
    pub(in crate::service) endpoint_id: String,
}

/// Schemas by name, as OpenAPI keeps them.
pub type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// A row for each group: what is told of its events.
macro_rules! payloads {
    ($($group:ident: $data:ty,)*) => {
        $(impl EventPayload for $data {
            const GROUP: EventGroup = EventGroup::$group;
        })*

        /// The name of the schema of a group's `data`; it, and what it refers to, is added to `schemas`.
        pub fn schema(group: EventGroup, schemas: &mut NamedSchemas) -> Cow<'static, str> {
            match group {
                $(EventGroup::$group => add::<$data>(schemas),)*
            }
        }
    };
}

payloads! {
    Message: MessageEventData<'_>,
    Call: CallEventData<'_>,
    Device: DeviceEventData<'_>,
    OptOut: OptOutEventData<'_>,
    Balance: BalanceEventData,
    Account: AccountEventData<'_>,
    Session: SessionEventData<'_>,
    Interaction: InteractionEventData,
    Verification: VerificationEventData<'_>,
    Endpoint: EndpointEventData,
}

fn add<T: ToSchema>(schemas: &mut NamedSchemas) -> Cow<'static, str> {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
    T::name()
}
