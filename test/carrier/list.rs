//! What was accepted, as Twilio lists it: newest first, by pages.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::behaviour::On;
use crate::message::Message;
use crate::reply::{self, Cut, Refusal, Reply};
use crate::send;
use crate::state::Carrier;

const MOST: usize = 1000;

pub const NUMBERS: &str = "/IncomingPhoneNumbers.json";
/// Numbers that the account has: more than two pages of a hundred. The last only faxes.
const COUNT: usize = 231;

/// The filters and the place in the list that a query asks for.
#[derive(Default)]
struct Query {
    /// `/Messages.json` or `/Calls.json`.
    resource: String,
    to: Option<String>,
    from: Option<String>,
    /// Seconds since 1970, the end left out.
    since: Option<i64>,
    until: Option<i64>,
    page_size: usize,
    page: usize,
    /// The last message of the page before.
    after: Option<String>,
    /// The filters as they were written, for the next page's address.
    filters: Vec<(String, String)>,
}

pub async fn answer(carrier: &Carrier, resource: &str, query: &str) -> Result<Reply, Cut> {
    carrier.count("lists");
    let query = match Query::parse(resource, query) {
        Ok(query) => query,
        Err(refusal) => return Ok(refusal.reply()),
    };
    let to = query.to.as_deref().unwrap_or_default();
    let plan = carrier.rules.lock().map(|mut rules| rules.take(On::List, to)).unwrap_or_default();
    send::wait(plan.hold_ms + plan.delay_ms).await;
    let page = page(carrier, &query);
    send::fault(plan.act, reply::json(200, &page)).await
}

pub fn one(carrier: &Carrier, sid: &str) -> Reply {
    carrier.count("fetches");
    let index = carrier.log.index();
    match index.find(sid) {
        Some(message) => reply::json(200, &message.show(&carrier.account)),
        None => Refusal::not_found(sid).reply(),
    }
}

/// As Twilio's Lookup answers, of American numbers only.
pub fn lookup(number: &str) -> Reply {
    let rest = number.strip_prefix("%2B1").or_else(|| number.strip_prefix("+1")).filter(|rest| rest.len() == 10);
    let (valid, country) = (rest.is_some(), rest.map(|_| "US"));
    let national = rest.map(|rest| format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..]));
    reply::json(200, &json!({ "valid": valid, "country_code": country, "national_format": national }))
}

pub fn account(carrier: &Carrier) -> Reply {
    let account = &carrier.account;
    let uri = format!("/2010-04-01/Accounts/{account}.json");
    let shown = json!({ "sid": account, "owner_account_sid": account, "friendly_name": "carrier", "status": "active", "type": "Full", "uri": uri });
    reply::json(200, &shown)
}

/// The numbers of the account: every second one sends pictures.
pub fn numbers(carrier: &Carrier, query: &str) -> Reply {
    let query = match Query::parse(NUMBERS, query) {
        Ok(query) => query,
        Err(refusal) => return refusal.reply(),
    };
    let account = &carrier.account;
    let (start, end) = (query.page * query.page_size, COUNT.min((query.page + 1) * query.page_size));
    let number = |at: usize| {
        let is_fax = at == COUNT - 1;
        let capabilities =
            json!({ "voice": !is_fax, "sms": !is_fax, "mms": !is_fax && at.is_multiple_of(2), "fax": is_fax });
        json!({ "sid": format!("PN{at:032x}"), "account_sid": account, "phone_number": format!("+1415556{at:04}"),
            "friendly_name": "ours", "capabilities": capabilities, "status": "in-use" })
    };
    let next = (end < COUNT).then(|| query.address(account, query.page + 1, Some(&format!("PN{end:032x}"))));
    let shown = json!({
        "incoming_phone_numbers": (start..end).map(number).collect::<Vec<_>>(),
        "page": query.page,
        "page_size": query.page_size,
        "start": start,
        "end": end.saturating_sub(1),
        "uri": query.address(account, query.page, query.after.as_deref()),
        "first_page_uri": query.address(account, 0, None),
        "next_page_uri": next,
        "previous_page_uri": null,
    });
    reply::json(200, &shown)
}

impl Query {
    /// An unknown name is refused: a filter that is not applied would list another's message.
    fn parse(resource: &str, text: &str) -> Result<Self, Refusal> {
        let mut query = Self { resource: resource.to_owned(), page_size: 50, ..Self::default() };
        for (name, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
            let bad = || Refusal::bad(20001, format!("Invalid parameter {name}={value}"));
            match &*name {
                "To" => query.to = Some(value.clone()),
                "From" => query.from = Some(value.clone()),
                "DateSent" | "DateSent<" | "DateSent>" if query.is_of_calls() => return Err(bad()),
                "DateSent>" => query.since = Some(seconds(&value).ok_or_else(bad)?),
                "DateSent<" => query.until = Some(seconds(&value).ok_or_else(bad)? + span(&value)),
                "DateSent" => {
                    query.since = Some(seconds(&value).ok_or_else(bad)?);
                    query.until = query.since.map(|since| since + 86_400);
                }
                "PageSize" => {
                    query.page_size = value.parse().ok().filter(|size| (1..=MOST).contains(size)).ok_or_else(bad)?;
                }
                "Page" => query.page = value.parse().map_err(|_| bad())?,
                "PageToken" => query.after = Some(value.strip_prefix("PA").ok_or_else(bad)?.to_owned()),
                _ => return Err(bad()),
            }
            if name != "Page" && name != "PageToken" {
                query.filters.push((name, value));
            }
        }
        if query.page > 0 && query.after.is_none() {
            return Err(Refusal::bad(20006, "Page number out of range: no PageToken"));
        }
        Ok(query)
    }

    fn is_of_calls(&self) -> bool {
        self.resource == "/Calls.json"
    }

    fn fits(&self, message: &Message) -> bool {
        let at = message.arrived_ms / 1000;
        message.is_listed
            && message.is_call() == self.is_of_calls()
            && (self.from.is_none() || self.from == message.from)
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }

    fn address(&self, account: &str, page: usize, after: Option<&str>) -> String {
        let mut written = form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(&self.filters);
        written.append_pair("Page", &page.to_string());
        if let Some(after) = after {
            written.append_pair("PageToken", &format!("PA{after}"));
        }
        format!("/2010-04-01/Accounts/{account}{}?{}", self.resource, written.finish())
    }
}

/// A day, or a moment.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(at.unix_timestamp());
    }
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = month.parse::<u8>().ok()?.try_into().ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp())
}

/// How long what `text` names lasts: bounds are part of the list.
fn span(text: &str) -> i64 {
    if text.contains('T') { 1 } else { 86_400 }
}

fn page(carrier: &Carrier, query: &Query) -> Value {
    let account = &carrier.account;
    let index = carrier.log.index();
    let before = query.after.as_deref().map(|sid| index.find(sid).map_or(0, |message| message.seq));
    let mut found = index
        .messages(query.to.as_deref())
        .rev()
        .filter(|message| before.is_none_or(|before| message.seq < before) && query.fits(message));
    let shown: Vec<&Message> = found.by_ref().take(query.page_size).collect();
    let last = shown.last().filter(|_| found.next().is_some());
    let next = last.map(|last| query.address(account, query.page + 1, Some(&last.sid)));
    let start = query.page * query.page_size;
    let listed = if query.is_of_calls() { "calls" } else { "messages" };
    json!({
        listed: shown.iter().map(|message| message.show(account)).collect::<Vec<_>>(),
        "page": query.page,
        "page_size": query.page_size,
        "start": start,
        "end": start + shown.len().saturating_sub(1),
        "uri": query.address(account, query.page, query.after.as_deref()),
        "first_page_uri": query.address(account, 0, None),
        "next_page_uri": next,
        "previous_page_uri": null,
    })
}
