//! `switchboard import twilio-proxy`: services, numbers and live sessions of Twilio Proxy, by its API.

mod service;
mod source;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use self::service::{LiveProxySession, live, number, pool};
use self::source::TwilioProxySource;
use super::ImportArguments;
use super::report::ImportReport;
use super::target::{ImportTarget, NumberToImport, PoolToImport, SessionToImport};
use crate::cli::output::field;
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{api, secret};
use crate::model::Clock;

/// Take over services, numbers and live sessions of Twilio Proxy, by its API
///
/// Each service is a pool. Everybody keeps their number; services, sessions and participants keep their sids. Nobody is
/// texted. The auth token is TWILIO_AUTH_TOKEN in the environment, or asked for.
#[derive(Args)]
pub(super) struct ImportTwilioProxy {
    /// The account at Twilio whose services these are
    #[arg(long, value_name = "SID", env = "TWILIO_ACCOUNT_SID")]
    account_sid: String,
    /// Where its API is
    #[arg(long, value_name = "URL", default_value = "https://proxy.twilio.com")]
    proxy_url: String,
    /// A certificate to trust there, PEM, where it is not from a public authority
    #[arg(long, value_name = "FILE")]
    proxy_ca: Option<PathBuf>,
    /// Only this service, by its sid; may be repeated
    #[arg(long, value_name = "SID")]
    service: Vec<String>,
    #[command(flatten)]
    terms: ImportArguments,
}

impl ImportTwilioProxy {
    pub(super) async fn run(self, remote: RemoteCommandContext) -> anyhow::Result<ImportReport> {
        let token = secret::ask("TWILIO_AUTH_TOKEN", "auth token")?;
        let client = api::client(self.proxy_ca.as_ref())?;
        let source = TwilioProxySource::new(client, &self.proxy_url, self.account_sid.clone(), token)?;
        let mut target = ImportTarget::new(remote, &self.terms);
        for service in source.list("/v1/Services", "services").await? {
            let is_wanted = self.service.is_empty() || self.service.iter().any(|sid| service["sid"] == *sid);
            if !is_wanted {
                continue;
            }
            match self.read(&source, &service, &mut target.report).await {
                Ok(pool) => target.take(pool).await?,
                Err(error) => target.report.refuse(format!("service {}", field(&service, "sid")), format!("{error:#}")),
            }
        }
        Ok(target.report)
    }

    /// A service with its numbers and its live sessions; what of it cannot be taken is told.
    async fn read(
        &self,
        source: &TwilioProxySource,
        service: &Value,
        report: &mut ImportReport,
    ) -> anyhow::Result<PoolToImport> {
        let below = format!("/v1/Services/{}", sid(service)?);
        let mut pool = pool(service).map_err(anyhow::Error::msg)?;
        for one in source.list(&format!("{below}/PhoneNumbers"), "phone_numbers").await? {
            match number(&one) {
                Ok(number) => pool.numbers.push(number),
                Err(why) => report.refuse(format!("number {}", field(&one, "sid")), why),
            }
        }
        let sessions = source.list(&format!("{below}/Sessions"), "sessions").await?;
        for (at, session) in sessions.iter().enumerate() {
            report.progress("sessions read", at + 1, sessions.len());
            match live(session, Clock::default().now_ms()) {
                Ok(Some(live)) => match with_people(source, &below, live).await {
                    Ok(session) => {
                        // one that has left its service since is its people's still
                        let is_new = |number: &&String| !pool.numbers.iter().any(|known| known.address == **number);
                        let missing: Vec<NumberToImport> =
                            session.numbers.iter().filter(is_new).map(|number| service::named(number)).collect();
                        pool.numbers.extend(missing);
                        pool.sessions.push(session);
                    }
                    Err(error) => report.refuse(format!("session {}", field(session, "sid")), format!("{error:#}")),
                },
                Ok(None) => report.over += 1,
                Err(why) => report.refuse(format!("session {}", field(session, "sid")), why),
            }
        }
        Ok(pool)
    }
}

async fn with_people(
    source: &TwilioProxySource,
    below: &str,
    live: LiveProxySession<'_>,
) -> anyhow::Result<SessionToImport> {
    let path = format!("{below}/Sessions/{}/Participants", live.sid);
    let people = source.list(&path, "participants").await?;
    live.order(&people).map_err(anyhow::Error::msg)
}

fn sid(service: &Value) -> anyhow::Result<&str> {
    service["sid"].as_str().context("it has no sid")
}
