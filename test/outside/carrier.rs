//! The carrier's evidence: what it accepted is on disk before it is answered.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{FROM, TO, list, send};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Result};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() -> Result {
    let mut carrier = Carrier::start().await?;
    let url = Arc::new(carrier.messages_url());
    let mut senders = Vec::new();
    for sender in 0..8 {
        let (http, url) = (carrier.http.clone(), url.clone());
        senders.push(tokio::spawn(async move {
            let mut answered = Vec::new();
            for n in 0.. {
                let form = [("To", TO), ("From", FROM), ("Body", &format!("{sender}/{n}"))];
                let Ok(sent) = send(&http, &url, &form).await else { break };
                answered.push(sent.1["sid"].as_str().unwrap_or_default().to_owned());
            }
            answered
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    carrier.kill()?;
    let mut answered = Vec::new();
    for sender in senders {
        answered.extend(sender.await?);
    }
    let recorded = carrier.recorded()?;
    let sids: BTreeSet<&str> = recorded.iter().map(|message| &*message.sid).collect();
    assert!(answered.len() > 50, "only {} were answered before the kill", answered.len());
    assert!(answered.iter().all(|sid| sids.contains(&**sid)), "an answered message is not in the record");
    assert!(recorded.len() <= answered.len() + 8, "{} recorded, {} answered", recorded.len(), answered.len());
    assert!(recorded.iter().map(|message| message.seq).eq(1..=recorded.len() as u64));

    // a line that the kill cut short was never answered
    std::fs::OpenOptions::new().append(true).open(carrier.file())?.write_all(b"{\"seq\": 99")?;
    carrier.restart().await?;
    assert_eq!(carrier.messages(None).await?.len(), recorded.len());
    assert_eq!(send(&carrier.http, &url, &[("To", TO), ("From", FROM), ("Body", "after")]).await?.0, 201);
    let newest: Value = list(&carrier, "PageSize=1").await?;
    assert_eq!(newest["messages"][0]["body"], "after");
    assert_eq!(carrier.recorded()?.len(), recorded.len() + 1);
    Ok(())
}

#[tokio::test]
async fn it_lists_by_filters_and_pages() -> Result {
    let carrier = Carrier::start().await?;
    for (to, body) in [(TO, "one"), (TO, "two"), ("+14155550102", "another's"), (TO, "three")] {
        send(&carrier.http, &carrier.messages_url(), &[("To", to), ("From", FROM), ("Body", body)]).await?;
    }
    let filter = "To=%2B14155550100&From=%2B14155550199&PageSize=2";
    let first = list(&carrier, filter).await?;
    assert_eq!([&first["messages"][0]["body"], &first["messages"][1]["body"]], ["three", "two"]);
    let next = first["next_page_uri"].as_str().unwrap_or_default().split_once('?').unwrap_or_default().1;
    // what arrives meanwhile does not shift the pages
    send(&carrier.http, &carrier.messages_url(), &[("To", TO), ("From", FROM), ("Body", "four")]).await?;
    let second = list(&carrier, next).await?;
    assert_eq!(second["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["messages"][0]["body"], "one");
    assert_eq!(second["next_page_uri"], Value::Null);
    let other = list(&carrier, "To=%2B14155550100&From=%2B14155550198").await?;
    assert_eq!(other["messages"], json!([]));
    assert_eq!(list(&carrier, "Too=1").await?["code"], 20001, "a misspelt filter would list everything");
    Ok(())
}

#[tokio::test]
async fn strangers_are_refused() -> Result {
    let carrier = Carrier::start().await?;
    for (account, token) in [(ACCOUNT, "guess"), ("ACffffffffffffffffffffffffffffffff", TOKEN)] {
        let answer = carrier.http.get(carrier.messages_url()).basic_auth(account, Some(token)).send().await?;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await?["code"], 20003);
    }
    assert_eq!(carrier.stats().await?["counts"]["unauthorized"], 2);
    Ok(())
}

#[tokio::test]
async fn it_ends_with_its_parent_and_when_told() -> Result {
    let mut orphan = Carrier::start().await?;
    orphan.close_input();
    await_end(&mut orphan).await?;
    let mut told = Carrier::start().await?;
    std::process::Command::new("kill").arg(told.pid().to_string()).status()?;
    await_end(&mut told).await
}

async fn await_end(carrier: &mut Carrier) -> Result {
    for _ in 0..500 {
        if carrier.has_ended()? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("it runs on")
}

#[tokio::test]
async fn it_records_all_that_was_asked() -> Result {
    let carrier = Carrier::start().await?;
    let form = [
        ("To", TO),
        ("MessagingServiceSid", "MG1"),
        ("Body", "hello"),
        ("MediaUrl", "http://127.0.0.1/1.png"),
        ("MediaUrl", "http://127.0.0.1/2.png"),
        ("StatusCallback", "http://127.0.0.1/status"),
        ("ValidityPeriod", "60"),
    ];
    let (_, answer) = send(&carrier.http, &carrier.messages_url(), &form).await?;
    let messages = carrier.messages(Some(TO)).await?;
    let [message] = &messages[..] else { anyhow::bail!("{messages:?}") };
    assert_eq!((message.seq, message.is_listed, &*message.to, &*message.body), (1, true, TO, "hello"));
    assert_eq!((message.from.as_deref(), message.messaging_service_sid.as_deref()), (None, Some("MG1")));
    assert_eq!((&*message.told, &*message.status), ("accept", "queued"));
    assert_eq!(message.media_urls, ["http://127.0.0.1/1.png", "http://127.0.0.1/2.png"]);
    assert_eq!(message.status_callback.as_deref(), Some("http://127.0.0.1/status"));
    assert_eq!(message.other["ValidityPeriod"], "60");
    assert_eq!(answer["sid"], message.sid);
    assert!(message.arrived_ms > 1_700_000_000_000);
    let misspelt = [("To", TO), ("From", FROM), ("Body", "x"), ("StatusCalback", "http://127.0.0.1/")];
    assert_eq!(send(&carrier.http, &carrier.messages_url(), &misspelt).await?.0, 400);
    Ok(())
}
