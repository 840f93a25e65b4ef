//! `switchboard import twilio-proxy`: services, numbers and live sessions of Twilio Proxy, by its API.

mod service;
mod source;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use self::service::{live, named, number, pool};
use self::source::TwilioProxySource;
use super::ImportArguments;
use super::target::{ImportStep, ImportTarget, NumberToImport, SessionToImport, TargetPool};
use crate::cli::output::field;
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
    pub(super) terms: ImportArguments,
}

impl ImportTwilioProxy {
    pub(super) async fn run(self, target: &mut ImportTarget) -> anyhow::Result<()> {
        let token = secret::ask("TWILIO_AUTH_TOKEN", "auth token")?;
        let client = api::client(self.proxy_ca.as_ref())?;
        let source = TwilioProxySource::new(client, &self.proxy_url, self.account_sid, token)?;
        let services = source.all("/v1/Services", "services").await?.map_err(anyhow::Error::msg)?;
        let is_there = |wanted: &str| services.iter().any(|service| field(service, "sid") == wanted);
        for sid in self.service.iter().filter(|wanted| !is_there(wanted)) {
            target.report.refuse(format!("service {sid}"), "is not there".to_owned());
        }
        for service in &services {
            let sid = field(service, "sid");
            if !self.service.is_empty() && !self.service.iter().any(|wanted| wanted == sid) {
                continue;
            }
            if let Err(why) = take(&source, service, target).await? {
                target.report.refuse(format!("service {sid}"), why);
            }
        }
        Ok(())
    }
}

/// Takes a service over with its numbers and its live sessions, each as it is read; what cannot be taken is told.
async fn take(source: &TwilioProxySource, service: &Value, target: &mut ImportTarget) -> ImportStep<()> {
    let below = format!("/v1/Services/{}", field(service, "sid"));
    let mut wanted = match pool(service) {
        Ok(wanted) => wanted,
        Err(why) => return Ok(Err(why)),
    };
    let numbers = match source.all(&format!("{below}/PhoneNumbers"), "phone_numbers").await? {
        Ok(numbers) => numbers,
        Err(why) => return Ok(Err(why)),
    };
    for one in &numbers {
        match number(one) {
            Ok(number) => wanted.numbers.push(number),
            Err(why) => target.report.refuse(format!("number {}", field(one, "sid")), why),
        }
    }
    let Some(mut taken) = target.open(&wanted).await? else { return Ok(Ok(())) };
    let (mut sessions, mut at) = (source.list(&format!("{below}/Sessions"), "sessions"), 0);
    loop {
        let page = match sessions.page().await? {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Ok(())),
            Err(why) => return Ok(Err(why)),
        };
        for session in &page {
            take_session(source, (&below, session), &mut taken, target).await?;
            at += 1;
            target.report.progress("sessions", at, None);
        }
    }
}

async fn take_session(
    source: &TwilioProxySource,
    (below, session): (&str, &Value),
    pool: &mut TargetPool,
    target: &mut ImportTarget,
) -> anyhow::Result<()> {
    match read(source, below, session).await? {
        Ok(Some(session)) => {
            // one that has left its service since is its people's still
            let missing = session.numbers.iter().filter(|number| !pool.knows(number));
            let missing: Vec<NumberToImport> = missing.map(|number| named(number)).collect();
            target.numbers(pool, &missing).await?;
            target.session(pool, session).await?;
        }
        Ok(None) => target.report.over += 1,
        Err(why) => target.report.refuse(format!("session {}", field(session, "sid")), why),
    }
    Ok(())
}

/// A session with its people; nothing where it is over.
async fn read(source: &TwilioProxySource, below: &str, session: &Value) -> ImportStep<Option<SessionToImport>> {
    let live = match live(session, Clock::default().now_ms()) {
        Ok(Some(live)) => live,
        Ok(None) => return Ok(Ok(None)),
        Err(why) => return Ok(Err(why)),
    };
    let people = source.all(&format!("{below}/Sessions/{}/Participants", live.sid), "participants").await?;
    Ok(people.and_then(|people| live.order(&people)).map(Some))
}
