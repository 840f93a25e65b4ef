//! `Services`: a client's pools, as Proxy has them.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::{may_own, refusal, seconds, service_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, PARAMETER, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::MetaPage;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::{pool, reply, segment};
use crate::model::{HookFormat, PoolBound, PoolChoice};
use crate::service::client::KeyScope;
use crate::service::number::{Pool, PoolChange, PoolSettingsChange};
use crate::service::{Error, ErrorKind};

/// What somebody is told who wants a service of another kind.
const OTHER_KIND: &str = "a service of Proxy has a UniqueName, and no other kind is made here: numbers that send \
                          together are a pool (POST /v1/pools)";

/// How near numbers must be, by Twilio's names; what is not bound at all is shown as bound by the country.
const BOUNDS: [(&str, PoolBound); 5] = [
    ("country", PoolBound::Country),
    ("area-code", PoolBound::AreaCode),
    ("overlay", PoolBound::Overlay),
    ("radius", PoolBound::Radius),
    ("extended-area-code", PoolBound::Overlay),
];

const CHOICES: [(&str, PoolChoice); 2] =
    [("prefer-sticky", PoolChoice::Sticky), ("avoid-sticky", PoolChoice::AvoidSticky)];

/// A pool that gives each number to one session is none of Proxy's.
fn is_service(pool: &Pool) -> bool {
    !pool.settings.is_exclusive
}

fn named<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> Option<&'static str> {
    names.iter().find(|(_, known)| *known == value).map(|(name, _)| *name)
}

fn out(base: &ReplyBaseUrl, service: &Pool) -> Value {
    let (settings, url) = (&service.settings, base.join(&service_path(service.id)));
    let created = date::iso8601(service.created_ms);
    json!({
        "account_sid": sid::account(service.client),
        "callback_url": settings.callback_url,
        "chat_instance_sid": null,
        "date_created": created,
        "date_updated": created,
        "default_ttl": settings.ttl.map_or(0, |ttl| ttl.as_ms() / 1000),
        "geo_match_level": named(&BOUNDS, settings.bound).unwrap_or("country"),
        "intercept_callback_url": settings.intercept_url,
        "links": { "phone_numbers": format!("{url}/PhoneNumbers"), "sessions": format!("{url}/Sessions") },
        "number_selection_behavior": named(&CHOICES, settings.choice),
        "out_of_session_callback_url": settings.out_of_session_url,
        "sid": sid::service(service.id),
        "unique_name": service.name,
        "url": url,
    })
}

/// The service of this SID, or this unique name.
pub(super) async fn find(visit: &TwilioCompatRequest<'_>, name: &str) -> Result<Pool> {
    let client = visit.consumer.client;
    let found = match sid::parse_service(name) {
        Some(id) => match visit.app.numbers.pool(client, id).await {
            Err(Error { kind: ErrorKind::NotFound, .. }) => None,
            found => Some(found?),
        },
        None => match segment(name) {
            Some(name) => by_name(visit, &name).await?,
            None => None,
        },
    };
    Ok(found.filter(is_service).ok_or(NOT_FOUND)?)
}

async fn by_name(visit: &TwilioCompatRequest<'_>, name: &str) -> Result<Option<Pool>> {
    let pools = visit.app.numbers.pools(visit.consumer.client).await?;
    Ok(pools.into_iter().find(|pool| is_service(pool) && pool.name == name))
}

/// A parameter by Twilio's names for what it may be.
fn one_of<T: Copy>(form: &TwilioForm, parameter: &str, names: &[(&'static str, T)]) -> Result<Option<T>> {
    let Some(given) = form.one(parameter) else { return Ok(None) };
    let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let wrong = || PARAMETER.because(&format!("{parameter} must be one of {}", all.join(", ")));
    names.iter().find(|(name, _)| *name == given).map(|(_, value)| Some(*value)).ok_or_else(wrong)
}

/// What is given of the settings; a URL that is empty is taken away.
fn settings(form: &TwilioForm) -> Result<PoolSettingsChange> {
    if form.one("ChatInstanceSid").is_some() {
        return Err(PARAMETER.because("ChatInstanceSid is not served: there is no chat here"));
    }
    let url = |name: &str| form.given(name).map(|url| (!url.is_empty()).then(|| url.to_owned()));
    let (intercept_url, out_of_session_url) = (url("InterceptCallbackUrl"), url("OutOfSessionCallbackUrl"));
    // who is named here is asked as Twilio asks
    let is_asked = [&intercept_url, &out_of_session_url].into_iter().any(|url| matches!(url, Some(Some(_))));
    Ok(PoolSettingsChange {
        choice: one_of(form, "NumberSelectionBehavior", &CHOICES)?,
        bound: one_of(form, "GeoMatchLevel", &BOUNDS)?,
        ttl: seconds(form, "DefaultTtl")?.map(|ttl| Some(ttl).filter(|ttl| ttl.as_ms() > 0)),
        intercept_url,
        out_of_session_url,
        hook_format: is_asked.then_some(HookFormat::Form),
        callback_url: url("CallbackUrl"),
        ..PoolSettingsChange::default()
    })
}

/// `GET Services`
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let mut pools = visit.app.numbers.pools(visit.consumer.client).await?;
    pools.retain(is_service);
    let (pools, edges) = page.cut(pools, |pool| pool.id);
    let items: Vec<Value> = pools.iter().map(|pool| out(&base, pool)).collect();
    Ok(page.reply(&form, (&base, "/v1/Services"), "services", &items, edges))
}

/// `POST Services`
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, posted: UnreadBody) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let name = match (form.one("UniqueName"), form.one("FriendlyName")) {
        (Some(name), _) => name,
        (None, Some(_)) => return Err(NOT_FOUND.because(OTHER_KIND)),
        (None, None) => return Err(PARAMETER.because("UniqueName is missing")),
    };
    let given = settings(&form)?;
    let settings = PoolSettingsChange {
        bound: given.bound.or(Some(PoolBound::Country)),
        hook_format: Some(HookFormat::Form),
        ..given
    };
    let context = pool::context(visit.request, "pool.create");
    let (numbers, client) = (&visit.app.numbers, visit.consumer.client);
    let made = numbers.add_pool_named_alone(client, name.to_owned(), &settings, &context).await;
    let made = made.map_err(|error| refusal::of(error, PoolBound::None))?;
    Ok(reply::json(StatusCode::CREATED, &out(&visit.base(), &made.pool)))
}

/// `GET Services/<sid>`
pub(super) fn fetch(visit: &TwilioCompatRequest<'_>, service: &Pool) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), service)))
}

/// `POST Services/<sid>`
pub(super) async fn update(visit: &TwilioCompatRequest<'_>, service: &Pool, posted: UnreadBody) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let name = form.one("UniqueName").map(str::to_owned);
    let change = PoolChange { is_named_alone: name.is_some(), name, settings: settings(&form)? };
    let context = pool::context(visit.request, "pool.change");
    let changed = visit.app.numbers.change_pool(service.client, service.id, &change, &context).await;
    let changed = changed.map_err(|error| refusal::of(error, PoolBound::None))?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), &changed.pool)))
}

/// `DELETE Services/<sid>`: its numbers stay the account's. It is refused while there are open sessions.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, service: &Pool) -> TwilioCompatResult {
    may_own(visit)?;
    let context = pool::context(visit.request, "pool.delete");
    let deleted = visit.app.numbers.delete_pool(service.client, service.id, &context).await;
    deleted.map_err(|error| refusal::of(error, PoolBound::None))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_choices_have_twilios_names() {
        let shown = |bound| named(&BOUNDS, bound);
        assert_eq!(shown(PoolBound::Overlay), Some("overlay"), "and not by its older name");
        assert_eq!(shown(PoolBound::None), None);
        assert_eq!(named(&CHOICES, PoolChoice::AvoidSticky), Some("avoid-sticky"));
    }
}
