//! Whatever is done in whatever order, a balance is what it should be.

use anyhow::ensure;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::client::{By, ask, status};
use super::{Client, balance, client, loopback, post, verified};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::schedule::in_time;
use crate::messages::{drained, number, with};
use crate::on_both_engines;
use switchboard::model::Money;

const FROM: &str = "+15005550006";
/// Who gets what is sent, unless they want none.
const TO: &str = "+14155550100";

#[derive(Clone, Debug)]
enum Step {
    PayIn(i64),
    Deduct(i64),
    Set(i64),
    /// How far below zero it may fall.
    Credit(i64),
    /// What a segment costs from now on.
    Price(i64),
    /// Whether they want texts no more.
    OptOut(bool),
    /// A text of so many segments to somebody who gets it.
    Send(usize),
    /// One that is refused, or fails after it was taken.
    Fail(usize, usize),
    /// One that nobody takes until its validity ends.
    Expire(usize),
    /// One that is taken back before it is due.
    TakeBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..40_000_i64).prop_map(Step::PayIn),
        3 => (1..40_000_i64).prop_map(Step::Deduct),
        2 => (-30_000..40_000_i64).prop_map(Step::Set),
        2 => (0..30_000_i64).prop_map(Step::Credit),
        2 => (1..9_000_i64).prop_map(Step::Price),
        2 => any::<bool>().prop_map(Step::OptOut),
        6 => (1..5_usize).prop_map(Step::Send),
        3 => ((1..5_usize), (0..3_usize)).prop_map(|(segments, how)| Step::Fail(segments, how)),
        1 => (1..5_usize).prop_map(Step::Expire),
        3 => (1..5_usize).prop_map(Step::TakeBack),
    ];
    prop::collection::vec(step, 10..40)
}

/// Whom nobody ever reaches.
const NOBODY: &str = "+15005550014";

/// Recipients of the loopback provider that come to nothing: at once, and by receipt.
const FAILING: [&str; 3] = ["+15005550001", "+15005550011", "+15005550012"];

struct Books<'a> {
    server: &'a Server,
    client: Client,
    rate: &'a str,
    /// What is left once all refunds have come, and at least meanwhile.
    left: i64,
    credit: i64,
    price: i64,
    is_out: bool,
}

impl Books<'_> {
    fn can(&self, cost: i64) -> bool {
        self.left + self.credit >= cost
    }

    /// Moves money by hand: whether it was taken.
    async fn adjust(&self, body: Value) -> Result<bool> {
        let path = format!("/v1/clients/{}/ledger", self.client.id);
        let (status, told) = call(self.server, "POST", &path, Some(body)).await?;
        ensure!((200..300).contains(&status) || status == 402 || status == 409, "{status} {told}");
        Ok(status < 300)
    }

    /// Sends, and says whether it could be paid for.
    async fn send(&self, to: &str, segments: usize) -> Result<bool> {
        let body = json!({"To": to, "From": FROM, "Body": "x".repeat(153 * segments)});
        let (status, told) = post(self.server, &self.client.key, "/relay/sms", &body).await?;
        if to == TO && self.is_out {
            ensure!(status == 400 && told["error"].to_string().contains("opted out"), "{status} {told}");
            return Ok(false);
        }
        ensure!(status == 200 || status == 402, "{status} {told}");
        Ok(status == 200)
    }

    /// The same by the native door: the message.
    async fn order(&self, to: &str, segments: usize, set: Value) -> Result<Option<Value>> {
        let body = with(json!({"to": to, "from": FROM, "body": "x".repeat(153 * segments)}), set);
        let by = By::Proxy(&self.client.key);
        let (status, _, told) = ask(self.server, by, "POST", "/v1/messages", Some(body)).await?;
        let is_refused = if to == TO && self.is_out { status == 403 } else { status == 402 };
        ensure!(status == 202 || is_refused, "{status} {told}");
        Ok((status == 202).then_some(told))
    }

    /// All refunds have come.
    async fn settled(&self) -> Result<i64> {
        drained(self.server).await?;
        let open = "SELECT COUNT(*) FROM sb_message WHERE cost > 0 AND refunded_ms IS NULL \
                    AND to_address LIKE '+150055500%'";
        let none = async || Ok((self.server.rows(open).await?.concat() == ["0"]).then_some(()));
        until("what failed to be given back", none).await?;
        Ok(balance(self.server, &self.client).await?.parse::<Money>()?.micros())
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    async fn take(&mut self, step: &Step) -> Result {
        let money = |micros: i64| Money::from_micros(micros).to_string();
        let price = self.price;
        let cost = |segments: &usize| i64::try_from(*segments).map(|count| count * price);
        match step {
            Step::PayIn(amount) => {
                ensure!(self.adjust(json!({"kind": "credit", "amount": money(*amount)})).await?, "not credited");
                self.left += amount;
            }
            Step::Deduct(amount) => {
                let body = json!({"kind": "adjustment", "amount": money(-amount), "reason": "a test"});
                let was_taken = self.adjust(body).await?;
                ensure!(was_taken == self.can(*amount), "{step:?} of {}: {was_taken}", self.left);
                self.left -= if was_taken { *amount } else { 0 };
            }
            Step::Set(amount) => {
                let was_set = self.adjust(json!({"set": money(*amount), "reason": "a test"})).await?;
                ensure!(was_set == (amount + self.credit >= 0), "{step:?} with {}: {was_set}", self.credit);
                self.left = if was_set { *amount } else { self.left };
            }
            Step::Credit(limit) => {
                let path = format!("/v1/clients/{}", self.client.id);
                let body = json!({"credit_limit": money(*limit)});
                let (status, told) = call(self.server, "PATCH", &path, Some(body)).await?;
                let wanted = if self.left + limit >= 0 { 200 } else { 409 };
                ensure!(status == wanted, "{step:?} of {}: {status} {told}", self.left);
                self.credit = if status == 200 { *limit } else { self.credit };
            }
            Step::Price(price) => {
                let path = format!("/v1/rates/{}", self.rate);
                well(self.server, "PATCH", &path, Some(json!({"price": money(*price)}))).await?;
                self.price = *price;
            }
            Step::OptOut(is_out) => {
                let path = format!("/v1/opt-outs/{FROM}/{TO}");
                well(self.server, "PUT", &path, Some(json!({"is_out": is_out}))).await?;
                self.is_out = *is_out;
            }
            Step::Send(segments) => {
                let was_sent = self.send(TO, *segments).await?;
                let wanted = !self.is_out && self.can(cost(segments)?);
                ensure!(was_sent == wanted, "{step:?} of {}: {was_sent}", self.left);
                self.left -= if was_sent { cost(segments)? } else { 0 };
            }
            Step::Fail(segments, how) => {
                let was_sent = self.send(FAILING[*how], *segments).await?;
                ensure!(was_sent == self.can(cost(segments)?), "{step:?} of {}: {was_sent}", self.left);
            }
            Step::Expire(segments) => {
                let sent = self.order(NOBODY, *segments, json!({"valid_for": "1s"})).await?;
                ensure!(sent.is_some() == self.can(cost(segments)?), "{step:?} of {}: {sent:?}", self.left);
            }
            Step::TakeBack(segments) => {
                let at = in_time(std::time::Duration::from_secs(3600))?;
                let sent = self.order(TO, *segments, json!({"send_at": at})).await?;
                let wanted = !self.is_out && self.can(cost(segments)?);
                ensure!(sent.is_some() == wanted, "{step:?} of {}: {sent:?}", self.left);
                if let Some(told) = sent {
                    ensure!(told["cost"] == money(cost(segments)?), "{told}");
                    let path = format!("/v1/messages/{}", text(&told["id"])?);
                    let status = status(self.server, By::Proxy(&self.client.key), "DELETE", &path).await?;
                    ensure!(status == 200, "{status}");
                }
            }
        }
        // the next step is judged by what is there
        let left = self.settled().await?;
        ensure!(left == self.left, "{step:?}: {left} left, {} wanted", self.left);
        Ok(())
    }
}

async fn any_sequence_keeps_the_books(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("outbox.poll_every", "20ms").set("outbox.retry_first", "50ms");
    let server = builder.set("outbox.retry_most", "200ms").set("outbox.breaker_failures", "1000000").start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({})).await?;
    let (mut price, mut is_out) = (7_500, false);
    let rate = json!({"channel": "sms", "prefix": "1", "price": "0.0075"});
    let rate = text(&well(&server, "POST", "/v1/rates", Some(rate)).await?["id"])?;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for _ in 0..8 {
        let steps = steps().new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?.current();
        let client = client(&server, "0").await?;
        let mut books = Books { server: &server, client, rate: &rate, left: 0, credit: 0, price, is_out };
        for (index, step) in steps.iter().enumerate() {
            books.take(step).await.map_err(|error| error.context(format!("step {index} of {steps:?}")))?;
        }
        (price, is_out) = (books.price, books.is_out);
        let ledger = well(&server, "GET", &format!("/v1/clients/{}/ledger?limit=1", books.client.id), None).await?;
        ensure!(ledger["data"].as_array().is_some_and(|data| data.len() <= 1), "{ledger}");
    }
    verified(&Builder::at(server.home())).await
}

on_both_engines!(any_sequence_keeps_the_books);
