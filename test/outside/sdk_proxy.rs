//! Twilio's own libraries against our Proxy: nothing of them is changed but where their requests go.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::contract;
use super::sdk::{CLIENT, TOKEN, given, server};
use super::sdk_node::CLIENT as NODE;
use crate::events::receiver::{Post, Receiver};
use crate::events::{text, well};
use crate::harness::{Result, Server, node, python, until};
use crate::inbound::play;
use crate::messages::with;
use crate::relay::scene::act_well;

/// The client that a development server has, by our own name of it.
const DEMO: &str = "cli_00000000000000000000000000000111";
const NUMBERS: [&str; 3] = ["+12125550131", "+12125550132", "+12125550133"];
const ANN: &str = "+14155550141";
const BOB: &str = "+14155550142";

/// A development server whose client has numbers, and what scripts are told of it.
async fn proxied(callback: &str) -> Result<(Server, Value)> {
    let server = server().await?;
    let account = text(&well(&server, "GET", "/v1/accounts", None).await?["data"][0]["id"])?;
    for number in NUMBERS {
        let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "mms", "voice"]});
        act_well(&server, DEMO, "POST", "/v1/numbers", Some(body)).await?;
    }
    let people = json!({"ann": ANN, "bob": BOB, "cid": "+14155550143", "numbers": NUMBERS, "callback": callback});
    let told = with(given(&server), people);
    Ok((server, told))
}

const DRIVE: &str = r"
from twilio.base.exceptions import TwilioException

# a page that is refused is an error of another kind, with the whole response
def refused_page(act):
    try:
        act()
    except TwilioException as error:
        return [error.args[1].status_code, json.loads(error.args[1].text)['code']]
    return None

proxy = client.proxy.v1
service = proxy.services.create(unique_name='rides', callback_url=given['callback'])
at = proxy.services(service.sid)
numbers = [at.phone_numbers.create(phone_number=number) for number in given['numbers']]
session = at.sessions.create(unique_name='ride-1')
here = at.sessions(session.sid)
ann = here.participants.create(identifier=given['ann'], friendly_name='Ann')
tell = lambda session, participant, body: session.participants(participant.sid).message_interactions.create(body=body)
alone = refusal(lambda: tell(here, ann, 'hello?'))
bob = here.participants.create(identifier=given['bob'], friendly_name='Bob')
said = [tell(here, bob, f'number {n} \u2713') for n in range(5)]
first = said[0]

def delivered(sid):
    for _ in range(500):
        one = here.interactions(sid).fetch()
        if one.outbound_resource_status == 'delivered':
            return one
        time.sleep(0.02)
    raise AssertionError(one.outbound_resource_status)

done = [delivered(one.sid) for one in said][0]
of_bob = here.participants(bob.sid).message_interactions
page = here.interactions.page(page_size=2)
behind = page.next_page()
back = behind.previous_page()

# the same two in another session have other numbers, in which they cannot be texted
calls = at.sessions.create(unique_name='ride-2', mode='voice-only')
apart = at.sessions(calls.sid)
there = apart.participants.create(identifier=given['ann'])
apart.participants.create(identifier=given['bob'])
third = at.sessions.create()
at.sessions(third.sid).participants.create(identifier=given['ann'])
fourth = at.sessions(at.sessions.create().sid)
conflicts = [
    refusal(lambda: here.participants.create(identifier=given['ann'])),
    refusal(lambda: here.participants.create(identifier=given['cid'])),
    refusal(lambda: fourth.participants.create(identifier='nobody')),
    refusal(lambda: fourth.participants.create(identifier=given['ann'])),
    refusal(lambda: fourth.participants.create(identifier=given['bob'], proxy_identifier=bob.proxy_identifier)),
    refusal(lambda: fourth.participants.create(identifier=given['cid'], proxy_identifier=given['from'])),
    refusal(lambda: tell(apart, there, 'hello')),
    refusal(lambda: at.sessions.create(unique_name='ride-1')),
    refusal(lambda: tell(here, bob, '')),
]
unknown = [
    refusal(here.interactions('KI' + '0' * 32).fetch),
    refusal(here.participants(ann.sid).message_interactions(first.sid).fetch),
    refused_page(at.sessions('KC' + '0' * 32).interactions.list),
    refusal(lambda: tell(here, calls, 'hello')),
]
listed, of_bobs = here.interactions.list(page_size=2), of_bob.list(page_size=2)
deleted = here.interactions(said[4].sid).delete()
gone = refusal(here.interactions(said[4].sid).fetch)
closed = here.update(status='closed')
answer = {
    'numbers': [one.phone_number for one in numbers],
    'bob': [bob.identifier, bob.proxy_identifier in given['numbers'], bob.proxy_identifier_sid in [n.sid for n in numbers]],
    'alone': alone,
    'first': [first.sid[:2], first.type, json.loads(first.data), first.participant_sid == bob.sid,
              first.outbound_participant_sid == bob.sid, first.outbound_resource_sid[:2],
              first.outbound_resource_type, first.inbound_participant_sid, first.inbound_resource_sid,
              first.inbound_resource_status, first.date_created is not None],
    'done': [json.loads(done.data), done.url.startswith(given['url']), client.messages(done.outbound_resource_sid).fetch().body],
    'said': [one.sid for one in said],
    'listed': [one.sid for one in listed],
    'of_bob': [one.sid for one in of_bobs],
    'of_ann': len(here.participants(ann.sid).message_interactions.list()),
    'fetched': of_bob(first.sid).fetch().sid == first.sid,
    'pages': [[one.sid for one in some] for some in (page, behind, back)],
    'conflicts': conflicts,
    'unknown': unknown,
    'deleted': [deleted, gone],
    'closed': [closed.status, refusal(lambda: tell(here, bob, 'hello'))],
    'left': [len(here.interactions.list()), len(here.participants.list())],
    'sessions': len({one.sid for one in at.sessions.list(page_size=2)}),
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_drives_proxy() -> Result {
    let (_server, given) = proxied("http://127.0.0.1:9/told").await?;
    let answer = python::run(&format!("{CLIENT}{DRIVE}"), given).await?;
    let mut said = answer["said"].as_array().cloned().unwrap_or_default();
    said.reverse();
    assert_eq!(answer["numbers"], json!(NUMBERS));
    assert_eq!(answer["bob"], json!([BOB, true, true]));
    assert_eq!(answer["alone"], json!([400, 80614]));
    let words = json!({"body": "number 0 \u{2713}"});
    let first = json!(["KI", "message", words, true, true, "SM", "Message", null, null, null, true]);
    assert_eq!(answer["first"], first);
    assert_eq!(answer["done"], json!([words, true, "number 0 \u{2713}"]));
    assert_eq!((&answer["listed"], &answer["of_bob"]), (&json!(said), &json!(said)), "newest first, over three pages");
    assert_eq!((&answer["of_ann"], &answer["fetched"]), (&json!(0), &json!(true)));
    assert_eq!(answer["pages"], json!([&said[..2], &said[2..4], &said[..2]]), "a page, the next, and back");
    let conflicts = [
        [400, 80103],
        [400, 80609],
        [400, 80404],
        [400, 80206],
        [400, 80604],
        [400, 80605],
        [400, 80616],
        [400, 80603],
        [400, 21602],
    ];
    assert_eq!(answer["conflicts"], json!(conflicts));
    assert_eq!(answer["unknown"], json!(vec![[404, 20404]; 4]));
    assert_eq!(answer["deleted"], json!([true, [404, 20404]]));
    assert_eq!(answer["closed"], json!(["closed", [400, 80607]]));
    assert_eq!(answer["left"], json!([4, 2]));
    assert_eq!(answer["sessions"], 4);
    contract::check_proxy(&answer["replies"].as_array().cloned().unwrap_or_default(), 30).await
}

const NODE_DRIVE: &str = r"
const proxy = client.proxy.v1;
const service = await proxy.services.create({ uniqueName: 'rides', callbackUrl: given.callback });
const at = proxy.services(service.sid);
for (const phoneNumber of given.numbers) await at.phoneNumbers.create({ phoneNumber });
const session = await at.sessions.create({ uniqueName: 'ride-1' });
const here = at.sessions(session.sid);
const ann = await here.participants.create({ identifier: given.ann, friendlyName: 'Ann' });
const bob = await here.participants.create({ identifier: given.bob, friendlyName: 'Bob' });
const tell = (to, body) => here.participants(to.sid).messageInteractions.create({ body });
const said = [];
for (let n = 0; n < 5; n++) said.push(await tell(bob, `number ${n}`));
const [first] = said;
const page = await here.interactions.page({ pageSize: 2 });
const behind = await page.nextPage();
const back = await behind.previousPage();
let each = 0;
await new Promise((resolve, reject) =>
    here.interactions.each({ pageSize: 2, done: (error) => error ? reject(error) : resolve() }, () => { each += 1; }));
const fetched = await here.participants(bob.sid).messageInteractions(first.sid).fetch();
const again = await refusal(() => here.participants.create({ identifier: given.ann }));
const closed = await here.update({ status: 'closed' });
answer = {
    said: said.map((one) => one.sid),
    listed: (await here.interactions.list({ pageSize: 2 })).map((one) => one.sid),
    ofBob: (await here.participants(bob.sid).messageInteractions.list()).length,
    pages: [page, behind, back].map((one) => one.instances.map((item) => item.sid)),
    each,
    first: [first.type, JSON.parse(first.data).body, first.outboundParticipantSid === bob.sid,
            first.outboundResourceType, first.inboundParticipantSid, fetched.dateCreated instanceof Date],
    again,
    closed: [closed.status, await refusal(() => tell(bob, 'hello'))],
    gone: await refusal(() => at.sessions(session.sid).interactions('KI' + '0'.repeat(32)).fetch()),
    replies,
};
";

#[tokio::test]
async fn nodes_library_drives_proxy() -> Result {
    let (_server, given) = proxied("http://127.0.0.1:9/told").await?;
    let answer = node::run(&format!("{NODE}{NODE_DRIVE}"), given).await?;
    let mut said = answer["said"].as_array().cloned().unwrap_or_default();
    said.reverse();
    assert_eq!((&answer["listed"], &answer["ofBob"], &answer["each"]), (&json!(said), &json!(5), &json!(5)));
    assert_eq!(answer["pages"], json!([&said[..2], &said[2..4], &said[..2]]), "a page, the next, and back");
    assert_eq!(answer["first"], json!(["message", "number 0", true, "Message", null, true]));
    assert_eq!(answer["again"], json!([400, 80103]));
    assert_eq!(answer["closed"], json!(["closed", [400, 80607]]));
    assert_eq!(answer["gone"], json!([404, 20404]));
    contract::check_proxy(&answer["replies"].as_array().cloned().unwrap_or_default(), 15).await
}

const HOLD: &str = r"
service = client.proxy.v1.services.create(unique_name='rides', callback_url=given['callback'])
at = client.proxy.v1.services(service.sid)
for number in given['numbers']:
    at.phone_numbers.create(phone_number=number)
here = at.sessions(at.sessions.create().sid)
people = [here.participants.create(identifier=given[name]) for name in ('ann', 'bob')]
told = here.participants(people[1].sid).message_interactions.create(body='called back \u2713')
answer = {'told': told.sid, 'number': people[0].proxy_identifier, 'people': [one.sid for one in people],
          'service': service.sid, 'session': told.session_sid}
";

const VALIDATE: &str = r"
from twilio.request_validator import RequestValidator
validator, other = RequestValidator(given['token']), RequestValidator('other')
answer = []
for post in given['posts']:
    form = dict(post['form'])
    answer.append([validator.validate(post['url'], form, post['signature']),
                   validator.validate(post['url'], {**form, 'interactionSid': 'KI'}, post['signature']),
                   other.validate(post['url'], form, post['signature'])])
";

fn fields(post: &Post) -> Vec<(String, String)> {
    form_urlencoded::parse(&post.body).into_owned().collect()
}

fn field(post: &Post, name: &str) -> Option<String> {
    fields(post).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

#[tokio::test]
async fn twilios_validator_accepts_what_proxy_calls_back() -> Result {
    let receiver = Receiver::start().await?;
    let url = receiver.url("/told?a=b");
    let (server, given) = proxied(&url).await?;
    let held = python::run(&format!("{CLIENT}{HOLD}"), given).await?;
    play::text(&server, ANN, &text(&held["number"])?, "on my way").await?;
    let of = |posts: &[Post], inbound: bool| -> Vec<Post> {
        posts.iter().filter(|post| field(post, "inboundResourceSid").is_some() == inbound).cloned().collect()
    };
    let ended = |posts: &[Post]| posts.iter().any(|post| has(post, "outboundResourceStatus", "delivered"));
    let posts = until("the last callback of each", async || {
        let posts = receiver.posts();
        Ok((ended(&of(&posts, false)) && ended(&of(&posts, true))).then_some(posts))
    })
    .await?;
    for post in &posts {
        for (name, value) in [("interactionServiceSid", &held["service"]), ("interactionSessionSid", &held["session"])]
        {
            ensure!(field(post, name).as_deref() == value.as_str(), "{name}: {post:?}");
        }
        ensure!(has(post, "interactionType", "Message") && has(post, "outboundResourceType", "Message"), "{post:?}");
    }
    let [ann, bob] = [text(&held["people"][0])?, text(&held["people"][1])?];
    let said = of(&posts, false);
    let first = said.first().context("nothing of what the client said")?;
    ensure!(said.iter().all(|post| field(post, "interactionSid").as_deref() == held["told"].as_str()), "{said:?}");
    ensure!(has(first, "interactionData", &json!({"body": "called back \u{2713}"}).to_string()), "{first:?}");
    ensure!(fields(first).iter().all(|(name, _)| !name.starts_with("inbound")), "{first:?}");
    for post in of(&posts, true) {
        ensure!(has(&post, "inboundParticipantSid", &ann) && has(&post, "outboundParticipantSid", &bob), "{post:?}");
        ensure!(has(&post, "inboundResourceStatus", "delivered"), "{post:?}");
    }
    let states = |posts: &[Post]| -> Vec<String> {
        let mut states: Vec<String> = posts.iter().filter_map(|post| field(post, "outboundResourceStatus")).collect();
        states.sort();
        states.dedup();
        states
    };
    for inbound in [false, true] {
        let states = states(&of(&posts, inbound));
        ensure!(states.contains(&"queued".to_owned()) && states.contains(&"delivered".to_owned()), "{states:?}");
    }
    let one = |post: &Post| -> Result<Value> {
        Ok(json!({"url": url, "form": fields(post), "signature": post.header("x-twilio-signature")?}))
    };
    let posted = posts.iter().map(one).collect::<Result<Vec<_>>>()?;
    let verdicts = python::run(VALIDATE, json!({"token": TOKEN, "posts": posted})).await?;
    let verdicts = verdicts.as_array().cloned().unwrap_or_default();
    ensure!(!verdicts.is_empty() && verdicts.iter().all(|one| *one == json!([true, false, false])), "{verdicts:?}");
    Ok(())
}

fn has(post: &Post, name: &str, value: &str) -> bool {
    field(post, name).as_deref() == Some(value)
}
