//! A server with a thousand senders and no limits, and the messages that are posted to it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, Server};
use crate::load::{CONNECTIONS, Load, Post};

pub const NUMBERS: u64 = 1000;
pub const RECIPIENTS: u64 = 100_000;

/// Through whom messages go.
#[derive(Clone, Copy)]
pub enum Via {
    Loopback,
    Carrier,
}

impl Via {
    /// Its numbers.
    pub fn sender(self, n: u64) -> String {
        match self {
            Self::Loopback => format!("+1500600{n:04}"),
            Self::Carrier => format!("+1500700{n:04}"),
        }
    }
}

pub fn recipient(n: u64) -> String {
    format!("+237670{n:06}")
}

/// How every server here is started; with a carrier, it stands in for Twilio.
pub fn settings(builder: Builder, carrier: Option<&Carrier>) -> Builder {
    let builder = builder.dev().set("log.level", "warn").set("http.empty_route", "true");
    let builder = builder.set("http.requests_per_address", "0").set("provider.loopback_receipts", "false");
    match carrier {
        Some(carrier) => builder.set("provider.twilio_base_url", carrier.url()),
        None => builder,
    }
}

/// A server whose numbers are in use: those of the loopback provider, and of the carrier where there is one.
pub async fn start(layout: Layout, carrier: Option<&Carrier>) -> Result<Server> {
    let server = settings(Builder::new(layout).await?, carrier).start().await?;
    let accounts: Value = server.http.get(server.url("/v1/accounts")).bearer_auth(ADMIN).send().await?.json().await?;
    // the one that --dev makes
    numbers(&server, &accounts["data"][0]["id"], Via::Loopback).await?;
    if carrier.is_some() {
        let credentials = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
        let account = json!({"provider": "twilio", "credentials": credentials, "check": false});
        let made = add(&server, "/v1/accounts", &account).await?;
        numbers(&server, &made["id"], Via::Carrier).await?;
    }
    Ok(server)
}

async fn numbers(server: &Server, account: &Value, via: Via) -> Result {
    for n in 0..NUMBERS {
        add(server, "/v1/numbers", &json!({"number": via.sender(n), "account_id": account})).await?;
    }
    Ok(())
}

pub async fn add(server: &Server, path: &str, body: &Value) -> Result<Value> {
    let answer = server.http.post(server.url(path)).bearer_auth(ADMIN).json(body).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status == 201, "{path}: {status} {text}");
    serde_json::from_str(&text).context(text)
}

/// Messages of all senders to all recipients, in no order.
pub fn messages(path: &'static str, via: Via, pace: Option<f64>) -> Load {
    let make = move |number| message(number, via, "Your parcel is on its way");
    Load { path, make: Arc::new(make), pace, connections: CONNECTIONS }
}

/// The same; each says at its end when it was posted, in milliseconds by the wall clock.
pub fn stamped(via: Via, pace: f64) -> Load {
    let make = move |number| {
        let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        message(number, via, &format!("Your parcel is on its way, {at_ms}"))
    };
    Load { path: "/v1/messages", make: Arc::new(make), pace: Some(pace), connections: CONNECTIONS }
}

fn message(number: usize, via: Via, body: &str) -> Post {
    let mixed = mix(number as u64);
    let (from, to) = (via.sender(mixed % NUMBERS), recipient(mixed % RECIPIENTS));
    Post {
        head: format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"),
        body: format!("{{\"from\":\"{from}\",\"to\":\"{to}\",\"body\":\"{body}\"}}"),
    }
}

/// Numbers in a row, well scattered (the end of SplitMix64).
pub fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_add(1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
