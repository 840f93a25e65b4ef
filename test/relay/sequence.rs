//! Whatever is done in whatever order, a balance is what it should be.

use anyhow::ensure;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::{Client, balance, client, loopback, post, verified};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::drained;
use crate::on_both_engines;
use switchboard::model::Money;

/// A segment's usual price, in micro-units.
const PRICE: i64 = 7_500;

#[derive(Clone, Debug)]
enum Step {
    PayIn(i64),
    Deduct(i64),
    Set(i64),
    /// A text of so many segments to somebody who gets it.
    Send(usize),
    /// One that is refused, or fails after it was taken.
    Fail(usize, usize),
    /// One that is taken back before it is due.
    TakeBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..40_000_i64).prop_map(Step::PayIn),
        (1..40_000_i64).prop_map(Step::Deduct),
        (0..40_000_i64).prop_map(Step::Set),
        (1..5_usize).prop_map(Step::Send),
        (1..5_usize).prop_map(Step::Send),
        ((1..5_usize), (0..3_usize)).prop_map(|(segments, how)| Step::Fail(segments, how)),
        (1..5_usize).prop_map(Step::TakeBack),
    ];
    prop::collection::vec(step, 10..40)
}

/// Recipients of the loopback provider that come to nothing: at once, and by receipt.
const FAILING: [&str; 3] = ["+15005550001", "+15005550011", "+15005550012"];

struct Books<'a> {
    server: &'a Server,
    client: Client,
    /// What is left once all refunds have come, and at least meanwhile.
    model: i64,
}

impl Books<'_> {
    /// Moves money by hand: whether it was taken.
    async fn adjust(&self, body: serde_json::Value) -> Result<bool> {
        let path = format!("/v1/clients/{}/ledger", self.client.id);
        let (status, told) = call(self.server, "POST", &path, Some(body)).await?;
        ensure!((200..300).contains(&status) || status == 402 || status == 409, "{status} {told}");
        Ok(status < 300)
    }

    /// Sends, and says whether it could be paid for.
    async fn send(&self, to: &str, segments: usize) -> Result<bool> {
        let body = json!({"To": to, "From": "+15005550006", "Body": "x".repeat(153 * segments)});
        let (status, told) = post(self.server, &self.client.key, "/relay/sms", &body).await?;
        ensure!(status == 200 || status == 402, "{status} {told}");
        Ok(status == 200)
    }

    /// All refunds have come.
    async fn settled(&self) -> Result<i64> {
        drained(self.server).await?;
        let open = "SELECT COUNT(*) FROM sb_message WHERE cost > 0 AND refunded_ms IS NULL \
                    AND to_address IN ('+15005550001', '+15005550011', '+15005550012')";
        let none = async || Ok((self.server.rows(open).await?.concat() == ["0"]).then_some(()));
        until("what failed to be given back", none).await?;
        Ok(balance(self.server, &self.client).await?.parse::<Money>()?.micros())
    }

    async fn take(&mut self, step: &Step) -> Result {
        let money = |micros: i64| Money::from_micros(micros).to_string();
        let cost = |segments: &usize| i64::try_from(*segments).map(|count| count * PRICE);
        match step {
            Step::PayIn(amount) => {
                ensure!(self.adjust(json!({"kind": "credit", "amount": money(*amount)})).await?, "not credited");
                self.model += amount;
            }
            Step::Deduct(amount) => {
                let body = json!({"kind": "adjustment", "amount": money(-amount), "reason": "a test"});
                let was_taken = self.adjust(body).await?;
                ensure!(was_taken == (self.model >= *amount), "{step:?} of {}: {was_taken}", self.model);
                self.model -= if was_taken { *amount } else { 0 };
            }
            Step::Set(amount) => {
                ensure!(self.adjust(json!({"set": money(*amount), "reason": "a test"})).await?, "not set");
                self.model = *amount;
            }
            Step::Send(segments) => {
                let was_sent = self.send("+14155550100", *segments).await?;
                ensure!(was_sent == (self.model >= cost(segments)?), "{step:?} of {}: {was_sent}", self.model);
                self.model -= if was_sent { cost(segments)? } else { 0 };
            }
            Step::Fail(segments, how) => {
                let was_sent = self.send(FAILING[*how], *segments).await?;
                ensure!(was_sent == (self.model >= cost(segments)?), "{step:?} of {}: {was_sent}", self.model);
            }
            Step::TakeBack(segments) => {
                let at = crate::messages::schedule::in_time(std::time::Duration::from_secs(3600))?;
                let body = json!({"to": "+14155550100", "from": "+15005550006", "body": "x".repeat(153 * segments),
                                  "send_at": at});
                let request = self.server.http.post(self.server.url("/v1/messages")).bearer_auth(&self.client.key);
                let sent = request.body(body.to_string()).send().await?;
                ensure!((sent.status() == 202) == (self.model >= cost(segments)?), "{step:?}: {}", sent.status());
                if sent.status() == 202 {
                    let told: serde_json::Value = sent.json().await?;
                    ensure!(told["cost"] == money(cost(segments)?), "{told}");
                    let path = format!("/v1/messages/{}", text(&told["id"])?);
                    let taken = self.server.http.delete(self.server.url(&path)).bearer_auth(&self.client.key);
                    let status = taken.send().await?.status();
                    ensure!(status == 200, "{status}");
                }
            }
        }
        // the next step is judged by what is there
        let left = self.settled().await?;
        ensure!(left == self.model, "{step:?}: {left} left, {} wanted", self.model);
        Ok(())
    }
}

async fn any_sequence_keeps_the_books(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("outbox.poll_every", "20ms").start().await?;
    loopback(&server).await?;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for _ in 0..4 {
        let steps = steps().new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?.current();
        let mut books = Books { server: &server, client: client(&server, "0").await?, model: 0 };
        for (index, step) in steps.iter().enumerate() {
            books.take(step).await.map_err(|error| error.context(format!("step {index} of {steps:?}")))?;
        }
        let ledger = well(&server, "GET", &format!("/v1/clients/{}/ledger?limit=1", books.client.id), None).await?;
        ensure!(ledger["data"].as_array().is_some_and(|data| data.len() <= 1), "{ledger}");
    }
    verified(&Builder::at(server.home())).await
}

on_both_engines!(any_sequence_keeps_the_books);
