//! Pages of lists as Twilio's libraries turn them: by the URIs that each page names.

use ::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use super::error::{self, Result};
use super::form::TwilioForm;
use crate::http::reply;
use crate::model::MessageId;
use crate::service::message::{Filter, Message, MessageCursor, Messages};

/// Items of a page unless `PageSize` says otherwise, and at most.
const SIZE: usize = 50;
const LARGEST: usize = 1000;

/// Where a page begins.
enum PageCursor {
    Newest,
    /// Right behind the last of the page before.
    After(MessageCursor),
    /// It ends right before the first of the page behind.
    Before(MessageCursor),
}

impl PageCursor {
    fn parse(token: &str, messages: &Messages) -> Option<Self> {
        let place =
            |text: &str| messages.sealed(text).or_else(|| MessageId::from_hex(text).ok().map(MessageCursor::from));
        match token.strip_prefix("PA") {
            Some(text) => place(text).map(Self::After),
            None => place(token.strip_prefix("PB")?).map(Self::Before),
        }
    }

    fn token(&self) -> Option<String> {
        match self {
            Self::Newest => None,
            Self::After(place) => Some(format!("PA{}", place.text(MessageId::hex))),
            Self::Before(place) => Some(format!("PB{}", place.text(MessageId::hex))),
        }
    }
}

/// Which page of a list is asked for.
pub(super) struct RequestedPage {
    pub(super) size: usize,
    number: usize,
    place: PageCursor,
}

/// What a page holds, as far as its neighbours go.
pub(super) struct PageEdges {
    pub(super) first: Option<MessageId>,
    pub(super) last: Option<MessageId>,
    /// Where the store would go on.
    pub(super) next: Option<MessageCursor>,
}

impl PageEdges {
    pub(super) fn of(messages: &[Message], next: Option<MessageCursor>) -> Self {
        let id = |message: &Message| message.id;
        Self { first: messages.first().map(id), last: messages.last().map(id), next }
    }
}

impl RequestedPage {
    pub(super) fn of(form: &TwilioForm, messages: &Messages) -> Result<Self> {
        let size = match form.one("PageSize").map(str::parse::<usize>) {
            None => SIZE,
            Some(Ok(size @ 1..=LARGEST)) => size,
            Some(Ok(size)) if size > LARGEST => return Err(error::PAGE_SIZE.into()),
            Some(_) => return Err(error::PARAMETER.because("PageSize")),
        };
        let number = form.one("Page").map_or(Ok(0), str::parse).map_err(|_| error::PARAMETER.because("Page"))?;
        let place = match form.one("PageToken") {
            Some(token) => PageCursor::parse(token, messages).ok_or_else(|| error::PARAMETER.because("PageToken"))?,
            None if number == 0 => PageCursor::Newest,
            None => return Err(error::PARAMETER.because("a Page needs its PageToken")),
        };
        Ok(Self { size, number, place })
    }

    pub(super) fn narrow(&self, filter: Filter) -> Filter {
        match &self.place {
            PageCursor::Newest => filter,
            PageCursor::After(place) => Filter { after: Some(place.id()), ..filter },
            PageCursor::Before(place) => Filter { before: Some(place.id()), ..filter },
        }
    }

    /// The pages before and behind this one.
    fn neighbours(&self, held: &PageEdges) -> (Option<PageCursor>, Option<PageCursor>) {
        let next = held.next.clone();
        let (first, last) = (held.first.map(MessageCursor::from), held.last.map(MessageCursor::from));
        match self.place {
            PageCursor::Before(_) => (next.map(PageCursor::Before), last.map(PageCursor::After)),
            PageCursor::Newest | PageCursor::After(_) => (first.map(PageCursor::Before), next.map(PageCursor::After)),
        }
    }

    /// `name`: under which Twilio has the items; `path`: of the list.
    pub(super) fn reply<T: Serialize>(
        &self,
        form: &TwilioForm,
        path: &str,
        name: &str,
        items: &[T],
        held: &PageEdges,
    ) -> Response {
        let uri = |number: usize, place: &PageCursor| {
            let mut query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
            query.extend_pairs(filters(form));
            query.append_pair("PageSize", &self.size.to_string()).append_pair("Page", &number.to_string());
            query.extend_pairs(place.token().map(|token| ("PageToken", token)));
            query.finish()
        };
        let (previous, next) = self.neighbours(held);
        let previous = previous.and_then(|place| Some(uri(self.number.checked_sub(1)?, &place)));
        let start = self.number.saturating_mul(self.size);
        let page = json!({
            name: items,
            "page": self.number,
            "page_size": self.size,
            "start": start,
            "end": start.saturating_add(items.len().saturating_sub(1)),
            "uri": uri(self.number, &self.place),
            "first_page_uri": uri(0, &PageCursor::Newest),
            "next_page_uri": next.map(|place| uri(self.number.saturating_add(1), &place)),
            "previous_page_uri": previous,
        });
        reply::json(StatusCode::OK, &page)
    }
}

/// What the list is narrowed by, as it was asked for.
fn filters(form: &TwilioForm) -> impl Iterator<Item = (&str, &str)> {
    form.pairs().filter(|(name, _)| !["Page", "PageSize", "PageToken"].contains(name))
}
