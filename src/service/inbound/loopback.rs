//! The loopback provider's side of the door: what it reports, what it has, and a person who texts by it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::mpsc::Receiver;

use super::WebhookInbox;
use super::webhook::VerifiedWebhook;
use crate::model::{Address, Channel, Media, MessageId};
use crate::provider::loopback::StoredLoopbackText;
use crate::provider::{self, InboundCall, Loopback, LoopbackEvent};
use crate::service::account::AccountHandle;
use crate::service::directory::Directory;
use crate::service::session::{CallAnswer, SessionCalls};
use crate::service::vault::{CodeVault, VaultAnswer};
use crate::service::{Error, Result};

pub use crate::provider::loopback::{Filter, LoopbackMessage, LoopbackPage};

/// What a person's phone sends, and what a carrier would say besides.
#[derive(Default)]
pub struct LoopbackInboundText {
    pub channel: Channel,
    pub from: String,
    pub to: String,
    pub body: String,
    pub media_urls: Vec<String>,
    pub carrier: BTreeMap<String, String>,
}

/// Events taken in together at most.
const BATCH: usize = 256;

/// The door by which the loopback provider reports, and by which a person reads and texts.
pub struct LoopbackDoor {
    pub inbox: Arc<WebhookInbox>,
    pub directory: Arc<Directory>,
    pub loopback: Loopback,
    pub session_calls: Arc<SessionCalls>,
    /// The codes that it was sent, which it does not keep.
    pub codes: Arc<CodeVault>,
}

impl LoopbackDoor {
    fn handle(&self) -> Option<Arc<AccountHandle>> {
        let entries = self.directory.current();
        entries.handles().find(|handle| handle.connector.kind() == provider::CarrierKind::Loopback).cloned()
    }

    /// What the loopback provider was sent, newest first; codes stand in it while they open anything. `None`: there is no
    /// account on it.
    pub async fn messages(&self, filter: &Filter, cursor: Option<u64>, limit: usize) -> Result<Option<LoopbackPage>> {
        let Some(mut page) = self.handle().map(|_| self.loopback.list(filter, cursor, limit)) else { return Ok(None) };
        page.messages = try_join_all(page.messages.into_iter().map(|message| self.whole(message))).await?;
        Ok(Some(page))
    }

    /// A message as a person reads it.
    async fn whole(&self, mut message: LoopbackMessage) -> Result<LoopbackMessage> {
        let told = message.secret.as_ref().and_then(|secret| Some((secret, secret.verification()?)));
        let Some((secret, verification)) = told else { return Ok(message) };
        if let VaultAnswer::Code { code, .. } = self.codes.look(verification).await? {
            message.sent.body = secret.put_in(&message.sent.body, code.expose());
        }
        Ok(message)
    }

    /// A person's phone texts a number. The text goes the way of every carrier's; the message that it
    /// becomes, or `None`: there is no account on the loopback provider.
    pub async fn play(&self, played: LoopbackInboundText) -> Result<Option<MessageId>> {
        let Some(handle) = self.handle() else { return Ok(None) };
        let LoopbackInboundText { channel, from, to, body, media_urls, carrier } = played;
        // as all carriers are read
        let ((named, from), (_, to)) = (Address::from_carrier(&from), Address::from_carrier(&to));
        let (channel, from, to) = (named.unwrap_or(channel), from.as_str().to_owned(), to.as_str().to_owned());
        let text = StoredLoopbackText {
            provider_id: format!("LB{:032x}", rand::random::<u128>()),
            channel: Some(channel).filter(|channel| *channel != Channel::Sms).map(|channel| channel.name().to_owned()),
            from,
            to,
            body,
            media: media_urls.into_iter().map(|url| Media { url, content_type: String::new() }).collect(),
            carrier,
        };
        Ok(Some(self.inbox.store(&handle, came(text)).await?.message()))
    }

    /// A person calls a number; what their carrier is told, or `None`: there is no account on the loopback provider. Whom
    /// it is told to dial it dials.
    pub async fn call(&self, call: &InboundCall) -> Result<Option<String>> {
        let Some(handle) = self.handle() else { return Ok(None) };
        let CallAnswer { twiml, dialled } = self.session_calls.answer(call, &[handle.account.id]).await?;
        if let Some((leg, to)) = dialled {
            self.loopback.dial(leg, &to);
        }
        Ok(Some(twiml))
    }

    /// Takes in what the loopback provider reports. It drops what finds no room while the store is slow:
    /// a send never waits for this.
    pub async fn listen(&self, mut events: Receiver<LoopbackEvent>) {
        let mut batch = Vec::with_capacity(BATCH);
        while events.recv_many(&mut batch, BATCH).await > 0 {
            let Some(handle) = self.handle() else {
                batch.clear();
                continue;
            };
            join_all(batch.drain(..).map(|event| self.hear(&handle, event))).await;
        }
    }

    async fn hear(&self, handle: &AccountHandle, event: LoopbackEvent) {
        let came = match event {
            LoopbackEvent::Receipt(receipt) => {
                let key = format!("{}:{}", receipt.provider_id, receipt.call.as_ref().unwrap_or(&receipt.state));
                let (lane, payload) = (receipt.provider_id.clone(), json(&receipt));
                VerifiedWebhook::receipt(receipt.read(), key, lane, payload)
            }
            LoopbackEvent::Text(text) => came(text),
        };
        // a carrier repeats what was not taken; this one has patience for as long as the store is away
        while let Err(error) = self.inbox.store(handle, came.clone()).await {
            let Error { source: Some(error), .. } = error else {
                tracing::warn!(%error, "could not take in what the loopback provider reports");
                return;
            };
            tracing::debug!(%error, "what the loopback provider reports waits for the store");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn came(text: StoredLoopbackText) -> VerifiedWebhook {
    let payload = json(&text);
    VerifiedWebhook::text(text.read(), payload)
}

/// Plain fields always serialise.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
