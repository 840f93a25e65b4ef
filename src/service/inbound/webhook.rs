//! Webhooks at the door: what is proved to be an account's own becomes a row, which is a job.

use std::sync::Arc;

use super::fields::{FIELDS, kept};
use super::read::{self, Parsed, Said};
use super::{Inbox, Kind, Proved};
use crate::model::InboundId;
use crate::provider::{self, Unreadable};
use crate::service::account::AccountHandle;
use crate::service::{Error, ErrorKind};
use crate::store::inbound::intake::{New, Signature, Taken};

/// Bytes that the column holds.
const LONGEST: usize = 65_535;

/// What a provider has proved to be its own.
#[derive(Clone)]
pub(super) struct Came {
    pub kind: Kind,
    /// What its repeats have in common.
    pub key: String,
    /// What must keep its order.
    pub lane: String,
    pub payload: String,
    pub read: Parsed,
    pub signature: Option<Signature>,
}

impl Came {
    /// What Flowroute posts, which signs nothing.
    pub fn unsigned(kind: Kind, payload: String) -> Result<Self, Unreadable> {
        Ok(match kind {
            Kind::Sms => Self::text(read::text(provider::Kind::Flowroute, &payload)?, payload, None),
            Kind::Receipt => Self::receipt(read::receipt(provider::Kind::Flowroute, &payload)?, payload, None),
        })
    }

    /// What Twilio has signed: the fields, as they are read again out of the payload, are here already.
    pub fn signed(
        kind: Kind,
        payload: String,
        fields: Vec<(String, String)>,
        signature: Signature,
    ) -> Result<Self, Unreadable> {
        let fields = kept(fields);
        Ok(match kind {
            Kind::Sms => Self::text(read::twilio_text(&fields)?, payload, Some(signature)),
            Kind::Receipt => Self::receipt(read::twilio_receipt(&fields)?, payload, Some(signature)),
        })
    }

    pub fn text(text: provider::Inbound, payload: String, signature: Option<Signature>) -> Self {
        let (key, lane) = (text.provider_id.clone(), text.from.clone());
        Self { kind: Kind::Sms, key, lane, payload, read: Parsed::Text(Arc::new(text)), signature }
    }

    fn receipt(said: Said, payload: String, signature: Option<Signature>) -> Self {
        let (key, lane) = (said.key(), said.of.id().to_owned());
        Self { kind: Kind::Receipt, key, lane, payload, read: Parsed::Receipt(Arc::new(said)), signature }
    }
}

/// No account of ours has sent this, whatever it says.
pub(super) fn forged() -> Error {
    Error::new(ErrorKind::Forged, "no account of ours has sent this")
}

/// Nobody looks further.
pub(super) fn too_many_fields() -> Error {
    Error::new(ErrorKind::Invalid, format!("a webhook must have at most {FIELDS} fields"))
}

/// It is signed, and names its message as nobody would but who has cut it from others.
pub(super) fn misnamed(reason: Unreadable) -> Error {
    Error::new(ErrorKind::Invalid, reason.to_string())
}

/// It is theirs, and not what they document.
pub(super) fn unreadable(reason: Unreadable) -> Error {
    Error::new(ErrorKind::Unreadable, reason.to_string())
}

/// Whether whoever has posted it need not be a carrier.
pub fn is_guess(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Forged | ErrorKind::Invalid)
}

impl Inbox {
    /// Takes what is proved. When this returns, it is durable, and a job; or it is [`ErrorKind::Forged`]: its
    /// signature was for other fields.
    pub async fn take(&self, Proved { handle, came }: Proved) -> Result<(), Error> {
        self.store(&handle, came).await.map(drop)
    }

    /// Stores what came, once for each key. When this returns, it is durable, and a job.
    pub(super) async fn store(&self, handle: &AccountHandle, came: Came) -> Result<InboundId, Error> {
        let Came { kind, key, lane, payload, read: parsed, signature } = came;
        if payload.len() > LONGEST {
            return Err(Error::new(ErrorKind::TooLong, format!("longer than {LONGEST} bytes")));
        }
        let received_ms = self.now_ms();
        let id = InboundId::new(received_ms);
        let (account, key) = (handle.account.id, read::key(&key));
        let new = New { id, account, kind, key, lane, payload, read: parsed, received_ms, signature };
        let mut races = 0;
        loop {
            match self.intake.write(new.clone()).await {
                Ok(Taken::Recut) => {
                    let forged = forged();
                    self.count_forged(kind, &forged);
                    return Err(forged);
                }
                Ok(taken) => {
                    let result = if taken == Taken::New { "taken" } else { "repeated" };
                    self.parts.metrics.webhook(kind.name(), result);
                    return Ok(id);
                }
                // its twin came to another node: it will be found
                Err(error) if error.is_race() && races < 3 => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
