//! Inbound webhooks of Twilio, their signature checked and the text stored, against an empty route.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use crate::disk;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result, Server};
use crate::load::{CONNECTIONS, Load, Post, offer};
use crate::plan::Plan;
use crate::stage::{self, NUMBERS, RECIPIENTS, Via, mix, recipient};
use crate::table::{Table, median};

pub const PATH: &str = "/webhooks/twilio/sms";
const TEXT: &str = "On my way";
/// What nobody has signed.
const FORGED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let carrier = Carrier::start().await?;
    let server = stage::start(Layout::SqliteShared, Some(&carrier)).await?;
    let (rounds, fdatasync) =
        disk::runs(&server.home(), plan, plan.rounds, async || round(&server, plan).await).await?;
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let (rate, empty, ratio) = (middle(|round| round.0), middle(|round| round.1), middle(|(rate, empty)| rate / empty));
    let ours = format!("{rate:.0}/s = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
    table.add("inbound webhooks, checked and stored", ours, format!("0.35 of {empty:.0}/s"), ratio >= 0.35);
    Ok(())
}

/// Posts the same as fast as answers come, to the empty route and then to ours: webhooks and empty requests a second.
pub async fn round(server: &Server, plan: &Plan) -> Result<(f64, f64)> {
    let before = stored(server).await?;
    refuses_forgeries(server).await?;
    let empty = offer(server, &webhooks(server, "/empty", false)?, plan.span).await?;
    let taken = offer(server, &webhooks(server, PATH, false)?, plan.span).await?;
    empty.show("empty requests");
    taken.show("webhooks taken");
    handled(server).await?;
    let stored = stored(server).await? - before;
    ensure!(stored >= taken.count, "{} were taken, {stored} are stored", taken.count);
    Ok((taken.rate, empty.rate))
}

/// Webhooks that are all different, from all people to all numbers of the carrier's account: each of them always texts
/// the same number. `is_numbered`: what they say differs too.
pub fn webhooks(server: &Server, path: &'static str, is_numbered: bool) -> Result<Load> {
    let run: u64 = rand::random();
    let mut start = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).context("no key")?;
    start.update(server.url(PATH).as_bytes());
    let make = move |number: usize| {
        let number = number as u64;
        let mixed = mix(number);
        let (from, to) = (recipient(mixed % RECIPIENTS), Via::Carrier.sender(mixed % NUMBERS));
        let sid = format!("SM{run:016x}{number:016x}");
        let text = if is_numbered { Cow::from(format!("{TEXT} {run:x} {number}")) } else { Cow::from(TEXT) };
        post(start.clone(), &sid, (&from, &to), &text)
    };
    Ok(Load { path, make: Arc::new(make), pace: None, connections: CONNECTIONS })
}

/// Twilio's form of a text, the names in the order in which they are signed. `start` has signed the URL.
fn post(mut start: Hmac<Sha1>, sid: &str, (from, to): (&str, &str), text: &str) -> Post {
    let fields = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("Body", text),
        ("From", from),
        ("FromCountry", "CM"),
        ("MessageSid", sid),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsMessageSid", sid),
        ("SmsSid", sid),
        ("SmsStatus", "received"),
        ("To", to),
        ("ToCountry", "US"),
    ];
    let mut body = String::with_capacity(400);
    for (name, value) in fields {
        start.update(name.as_bytes());
        start.update(value.as_bytes());
        body.push_str(if body.is_empty() { "" } else { "&" });
        body.push_str(name);
        body.push('=');
        for letter in value.chars() {
            // all that a form writes differently here
            match letter {
                ' ' => body.push('+'),
                '+' => body.push_str("%2B"),
                _ => body.push(letter),
            }
        }
    }
    let signature = STANDARD.encode(start.finalize().into_bytes());
    let head = format!("Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {signature}\r\n");
    Post { head, body }
}

async fn refuses_forgeries(server: &Server) -> Result {
    let forged = (webhooks(server, PATH, false)?.make)(0).body.replace("On+my+way", "On+your+way");
    let form = "application/x-www-form-urlencoded";
    let request = server.http.post(server.url(PATH)).header("content-type", form).header("x-twilio-signature", FORGED);
    let status = request.body(forged).send().await?.status();
    ensure!(status == 403, "a forged webhook was answered with {status}");
    Ok(())
}

async fn stored(server: &Server) -> Result<usize> {
    let rows = server.rows("SELECT COUNT(*) FROM sb_inbound").await?.concat();
    Ok(rows.first().context("no count")?.parse()?)
}

/// Waits until every webhook has become a message.
pub async fn handled(server: &Server) -> Result {
    let begun = std::time::Instant::now();
    loop {
        let rows = server.rows("SELECT COUNT(*) FROM sb_inbound WHERE ready_ms IS NOT NULL").await?.concat();
        if rows == ["0"] {
            eprintln!("  all are handled after {:.1} s", begun.elapsed().as_secs_f64());
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(180), "{rows:?} webhooks are still not handled");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
