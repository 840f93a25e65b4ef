//! What was said in a conversation, and saying something there.

use ::http::StatusCode;

use super::shape;
use crate::http::body::UnreadBody;
use crate::http::compat::carried::IgnoredParameter;
use crate::http::compat::twilio::error::{self, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::session::interaction::speaking;
use crate::http::{idempotency, reply};
use crate::model::{InteractionId, ParticipantId, SessionId};
use crate::service::session::{
    Interaction, InteractionFilter, InteractionKind, Participant, SessionWithParticipants, SpokenText,
};

/// What messages do not have here.
const NOT_CARRIED: [IgnoredParameter; 5] =
    [("Attributes", &["{}"]), ("ContentSid", &[]), ("ContentVariables", &["{}"]), ("MediaSid", &[]), ("Subject", &[])];

/// Copies of one text at most.
const MOST_COPIES: usize = 50;

/// Whether two copies are of the same words.
fn is_same(one: &Interaction, other: &Interaction) -> bool {
    let is_together = one.from == other.from && one.created_ms == other.created_ms && one.words() == other.words();
    one.inbound == other.inbound && (one.inbound.is_some() || is_together)
}

/// How many of these a page of so many has: what belongs together stands on one page.
fn whole<T>(read: &[T], size: usize, is_same: impl Fn(&T, &T) -> bool) -> usize {
    let is_edge = |end: &usize| !is_same(&read[*end - 1], &read[*end]);
    (size.max(1)..read.len()).find(is_edge).unwrap_or(read.len())
}

/// Whether what is oldest comes first, as it does unless it is asked otherwise.
fn is_ascending(form: &TwilioForm) -> Result<bool> {
    match form.one("Order") {
        None | Some("asc") => Ok(true),
        Some("desc") => Ok(false),
        Some(_) => Err(error::PARAMETER.because("Order must be asc or desc")),
    }
}

/// The copies of a page's messages, in the order of the list.
async fn read(
    visit: &TwilioCompatRequest<'_>,
    id: SessionId,
    page: &MetaPage,
    is_ascending: bool,
) -> Result<(Vec<Interaction>, MetaPageEdges)> {
    let (after, before): (Option<InteractionId>, Option<InteractionId>) = (page.after(), page.before());
    let is_back = before.is_some();
    let (after, before) =
        if is_ascending { (before, after.or((!is_back).then(|| InteractionId::first_of(0)))) } else { (after, before) };
    let filter =
        InteractionFilter { after, before, kind: Some(InteractionKind::Message), ..InteractionFilter::default() };
    let (client, size) = (visit.consumer.client, page.size);
    let (mut said, is_more) = visit.app.session_messages.page(client, id, &filter, size + MOST_COPIES).await?;
    // from where it was turned
    if before.is_some() {
        said.reverse();
    }
    let end = whole(&said, size, is_same);
    let is_more = is_more || end < said.len();
    said.truncate(end);
    if is_back {
        said.reverse();
    }
    let held = MetaPageEdges::of(&said, |one: &Interaction| one.id, is_more);
    Ok((said, held))
}

/// `GET …/Messages`: what several people got stands there once, and calls do not.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, id: SessionId) -> TwilioCompatResult {
    let found = super::readable(visit, id).await?;
    let form = TwilioForm::query(visit)?;
    let (page, base, is_ascending) = (MetaPage::of(&form)?, visit.base(), is_ascending(&form)?);
    let (mut said, held) = read(visit, id, &page, is_ascending).await?;
    // the newest of its copies stands for a text, in either order
    said.dedup_by(|next, kept| {
        let is_copy = is_same(next, kept);
        if is_copy && is_ascending {
            std::mem::swap(next, kept);
        }
        is_copy
    });
    let items: Vec<_> = said.iter().map(|one| shape::message(&base, &found, one)).collect();
    Ok(page.reply(&form, (&base, &shape::below(id, "Messages")), "messages", &items, held))
}

/// `GET …/Messages/<sid>`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, id: SessionId, sid: &str) -> TwilioCompatResult {
    let session = super::readable(visit, id).await?;
    let interaction = sid::parse_conversation_message(sid).ok_or(error::NOT_FOUND)?;
    let found = visit.app.session_messages.interaction(visit.consumer.client, id, interaction).await?;
    if found.kind != InteractionKind::Message {
        return Err(error::NOT_FOUND.into());
    }
    Ok(reply::json(StatusCode::OK, &shape::message(&visit.base(), &session, &found)))
}

/// Who of its people an author is; whoever is none of them is the client itself.
fn author(found: &SessionWithParticipants, name: &str) -> Option<ParticipantId> {
    let is_it = |one: &&Participant| one.address == name || one.person == name;
    found.present().find(is_it).map(|one| one.id)
}

/// `POST …/Messages`: says `Body` to all; where `Author` is the address of one of them, to all others.
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, id: SessionId, posted: UnreadBody) -> TwilioCompatResult {
    let form = TwilioForm::posted(visit, posted).await?;
    let found = super::changeable(visit, id).await?;
    form.carries(&NOT_CARRIED)?;
    let text = SpokenText {
        from: form.one("Author").and_then(|name| author(&found, name)),
        to: None,
        body: form.one("Body").unwrap_or_default().to_owned(),
        media_urls: Vec::new(),
    };
    let key = idempotency::twilio_key(visit.request, "/v1/Conversations/Messages")?;
    let context = speaking(visit.request);
    let said = visit.app.session_messages.speak(&visit.consumer, id, &text, key, &context).await;
    let said = said.map_err(super::refused)?;
    let newest = said.last().ok_or(error::NOT_FOUND)?;
    Ok(reply::json(StatusCode::CREATED, &shape::message(&visit.base(), &found, newest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_behind_the_last_copy_of_a_text() {
        let read = ["c", "c", "b", "b", "b", "a"];
        for (size, end) in [(1, 2), (2, 2), (3, 5), (5, 5), (6, 6), (7, 6)] {
            assert_eq!(whole(&read, size, |one, other| one == other), end, "{size}");
        }
        assert_eq!(whole(&[""; 0], 1, |one, other| one == other), 0);
    }
}
