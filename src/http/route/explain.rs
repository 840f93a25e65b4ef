//! `GET /v1/routes/explain`: how a message would go, and why.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::rate::{channel, channels};
use crate::http::reply::{self, HandlerResult, Refusal};
use crate::http::resource::ResourceRequest;
use crate::http::{App, RequestParts, openapi, written};
use crate::model::address::AddressRole;
use crate::model::{ClientId, Country, KeyId, PoolId, PricedChannel};
use crate::service::client::ApiConsumer;
use crate::service::relay::{self, ConsideredAccount, Order, RouteExplanation, RouteVerdict, SenderChoice};

/// What is asked about.
pub(super) fn question() -> Vec<openapi::Parameter> {
    let mut to = openapi::optional("to", "The destination.", openapi::text());
    to.required = utoipa::openapi::Required::True;
    vec![
        to,
        openapi::optional("channel", "Unless given, sms; mms: a text with pictures.", channels()),
        openapi::optional("from", "The sender that is asked for: a number, or a pool's id.", openapi::text()),
        openapi::optional("client", "Whose message it is; without, one without numbers.", openapi::text()),
        openapi::optional("key", "The id of the key that it comes with.", openapi::text()),
    ]
}

#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
struct RouteExplanationOut {
    to: String,
    channel: &'static str,
    /// What matches, in the order in which it is asked.
    routes: Vec<ConsideredAccountOut>,
    /// The rule that wins; null where a key is forced to an account, or nothing would go.
    route_id: Option<String>,
    account_id: Option<String>,
    /// The sender that it would leave from.
    from: Option<String>,
    /// Of a segment of a text, of a message (`mms`, `whatsapp`) or of a call; of one with pictures that has one segment, where
    /// these go by the rate of texts.
    price: String,
    /// The rate that says so; null: the usual price.
    rate_id: Option<String>,
    /// Why it goes this way, or what its client would be told.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedRoute)]
struct ConsideredAccountOut {
    route_id: Option<String>,
    priority: Option<i64>,
    pattern: Option<String>,
    account_id: String,
    from: Option<String>,
    /// `wins`, `waits` (it wins, and rests), `spare`, `down`, `no_sender`, `deleted` or `again`
    verdict: &'static str,
    reason: &'static str,
}

fn words(verdict: RouteVerdict) -> (&'static str, &'static str) {
    match verdict {
        RouteVerdict::Wins => ("wins", "the first that is up and has a sender for this"),
        RouteVerdict::Waits => ("waits", "none that has a sender for this is up: messages wait for this one"),
        RouteVerdict::Spare => ("spare", "would do; one before it wins"),
        RouteVerdict::Down => ("down", "it rests: its calls fail one after the other, or its carrier refuses it"),
        RouteVerdict::NoSender => ("no_sender", "it has no sender for this"),
        RouteVerdict::Deleted => ("deleted", "its account is not there"),
        RouteVerdict::Again => ("again", "another rule has led to the same account before"),
    }
}

fn looked_out(looked: ConsideredAccount) -> ConsideredAccountOut {
    let (verdict, reason) = words(looked.candidate.verdict);
    ConsideredAccountOut {
        route_id: looked.candidate.route.map(|id| id.to_string()),
        priority: looked.route.as_ref().map(|route| route.priority),
        pattern: looked.route.map(|route| route.pattern),
        account_id: looked.candidate.account.to_string(),
        from: looked.candidate.from,
        verdict,
        reason,
    }
}

fn out(order: &Order, explained: RouteExplanation) -> RouteExplanationOut {
    let RouteExplanation { looked, chosen, price, rate } = explained;
    let winner = chosen.as_ref().ok().and_then(|index| looked.get(*index));
    let reason = match (&chosen, winner) {
        (Err(error), _) => error.to_string(),
        (Ok(_), Some(ConsideredAccount { route: Some(route), candidate })) => {
            format!("route {} of priority {}: {}", route.id, route.priority, words(candidate.verdict).1)
        }
        (Ok(_), Some(ConsideredAccount { route: None, .. }) | None) => {
            "the key's only account, or that of its own number".into()
        }
    };
    RouteExplanationOut {
        to: order.to.as_str().to_owned(),
        channel: order.priced().name(),
        route_id: winner.and_then(|won| won.candidate.route).map(|id| id.to_string()),
        account_id: winner.map(|won| won.candidate.account.to_string()),
        from: winner.and_then(|won| won.candidate.from.clone()),
        routes: looked.into_iter().map(looked_out).collect(),
        price: price.to_string(),
        rate_id: rate.map(|rate| rate.id.to_string()),
        reason,
    }
}

/// Without a client, one that has no numbers, and pays as all do.
fn consumer(app: &App, request: &RequestParts) -> Result<ApiConsumer, Refusal> {
    let clients = app.clients.current();
    if let Some(id) = request.param("key") {
        let id = id.parse::<KeyId>().ok();
        let key = id.and_then(|id| clients.key(id)).ok_or_else(|| reply::bad_field("key", "no such key in force"))?;
        return Ok(ApiConsumer { client: key.client, key: Some(key.clone()) });
    }
    let Some(id) = request.param("client") else { return Ok(ApiConsumer::of(ClientId::first_of(0))) };
    let known = id.parse::<ClientId>().ok().filter(|id| clients.client(*id).is_some());
    known.map(ApiConsumer::of).ok_or_else(|| reply::bad_field("client", "no such client"))
}

fn order(request: &RequestParts, country: Option<Country>) -> Result<Order, Refusal> {
    let (named, to) = written::asked(request, "to", AddressRole::Recipient, country)?
        .ok_or_else(|| reply::bad_field("to", "missing"))?;
    let priced = request.param("channel").map(|name| channel(&name)).transpose()?;
    let pool = request.param("from").and_then(|id| id.parse::<PoolId>().ok());
    let (named_by_from, from) = match pool {
        Some(pool) => (None, Some(SenderChoice::Pool(pool))),
        None => written::asked(request, "from", AddressRole::Sender, country)?
            .map_or((None, None), |(channel, from)| (channel, Some(SenderChoice::Address(from)))),
    };
    let channel = written::channel(priced.map(PricedChannel::channel), [("to", named), ("from", named_by_from)])?;
    // only that there is one matters
    let media_urls = if priced == Some(PricedChannel::Mms) { vec![String::new()] } else { Vec::new() };
    Ok(Order { from, media_urls, ..Order::new(channel, to) })
}

/// `GET /v1/routes/explain`: which rules match a destination, which of them wins and why, the sender that a message
/// would leave from, and its price.
#[utoipa::path(
    get, path = "/v1/routes/explain", tag = "routes", operation_id = "explain_route",
    responses((status = 200, description = "How it would go.", body = RouteExplanationOut)),
)]
pub(super) async fn explain(request: ResourceRequest) -> HandlerResult {
    let consumer = consumer(&request.app, &request)?;
    let order = order(&request, request.app.country(consumer.client))?;
    let explained: relay::RouteExplanation = request.app.relay.explain(&consumer, &order);
    Ok(reply::json(::http::StatusCode::OK, &out(&order, explained)))
}
