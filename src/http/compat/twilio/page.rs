//! Pages of lists as Twilio's libraries turn them: by the URIs that each page names.

use std::cmp::Reverse;

use ::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use super::error::{self, Result};
use super::form::TwilioForm;
use crate::http::reply;
use crate::model::MessageId;
use crate::model::id::{FromBytes as _, Id};
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

/// Cuts a page out of a list that is there as a whole, in whatever order: what is newest comes first. `after`,
/// `before`: the bits of the ids between which it is. Whether there is more in the direction in which it is read.
pub(super) fn cut<T, I: Id>(
    all: &mut Vec<T>,
    size: usize,
    (after, before): (Option<u128>, Option<u128>),
    id: impl Fn(&T) -> I,
) -> bool {
    let bits = |item: &T| u128::from_be_bytes(id(item).bytes());
    all.sort_by_key(|item| Reverse(bits(item)));
    if let Some(place) = before {
        all.retain(|item| bits(item) > place);
        let newer = all.len().saturating_sub(size);
        all.drain(..newer);
        return newer > 0;
    }
    all.retain(|item| after.is_none_or(|place| bits(item) < place));
    let is_more = all.len() > size;
    all.truncate(size);
    is_more
}

/// What a request says of the page that it asks for.
pub(super) struct PageParameters<'a> {
    pub(super) size: usize,
    pub(super) number: usize,
    /// Where it begins; the first page has none.
    pub(super) token: Option<&'a str>,
}

impl<'a> PageParameters<'a> {
    pub(super) fn of(form: &'a TwilioForm) -> Result<Self> {
        let size = match form.one("PageSize").map(str::parse::<usize>) {
            None => SIZE,
            Some(Ok(size @ 1..=LARGEST)) => size,
            Some(Ok(size)) if size > LARGEST => return Err(error::PAGE_SIZE.into()),
            Some(_) => return Err(error::PARAMETER.because("PageSize")),
        };
        let number = form.one("Page").map_or(Ok(0), str::parse).map_err(|_| error::PARAMETER.because("Page"))?;
        let token = form.one("PageToken");
        if token.is_none() && number > 0 {
            return Err(error::PARAMETER.because("a Page needs its PageToken"));
        }
        Ok(Self { size, number, token })
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
        let PageParameters { size, number, token } = PageParameters::of(form)?;
        let place = match token {
            Some(token) => PageCursor::parse(token, messages).ok_or_else(|| error::PARAMETER.because("PageToken"))?,
            None => PageCursor::Newest,
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

    /// Cuts it out of a list that is there as a whole: what it is of has ids like those of messages.
    pub(super) fn cut<T, I: Id>(&self, all: &mut Vec<T>, id: impl Fn(&T) -> I) -> PageEdges {
        let bits = |place: &MessageCursor| place.id().bits();
        let (after, before) = match &self.place {
            PageCursor::Newest => (None, None),
            PageCursor::After(place) => (Some(bits(place)), None),
            PageCursor::Before(place) => (None, Some(bits(place))),
        };
        let is_more = cut(all, self.size, (after, before), &id);
        let place = |item: Option<&T>| item.map(|item| MessageId::from_bytes(id(item).bytes()));
        let (first, last) = (place(all.first()), place(all.last()));
        let edge = if before.is_some() { first } else { last };
        PageEdges { first, last, next: edge.filter(|_| is_more).map(MessageCursor::from) }
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
        let uri = |number: usize, place: &PageCursor| uri(form, path, (self.size, number), place.token());
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

/// Where a page of a list is, which is narrowed as it was asked for.
pub(super) fn uri(form: &TwilioForm, path: &str, (size, number): (usize, usize), token: Option<String>) -> String {
    let filters = form.pairs().filter(|(name, _)| !["Page", "PageSize", "PageToken"].contains(name));
    let mut query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
    query.extend_pairs(filters);
    query.append_pair("PageSize", &size.to_string()).append_pair("Page", &number.to_string());
    query.extend_pairs(token.map(|token| ("PageToken", token)));
    query.finish()
}
