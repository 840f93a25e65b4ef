//! The steps of a call in the wrong order: each that is asked for is told once, and the call keeps its times.

use anyhow::ensure;
use serde_json::{Value, json};

use super::voice::{dial, fetch, scene_of, stands};
use crate::events::receiver::Receiver;
use crate::events::text;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::inbound::play::{post_twilio, settled};
use crate::messages::{person, quick};
use crate::on_both_engines;

/// A step as the carrier posts it: its word, when it was, and how long the call had been.
type Said<'a> = (&'a str, &'a str, Option<&'a str>);

struct Case<'a> {
    said: &'a [Said<'a>],
    status: &'a str,
    answered_at: Option<&'a str>,
    ended_at: Option<&'a str>,
    duration: Option<i64>,
    told: &'a [&'a str],
}

const ALL: [&str; 3] = ["call.completed", "call.in-progress", "call.ringing"];

fn cases() -> [Case<'static>; 6] {
    let over = Case {
        said: &[],
        status: "completed",
        answered_at: Some("12:00:05Z"),
        ended_at: Some("12:00:12Z"),
        duration: Some(7),
        told: &ALL,
    };
    [
        // its end came first, and said how long it was
        Case {
            said: &[
                ("completed", "12:00:12", Some("7")),
                ("in-progress", "12:00:05", None),
                ("ringing", "12:00:01", None),
            ],
            ..over
        },
        // it did not
        Case {
            said: &[("completed", "12:00:12", None), ("ringing", "12:00:01", None), ("in-progress", "12:00:05", None)],
            duration: None,
            ..over
        },
        // a later copy does
        Case {
            said: &[
                ("completed", "12:00:12", None),
                ("completed", "12:00:12", Some("7")),
                ("in-progress", "12:00:05", None),
            ],
            told: &["call.completed", "call.in-progress"],
            ..over
        },
        // under way, and over later
        Case {
            said: &[
                ("In-Progress", "12:00:05", None),
                ("ringing", "12:00:01", None),
                ("completed", "12:00:12", Some("7")),
            ],
            ..over
        },
        // nobody can have answered
        Case {
            said: &[
                ("no-answer", "12:00:12", Some("0")),
                ("in-progress", "12:00:05", None),
                ("ringing", "12:00:01", None),
            ],
            status: "no-answer",
            answered_at: None,
            duration: Some(0),
            told: &["call.no-answer", "call.ringing"],
            ..over
        },
        // what is not known moves nothing
        Case {
            said: &[("ringing", "12:00:01", None), ("on-hold", "12:00:06", None)],
            status: "ringing",
            answered_at: None,
            ended_at: None,
            duration: None,
            told: &["call.ringing"],
        },
    ]
}

async fn say(server: &Server, sid: &str, (word, at, duration): Said<'_>) -> Result {
    let at = format!("Thu, 31 Jan 2030 {at} +0000");
    let mut form = vec![("CallSid", sid), ("CallStatus", word), ("AccountSid", ACCOUNT), ("Timestamp", &at)];
    form.extend(duration.map(|secs| ("CallDuration", secs)));
    // repeated, as carriers do
    for _ in 0..2 {
        assert_eq!(post_twilio(server, "/webhooks/twilio/status", &form, TOKEN).await?.0, 204, "{word}");
    }
    settled(server).await
}

async fn the_steps_of_a_call_come_in_any_order(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let server = scene_of(quick(Builder::new(layout).await?, &carrier).set("event.allow", "127.0.0.1")).await?;
    let mut wanted = 0;
    for (count, case) in cases().into_iter().enumerate() {
        let (to, path) = (person(count), format!("/told/{count}"));
        let events = json!(["ringing", "answered", "completed"]);
        let ask = json!({"callback_url": receiver.url(&path), "callback_events": events});
        let id = text(&dial(&server, &to, ask).await?["id"])?;
        let sid = until("the call at the carrier", async || {
            Ok(carrier.messages(Some(&to)).await?.first().map(|call| call.sid.clone()))
        });
        let sid = sid.await?;
        until("its acceptance", async || {
            let call = fetch(&server, &id).await?;
            Ok((call["attempts"][0]["outcome"] == "accepted").then_some(()))
        })
        .await?;
        for said in case.said {
            say(&server, &sid, *said).await?;
        }
        let call = stands(&server, &id, case.status).await?;
        let at = |name: &str| call[name].as_str().map(|at| at.trim_start_matches("2030-01-31T").replace(".000", ""));
        assert_eq!(at("answered_at").as_deref(), case.answered_at, "{count}: {call}");
        assert_eq!(at("ended_at").as_deref(), case.ended_at, "{count}: {call}");
        assert_eq!(call["duration"].as_i64(), case.duration, "{count}: {call}");
        let kept = call["receipts"].as_array().map_or(0, Vec::len);
        let mut words: Vec<&str> = case.said.iter().map(|(word, ..)| *word).collect();
        words.sort_unstable();
        words.dedup();
        ensure!(kept == words.len(), "{count}: {call}");
        ensure!(words.contains(&"on-hold") == call["receipts"].to_string().contains("unknown"), "{count}: {call}");
        wanted += case.told.len();
        let posts = receiver.wait(wanted).await?;
        let of_it = posts.iter().filter(|post| post.path == path);
        let mut told: Vec<Value> = of_it.map(|post| Ok(post.json()?["type"].clone())).collect::<Result<_>>()?;
        told.sort_by_key(ToString::to_string);
        assert_eq!(told, case.told, "{count}");
    }
    Ok(())
}

on_both_engines!(the_steps_of_a_call_come_in_any_order);
