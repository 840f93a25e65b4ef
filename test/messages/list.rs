//! Lists of many messages of which few fit: no page walks them all, and all pages together hold each once.

use anyhow::ensure;
use serde_json::{Value, json};
use switchboard::model::{ClientId, Clock, MessageId};
use switchboard::store::{Change, Value as Field};

use super::{FROM, TO, builder, ready};
use crate::events::{text, well};
use crate::harness::{Carrier, Layout, Result, Server, stored};
use crate::on_both_engines;
use crate::relay::client;
use crate::relay::client::{By, ask};

/// More than a page looks at.
const ALL: usize = 24_000;
const OTHER: &str = "+14155550177";

/// A message that is written straight into the store.
pub(super) struct Old {
    pub state: &'static str,
    pub direction: &'static str,
    pub from: String,
    pub to: String,
}

/// Writes messages of yesterday, oldest first.
pub(super) async fn fill(server: &Server, account: &str, count: usize, old: impl Fn(usize) -> Old) -> Result {
    let store = server.home().databases.store()?;
    let begun_ms = Clock::default().now_ms() - 86_400_000;
    let ids: Vec<(usize, i64)> = (0..count).map(|n| (n, begun_ms + i64::try_from(n).unwrap_or_default())).collect();
    for some in ids.chunks(2000) {
        let row = |(n, at_ms): &(usize, i64)| {
            let Old { state, direction, from, to } = old(*n);
            let mut row: Vec<Field> = vec![MessageId::new(*at_ms).into(), ClientId::OPERATOR.into(), stored(account)];
            row.extend([direction, &from, &to, "old", state, "gsm7"].map(Field::from));
            row.extend([1.into(), (*at_ms).into(), (*at_ms).into()]);
            row
        };
        let rows: Vec<Vec<Field>> = some.iter().map(row).collect();
        let fresh = rows.iter().map(|row| vec![row[0].clone(), row[4].clone(), row[5].clone()]).collect();
        let into = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, \
                    state, encoding, segments, created_ms, changed_ms)";
        let addresses = "INSERT INTO sb_fresh (id, from_address, to_address)";
        store.commit(Change::new().insert(into, rows).insert(addresses, fresh)).await?;
    }
    Ok(())
}

/// Every thousandth failed, and is to another person; every other came in.
fn one_of_many(n: usize) -> Old {
    let is_odd_one = n % 1000 == 7;
    let (state, to) = if is_odd_one { ("failed", OTHER) } else { ("delivered", TO) };
    let (direction, from, to) = if n.is_multiple_of(2) { ("inbound", to, FROM) } else { ("outbound", FROM, to) };
    Old { state, direction, from: from.into(), to: to.into() }
}

/// All that a list holds, and how many pages it took.
pub(super) async fn walk(server: &Server, filter: &str, limit: usize) -> Result<(Vec<Value>, usize)> {
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = well(server, "GET", &format!("/v1/messages?{filter}&limit={limit}{cursor}"), None).await?;
        pages += 1;
        let data = page["data"].as_array().cloned().unwrap_or_default();
        ensure!(data.len() <= limit, "{} in a page", data.len());
        found.extend(data);
        match &page["next_cursor"] {
            Value::Null => break,
            next => cursor = format!("&cursor={}", text(next)?),
        }
    }
    let times: Vec<String> = found.iter().map(|message| text(&message["id"])).collect::<Result<_>>()?;
    ensure!(times.is_sorted_by(|a, b| a > b), "not newest first, or one twice: {filter}");
    Ok((found, pages))
}

async fn what_is_rare_is_found_in_bounded_pages(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    fill(&server, &account, ALL, one_of_many).await?;
    let (from, to, other) = (&FROM[1..], &TO[1..], &OTHER[1..]);
    // nothing, in two pages; few, in two pages and in as many as they fill; found by their own index
    for (filter, limit, wanted, most) in [
        ("state=expired".to_owned(), 50, 0, 2),
        ("state=failed".to_owned(), 50, 24, 2),
        ("state=failed".to_owned(), 5, 24, 6),
        ("state=failed&direction=inbound".to_owned(), 50, 0, 2),
        (format!("number=%2B{from}&state=failed"), 50, 24, 2),
        (format!("from=%2B{from}&to=%2B{other}"), 50, 24, 1),
        (format!("number=%2B{other}"), 50, 24, 1),
        (format!("number=%2B{to}&state=failed"), 50, 0, 2),
        ("direction=inbound".to_owned(), 200, ALL / 2, ALL / 400 + 1),
        (String::new(), 200, ALL, ALL / 200 + 1),
    ] {
        let (found, pages) = walk(&server, &filter, limit).await?;
        ensure!(found.len() == wanted && pages <= most, "{filter}: {} in {pages} pages", found.len());
    }
    let page = well(&server, "GET", "/v1/messages?state=expired", None).await?;
    ensure!(page["data"] == json!([]) && page["next_cursor"].is_string(), "it looks at all there are: {page}");
    Ok(())
}

/// A number of the operator's is full of the operator's messages: another client's page ends among them.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_page_is_cut_off_tells_nothing_of_others_messages() -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(Layout::SqliteShared, &carrier).await?).await?;
    fill(&server, &account, ALL, |_| Old { state: "sent", direction: "outbound", from: FROM.into(), to: TO.into() })
        .await?;
    let other = client(&server, "1").await?;
    let ids = server.rows("SELECT id FROM sb_message").await?.concat();
    // the first digits of an id are its time
    let tells = |text: &str| ids.iter().any(|id| text.contains(&id[..8]));
    let (own, twilio) = (By::Bearer(&other.key), By::Basic(&other.sid, &other.token));
    let get = async |by: By<'_>, path: &str| -> Result<Value> {
        let (status, _, page) = ask(&server, by, "GET", path, None).await?;
        ensure!(status == 200, "{path}: {status} {page}");
        Ok(page)
    };
    let list = format!("/v1/messages?number=%2B{}&state=canceled", &FROM[1..]);
    let page = get(own, &list).await?;
    let cursor = text(&page["next_cursor"])?;
    ensure!(page["data"] == json!([]) && !tells(&page.to_string()), "{page}");
    let tail = get(own, &format!("{list}&cursor={cursor}")).await?;
    ensure!(tail["data"] == json!([]) && tail["next_cursor"].is_null(), "{tail}");
    let made_up = format!("{list}&cursor={}", cursor.replace("cur_", "cur_00"));
    assert_eq!(ask(&server, own, "GET", &made_up, None).await?.0, 400, "{made_up}");

    let first =
        get(twilio, &format!("/2010-04-01/Accounts/{}/Messages.json?From=%2B{}", other.sid, &FROM[1..])).await?;
    let next = get(twilio, &text(&first["next_page_uri"])?).await?;
    ensure!(first["messages"] == json!([]) && !tells(&first.to_string()), "{first}");
    ensure!(next["next_page_uri"].is_null() && !tells(&next.to_string()), "{next}");

    // whoever was shown a message reads its id there, as ever
    let page = well(&server, "GET", "/v1/messages?limit=2", None).await?;
    ensure!(page["next_cursor"] == page["data"][1]["id"] && page["next_cursor"].is_string(), "{page}");
    Ok(())
}

on_both_engines!(what_is_rare_is_found_in_bounded_pages);
