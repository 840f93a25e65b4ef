//! Callbacks of messages and calls from every door of Twilio's kind, as Twilio's own validators judge them.

use anyhow::ensure;
use serde_json::{Value, json};

use super::sdk::{CLIENT, PERSON, SENDER, TOKEN, given, server};
use crate::events::receiver::{Post, Receiver};
use crate::harness::{Result, Server, python, until};
use crate::messages::with;
use crate::relay;

/// What a callback's URL carries beside its path; all of it is signed.
const QUERY: &str = "?a=b&c=d";

const TOLD: &str = "
given['message'] += given['query']
given['call'] += given['query']
client.messages.create(to=to, from_=sender, body='called back \u{2713}', status_callback=given['message'])
client.calls.create(to=to, from_=sender, twiml='<Response/>', status_callback=given['call'],
                    status_callback_event=['initiated', 'ringing', 'answered', 'completed'])
answer = None
";

/// The status callbacks of what is sent through each door, as they came until all of it was over: URL, form and
/// signature of each.
pub async fn callbacks(server: &Server) -> Result<Value> {
    let receiver = Receiver::start().await?;
    let (message, call) = (receiver.url("/message"), receiver.url("/call"));
    let more = json!({"message": message, "call": call, "query": QUERY});
    python::run(&format!("{CLIENT}{TOLD}"), with(given(server), more)).await?;
    for what in ["sms", "whatsapp", "call"] {
        let url = receiver.url(&format!("/relay/{what}{QUERY}"));
        let order = json!({"To": PERSON, "From": SENDER, "Body": "x", "Twiml": "<Response/>", "StatusCallback": url});
        let (status, told) = relay::post(server, TOKEN, &format!("/relay/api/{what}"), &order).await?;
        ensure!(status == 200, "{what}: {status} {told}");
    }
    let last = [
        ("/message", "MessageStatus", "delivered"),
        ("/call", "CallStatus", "completed"),
        ("/relay/sms", "MessageStatus", "delivered"),
        ("/relay/whatsapp", "MessageStatus", "delivered"),
        ("/relay/call", "CallStatus", "completed"),
    ];
    let fields = |post: &Post| form_urlencoded::parse(&post.body).into_owned().collect::<Vec<(String, String)>>();
    let has = |post: &Post, name: &str, value: &str| fields(post).contains(&(name.to_owned(), value.to_owned()));
    // side by side, so the last may come before another: `SequenceNumber` tells their order
    let steps = |posts: &[Post], path: &str| posts.iter().filter(|post| post.path == path).count();
    let posts = until("every step of the first call, and the last callback of each", async || {
        let posts = receiver.posts();
        let is_told = |(path, name, state): &(&str, &str, &str)| {
            posts.iter().any(|post| post.path == *path && has(post, name, state))
        };
        Ok((steps(&posts, "/call") >= 4 && last.iter().all(is_told)).then_some(posts))
    })
    .await?;
    let sequence = |post: &Post| fields(post).into_iter().find(|(name, _)| name == "SequenceNumber");
    let mut order: Vec<_> = posts.iter().filter(|post| post.path == "/call").filter_map(sequence).collect();
    order.sort();
    let order: Vec<_> = order.iter().map(|(_, number)| number.as_str()).collect();
    ensure!(order == ["0", "1", "2", "3"], "not each step once: {posts:?}");
    ensure!(steps(&posts, "/relay/call") == 1, "more than asked for: {posts:?}");
    let one = |post: &Post| -> Result<Value> {
        ensure!(post.query == QUERY[1..], "{} came with {:?}", post.path, post.query);
        let url = receiver.url(&format!("{}{QUERY}", post.path));
        Ok(json!({"url": url, "form": fields(post), "signature": post.header("x-twilio-signature")?}))
    };
    Ok(json!({"token": TOKEN, "posts": posts.iter().map(one).collect::<Result<Vec<_>>>()?}))
}

const VALIDATE: &str = "
from twilio.request_validator import RequestValidator
validator, other = RequestValidator(given['token']), RequestValidator('other')
answer = []
for post in given['posts']:
    form = dict(post['form'])
    answer.append([validator.validate(post['url'], form, post['signature']),
                   validator.validate(post['url'], {**form, 'MessageStatus': 'read'}, post['signature']),
                   other.validate(post['url'], form, post['signature']), sorted(form),
                   validator.validate(post['url'].split('?')[0], form, post['signature'])])
";

#[tokio::test]
async fn pythons_validator_accepts_our_callbacks() -> Result {
    let server = server().await?;
    let answer = python::run(VALIDATE, callbacks(&server).await?).await?;
    for verdict in answer.as_array().into_iter().flatten() {
        assert_eq!(verdict[4], false, "without its query: {verdict}");
        assert_eq!((&verdict[0], &verdict[1], &verdict[2]), (&json!(true), &json!(false), &json!(false)), "{verdict}");
        let has = |name: &&str| verdict[3].as_array().is_some_and(|names| names.contains(&json!(name)));
        let message = ["MessageSid", "MessageStatus", "SmsSid", "SmsStatus"];
        let call = ["CallSid", "CallStatus", "Direction", "SequenceNumber"];
        ensure!(["AccountSid", "ApiVersion", "From", "To"].iter().all(has), "{verdict}");
        ensure!(message.iter().all(has) != call.iter().all(has), "neither of a message nor of a call: {verdict}");
    }
    Ok(())
}
