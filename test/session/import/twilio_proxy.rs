//! `switchboard import twilio-proxy`: services and live sessions are read by Twilio Proxy's API, and go on here.

use std::sync::{Arc, Mutex};

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::model::lock::lock;
use warp::Filter as _;
use warp::http::{HeaderValue, Response, StatusCode};

use super::{count, import, reaches, summary};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::operations::command::Said;
use crate::relay::route::loopback;
use crate::session::consistent;
use crate::session::talk::{ANN, BOB, CID};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const TOKEN: &str = "a-token-of-twilio";
const NUMBERS: [&str; 2] = ["+12125550100", "+12125550101"];

/// A sid of 32 of these digits.
fn sid(prefix: &str, digit: char) -> String {
    format!("{prefix}{}", digit.to_string().repeat(32))
}

/// Twilio Proxy with one service; it ends when it is dropped.
struct ProxyApi {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for ProxyApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn said(status: StatusCode, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    response
}

fn page(key: &str, items: Value, next: Option<String>) -> Response<String> {
    let meta = json!({"key": key, "page": 0, "page_size": 100, "next_page_url": next, "previous_page_url": null,
        "first_page_url": "https://proxy.twilio.com/", "url": "https://proxy.twilio.com/"});
    said(StatusCode::OK, &json!({ key: items, "meta": meta }))
}

fn session(digit: char, status: &str, ends: Option<&str>) -> Value {
    json!({"sid": sid("KC", digit), "service_sid": sid("KS", '5'), "account_sid": ACCOUNT, "status": status,
        "unique_name": format!("ride {digit}"), "mode": "message-only", "ttl": 0, "date_expiry": ends,
        "date_started": "2026-05-01T12:00:00Z", "date_created": "2026-05-01T12:00:00Z", "date_ended": null,
        "date_last_interaction": null, "closed_reason": null})
}

fn participant(digit: char, identifier: &str, number: Option<&str>) -> Value {
    json!({"sid": sid("KP", digit), "identifier": identifier, "friendly_name": "somebody", "proxy_identifier": number,
        "proxy_identifier_sid": sid("PN", '1'), "date_deleted": null})
}

/// Two pages of sessions, of which the second is named at Twilio; the numbers come at the second try.
fn answer(path: &str, query: &str, login: Option<&str>, asked: &Mutex<Vec<String>>) -> Response<String> {
    let wanted = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
    if login != Some(wanted.as_str()) {
        return said(StatusCode::UNAUTHORIZED, &json!({"code": 20003, "message": "Authenticate", "status": 401}));
    }
    let is_first = {
        let mut asked = lock(asked);
        asked.push(format!("{path}?{query}"));
        asked.iter().filter(|known| known.starts_with(path)).count() == 1
    };
    let service = format!("/v1/Services/{}", sid("KS", '5'));
    let of_session = |digit: char| format!("{service}/Sessions/{}/Participants", sid("KC", digit));
    if path == "/v1/Services" {
        let one = json!({"sid": sid("KS", '5'), "unique_name": "rides", "account_sid": ACCOUNT, "default_ttl": 3600,
            "number_selection_behavior": "avoid-sticky", "geo_match_level": "radius", "callback_url": null,
            "intercept_callback_url": null, "out_of_session_callback_url": null});
        page("services", json!([one]), None)
    } else if path == format!("{service}/PhoneNumbers") {
        if is_first {
            let mut slow = said(StatusCode::TOO_MANY_REQUESTS, &json!({"code": 20429, "message": "Too many requests"}));
            slow.headers_mut().insert("retry-after", HeaderValue::from_static("0"));
            return slow;
        }
        let can = json!({"sms": true, "mms": true, "voice": true});
        let one = |number: &str| json!({"sid": sid("PN", '1'), "phone_number": number, "capabilities": can});
        page("phone_numbers", json!(NUMBERS.map(one)), None)
    } else if path == format!("{service}/Sessions") && !query.contains("Page=1") {
        let next = format!("https://proxy.twilio.com{service}/Sessions?PageSize=100&Page=1&PageToken=x");
        let both = [session('1', "open", None), session('2', "in-progress", Some("2040-01-31T09:00:00Z"))];
        page("sessions", json!(both), Some(next))
    } else if path == format!("{service}/Sessions") {
        let [over, odd, empty] =
            [('3', "closed"), ('4', "open"), ('6', "open")].map(|(digit, status)| session(digit, status, None));
        page("sessions", json!([over, odd, {"sid": "KC1", "status": "open"}, empty]), None)
    } else if path == of_session('1') {
        page(
            "participants",
            json!([participant('a', ANN, Some(NUMBERS[0])), participant('b', BOB, Some(NUMBERS[1]))]),
            None,
        )
    } else if path == of_session('2') {
        page(
            "participants",
            json!([participant('c', ANN, Some(NUMBERS[1])), participant('d', CID, Some(NUMBERS[0]))]),
            None,
        )
    } else if path == of_session('4') {
        page("participants", json!([participant('e', BOB, None)]), None)
    } else if path == of_session('6') {
        page("participants", json!([]), None)
    } else {
        said(StatusCode::NOT_FOUND, &json!({"code": 20404, "message": "not found", "status": 404}))
    }
}

impl ProxyApi {
    async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = asked.clone();
        let login = warp::header::optional::<String>("authorization");
        let all = warp::path::full().and(warp::query::raw()).and(login).map(
            move |path: warp::path::FullPath, query: String, login: Option<String>| {
                answer(path.as_str(), &query, login.as_deref(), &kept)
            },
        );
        let serving = tokio::spawn(warp::serve(all).incoming(listener).run());
        Ok(Self { url, asked, serving })
    }

    async fn import(&self, server: &Server, account: &str, token: &str, more: &[&str]) -> Result<Said> {
        let words = ["twilio-proxy", "--account-sid", ACCOUNT, "--proxy-url", &self.url, "--account", account];
        import(server, &[&words[..], more].concat(), &[("TWILIO_AUTH_TOKEN", token)]).await
    }
}

async fn its_live_sessions_go_on(layout: Layout) -> Result {
    let (server, api) = (Server::start(layout).await?, ProxyApi::start().await?);
    let account = loopback(&server).await?;
    let refused = api.import(&server, &account, "wrong", &[]).await?.refusal()?;
    ensure!(refused.contains("401") && refused.contains("Authenticate"), "{refused}");

    let dry = api.import(&server, &account, TOKEN, &["--dry-run"]).await?;
    ensure!(dry.code == Some(1) && dry.out.contains("make the pool rides"), "{dry:?}");
    for table in ["sb_pool", "sb_number", "sb_session"] {
        ensure!(count(&server, table).await? == "0", "{table}");
    }

    let other = sid("KS", '6');
    let refused = api.import(&server, &account, TOKEN, &["--service", &other]).await?.refusal()?;
    ensure!(refused.contains(&other) && refused.contains("is not there"), "{refused}");
    ensure!(count(&server, "sb_pool").await? == "0");

    for added in [true, false] {
        let of =
            |count: i32| if added { json!({"added": count, "known": 0}) } else { json!({"added": 0, "known": count}) };
        let said = api.import(&server, &account, TOKEN, &["--json"]).await?;
        let done = summary(&said)?;
        ensure!(said.code == Some(1) && !said.all().contains(TOKEN), "{said:?}");
        ensure!(done["pools"] == of(1) && done["numbers"] == of(2) && done["sessions"] == of(3), "{done}");
        let refused: Vec<&Value> = done["refused"].as_array().into_iter().flatten().map(|one| &one["what"]).collect();
        ensure!(refused == [&json!(format!("session {}", sid("KC", '4'))), &json!("session KC1")], "{done}");
        ensure!(done["sessions_over"] == 1, "{done}");
        ensure!(count(&server, "sb_session").await? == "3" && count(&server, "sb_participant").await? == "4");
    }
    ensure!(count(&server, "sb_message").await? == "0", "nobody is told");
    ensure!(server.rows("SELECT DISTINCT door FROM sb_session").await? == [["twilio_proxy"]]);
    consistent(&server).await?;

    let pool = well(&server, "GET", &format!("/v1/pools/{}", sid("pool_", '5')), None).await?;
    ensure!(pool["name"] == "rides" && pool["choice"] == "avoid_sticky" && pool["ttl"] == "1h", "{pool}");
    let settings = server.rows("SELECT settings FROM sb_pool").await?.concat().concat();
    ensure!(settings.contains("\"bound\":\"radius\""), "{settings}");
    let other = well(&server, "GET", &format!("/v1/sessions/{}", sid("ses_", '2')), None).await?;
    ensure!(
        text(&other["expires_at"])?.starts_with("2040-01-31T09:00:00") && other["unique_name"] == "ride 2",
        "{other}"
    );
    ensure!(other["participants"][0]["id"] == sid("par_", 'c') && other["mode"] == "message", "{other}");
    let one = well(&server, "GET", &format!("/v1/sessions/{}", sid("ses_", '1')), None).await?;
    ensure!(one["expires_at"].is_null(), "its time to live is without an end, whatever its service has: {one}");
    reaches(&server, (ANN, NUMBERS[0]), (BOB, NUMBERS[1])).await?;
    reaches(&server, (BOB, NUMBERS[1]), (ANN, NUMBERS[0])).await?;
    reaches(&server, (ANN, NUMBERS[1]), (CID, NUMBERS[0])).await?;
    reaches(&server, (CID, NUMBERS[0]), (ANN, NUMBERS[1])).await?;
    ensure!(lock(&api.asked).iter().any(|asked| asked.contains("Page=1")), "the second page was asked for here");
    consistent(&server).await
}

on_both_engines!(its_live_sessions_go_on);
