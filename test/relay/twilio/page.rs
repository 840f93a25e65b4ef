//! Lists: newest first, narrowed, and turned page by page both ways.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{Door, FROM, TO};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;

fn sids(page: &Value) -> Result<Vec<String>> {
    page["messages"].as_array().into_iter().flatten().map(|message| text(&message["sid"])).collect()
}

async fn page(door: &Door, uri: &str) -> Result<Value> {
    let (status, page) = door.ask("GET", uri, &[]).await?;
    ensure!(status == 200, "{uri}: {status} {page}");
    Ok(page)
}

async fn pages_turn_both_ways(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let mut all = Vec::new();
    for n in 0..7 {
        let to = if n == 3 { "+14155550177" } else { TO };
        all.push(text(&door.text(to, &format!("number {n}")).await?["sid"])?);
    }
    all.reverse();
    let first = door.path("Messages.json?PageSize=3");
    let (mut uri, mut walked, mut numbers) = (first.clone(), Vec::new(), Vec::new());
    let last = loop {
        let page = page(&door, &uri).await?;
        numbers.push((page["page"].clone(), page["start"].clone(), page["end"].clone()));
        ensure!(page["page_size"] == 3, "{page}");
        walked.push(sids(&page)?);
        match page["next_page_uri"].as_str() {
            Some(next) => uri = next.to_owned(),
            None => break page,
        }
    };
    assert_eq!(walked.concat(), all);
    assert_eq!(
        numbers,
        [(0, 0, 2), (1, 3, 5), (2, 6, 6)].map(|(page, start, end)| (json!(page), json!(start), json!(end)))
    );
    // and back
    let middle = page(&door, &text(&last["previous_page_uri"])?).await?;
    ensure!(sids(&middle)? == walked[1] && middle["page"] == 1, "{middle}");
    ensure!(sids(&page(&door, &text(&middle["next_page_uri"])?).await?)? == walked[2]);
    let start = page(&door, &text(&middle["previous_page_uri"])?).await?;
    ensure!(sids(&start)? == walked[0] && start["page"] == 0, "{start}");
    ensure!(start["previous_page_uri"].is_null(), "{start}");
    let again = page(&door, &text(&last["first_page_uri"])?).await?;
    ensure!(sids(&again)? == walked[0] && again["previous_page_uri"].is_null(), "{again}");
    // what is newer does not move a page that is asked for again
    door.text(TO, "newer").await?;
    ensure!(sids(&page(&door, &text(&again["next_page_uri"])?).await?)? == walked[1]);
    ensure!(page(&door, &first).await?["messages"][0]["body"] == "newer");
    door.close(9).await
}

async fn lists_are_narrowed(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    for n in 0..4 {
        door.text(if n == 3 { "+14155550177" } else { TO }, &format!("number {n}")).await?;
    }
    let form = [("To", "whatsapp:+14155550100"), ("From", "whatsapp:+15005550006"), ("Body", "hi")];
    let (status, written) = door.ask("POST", &door.path("Messages.json"), &form).await?;
    ensure!(status == 201 && written["to"] == form[0].1 && written["from"] == form[1].1, "{status} {written}");
    ensure!(written["price"] == "-0.00500", "{written}");
    let now = &switchboard::model::rfc3339(switchboard::model::Clock::default().now_ms())[..10];
    let (to, from) = (&TO[1..], &FROM[1..]);
    for (query, count) in [
        (String::new(), 5),
        (format!("To=%2B{to}"), 3),
        (format!("To=+{to}"), 3),
        (format!("To=%2B{to}&From=%2B{from}"), 3),
        (format!("From=%2B{from}"), 4),
        (format!("To=whatsapp:%2B{to}"), 1),
        ("To=%2B14155550123".to_owned(), 0),
        (format!("DateSent={now}"), 5),
        ("DateSent=2020-01-01".to_owned(), 0),
        ("DateSent%3E=2020-01-01".to_owned(), 5),
        ("DateSent>=2020-01-01".to_owned(), 5),
        ("DateSent%3C=2020-01-01T00:00:00Z".to_owned(), 0),
        ("DateSent%3E=2020-01-01&DateSent%3C=2100-01-01".to_owned(), 5),
        ("Unknown=1".to_owned(), 5),
    ] {
        let page = page(&door, &door.path(&format!("Messages.json?{query}"))).await?;
        ensure!(sids(&page)?.len() == count, "{query}: {page}");
        ensure!(page["page"] == 0 && page["page_size"] == 50 && page["start"] == 0, "{page}");
        // its own address leads there again
        ensure!(sids(&self::page(&door, &text(&page["uri"])?).await?)? == sids(&page)?, "{page}");
    }
    for bad in ["PageSize=0", "PageSize=x", "Page=-1", "Page=1", "PageToken=x", "DateSent=today", "To=%ff", "To=a.b.c"]
    {
        let (status, wrong) = door.ask("GET", &door.path(&format!("Messages.json?{bad}")), &[]).await?;
        ensure!(status == 400 && wrong["code"] == 20001, "{bad}: {status} {wrong}");
    }
    let (status, wrong) = door.ask("GET", &door.path("Messages.json?PageSize=1001"), &[]).await?;
    ensure!(status == 400 && wrong["code"] == 20007, "{status} {wrong}");
    door.close(20).await
}

on_both_engines!(pages_turn_both_ways, lists_are_narrowed);
