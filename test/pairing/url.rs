//! `GET /v2/sync/users/<uid>`: the sync URL in its four forms, for anybody, under the configured address.

use anyhow::{Context as _, ensure};
use reqwest::header::{ACCEPT, HOST};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::play::{self, Answer, NOBODY};
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::time::{expiry, now};
use crate::harness::{Heard, Layout, Phone, Result, Server, Socket, USER};
use crate::{in_foreign_sessions, on_both_engines, on_every_layout};

async fn get(server: &Server, path: &str) -> Result<Answer> {
    Answer::to(server.http.get(server.url(path))).await
}

async fn get_as(server: &Server, path: &str, host: &str) -> Result<Answer> {
    Answer::to(server.http.get(server.url(path)).header(HOST, host)).await
}

fn is_sid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_url_is_bare_text_and_fresh_each_time() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut seen = Vec::new();
    for path in ["/v2/sync/users/111", "/v2/sync/users/111/"] {
        let answer = get(&server, path).await?;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let start = format!("ws://127.0.0.1:{}/v2/sync/init/111/", server.port);
        let sid = answer.body.strip_prefix(&start).with_context(|| answer.body.clone())?;
        assert!(is_sid(sid), "nothing follows the session id: {sid:?}");
        seen.push(sid.to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_id_lives_for_its_whole_span() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("sync.session_ttl", "90s").start().await?;
    let ttl = std::time::Duration::from_secs(90);
    for _ in 0..3 {
        let before = now()?;
        let sid = server.sid(USER).await?;
        let expiry = expiry(&sid)?;
        // four bytes hold whole seconds: rounding down would cut the life that the contract grants
        assert!(expiry >= before + ttl, "{expiry:?} is less than {ttl:?} after {before:?}");
        assert!(expiry <= now()? + ttl + std::time::Duration::from_secs(1));
    }
    Ok(())
}

async fn issuing_a_code_writes_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let before = play::Written::by(&server).await?;
    for path in ["", "?format=json", "?format=png", "?format=svg"] {
        get(&server, &format!("/v2/sync/users/111{path}")).await?;
    }
    Socket::of(&server, USER, None).await?.code().await?;
    let sid = server.sid(USER).await?;
    Socket::of(&server, USER, Some(&sid)).await?.code().await?;
    assert_eq!(play::Written::by(&server).await?, before);
    assert!(before.sessions.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_asked_for_by_name_or_by_accept() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (text, json, svg, png) = ("text/plain", "application/json", "image/svg+xml", "image/png");
    let cases = [
        ("", None, text),
        ("", Some("*/*"), text),
        ("", Some("text/html,application/xhtml+xml,*/*;q=0.8"), text),
        ("", Some(text), text),
        ("", Some(json), json),
        ("", Some("image/svg+xml;q=0.9"), svg),
        ("", Some("text/html, image/png"), png),
        ("?format=text", Some(json), text),
        ("?format=json", None, json),
        ("?format=svg", Some("*/*"), svg),
        ("?other=1&format=png", Some(text), png),
    ];
    for (query, accept, expected) in cases {
        let mut request = server.http.get(server.url(&format!("/v2/sync/users/111{query}")));
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        let answer = request.send().await?;
        assert_eq!(answer.status(), 200, "{query} {accept:?}");
        let kind = answer.headers()["content-type"].to_str()?.to_owned();
        assert!(kind.starts_with(expected), "{query} {accept:?} gave {kind}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{query} {accept:?}");
        let bytes = answer.bytes().await?;
        let begins: &[u8] = match expected {
            "image/png" => b"\x89PNG\r\n\x1a\n",
            "application/json" => b"{\"",
            "image/svg+xml" => b"<",
            _ => b"ws://",
        };
        assert!(bytes.starts_with(begins), "{query} {accept:?}");
    }
    for query in ["?format=gif", "?format=PNG", "?format="] {
        assert_eq!(get(&server, &format!("/v2/sync/users/111{query}")).await?.status, 400, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_form_names_one_session_three_times_and_its_end() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let json = get(&server, "/v2/sync/users/111?format=json").await?.json()?;
    assert_eq!(play::keys(&json), ["expires_at", "mobile_url", "qr_url", "sync_url"]);
    let part = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let sid = part("sync_url").rsplit('/').next().unwrap_or_default().to_owned();
    assert!(is_sid(&sid));
    let host = format!("127.0.0.1:{}", server.port);
    assert_eq!(part("sync_url"), format!("ws://{host}/v2/sync/init/111/{sid}"));
    assert_eq!(part("qr_url"), format!("http://{host}{}", session(USER, &sid)));
    assert_eq!(part("mobile_url"), format!("app://{host}{}", session(USER, &sid)));
    let expires_at = OffsetDateTime::parse(&part("expires_at"), &Rfc3339)?;
    assert_eq!(u64::try_from(expires_at.unix_timestamp())?, expiry(&sid)?.as_secs());
    Phone::new()?.pair(&server, USER, &sid).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_users_are_served_like_anybody() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for query in ["", "?format=json", "?format=svg", "?format=png"] {
        let known = server.http.get(server.url(&format!("/v2/sync/users/111{query}"))).send().await?;
        let unknown = server.http.get(server.url(&format!("/v2/sync/users/222{query}"))).send().await?;
        assert_eq!(known.status(), unknown.status());
        assert_eq!(known.headers()["content-type"], unknown.headers()["content-type"]);
        let names = |headers: &reqwest::header::HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(known.headers()), names(unknown.headers()));
        let (known, unknown) = (known.bytes().await?, unknown.bytes().await?);
        // pictures of random ids differ in size, texts do not
        if query.is_empty() || query.ends_with("json") {
            assert_eq!(known.len(), unknown.len());
        }
    }
    let sid = server.sid(NOBODY).await?;
    assert_eq!(Socket::of(&server, NOBODY, Some(&sid)).await?.code().await?, sid);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn links_come_from_the_configuration_and_never_from_the_host_header() -> Result {
    let public = Builder::new(Layout::SqliteShared).await?.set("http.public_url", "https://sms.example.org");
    let server = public.start().await?;
    let answer = get_as(&server, "/v2/sync/users/111", "evil.example").await?;
    assert!(answer.body.starts_with("wss://sms.example.org:443/v2/sync/init/111/"), "{}", answer.body);
    let json = get_as(&server, "/v2/sync/users/111?format=json", "evil.example").await?.json()?;
    let starts = |name: &str, with: &str| json[name].as_str().is_some_and(|url| url.starts_with(with));
    assert!(starts("qr_url", "https://sms.example.org:443/v2/sync/users/111/sessions/"), "{json}");
    assert!(starts("mobile_url", "apps://sms.example.org:443/v2/sync/users/111/sessions/"), "{json}");
    let frame: Value = serde_json::from_str(&Socket::of(&server, USER, None).await?.text().await?)?;
    assert!(frame["qr_url"].as_str().is_some_and(|url| url.starts_with("https://sms.example.org:443/v2/")), "{frame}");
    assert!(frame["mobile_url"].as_str().is_some_and(|url| url.starts_with("apps://sms.example.org:443/v2/")));

    let unset = Server::start(Layout::SqliteShared).await?;
    let answer = get_as(&unset, "/v2/sync/users/111", "evil.example").await?;
    assert!(answer.body.starts_with(&format!("ws://127.0.0.1:{}/v2/", unset.port)), "{}", answer.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_dev_links_follow_the_host_header_with_its_port_written_out() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    for (host, expected) in [("localhost:7000", "localhost:7000"), ("desk.example", "desk.example:80")] {
        let answer = get_as(&server, "/v2/sync/users/111", host).await?;
        assert!(answer.body.starts_with(&format!("ws://{expected}/v2/sync/init/111/")), "{}", answer.body);
    }
    Ok(())
}

async fn odd_user_ids_travel_percent_encoded(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let odd = [
        ("Zoë Müller", "Zo%C3%AB%20M%C3%BCller"),
        ("利用者-ω", "%E5%88%A9%E7%94%A8%E8%80%85-%CF%89"),
        ("50%?a=b&c#d+\"e\"", "50%25%3Fa%3Db%26c%23d%2B%22e%22"),
    ];
    for (user, segment) in odd {
        play::add_usual_user(&server, user).await?;
        let url = get(&server, &format!("/v2/sync/users/{segment}")).await?.body;
        let path = url.split_once(&format!(":{}", server.port)).context("no port")?.1;
        assert!(path.starts_with(&format!("/v2/sync/init/{segment}/")), "{path}");
        let mut socket = Socket::open(&server, path).await?;
        let frame: Value = serde_json::from_str(&socket.text().await?)?;
        let qr_url = frame["qr_url"].as_str().context("no qr_url")?;
        let posted = qr_url.strip_prefix(&server.url("")).context("another host")?;
        // phones take the fourth segment for the user id
        assert_eq!(posted.split('/').nth(4), Some(segment));
        let (status, answer) = server.post(posted, Phone::new()?.one_step(&server, crate::harness::PASSWORD)?).await?;
        ensure!(status == 200, "{user}: {status} {answer}");
        assert_eq!(socket.hear_past_codes().await?, Heard::Pause);
        assert_eq!(socket.hear_past_codes().await?, Heard::Ack);
    }
    let users = server.rows("SELECT user_id FROM sb_device ORDER BY id").await?.concat();
    assert_eq!(users, odd.map(|(user, _)| user));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_user_id_is_refused() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let body = Phone::new()?.one_step(&server, "any")?;
    let sid = server.sid(USER).await?;
    for segment in ["%20111", "a%2Fb", "a%0Ab", "%FF", &"x".repeat(129)] {
        assert_eq!(get(&server, &format!("/v2/sync/users/{segment}")).await?.status, 400, "{segment}");
        for path in [session(segment, &sid), play::handshake(segment, &sid)] {
            let refused = server.post(&path, body.clone()).await?;
            assert_eq!(refused, (400, "invalid session requested".into()), "{segment}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_from_an_address_are_told_to_wait() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("http.requests_per_address", 5).start().await?;
    for _ in 0..5 {
        assert_eq!(get(&server, "/v2/sync/users/111").await?.status, 200);
    }
    let refused = get(&server, "/v2/sync/users/111").await?;
    assert_eq!(refused.status, 429);
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>()?), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_paths_of_the_contract_are_there() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    // phones fetch it to read the certificate
    assert_eq!(get(&server, "/").await?.status, 200);
    let sid = server.sid(USER).await?;
    let mut socket = Socket::of(&server, USER, Some(&sid)).await?;
    socket.code().await?;
    for name in ["pause", "ack"] {
        for path in [format!("/v2/sync/{name}"), format!("/v2/sync/{name}/111/{sid}")] {
            assert_eq!(get(&server, &path).await?.status, 404, "{path}");
            assert_eq!(server.post(&path, "").await?.0, 404, "{path}");
        }
    }
    // the signal of the handshake is the first that the socket hears
    Phone::new()?.pair(&server, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    for path in ["/v2/sync/users/111", &session(USER, &sid), &play::handshake(USER, &sid)] {
        let refused = Answer::to(server.http.put(server.url(path))).await?;
        let allowed = if path.contains("sessions") { "POST, OPTIONS" } else { "GET, OPTIONS" };
        assert_eq!((refused.status, refused.header("allow")), (405, allowed), "{path}");
    }
    Ok(())
}

on_both_engines!(issuing_a_code_writes_nothing);
on_every_layout!(odd_user_ids_travel_percent_encoded);
in_foreign_sessions!(odd_user_ids_travel_percent_encoded);
