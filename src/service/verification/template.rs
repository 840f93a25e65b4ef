//! Templates: how a code is told, by name and language. Some come with the server, the operator has some for all
//! clients, and each client its own.

mod text;

pub use text::{CodeText, TextWanted};

use crate::model::template::{CODE, Locale, ShippedText, has_code, language_tag};
use crate::model::verification::CODE_MARK;
use crate::model::{ClientId, Clock, FromBytes as _, Millis, VerificationTemplateId, text as model_text};
use crate::service::audit::AuditContext;
use crate::service::page;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result};
use crate::store::Store;
use crate::store::verification::template;

pub use crate::store::verification::template::VerificationTemplate;

/// What the templates that come with the server are called.
pub const SHIPPED: &str = "default";

/// Characters of a name at most.
const NAME: usize = 64;
/// UTF-16 units of a text at most.
const LONGEST: usize = 1_000;

/// A template that is to be there.
#[derive(Clone, Debug)]
pub struct NewVerificationTemplate {
    pub name: String,
    /// A language, such as `pt-BR`.
    pub locale: String,
    pub body: String,
}

/// What is to hold for a template; what is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct VerificationTemplateChange {
    pub name: Option<String>,
    pub locale: Option<String>,
    pub body: Option<String>,
}

/// Who does something to a template, for the audit log.
type TemplateAudit<'a> = AuditContext<'a, VerificationTemplate>;

/// How codes are told.
#[derive(Clone)]
pub struct Templates {
    pub store: Store,
    pub clock: Clock,
}

/// Those that come with the server are older than any other: lists end with them.
fn shipped_id(nth: usize) -> VerificationTemplateId {
    VerificationTemplateId::from_bytes((nth as u128 + 1).to_be_bytes())
}

/// The one that comes with the server in a language.
fn shipped(locale: Locale) -> VerificationTemplate {
    let nth = Locale::ALL.iter().position(|one| *one == locale).unwrap_or_default();
    VerificationTemplate {
        id: shipped_id(nth),
        client: None,
        name: SHIPPED.to_owned(),
        locale: locale.name().to_owned(),
        body: ShippedText::of(locale).body.to_owned(),
        created_ms: 0,
        changed_ms: 0,
    }
}

/// The language of one that comes with the server; `None`: it is none of these.
fn shipped_locale(id: VerificationTemplateId) -> Option<Locale> {
    Locale::ALL.into_iter().enumerate().find(|(nth, _)| shipped_id(*nth) == id).map(|(_, locale)| locale)
}

fn check_name(name: &str) -> Result<()> {
    let is_line = !name.chars().any(char::is_control) && name.trim() == name;
    match name.chars().count() {
        1..=NAME if is_line => Ok(()),
        _ => Err(Error::invalid("name", format!("must be 1 to {NAME} characters in one line, without outer blanks"))),
    }
}

fn check_locale(locale: &str) -> Result<String> {
    language_tag(locale).ok_or_else(no_locale)
}

pub(super) fn no_locale() -> Error {
    Error::invalid("locale", "must be a language, such as en, pt-BR or zh-Hant-TW")
}

/// What a text with places must be, whoever's it is.
fn check_body(field: &'static str, body: &str) -> Result<()> {
    let wrong = |reason: String| Err(Error::invalid(field, reason));
    let units = model_text::units(body);
    if body.trim().is_empty() || units > LONGEST {
        return wrong(format!("must be 1 to {LONGEST} UTF-16 units long, and is {units}"));
    }
    if body.contains(|c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || c == CODE_MARK) {
        return wrong("must be without control characters".to_owned());
    }
    if has_code(body) { Ok(()) } else { wrong(format!("must say where the code stands: {{{CODE}}}")) }
}

impl Templates {
    /// What a client may use, newest first, behind the one template or right before the other: its own, the operator's,
    /// and at the end what comes with the server; whether there are more in that direction.
    pub async fn list(
        &self,
        client: ClientId,
        (after, before): (Option<VerificationTemplateId>, Option<VerificationTemplateId>),
        limit: usize,
    ) -> Result<(Vec<VerificationTemplate>, bool)> {
        let mut found = template::list(&self.store, client, (after, before), limit + 1).await?;
        let shipped = Locale::ALL.into_iter().map(shipped);
        let Some(before) = before else {
            found.extend(shipped.rev().filter(|one| after.is_none_or(|after| one.id < after)));
            return Ok(page(found, limit));
        };
        let backward = shipped.filter(|one| one.id > before).chain(found).collect();
        let (mut found, more) = page(backward, limit);
        found.reverse();
        Ok((found, more))
    }

    /// One that a client may use.
    pub async fn find(&self, client: ClientId, id: VerificationTemplateId) -> Result<VerificationTemplate> {
        if let Some(locale) = shipped_locale(id) {
            return Ok(shipped(locale));
        }
        template::find(&self.store, client, id).await?.ok_or_else(|| Error::not_found("template"))
    }

    /// One that a client may change.
    async fn own(&self, client: ClientId, id: VerificationTemplateId) -> Result<VerificationTemplate> {
        let found = self.find(client, id).await?;
        if found.client == Some(client) {
            return Ok(found);
        }
        Err(Error::conflict("this template is the operator's, or comes with the server: make one of your own"))
    }

    /// One of a client's own.
    pub async fn create(
        &self,
        client: ClientId,
        new: NewVerificationTemplate,
        audit: &TemplateAudit<'_>,
    ) -> Result<VerificationTemplate> {
        let now_ms = self.clock.now_ms();
        let made = VerificationTemplate {
            id: VerificationTemplateId::new(now_ms),
            client: Some(client),
            name: new.name,
            locale: check_locale(&new.locale)?,
            body: new.body,
            created_ms: now_ms,
            changed_ms: now_ms,
        };
        check_name(&made.name)?;
        check_body("body", &made.body)?;
        let entry = audit.entry(now_ms, made.id, None, Some(&made));
        template::insert(&self.store, client, &made, entry).await.on_conflict(has_namesake)?;
        Ok(made)
    }

    /// The template as it now is. What changes nothing is not written.
    pub async fn change(
        &self,
        client: ClientId,
        id: VerificationTemplateId,
        change: &VerificationTemplateChange,
        audit: &TemplateAudit<'_>,
    ) -> Result<VerificationTemplate> {
        settled("this template", || async {
            let before = self.own(client, id).await?;
            let after = changed(&before, change, self.clock.now_ms())?;
            let Some(after) = after else { return Ok(before) };
            let entry = audit.entry(after.changed_ms, id, Some(&before), Some(&after));
            let written = template::update(&self.store, client, (&before, &after), entry).await;
            written.on_conflict(has_namesake)?;
            Ok(after)
        })
        .await
    }

    /// Verifications that wait for their code keep the one that they have.
    pub async fn remove(&self, client: ClientId, id: VerificationTemplateId, audit: &TemplateAudit<'_>) -> Result<()> {
        settled("this template", || async {
            let before = self.own(client, id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(template::delete(&self.store, client, &before, entry).await?)
        })
        .await
    }
}

/// How a template will be; `None`: as it is.
fn changed(
    before: &VerificationTemplate,
    change: &VerificationTemplateChange,
    now_ms: Millis,
) -> Result<Option<VerificationTemplate>> {
    let mut after = before.clone();
    after.name = change.name.clone().unwrap_or(after.name);
    after.body = change.body.clone().unwrap_or(after.body);
    if let Some(locale) = &change.locale {
        after.locale = check_locale(locale)?;
    }
    if after == *before {
        return Ok(None);
    }
    check_name(&after.name)?;
    check_body("body", &after.body)?;
    // it moves with every change
    after.changed_ms = now_ms.max(before.changed_ms + 1);
    Ok(Some(after))
}

fn has_namesake() -> Error {
    Error::conflict("another template has this name in this language").about("name")
}
