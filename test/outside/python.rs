//! Twilio's own Python library against our carrier: it sends, lists by pages and fetches as it would there.

use serde_json::json;

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Result, python};

/// Twilio's client, its requests turned to the carrier.
const CLIENT: &str = "
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

class Turned(TwilioHttpClient):
    def request(self, method, url, *args, **more):
        return super().request(method, url.replace('https://api.twilio.com', given['url']), *args, **more)

client = Client(given['account'], given['token'], http_client=Turned())
";

const SEND_AND_LIST: &str = "
from datetime import datetime, timedelta, timezone

to, sender = '+14155550100', '+14155550199'
sent = [client.messages.create(to=to, from_=sender, body=f'number {n} \u{2713}') for n in range(7)]
client.messages.create(to='+14155550101', from_=sender, body='to another')
now = datetime.now(timezone.utc)
listed = client.messages.list(to=to, from_=sender, date_sent_after=now - timedelta(minutes=1), page_size=3)
refused = None
try:
    client.messages.create(to='nobody', from_=sender, body='x')
except TwilioRestException as error:
    refused = [error.status, error.code]
answer = {
    'sent': [m.sid for m in sent],
    'listed': [m.sid for m in listed],
    'later': len(client.messages.list(to=to, date_sent_after=now + timedelta(minutes=1))),
    'fetched': client.messages(sent[3].sid).fetch().body,
    'age': (now - sent[0].date_created).total_seconds(),
    'segments': sent[0].num_segments,
    'refused': refused,
    'account': client.api.accounts(given['account']).fetch().status,
}
";

#[tokio::test]
async fn twilios_library_finds_a_twilio() -> Result {
    let carrier = Carrier::start().await?;
    let given = json!({ "url": carrier.url(), "account": ACCOUNT, "token": TOKEN });
    let answer = python::run(&format!("{CLIENT}{SEND_AND_LIST}"), given).await?;
    let mut sent = answer["sent"].as_array().cloned().unwrap_or_default();
    assert_eq!(sent.len(), 7);
    sent.reverse();
    assert_eq!(answer["listed"], json!(sent), "newest first, over three pages");
    assert_eq!(answer["later"], 0);
    assert_eq!(answer["fetched"], "number 3 \u{2713}");
    assert_eq!(answer["segments"], "1");
    assert_eq!(answer["refused"], json!([400, 21211]));
    assert_eq!(answer["account"], "active");
    assert!(answer["age"].as_f64().is_some_and(|age| (-1.0..5.0).contains(&age)), "{}", answer["age"]);
    Ok(())
}

const VERIFY: &str = "
from datetime import datetime, timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

hook = Webhook(given['secret'])
now = datetime.now(timezone.utc)
head = {'webhook-id': 'msg_1', 'webhook-timestamp': str(int(now.timestamp()))}
head['webhook-signature'] = hook.sign('msg_1', now, given['body'])
answer = [hook.verify(given['body'], head)]
try:
    hook.verify(given['body'] + ' ', head)
except WebhookVerificationError:
    answer.append('refused')
";

#[tokio::test]
async fn the_webhook_library_tells_true_from_false() -> Result {
    let given = json!({ "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "body": "{\"a\": 1}" });
    assert_eq!(python::run(VERIFY, given).await?, json!([{ "a": 1 }, "refused"]));
    Ok(())
}
