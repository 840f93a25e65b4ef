//! What the tests of publishing do over and over: a server with sinks, a paired phone, its texts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use switchboard::crypto::{EncryptedPayload, SharedKey};
use switchboard::store::Change;

use super::sink::{SECRET, Sink};
use crate::harness::{Builder, Layout, PHONE, Phone, Result, Server, USER, until};

pub const ROUTE: &str = "/sms/platform/deku";
pub const REFUSAL: &str = "message cannot be published";
pub const DELAY: Duration = Duration::from_millis(100);
/// Long enough for a first try on a busy machine.
pub const SOON: Duration = crate::harness::LONG;

/// The platform table: gmail and twitter have this sink, telegram has none.
pub fn platforms(sink: &Sink) -> String {
    let url = sink.url();
    format!(
        r#"[{{id=1,name="gmail",letter="g",sink_url="{url}",sink_secret="{SECRET}"}},
        {{id=2,name="twitter",letter="t",sink_url="{url}",sink_secret="{SECRET}"}},
        {{id=3,name="telegram",letter="T"}},{{id=4,name="nameless"}}]"#
    )
}

pub async fn builder(layout: Layout, sink: &Sink) -> Result<Builder> {
    Ok(Builder::new(layout).await?.set("platforms", platforms(sink)))
}

/// A running server with its sink, and the key of a phone paired with it.
pub struct Scene {
    pub server: Server,
    pub sink: Sink,
    pub key: SharedKey,
}

impl Scene {
    pub async fn set(layout: Layout) -> Result<Self> {
        let sink = Sink::start().await?;
        let server = builder(layout, &sink).await?.start().await?;
        Self::of(server, sink).await
    }

    pub async fn of(server: Server, sink: Sink) -> Result<Self> {
        let key = pair(&server, USER).await?;
        Ok(Self { server, sink, key })
    }

    /// Posts a plaintext as the paired phone.
    pub async fn send(&self, plain: &str) -> Result<(u16, String)> {
        post(&self.server, &EncryptedPayload::seal(&self.key, plain)?).await
    }

    /// The states of all texts, oldest first, with what lies sealed of each.
    pub async fn rows(&self) -> Result<Vec<Vec<String>>> {
        self.server.rows("SELECT state, LENGTH(sealed) FROM sb_publication ORDER BY id").await
    }

    /// Waits until no text waits for its sink any more.
    pub async fn settle(&self) -> Result {
        until("the end of all texts", async || {
            Ok(self.rows().await?.iter().all(|row| row[0] == "published").then_some(()))
        })
        .await
    }
}

pub async fn pair(server: &Server, user: &str) -> Result<SharedKey> {
    Phone::new()?.pair(server, user, &server.sid(user).await?).await
}

/// A body of the SMS route, from the development user's phone.
pub fn body(text: &str) -> String {
    json!({"text": text, "MSISDN": PHONE}).to_string()
}

pub async fn post(server: &Server, text: &str) -> Result<(u16, String)> {
    server.post(ROUTE, body(text)).await
}

/// Lets time pass for texts, as far as the store knows.
pub async fn age(server: &Server, by: Duration) -> Result {
    let by = i64::try_from(by.as_millis())?;
    let sql = "UPDATE sb_publication SET received_ms = received_ms - ?, ready_ms = ready_ms - ?";
    let change = Change::new().run(sql, vec![by.into(), by.into()]);
    Ok(server.home().databases.store()?.commit(change).await?)
}

pub fn now_secs() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
