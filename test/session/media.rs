//! Pictures of texts in sessions: passed on under URLs of ours, by which they are fetched, and nothing else is.

use anyhow::ensure;
use serde_json::json;

use super::hook::{Answer, Hook, talk};
use super::talk::{ANN, BOB, Talk};
use crate::events::{text, well};
use crate::harness::{Layout, Result};
use crate::inbound::play::settled;
use crate::on_both_engines;

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const LARGE: usize = 6 * 1024 * 1024;

/// The link under which somebody got what came with a text.
async fn link(talk: &Talk, from: &str, url: &str) -> Result<String> {
    let posted = json!({"from": ANN, "to": from, "body": "look", "media_urls": [url]});
    well(&talk.server, "POST", "/v1/loopback/inbound", Some(posted)).await?;
    settled(&talk.server).await?;
    talk.bodies(BOB).await?;
    let path = format!("/v1/loopback/messages?limit=1&to=%2B{}", &BOB[1..]);
    text(&well(&talk.server, "GET", &path, None).await?["data"][0]["media_urls"][0])
}

async fn a_picture_is_fetched_by_our_link_alone(layout: Layout) -> Result {
    let hook = Hook::start(|asked| match asked.path.as_str() {
        "/1.png" => Answer { kind: "image/png", body: PICTURE.to_vec(), ..Answer::new(200, "") },
        "/moved.png" => Answer { location: Some("/1.png".to_owned()), ..Answer::new(307, "") },
        "/round.png" => Answer { location: Some("/round.png".to_owned()), ..Answer::new(302, "") },
        "/inside.png" => Answer { location: Some("http://10.0.0.1/".to_owned()), ..Answer::new(302, "") },
        "/large.png" => Answer { body: vec![0; LARGE], ..Answer::new(200, "") },
        _ => Answer::new(404, ""),
    })
    .await?;
    let talk = talk(layout, 1).await?;
    let listed = talk.well("GET", "/v1/numbers", None).await?;
    let path = format!("/v1/numbers/{}", text(&listed["data"][0]["id"])?);
    talk.well("PATCH", &path, Some(json!({"capabilities": ["sms", "mms"]}))).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let from = held.number(ANN)?;
    for name in ["/1.png", "/moved.png"] {
        let link = link(&talk, &from, &hook.url(name)).await?;
        ensure!(!link.contains(&hook.url("")), "{link}");
        let response = talk.server.http.get(&link).send().await?;
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"image/png".parse()?));
        assert_eq!(response.content_length(), Some(PICTURE.len() as u64));
        assert_eq!(response.bytes().await?, PICTURE);
        // what is changed is nobody's
        let other = link.replace("/0?", "/1?");
        let later = link.replace("until=", "until=9");
        let last = if link.ends_with('0') { '1' } else { '0' };
        let forged = format!("{}{last}", &link[..link.len() - 1]);
        for wrong in [other, later, forged, link.split("&signature").next().unwrap_or_default().to_owned()] {
            ensure!(wrong != link, "nothing of it is changed: {link}");
            let status = talk.server.http.get(&wrong).send().await?.status().as_u16();
            ensure!(matches!(status, 403 | 404), "{status} {wrong}");
        }
    }
    let asked = hook.asked().len();
    for name in ["/round.png", "/inside.png", "/large.png", "/none.png"] {
        let link = link(&talk, &from, &hook.url(name)).await?;
        assert_eq!(talk.server.http.get(&link).send().await?.status().as_u16(), 502, "{name}");
    }
    ensure!(hook.asked().len() <= asked + 7, "nobody is sent round for ever");
    talk.end().await
}

on_both_engines!(a_picture_is_fetched_by_our_link_alone);
