//! The vocabulary: values that are valid because they exist. No I/O.

pub mod address;
pub mod bom;
pub mod call;
pub mod carrier;
pub mod channel;
pub mod charset;
pub mod clock;
pub mod content;
pub mod date;
pub mod dialing;
pub mod digest;
pub mod event;
pub mod fields;
pub mod form;
pub mod gcra;
pub mod id;
pub mod json;
pub mod keyword;
mod lane;
pub mod lock;
pub mod login;
pub mod message;
pub mod money;
mod name;
pub mod origin;
pub mod phone;
pub mod platform;
pub mod qr;
pub mod secret;
pub mod segment;
pub mod smart;
pub mod span;
pub mod text;
mod text_form;
pub mod twiml;
pub mod user;

pub use address::{Address, AddressKind, Country, NotAnAddress, PhoneReport};
pub use call::{CallEvent, CallStatus};
pub use channel::{Channel, PricedChannel};
pub use charset::FormCharset;
pub use clock::{Clock, Millis, rfc3339};
pub use content::{CallPlan, MessageContent, SharedMessageContent};
pub use date::{parse_day, parse_time, parse_time_or_day};
pub use dialing::{CallOptions, FetchMethod, MachineDetection};
pub use digest::{DigestAlgorithm, OaepDigests};
pub use fields::{CarrierFields, Media};
pub use gcra::Gcra;
pub use id::{
    AccountId, AdminKeyId, AuditId, CallId, ClientId, DeviceId, EndpointId, EntryId, EventId, FromBytes, Id, InboundId,
    KeyId, MessageId, NumberId, PoolId, PublicationId, RateId, RouteId, TokenId,
};
pub use keyword::{Keyword, Keywords};
pub use lane::LaneKey;
pub use money::{Money, NotMoney};
pub(crate) use name::named;
pub use origin::Origin;
pub use phone::Phone;
pub use platform::Platform;
pub use secret::Secret;
pub use segment::{Segments, TextEncoding};
pub use span::DurationSetting;
pub(crate) use text_form::{debug_as_display, read_from_text};
pub use twiml::Twiml;
pub use user::UserId;
