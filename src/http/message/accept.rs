//! Accepting what clients send, at whichever door they send it; and what the audit log has of that.

use super::shape::out;
use crate::http::{App, RequestParts, audit};
use crate::model::{CallId, Channel};
use crate::service::Error;
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::message::{DraftResult, Message, OrderResult, RepeatReply, unsaid};
use crate::service::relay::Order;

/// How a door writes the reply that is kept for a request that comes again.
pub(in crate::http) struct IdempotentReplyWriter<'a> {
    pub(in crate::http) text: &'a (dyn Fn(&Message) -> String + Send + Sync),
    /// The answer says what the client is left with, too.
    pub(in crate::http) with_balance: bool,
}

/// Accepts an order: when this returns, it is stored, and it will be sent or accounted for.
pub(in crate::http) async fn accept(
    app: &App,
    consumer: &ApiConsumer,
    order: Order,
    key: Option<IdempotencyKey>,
    reply: &IdempotentReplyWriter<'_>,
    context: &AuditContext<'_, Message>,
) -> Result<OrderResult, Error> {
    let draft = match app.relay.draft(consumer, order, key).await? {
        DraftResult::New(draft) => draft,
        DraftResult::Again(kept) => return Ok(OrderResult::Again(kept)),
    };
    // it is kept in the commit that stores the message
    let answered =
        draft.named().map(|message| RepeatReply { text: (reply.text)(message), with_balance: reply.with_balance });
    app.relay.accept(consumer, draft, answered, context).await
}

/// What an administrator does to a message, a call too, whichever door it takes. What was said is not written down:
/// nobody could redact it there.
pub(in crate::http) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Message> {
    audit::context(request, action, shown_unsaid)
}

/// The same of sending it.
pub(in crate::http) fn sending(request: &RequestParts, action: &'static str) -> AuditContext<'static, Message> {
    audit::context_for_client(request, action, shown_unsaid)
}

fn shown_unsaid(message: &Message) -> Option<String> {
    let message = unsaid(message);
    let mut shown = out(&message);
    if message.channel == Channel::Voice {
        shown.id = CallId::from(message.id).to_string();
    }
    audit::json(&shown)
}
