//! Pages of lists as Twilio's newer APIs have them: the items under their key, and where the other pages are under
//! `meta`. What is newest comes first.

use ::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use crate::http::compat::twilio::error::{self, Result};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::page::{PageParameters, cut, uri};
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::reply;
use crate::model::id::{FromBytes, Id};

/// Where a page begins: at an item, by the bits of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MetaPageCursor {
    Newest,
    /// Right behind the last item of the page before.
    After(u128),
    /// It ends right before the first item of the page behind.
    Before(u128),
}

impl MetaPageCursor {
    fn parse(token: &str) -> Option<Self> {
        let is_id = |hex: &str| hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = |hex: &str| u128::from_str_radix(hex, 16).ok().filter(|_| is_id(hex));
        match token.strip_prefix("PA") {
            Some(hex) => bits(hex).map(Self::After),
            None => bits(token.strip_prefix("PB")?).map(Self::Before),
        }
    }

    fn token(self) -> Option<String> {
        match self {
            Self::Newest => None,
            Self::After(bits) => Some(format!("PA{bits:032x}")),
            Self::Before(bits) => Some(format!("PB{bits:032x}")),
        }
    }
}

fn bits(id: impl Id) -> u128 {
    u128::from_be_bytes(id.bytes())
}

/// What a page holds, as far as its neighbours go.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetaPageEdges {
    first: Option<u128>,
    last: Option<u128>,
    /// There are more in the direction in which it was read.
    is_more: bool,
}

impl MetaPageEdges {
    /// `items`: in the order of the list.
    pub(super) fn of<T, I: Id>(items: &[T], id: impl Fn(&T) -> I, is_more: bool) -> Self {
        let place = |item: Option<&T>| item.map(|item| bits(id(item)));
        Self { first: place(items.first()), last: place(items.last()), is_more }
    }
}

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetaPage {
    pub(super) size: usize,
    number: usize,
    place: MetaPageCursor,
}

impl MetaPage {
    pub(super) fn of(form: &TwilioForm) -> Result<Self> {
        let PageParameters { size, number, token } = PageParameters::of(form)?;
        let place = match token {
            Some(token) => MetaPageCursor::parse(token).ok_or_else(|| error::PARAMETER.because("PageToken"))?,
            None => MetaPageCursor::Newest,
        };
        Ok(Self { size, number, place })
    }

    /// The item behind which it begins.
    pub(super) fn after<T: FromBytes>(&self) -> Option<T> {
        if let MetaPageCursor::After(bits) = self.place { Some(T::from_bytes(bits.to_be_bytes())) } else { None }
    }

    /// The item before which it ends.
    pub(super) fn before<T: FromBytes>(&self) -> Option<T> {
        if let MetaPageCursor::Before(bits) = self.place { Some(T::from_bytes(bits.to_be_bytes())) } else { None }
    }

    /// Cuts it out of a list that is there as a whole, in whatever order.
    pub(super) fn cut<T, I: Id>(&self, mut all: Vec<T>, id: impl Fn(&T) -> I) -> (Vec<T>, MetaPageEdges) {
        let between = match self.place {
            MetaPageCursor::Newest => (None, None),
            MetaPageCursor::After(place) => (Some(place), None),
            MetaPageCursor::Before(place) => (None, Some(place)),
        };
        let is_more = cut(&mut all, self.size, between, &id);
        let edges = MetaPageEdges::of(&all, id, is_more);
        (all, edges)
    }

    /// The pages before and behind this one.
    fn neighbours(&self, held: MetaPageEdges) -> (Option<MetaPageCursor>, Option<MetaPageCursor>) {
        let (before, behind) = (held.first.map(MetaPageCursor::Before), held.last.map(MetaPageCursor::After));
        match self.place {
            MetaPageCursor::Before(_) => (before.filter(|_| held.is_more), behind),
            MetaPageCursor::Newest => (None, behind.filter(|_| held.is_more)),
            MetaPageCursor::After(_) => (before, behind.filter(|_| held.is_more)),
        }
    }

    /// `path`: of the list, from its slash on; `key`: under which Twilio has the items.
    pub(super) fn reply<T: Serialize>(
        &self,
        form: &TwilioForm,
        (base, path): (&ReplyBaseUrl, &str),
        key: &str,
        items: &[T],
        held: MetaPageEdges,
    ) -> Response {
        let path = base.join(path);
        let url = |number: usize, place: MetaPageCursor| uri(form, &path, (self.size, number), place.token());
        let (previous, next) = self.neighbours(held);
        let previous = previous.and_then(|place| Some(url(self.number.checked_sub(1)?, place)));
        let page = json!({
            key: items,
            "meta": {
                "first_page_url": url(0, MetaPageCursor::Newest),
                "key": key,
                "next_page_url": next.map(|place| url(self.number.saturating_add(1), place)),
                "page": self.number,
                "page_size": self.size,
                "previous_page_url": previous,
                "url": url(self.number, self.place),
            },
        });
        reply::json(StatusCode::OK, &page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PoolId;

    fn page(number: usize, place: MetaPageCursor) -> MetaPage {
        MetaPage { size: 2, number, place }
    }

    #[test]
    fn pages_turn_both_ways() {
        let all: Vec<PoolId> = (1..=5).map(PoolId::first_of).collect();
        let cut = |place| page(1, place).cut(all.clone(), |id| *id);
        let (first, edges) = cut(MetaPageCursor::Newest);
        assert_eq!(first, [all[4], all[3]]);
        let behind = MetaPageCursor::After(all[3].bits());
        assert_eq!(page(0, MetaPageCursor::Newest).neighbours(edges), (None, Some(behind)));
        let (second, edges) = cut(behind);
        assert_eq!(second, [all[2], all[1]]);
        let (before, behind) = (MetaPageCursor::Before(all[2].bits()), MetaPageCursor::After(all[1].bits()));
        assert_eq!(page(1, behind).neighbours(edges), (Some(before), Some(behind)));
        assert_eq!(cut(before).0, first);
        let (last, edges) = cut(behind);
        assert_eq!(last, [all[0]]);
        let before = MetaPageCursor::Before(all[0].bits());
        assert_eq!(page(2, behind).neighbours(edges), (Some(before), None));
        assert_eq!(cut(before).0, second);
    }

    #[test]
    fn tokens_are_read_as_they_are_written() {
        for place in [MetaPageCursor::After(7), MetaPageCursor::Before(u128::MAX)] {
            assert_eq!(place.token().as_deref().and_then(MetaPageCursor::parse), Some(place));
        }
        for wrong in ["", "PA", "PA7", "PC00000000000000000000000000000007", "PA+0000000000000000000000000000007"] {
            assert_eq!(MetaPageCursor::parse(wrong), None, "{wrong}");
        }
    }
}
