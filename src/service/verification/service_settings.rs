//! What a client's verifications of one purpose have in common, kept under a name.

use super::template::no_locale;
use super::terms::{check_count, check_length, check_ttl};
use super::{ServiceSettings, Verification, VerificationService, Verifications};
use crate::model::template::{Autofill, language_tag};
use crate::model::{ClientId, Clock, VerificationServiceId, VerificationTemplateId};
use crate::service::audit::AuditContext;
use crate::service::race::WriteResultExt as _;
use crate::service::{Error, Result, page};
use crate::store::Store;
use crate::store::verification::service;

/// Characters of a name at most.
const NAME: usize = 64;

/// Who does something to a service, for the audit log.
type ServiceAudit<'a> = AuditContext<'a, VerificationService>;

/// Services of verifications.
#[derive(Clone)]
pub struct VerificationServices {
    pub store: Store,
    pub clock: Clock,
}

fn check(name: &str, settings: &ServiceSettings) -> Result<()> {
    let is_line = !name.chars().any(char::is_control) && name.trim() == name;
    if !is_line || !(1..=NAME).contains(&name.chars().count()) {
        return Err(Error::invalid(
            "name",
            format!("must be 1 to {NAME} characters in one line, without outer blanks"),
        ));
    }
    if settings.tts_name.as_deref().is_some_and(|voice| voice.chars().count() > NAME) {
        return Err(Error::invalid("tts_name", format!("must be at most {NAME} characters")));
    }
    check_length("code_length", settings.code_length)?;
    check_ttl("ttl", settings.ttl_ms)?;
    check_count("max_checks", settings.max_checks)?;
    check_count("max_sends", settings.max_sends)?;
    Autofill::read(settings.web_otp_host.as_deref(), settings.app_hash.as_deref())
        .map_err(|wrong| Error::invalid(wrong.field(), wrong.to_string()))?;
    if settings.locale.as_deref().is_some_and(|locale| language_tag(locale).is_none()) {
        return Err(no_locale());
    }
    if settings.template.as_deref().is_some_and(|id| VerificationTemplateId::from_hex(id).is_err()) {
        return Err(Error::invalid("template", "must be the id of a template"));
    }
    Ok(())
}

/// One that an order names.
pub(super) async fn known(store: &Store, client: ClientId, id: VerificationServiceId) -> Result<VerificationService> {
    let found = service::find(store, client, id).await?;
    found.ok_or_else(|| Error::invalid("service", "must be a service of yours"))
}

impl VerificationServices {
    pub async fn create(
        &self,
        client: ClientId,
        name: String,
        settings: ServiceSettings,
        audit: &ServiceAudit<'_>,
    ) -> Result<VerificationService> {
        check(&name, &settings)?;
        let now_ms = self.clock.now_ms();
        let id = VerificationServiceId::new(now_ms);
        let made = VerificationService { id, client, name, settings, created_ms: now_ms, changed_ms: now_ms };
        service::add(&self.store, &made, audit.entry(now_ms, id, None, Some(&made))).await?;
        Ok(made)
    }

    pub async fn find(&self, client: ClientId, id: VerificationServiceId) -> Result<VerificationService> {
        service::find(&self.store, client, id).await?.ok_or_else(|| Error::not_found("service"))
    }

    /// Newest first, behind the one service or right before the other; whether there are more in that direction.
    pub async fn list(
        &self,
        client: ClientId,
        (after, before): (Option<VerificationServiceId>, Option<VerificationServiceId>),
        limit: usize,
    ) -> Result<(Vec<VerificationService>, bool)> {
        let (mut found, more) = page(service::list(&self.store, client, (after, before), limit + 1).await?, limit);
        if before.is_some() {
            found.reverse();
        }
        Ok((found, more))
    }

    /// The service as it now is; `before`: as its caller has read it, and made its settings of. What is pending stays as
    /// it was made.
    pub async fn change(
        &self,
        before: &VerificationService,
        name: Option<String>,
        settings: ServiceSettings,
        audit: &ServiceAudit<'_>,
    ) -> Result<VerificationService> {
        let mut after = VerificationService { settings, ..before.clone() };
        after.name = name.unwrap_or(after.name);
        if after.name == before.name && after.settings == before.settings {
            return Ok(after);
        }
        check(&after.name, &after.settings)?;
        after.changed_ms = self.clock.now_ms().max(before.changed_ms);
        let entry = audit.entry(after.changed_ms, before.id, Some(before), Some(&after));
        let written = service::change(&self.store, before, &after, entry).await;
        written.on_race(|| Error::busy("somebody else has changed this service just now"))?;
        Ok(after)
    }

    /// Takes one away. What is pending may still be opened.
    pub async fn remove(&self, client: ClientId, id: VerificationServiceId, audit: &ServiceAudit<'_>) -> Result<()> {
        let before = self.find(client, id).await?;
        let now_ms = self.clock.now_ms();
        let entry = audit.entry(now_ms, id, Some(&before), None);
        service::remove(&self.store, id, now_ms, entry).await.on_race(|| Error::not_found("service"))
    }
}

impl Verifications {
    /// The settings of a verification's service; of one that is gone, those of none.
    pub(super) async fn service_of(&self, of: &Verification) -> Result<ServiceSettings> {
        let Some(id) = of.service else { return Ok(ServiceSettings::default()) };
        let found = service::find(&self.parts.store, of.client, id).await?;
        Ok(found.map(|found| found.settings).unwrap_or_default())
    }
}
