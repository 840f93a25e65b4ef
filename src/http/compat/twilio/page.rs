//! Pages of lists as Twilio's libraries turn them: by the URIs that each page names.

use ::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use super::error::{self, Fault};
use super::form::Form;
use crate::http::reply;
use crate::model::MessageId;
use crate::service::message::{Filter, Message};

/// Items of a page unless `PageSize` says otherwise, and at most.
const SIZE: usize = 50;
const LARGEST: usize = 1000;

/// Where a page begins.
#[derive(Clone, Copy)]
enum Place {
    Newest,
    /// Right behind the last of the page before.
    After(MessageId),
    /// It ends right before the first of the page behind.
    Before(MessageId),
}

impl Place {
    fn parse(token: &str) -> Option<Self> {
        let id = |hex: &str| MessageId::from_hex(hex).ok();
        match token.strip_prefix("PA") {
            Some(hex) => id(hex).map(Self::After),
            None => id(token.strip_prefix("PB")?).map(Self::Before),
        }
    }

    fn token(self) -> Option<String> {
        match self {
            Self::Newest => None,
            Self::After(id) => Some(format!("PA{}", id.hex())),
            Self::Before(id) => Some(format!("PB{}", id.hex())),
        }
    }
}

/// Which page of a list is asked for.
pub(super) struct Asked {
    pub(super) size: usize,
    number: usize,
    place: Place,
}

/// What a page holds, as far as its neighbours go.
pub(super) struct Held {
    pub(super) first: Option<MessageId>,
    pub(super) last: Option<MessageId>,
    /// Where the store would go on.
    pub(super) next: Option<MessageId>,
}

impl Held {
    pub(super) fn of(messages: &[Message], next: Option<MessageId>) -> Self {
        let id = |message: &Message| message.id;
        Self { first: messages.first().map(id), last: messages.last().map(id), next }
    }
}

impl Asked {
    pub(super) fn of(form: &Form) -> Result<Self, Fault> {
        let size = match form.one("PageSize").map(str::parse::<usize>) {
            None => SIZE,
            Some(Ok(size @ 1..=LARGEST)) => size,
            Some(Ok(size)) if size > LARGEST => return Err(error::PAGE_SIZE.into()),
            Some(_) => return Err(error::PARAMETER.because("PageSize")),
        };
        let number = form.one("Page").map_or(Ok(0), str::parse).map_err(|_| error::PARAMETER.because("Page"))?;
        let place = match form.one("PageToken") {
            Some(token) => Place::parse(token).ok_or_else(|| error::PARAMETER.because("PageToken"))?,
            None if number == 0 => Place::Newest,
            None => return Err(error::PARAMETER.because("a Page needs its PageToken")),
        };
        Ok(Self { size, number, place })
    }

    pub(super) fn narrow(&self, filter: Filter) -> Filter {
        match self.place {
            Place::Newest => filter,
            Place::After(id) => Filter { after: Some(id), ..filter },
            Place::Before(id) => Filter { before: Some(id), ..filter },
        }
    }

    /// The pages before and behind this one.
    fn neighbours(&self, held: &Held) -> (Option<Place>, Option<Place>) {
        match self.place {
            Place::Before(_) => (held.next.map(Place::Before), held.last.map(Place::After)),
            Place::Newest | Place::After(_) => (held.first.map(Place::Before), held.next.map(Place::After)),
        }
    }

    /// `name`: under which Twilio has the items; `path`: of the list.
    pub(super) fn reply<T: Serialize>(
        &self,
        form: &Form,
        path: &str,
        name: &str,
        items: &[T],
        held: &Held,
    ) -> Response {
        let uri = |number: usize, place: Place| {
            let mut query = filters(form);
            query.push(format!("PageSize={}&Page={number}", self.size));
            query.extend(place.token().map(|token| format!("PageToken={token}")));
            format!("{path}?{}", query.join("&"))
        };
        let (previous, next) = self.neighbours(held);
        let previous = previous.and_then(|place| Some(uri(self.number.checked_sub(1)?, place)));
        let start = self.number.saturating_mul(self.size);
        let page = json!({
            name: items,
            "page": self.number,
            "page_size": self.size,
            "start": start,
            "end": start.saturating_add(items.len().saturating_sub(1)),
            "uri": uri(self.number, self.place),
            "first_page_uri": uri(0, Place::Newest),
            "next_page_uri": next.map(|place| uri(self.number.saturating_add(1), place)),
            "previous_page_uri": previous,
        });
        reply::json(StatusCode::OK, &page)
    }
}

/// What the list is narrowed by, as it was asked for.
fn filters(form: &Form) -> Vec<String> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    form.pairs()
        .filter(|(name, _)| !["Page", "PageSize", "PageToken"].contains(name))
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect()
}
