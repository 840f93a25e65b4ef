//! Whatever is done at once, in whatever order: at no moment does a balance differ from its entries, or fall below its
//! credit, and in the end each message is paid for or given back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::ensure;
use futures_util::future::try_join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use switchboard::model::Money;

use super::books::{closed, quiet, tally};
use super::client::{By, ask, status};
use super::{Client, client, loopback};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, stored, until};
use crate::messages::{number, with};
use crate::on_both_engines;

const FROM: &str = "+15005550006";

/// Recipients of the loopback provider; whether a text to them comes to nothing, where that is certain.
const PEOPLE: [(&str, Option<bool>); 7] = [
    ("+14155550100", Some(false)),
    // this one opts out and in
    ("+14155550101", None),
    ("+15005550001", Some(true)),
    ("+15005550011", Some(true)),
    ("+15005550012", Some(true)),
    ("+15005550014", Some(true)),
    ("+15005550018", Some(false)),
];
const FICKLE: usize = 1;

#[derive(Clone, Debug)]
enum Step {
    PayIn(i64),
    Deduct(i64),
    Set(i64),
    Credit(i64),
    /// What a segment costs from now on.
    Price(i64),
    OptOut(bool),
    /// So many segments to one of the people; taken back at once, or not.
    Send(usize, usize, bool),
    /// Takes back one of those that were sent before.
    TakeBack(usize),
    Look,
}

fn bursts() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        2 => (1..60_000_i64).prop_map(Step::PayIn),
        1 => (1..40_000_i64).prop_map(Step::Deduct),
        1 => (0..60_000_i64).prop_map(Step::Set),
        1 => (0..30_000_i64).prop_map(Step::Credit),
        1 => (1_000..9_000_i64).prop_map(Step::Price),
        1 => any::<bool>().prop_map(Step::OptOut),
        9 => ((1..4_usize), (0..PEOPLE.len()), any::<bool>()).prop_map(|(size, who, back)| Step::Send(size, who, back)),
        2 => any::<usize>().prop_map(Step::TakeBack),
        2 => Just(Step::Look),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..12), 6..10)
}

#[derive(Default)]
struct Model {
    /// What was moved by hand.
    moved: i64,
    /// What messages were said to cost, by their ids in hex.
    sold: BTreeMap<String, i64>,
    refused: usize,
}

struct Scene<'a> {
    server: &'a Server,
    client: Client,
    rate: &'a str,
    model: RefCell<Model>,
}

fn money(micros: i64) -> String {
    Money::from_micros(micros).to_string()
}

fn micros(value: &Value) -> Result<i64> {
    Ok(text(value)?.parse::<Money>()?.micros())
}

impl Scene<'_> {
    async fn take(&self, step: &Step) -> Result {
        let server = self.server;
        match step {
            Step::PayIn(amount) => self.post(json!({"kind": "credit", "amount": money(*amount)})).await,
            Step::Deduct(amount) => {
                self.post(json!({"kind": "adjustment", "amount": money(-amount), "reason": "x"})).await
            }
            Step::Set(amount) => self.post(json!({"set": money(*amount), "reason": "x"})).await,
            Step::Credit(limit) => {
                let path = format!("/v1/clients/{}", self.client.id);
                let (status, told) = call(server, "PATCH", &path, Some(json!({"credit_limit": money(*limit)}))).await?;
                ensure!(status == 200 || status == 409, "{status} {told}");
                Ok(())
            }
            Step::Price(price) => {
                let path = format!("/v1/rates/{}", self.rate);
                well(server, "PATCH", &path, Some(json!({"price": money(*price)}))).await.map(drop)
            }
            Step::OptOut(is_out) => {
                let path = format!("/v1/opt-outs/{FROM}/{}", PEOPLE[FICKLE].0);
                well(server, "PUT", &path, Some(json!({"is_out": is_out}))).await.map(drop)
            }
            Step::Send(segments, who, is_taken_back) => self.send(*segments, *who, *is_taken_back).await,
            Step::TakeBack(which) => {
                let ids: Vec<String> = self.model.borrow().sold.keys().cloned().collect();
                match ids.len() {
                    0 => Ok(()),
                    count => self.take_back(&ids[which % count]).await,
                }
            }
            Step::Look => self.look().await,
        }
    }

    async fn post(&self, body: Value) -> Result {
        let path = format!("/v1/clients/{}/ledger", self.client.id);
        let set = body["set"].clone();
        let (status, told) = call(self.server, "POST", &path, Some(body)).await?;
        ensure!(matches!(status, 201 | 409), "{status} {told}");
        if status == 201 {
            ensure!(set.is_null() || told["balance"] == set, "set to {set}: {told}");
            self.model.borrow_mut().moved += micros(&told["amount"])?;
        }
        Ok(())
    }

    async fn send(&self, segments: usize, who: usize, is_taken_back: bool) -> Result {
        let (to, _) = PEOPLE[who];
        let mut body = json!({"to": to, "from": FROM, "body": format!("{who}{}", "x".repeat(153 * segments - 1))});
        if to == "+15005550014" {
            body = with(body, json!({"valid_for": "1s"}));
        }
        let (status, _, told) =
            ask(self.server, By::Proxy(&self.client.key), "POST", "/v1/messages", Some(body)).await?;
        let is_refused = status == 402 || (status == 403 && who == FICKLE);
        ensure!(status == 202 || is_refused, "{status} {told}");
        if is_refused {
            self.model.borrow_mut().refused += 1;
            return Ok(());
        }
        let id = text(&told["id"])?.trim_start_matches("msg_").to_owned();
        self.model.borrow_mut().sold.insert(id.clone(), micros(&told["cost"])?);
        if is_taken_back { self.take_back(&id).await } else { Ok(()) }
    }

    async fn take_back(&self, id: &str) -> Result {
        let path = format!("/v1/messages/msg_{id}");
        let status = status(self.server, By::Proxy(&self.client.key), "DELETE", &path).await?;
        ensure!(matches!(status, 200 | 409), "{status}");
        Ok(())
    }

    /// One statement sees one moment.
    async fn look(&self) -> Result {
        let sql = "SELECT balance, credit_limit, (SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM sb_ledger l \
                   WHERE l.client_id = b.client_id) FROM sb_balance b WHERE client_id = ?";
        let rows = self.server.home().databases.store()?.query(sql, vec![stored(&self.client.id)]).await?;
        let (balance, credit, entered) = (rows[0].int(0)?, rows[0].int(1)?, rows[0].int(2)?);
        ensure!(balance == entered, "{balance}, but its entries make {entered}");
        ensure!(balance + credit >= 0, "{balance} with a credit of {credit}");
        Ok(())
    }

    async fn close(&self) -> Result<usize> {
        quiet(self.server).await?;
        let open = "SELECT COUNT(*) FROM sb_message WHERE state = 'sent' AND to_address <> '+15005550018'";
        until("all receipts", async || Ok((self.server.rows(open).await?.concat() == ["0"]).then_some(()))).await?;
        quiet(self.server).await?;
        let model = self.model.take();
        let bought = closed(self.server, &self.client, &money(model.moved)).await?;
        println!("{} moved, {} refused: {:?}", money(model.moved), model.refused, tally(&bought));
        let costs: BTreeMap<String, i64> = bought.iter().map(|(id, one)| (id.clone(), one.cost)).collect();
        ensure!(costs == model.sold, "{costs:?}, but told {:?}", model.sold);
        for one in bought.values() {
            let who: usize = one.body[..1].parse()?;
            let is_as_told = PEOPLE[who].1.is_none_or(|is_lost| one.is_lost() == is_lost || one.state == "canceled");
            ensure!(is_as_told, "{}: {}", PEOPLE[who].0, one.state);
        }
        Ok(bought.len())
    }
}

async fn any_flurry_keeps_the_books(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("outbox.poll_every", "20ms").set("provider.loopback_latency", "20ms");
    let builder = builder.set("outbox.retry_first", "50ms").set("outbox.retry_most", "200ms");
    let server = builder.set("outbox.breaker_failures", "1000000").start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({})).await?;
    let rate =
        well(&server, "POST", "/v1/rates", Some(json!({"channel": "sms", "prefix": "1", "price": "0.005"}))).await?;
    let rate = text(&rate["id"])?;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut sold = 0;
    for _ in 0..4 {
        let bursts = bursts().new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?.current();
        let client = client(&server, "0").await?;
        let scene = Scene { server: &server, client, rate: &rate, model: RefCell::default() };
        scene.take(&Step::PayIn(50_000)).await?;
        let run = async {
            for burst in &bursts {
                try_join_all(burst.iter().map(|step| scene.take(step))).await?;
            }
            scene.close().await
        };
        sold += run.await.map_err(|error| error.context(format!("{bursts:?}")))?;
    }
    ensure!(sold > 20, "hardly anything was sold: {sold}");
    Ok(())
}

on_both_engines!(any_flurry_keeps_the_books);
