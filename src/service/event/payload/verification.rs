//! What is told of a verification.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = VerificationData)]
pub(in crate::service) struct VerificationEventData<'a> {
    /// Which of this verification's events came first: 1, 2, 3… in the order in which they were written down; left out
    /// of `verification.checks_blocked`, which is about a number.
    #[schema(value_type = Option<i64>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) sequence: Option<i64>,
    pub(in crate::service) id: String,
    pub(in crate::service) service_id: Option<String>,
    pub(in crate::service) to: &'a str,
    /// `sms`, `call` or `whatsapp`.
    pub(in crate::service) channel: &'static str,
    /// `pending`, `approved`, `canceled`, `expired`, `max_attempts_reached` or `deleted`.
    pub(in crate::service) status: &'static str,
    /// How often its code was sent.
    pub(in crate::service) sends: i64,
    pub(in crate::service) attempts_left: i64,
    /// Your own name of it, at the older door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) auth_id: Option<&'a str>,
    #[schema(value_type = Option<Object>)]
    pub(in crate::service) metadata: Option<&'a Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::service) tags: Option<&'a Map<String, Value>>,
    /// RFC 3339.
    pub(in crate::service) expires_at: String,
    /// RFC 3339.
    pub(in crate::service) created_at: String,
}
