//! Webhooks at the door: who they are from, whether that is so, and the row that makes them a job.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::{Inbound, Kind, read};
use crate::crypto::hash;
use crate::crypto::signature::twilio as signature;
use crate::model::{InboundId, Secret};
use crate::provider::{self, Unreadable};
use crate::service::account::{By, Line};
use crate::service::book::Page;
use crate::service::publish::{FormCheck, SignedForm};
use crate::store;
use crate::store::inbound::intake::{New, Taken};

/// Bytes that the column holds.
const LONGEST: usize = 65_535;

/// A signed post as it came.
pub struct Post<'a> {
    /// The public URL, with its query, that the provider has posted to.
    pub url: &'a str,
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// What a provider has proved to be its own.
#[derive(Clone)]
pub(super) struct Came {
    pub kind: Kind,
    /// What its repeats have in common.
    pub key: String,
    /// What must keep its order.
    pub lane: String,
    pub payload: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No account of ours has sent this, whatever it says.
    #[error("no account of ours has sent this")]
    Forged,
    /// It is theirs, and not what they document.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Inbound {
    /// Takes what Twilio posts. The account is that of the form's `AccountSid`; its auth token must have signed.
    pub async fn twilio(&self, kind: Kind, post: &Post<'_>) -> Result<(), Error> {
        let line = self.signed_by(post).ok_or_else(|| self.forged(kind))?;
        self.take(kind, &line, &read::storable(post.body)).await
    }

    /// Takes what Flowroute posts: it signs nothing, so whoever knows the account's path is believed.
    pub async fn flowroute(&self, kind: Kind, token: &str, body: &str) -> Result<(), Error> {
        let given = hash::sha256_hex(token.as_bytes());
        let page = self.parts.book.page();
        let is_flowroute = |line: &&Arc<Line>| line.connector.kind() == provider::Kind::Flowroute;
        // all are compared, each in constant time
        let is_it = |path: &Secret| {
            let hashed = hash::sha256_hex(path.expose().as_bytes());
            bool::from(hashed.as_bytes().ct_eq(given.as_bytes()))
        };
        let fits = |line: &Arc<Line>| self.is_believed(line, is_it);
        let line =
            page.lines().filter(is_flowroute).fold(None, |found, line| if fits(line) { Some(line) } else { found });
        let line = line.ok_or_else(|| self.forged(kind))?;
        self.take(kind, line, &read::storable(body.as_bytes())).await
    }

    /// The account that has signed a post.
    fn signed_by(&self, post: &Post<'_>) -> Option<Arc<Line>> {
        let fields = read::signed_fields(post.body)?;
        let is_json = read::is_json(post.body);
        let line = line_of(&self.parts.book.page(), &fields)?;
        let given = post.signature?;
        let has_signed = |token: &Secret| {
            if is_json {
                signature::verify_json(token.expose(), post.url, post.body, given)
            } else {
                signature::verify_form(token.expose(), post.url, &fields, given)
            }
        };
        self.is_believed(&line, has_signed).then_some(line)
    }

    /// Whether one of the account's tokens fits; counts those that are not its own.
    fn is_believed(&self, line: &Line, fits: impl Fn(&Secret) -> bool) -> bool {
        let by = line.believes(self.now_ms(), fits);
        if let Some(By::Other(role)) = by {
            self.parts.metrics.believed(line.account.id, role.name());
        }
        by.is_some()
    }

    fn forged(&self, kind: Kind) -> Error {
        self.parts.metrics.webhook(kind.name(), "forged");
        Error::Forged
    }

    async fn take(&self, kind: Kind, line: &Line, payload: &str) -> Result<(), Error> {
        let provider = line.connector.kind();
        let came = match kind {
            Kind::Sms => {
                let text = read::text(provider, payload)?;
                Came { kind, key: text.provider_id, lane: text.from, payload: payload.to_owned() }
            }
            Kind::Receipt => {
                let said = read::receipt(provider, payload)?;
                Came { kind, key: said.key(), lane: said.of.id().to_owned(), payload: payload.to_owned() }
            }
        };
        self.store(line, came).await.map(drop)
    }

    /// Stores what came, once for each key. When this returns, it is durable, and a job.
    pub(super) async fn store(&self, line: &Line, came: Came) -> Result<InboundId, Error> {
        let Came { kind, key, lane, payload } = came;
        if payload.len() > LONGEST {
            return Err(Error::TooLong);
        }
        let received_ms = self.now_ms();
        let id = InboundId::new(received_ms);
        let new = New { id, account: line.account.id, kind, key: read::key(&key), lane, payload, received_ms };
        let mut races = 0;
        loop {
            match self.intake.write(new.clone()).await {
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

fn line_of(page: &Page, fields: &[(String, String)]) -> Option<Arc<Line>> {
    let (_, sid) = fields.iter().find(|(name, _)| name == "AccountSid")?;
    page.line_of(provider::Kind::Twilio, sid).cloned()
}

/// Tells whether a Twilio account of ours has signed a form.
pub fn form_check(inbound: &Arc<Inbound>) -> FormCheck {
    let inbound = inbound.clone();
    Arc::new(move |form: SignedForm| {
        let line = line_of(&inbound.parts.book.page(), &form.fields);
        let is_signed = line.zip(form.signature.as_deref()).is_some_and(|(line, given)| {
            let has_signed = |token: &Secret| signature::verify_form(token.expose(), &form.url, &form.fields, given);
            inbound.is_believed(&line, has_signed)
        });
        Box::pin(std::future::ready(is_signed))
    })
}
