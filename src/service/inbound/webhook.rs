//! Webhooks at the door: what is proved to be an account's own becomes a row, which is a job.

use super::fields::FIELDS;
use super::{Inbound, Kind, Proved, read};
use crate::model::InboundId;
use crate::provider::{self, Unreadable};
use crate::service::account::Line;
use crate::store;
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
    pub signature: Option<Signature>,
}

impl Came {
    pub fn read(
        kind: Kind,
        provider: provider::Kind,
        payload: String,
        signature: Option<Signature>,
    ) -> Result<Self, Unreadable> {
        let (key, lane) = match kind {
            Kind::Sms => {
                let text = read::text(provider, &payload)?;
                (text.provider_id, text.from)
            }
            Kind::Receipt => {
                let said = read::receipt(provider, &payload)?;
                (said.key(), said.of.id().to_owned())
            }
        };
        Ok(Self { kind, key, lane, payload, signature })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No account of ours has sent this, whatever it says.
    #[error("no account of ours has sent this")]
    Forged,
    /// Nobody looks further.
    #[error("a webhook must have at most {FIELDS} fields")]
    TooManyFields,
    /// It is signed, and names its message as nobody would but who has cut it from others.
    #[error("{0}")]
    Misnamed(Unreadable),
    /// It is theirs, and not what they document.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Whether whoever has posted it need not be a carrier.
    pub fn is_guess(&self) -> bool {
        match self {
            Self::Forged | Self::TooManyFields | Self::Misnamed(_) => true,
            Self::Unreadable(_) | Self::TooLong | Self::Store(_) => false,
        }
    }
}

impl Inbound {
    /// Takes what is proved. When this returns, it is durable, and a job; or [`Error::Forged`]: its signature was for
    /// other fields.
    pub async fn take(&self, Proved { line, came }: Proved) -> Result<(), Error> {
        self.store(&line, came).await.map(drop)
    }

    /// Stores what came, once for each key. When this returns, it is durable, and a job.
    pub(super) async fn store(&self, line: &Line, came: Came) -> Result<InboundId, Error> {
        let Came { kind, key, lane, payload, signature } = came;
        if payload.len() > LONGEST {
            return Err(Error::TooLong);
        }
        let received_ms = self.now_ms();
        let id = InboundId::new(received_ms);
        let (account, key) = (line.account.id, read::key(&key));
        let new = New { id, account, kind, key, lane, payload, received_ms, signature };
        let mut races = 0;
        loop {
            match self.intake.write(new.clone()).await {
                Ok(Taken::Recut) => {
                    self.count_forged(kind, &Error::Forged);
                    return Err(Error::Forged);
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
