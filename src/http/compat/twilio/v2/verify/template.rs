//! `Templates`: how codes are told, so that a `TemplateSid` can be known. They are made at `/v1`.

use serde_json::{Map, Value, json};

use crate::http::compat::twilio::error::TwilioCompatResult;
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::model::ClientId;
use crate::service::client::KeyScope;
use crate::service::verification::template::VerificationTemplate;

const TEMPLATES: &str = "/v2/Templates";

/// One text in one language: texts of one name are several of these here.
fn out(client: ClientId, template: &VerificationTemplate) -> Value {
    let translation = json!({
        "date_created": date::iso8601(template.created_ms),
        "date_updated": date::iso8601(template.changed_ms),
        "is_default_translation": true,
        "locale": template.locale,
        "status": "approved",
        "text": template.body,
    });
    json!({
        "account_sid": sid::account(client),
        "channels": ["sms"],
        "friendly_name": template.name,
        "sid": sid::template(template.id),
        "translations": Map::from_iter([(template.locale.clone(), translation)]),
    })
}

/// `GET Templates`: newest first, those that come with the server last. `FriendlyName` leaves others out of a page.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base, client) = (MetaPage::of(&form)?, visit.base(), visit.consumer.client);
    let between = (page.after(), page.before());
    let (templates, is_more) = visit.app.templates.list(client, between, page.size).await?;
    let held = MetaPageEdges::of(&templates, |one: &VerificationTemplate| one.id, is_more);
    let name = form.one("FriendlyName");
    let fits = |one: &&VerificationTemplate| name.is_none_or(|name| name == one.name);
    let items: Vec<Value> = templates.iter().filter(fits).map(|one| out(client, one)).collect();
    Ok(page.reply(&form, (&base, TEMPLATES), "templates", &items, held))
}
