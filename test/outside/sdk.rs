//! Twilio's own Python library against our door: nothing of it is changed but where its requests go.

use anyhow::ensure;
use serde_json::{Value, json};

use super::contract;
use crate::harness::{Builder, Layout, Result, Server, python};

/// The client that a development server has.
pub const SID: &str = "AC00000000000000000000000000000111";
pub const TOKEN: &str = "de000000000000000000000000000111";
pub const SENDER: &str = "+15005550006";
pub const PERSON: &str = "+14155550100";

/// A development server, which may post to this machine.
pub async fn server() -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?.dev().set("event.allow", "127.0.0.1");
    builder.set("outbox.poll_every", "20ms").start().await
}

pub fn given(server: &Server) -> Value {
    json!({"url": server.url(""), "sid": SID, "token": TOKEN, "from": SENDER, "to": PERSON})
}

/// The library's documented way to another host: an HTTP client of one's own. It notes what came back.
pub const CLIENT: &str = "
import json, time
from datetime import datetime, timedelta, timezone
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

replies = []

class Turned(TwilioHttpClient):
    def request(self, method, url, *args, **more):
        for name in ('api', 'proxy', 'verify'):
            url = url.replace(f'https://{name}.twilio.com', given['url'])
        response = super().request(method, url, *args, **more)
        path = url[len(given['url']):]
        replies.append({'method': method, 'path': path, 'status': response.status_code, 'body': response.text})
        return response

client = Client(given['sid'], given['token'], http_client=Turned())
to, sender = given['to'], given['from']

def refusal(act):
    try:
        act()
    except TwilioRestException as error:
        return [error.status, error.code]
    return None

def until(fetch, *states):
    for _ in range(500):
        item = fetch()
        if item.status in states:
            return item
        time.sleep(0.02)
    raise AssertionError(f'not {states}: {item.status}')
";

const MESSAGES: &str = "
before = datetime.now(timezone.utc).replace(microsecond=0)
sent = [client.messages.create(to=to, from_=sender, body=f'number {n} \u{2713}') for n in range(7)]
other = client.messages.create(to='+14155550101', from_=sender, body='', media_url=['https://example.com/a.png'])
first = sent[0]
done = until(client.messages(first.sid).fetch, 'sent', 'delivered')
until(client.messages(other.sid).fetch, 'sent', 'delivered')
listed = client.messages.list(to=to, from_=sender, date_sent_after=before, page_size=3)
page = client.messages.page(to=to, page_size=3)
behind = page.next_page()
back = behind.previous_page()
later = datetime.now(timezone.utc) + timedelta(hours=1)
waiting = client.messages.create(to=to, from_=sender, body='later', schedule_type='fixed', send_at=later)
early = refusal(client.messages(waiting.sid).delete)
canceled = client.messages(waiting.sid).update(status='canceled')
redacted = client.messages(first.sid).update(body='')
answer = {
    'sent': [m.sid for m in sent],
    'first': [first.status, first.direction, first.num_segments, first.num_media, first.price, first.price_unit],
    'parties': [first.from_, first.to, first.account_sid == given['sid'], first.messaging_service_sid],
    'age': (datetime.now(timezone.utc) - first.date_created).total_seconds(),
    'done': [done.body, done.date_sent is not None, done.error_code],
    'other': [other.sid[:2], other.num_media, other.body],
    'media': len(client.messages(other.sid).media.list()),
    'listed': [m.sid for m in listed],
    'limited': len(client.messages.list(limit=5)),
    'streamed': len(list(client.messages.stream(page_size=2))),
    'later': len(client.messages.list(date_sent_after=later)),
    'today': len(client.messages.list(date_sent=datetime.now(timezone.utc).date())),
    'pages': [[m.sid for m in one] for one in (page, behind, back)],
    'first_has_before': page.previous_page() is not None,
    'canceled': [waiting.status, canceled.status, canceled.price],
    'early': early,
    'redacted': [redacted.body, redacted.sid == first.sid, redacted.num_segments],
    'deleted': client.messages(first.sid).delete(),
    'gone': refusal(client.messages(first.sid).fetch),
    'whatsapp': client.messages.create(to='whatsapp:' + to, from_='whatsapp:' + sender, body='hi').from_,
    'account': client.api.accounts(given['sid']).fetch().status,
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_sends_lists_pages_and_takes_back() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{CLIENT}{MESSAGES}"), given(&server)).await?;
    let mut sent = answer["sent"].as_array().cloned().unwrap_or_default();
    sent.reverse();
    assert_eq!(answer["first"], json!(["queued", "outbound-api", "1", "0", "-0.00750", "USD"]));
    assert_eq!(answer["parties"], json!([SENDER, PERSON, true, null]));
    ensure!(answer["age"].as_f64().is_some_and(|age| (-1.0..20.0).contains(&age)), "{}", answer["age"]);
    assert_eq!(answer["done"], json!(["number 0 \u{2713}", true, null]));
    assert_eq!(answer["other"], json!(["MM", "1", ""]));
    assert_eq!(answer["media"], 1);
    assert_eq!(answer["listed"], json!(sent), "newest first, over three pages");
    let pages = [&sent[..3], &sent[3..6], &sent[..3]];
    assert_eq!(answer["pages"], json!(pages), "a page, the next, and back");
    assert_eq!(answer["first_has_before"], false);
    assert_eq!(answer["limited"], 5);
    assert_eq!(answer["streamed"], 9);
    assert_eq!(answer["today"], 9);
    assert_eq!(answer["later"], 0);
    assert_eq!(answer["canceled"], json!(["scheduled", "canceled", null]), "its price came back");
    assert_eq!(answer["early"], json!([409, 20009]));
    assert_eq!(answer["redacted"], json!(["", true, "1"]));
    assert_eq!(answer["deleted"], true);
    assert_eq!(answer["gone"], json!([404, 20404]));
    assert_eq!(answer["whatsapp"], format!("whatsapp:{SENDER}"));
    assert_eq!(answer["account"], "active");
    let replies = answer["replies"].as_array().cloned().unwrap_or_default();
    contract::check(&replies, 25).await
}

const CALLS: &str = "
made = client.calls.create(to=to, from_=sender, url='https://example.com/welcome.xml',
                           status_callback_event=['initiated', 'completed'])
spoken = client.calls.create(to=to, from_=sender, twiml='<Response><Say>Hello</Say></Response>')
client.messages.create(to=to, from_=sender, body='no call')
fetched = client.calls(made.sid).fetch()
lasting = client.calls.create(to='+15005550018', from_=sender, twiml='<Response><Say>Hello</Say></Response>')
until(client.calls(lasting.sid).fetch, 'in-progress')
ended = client.calls(lasting.sid).update(status='completed')
over = [until(client.calls(call.sid).fetch, 'completed', 'canceled', 'busy', 'no-answer', 'failed')
        for call in (made, spoken)]
hung_up = until(client.calls(lasting.sid).fetch, 'completed')
answer = {
    'made': [made.sid[:2], made.status, made.direction, made._from, made.to, made.price],
    'fetched': fetched.sid == made.sid,
    'listed': [call.sid for call in client.calls.list(to=to)] == [spoken.sid, made.sid],
    'over': len(client.calls.list(status=over[0].status)) >= 1,
    'ringing': len(client.calls.list(status='ringing')),
    'since': len(client.calls.list(start_time_after=datetime.now(timezone.utc) + timedelta(hours=1))),
    'texts': len(client.messages.list()),
    'ended': [ended.sid == lasting.sid, hung_up.duration],
    'too_late': refusal(lambda: client.calls(made.sid).update(status='canceled')),
    'no_text': refusal(client.messages('SM' + made.sid[2:]).fetch),
    'deleted': client.calls(made.sid).delete(),
    'gone': refusal(client.calls(made.sid).fetch),
    'bare': refusal(lambda: client.calls.create(to=to, from_=sender)),
    'nobody': refusal(lambda: client.calls.create(to='nobody', from_=sender, url='https://example.com/a')),
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_calls() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{CLIENT}{CALLS}"), given(&server)).await?;
    assert_eq!(answer["made"], json!(["CA", "queued", "outbound-api", SENDER, PERSON, "-0.01500"]));
    for yes in ["fetched", "listed", "over", "deleted"] {
        assert_eq!(answer[yes], true, "{yes}: {answer}");
    }
    assert_eq!((&answer["ringing"], &answer["since"], &answer["texts"]), (&json!(0), &json!(0), &json!(1)));
    assert_eq!(answer["ended"], json!([true, "1"]));
    assert_eq!(answer["too_late"], json!([400, 21220]));
    assert_eq!((&answer["no_text"], &answer["gone"]), (&json!([404, 20404]), &json!([404, 20404])));
    assert_eq!((&answer["bare"], &answer["nobody"]), (&json!([400, 21205]), &json!([400, 21211])));
    let replies = answer["replies"].as_array().cloned().unwrap_or_default();
    contract::check(&replies, 12).await
}

const REFUSED: &str = "
def send(**parameters):
    parameters = {'to': to, 'from_': sender, 'body': 'x', **parameters}
    return refusal(lambda: client.messages.create(**{name: value for name, value in parameters.items() if value}))

def by(sid, token):
    other = Client(sid, token, http_client=Turned())
    return refusal(lambda: other.messages.create(to=to, from_=sender, body='x'))

answer = {
    'sends': [send(to='nobody!'), send(from_='no/body'), send(body=None), send(body='x' * 1601),
              send(messaging_service_sid='MG' + '0' * 32, from_=None), send(validity_period=36001),
              send(schedule_type='fixed'), send(schedule_type='fixed', send_at='tomorrow'),
              send(media_url=['ftp://example.com/a']), send(from_='whatsapp:' + sender),
              send(status_callback='gopher://example.com')],
    'fetch': refusal(client.messages('SM' + '0' * 32).fetch),
    'no_sid': refusal(client.messages('x').fetch),
    'sid': by('AC' + '0' * 32, given['token']),
    'token': by(given['sid'], 'wrong'),
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_reads_our_refusals() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{CLIENT}{REFUSED}"), given(&server)).await?;
    let codes = [21211, 21212, 21602, 21617, 21703, 30045, 35111, 35114, 21620, 21910, 21609];
    assert_eq!(answer["sends"], json!(codes.map(|code| [400, code])));
    assert_eq!((&answer["fetch"], &answer["no_sid"]), (&json!([404, 20404]), &json!([404, 20404])));
    assert_eq!((&answer["sid"], &answer["token"]), (&json!([401, 20003]), &json!([401, 20003])));
    contract::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 0).await
}
