//! Twilio's validators in Python and Node and our door say the same of every post, right or wrong: what one of them
//! takes is taken, what both refuse is refused.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{LONG, Layout, Result, Server, node, python};
use crate::inbound::play::{OURS, PERSON, number, settled, twilio};
use crate::on_both_engines;

/// Makes posts to `/webhooks/twilio/sms` as Twilio signs them, each with a dozen that are not quite that, and says
/// what its validator says of each at the URL that the gateway knows itself by.
const MAKE: &str = r#"
import random
import re
from urllib.parse import parse_qsl, quote, quote_plus
from twilio.request_validator import RequestValidator

dice = random.Random(given['seed'])
validator = RequestValidator(given['token'])
path = '/webhooks/twilio/sms'

class Form(list):
    def __iter__(self):
        return iter([name for name, _ in self.pairs()])
    def pairs(self):
        return [self[n] for n in range(len(self))]
    def getlist(self, wanted):
        return [value for name, value in self.pairs() if name == wanted]

# none from U+E000 to U+FFFF: Node sorts names with those and an emoji in another way, so that neither takes a post
# in which only Python's order and only Node's URL fit
ALPHABETS = ['abcXYZ019', ' +&=%?#/', 'éßÇñ', '✓中文한국어', '😀👩\u200d🚀', '\r\n\t\x00\x7f', 'e\u0301\u202e', '-._~"\'<>']

def word(most):
    return ''.join(dice.choice(dice.choice(ALPHABETS)) for _ in range(dice.randint(0, most)))

# other names are refused
def name(most):
    return ''.join(dice.choice('abcXYZ019_-.') for _ in range(dice.randint(0, most)))

def query():
    escape = dice.choice([quote, quote_plus])
    pairs = [dice.choice(['', '=', '=' + escape(word(6))]) for _ in range(dice.randint(0, 4))]
    text = '&'.join(escape('q' + word(3)) + rest for rest in pairs)
    return '?' + text + dice.choice(['', '&', '&&', '&u=http://a/?b:c@d;e,f!g$h(i)*']) if text else ''

def form(n):
    pairs = [['MessageSid', f'SM{n:032d}'], ['AccountSid', given['account']], ['From', given['from']],
             ['To', given['to']], ['Body', word(40)], ['NumMedia', '0'], ['Empty', '']]
    pairs += [['x' + name(4), word(12)] for _ in range(dice.randint(0, 5))]
    pairs += [['MediaUrl', word(5)] for _ in range(dice.randint(0, 4))]
    pairs += [dice.choice(pairs[5:])]
    dice.shuffle(pairs)
    return pairs

def flipped(text):
    at = dice.randrange(len(text))
    other = dice.choice([c for c in 'abcdefgh01' if c != text[at]])
    return text[:at] + other + text[at + 1:]

def bent(pairs, change):
    copy = [list(pair) for pair in pairs]
    loose = [pair for pair in copy if pair[0] not in ('MessageSid', 'AccountSid', 'From', 'To')]
    change(copy, dice.choice(loose))
    return copy

def longer(copy, pair): pair[1] += dice.choice(['x', ' ', '\u00e9', '\x00'])
def fewer(copy, pair): copy.remove(pair)
def renamed(copy, pair): pair[0] = flipped(pair[0])
def flip(copy, pair): pair[1] = flipped(pair[1]) if pair[1] else 'x'
# the signature does not see where a name ends: it is taken once
def shifted(copy, pair): pair[0], pair[1] = pair[0] + pair[1][:1], pair[1][1:]
def doubled(copy, pair): copy.append(list(pair))
def another(copy, pair): copy.append([pair[0], pair[1] + 'x'])

answer = []
def post(where, pairs, signature, login=None):
    known = given['public'] + where
    if login:
        known = known.replace('://', f"://{quote(login[0], safe='')}:{quote(login[1], safe='')}@", 1)
    answer.append({'where': where, 'form': pairs, 'signature': signature, 'known': known, 'login': login,
                   'is_signed': validator.validate(known, Form(pairs), signature)})

def signed(host, where, pairs, by=validator):
    return by.compute_signature(host + where, Form(pairs))

def post_json(where, body, signature):
    answer.append({'where': where, 'body': body, 'signature': signature, 'known': given['public'] + where,
                   'is_signed': validator.validate(given['public'] + where, body, signature)})

def posts_of_json(n):
    body = json.dumps(dict(form(given['count'] + n)), ensure_ascii=dice.choice([True, False]))
    where = path + query()
    where += ('&' if '?' in where else '?') + 'bodySHA256='
    hashed = validator.compute_hash(body)
    good = signed(given['public'], where + hashed, [])
    post_json(where + hashed, body, good)
    post_json(where + hashed, body + ' ', good)
    post_json(where + hashed, body.replace('"NumMedia": "0"', '"NumMedia": "1"'), good)
    post_json(where + hashed, body, flipped(good))
    for wrong in [flipped(hashed), hashed[:-1], hashed.upper()]:
        post_json(where + wrong, body, good)
        post_json(where + wrong, body, signed(given['public'], where + wrong, []))

def changed(where):
    path, mark, query = where.partition('?')
    escape = lambda change: re.sub('%[0-9a-fA-F]{2}', lambda found: change(found[0]), query)
    query = dice.choice([query, escape(str.lower), escape(str.upper), query.replace('%20', '+'),
                         query.replace('+', '%20'), query.replace('=&', '&'), query.replace('&&', '&'),
                         query.rstrip('&='), query + '&', query + '=', '', query + '&9=b&10=a', '10=a&9=b'])
    mark = mark or dice.choice(['', '?'])
    return path.rstrip('/') + dice.choice(['', '', '/']) + (mark + query if mark else '')

def posts_to_forms_of_a_url(n):
    where, pairs, login = changed(path + query()), form(2 * given['count'] + n), None
    good = signed(given['public'], where, pairs)
    post(where, pairs, good)
    for host in given['hosts'][:2]:
        post(where, pairs, signed(host, where, pairs))
        for _ in range(3):
            post(where, pairs, signed(host, changed(where), pairs))
            post(changed(where), pairs, signed(host, where, pairs))
    # what Node makes of it
    anew = '&'.join(quote(name, safe="!'()*-._~") + '=' + quote(value, safe="!'()*-._~")
                    for name, value in parse_qsl(where.partition('?')[2], keep_blank_values=True))
    post(where, pairs, signed(given['public'], where.partition('?')[0] + '?' + anew, pairs))
    login = [dice.choice(['user', 'a b', 'é@x']), dice.choice(['pass', 'p:/ss%', '-_.~'])]
    for user, password in [login, login[::-1]]:
        host = given['public'].replace('://', f"://{quote(user, safe='')}:{quote(password, safe='')}@")
        post(where, pairs, signed(host, where, pairs), login)
        post(changed(where), pairs, signed(host, where, pairs), login)
        post(where, pairs, signed(host, where, pairs))

for n in range(given['count']):
    posts_of_json(n)
    posts_to_forms_of_a_url(n)
    where, pairs = path + query(), form(n)
    good = signed(given['public'], where, pairs)
    post(where, pairs, good)
    post(where, pairs, flipped(good))
    post(where, pairs, good[:-1])
    for change in [longer, fewer, renamed, flip, shifted, doubled, another]:
        bent_pairs = bent(pairs, change)
        post(where, bent_pairs, good)
        answer[-1]['is_cut'] = change is shifted and sorted(bent_pairs) != sorted(pairs)
    post(where + ('&' if '?' in where else '?') + 'z', pairs, good)
    if '?' in where:
        at = where.index('?') + 1
        post(where[:at] + flipped(where[at:]), pairs, good)
        post(path, pairs, good)
    for host in given['hosts']:
        post(where, pairs, signed(host, where, pairs))
    post(where, pairs, signed(given['public'], where, pairs, RequestValidator(flipped(given['token']))))
    post(where, pairs, '')
"#;

/// What twilio-node says of the same posts.
const JUDGE: &str = "
const { validateRequest, validateRequestWithBody } = require('twilio');
answer = given.posts.map(({ known, form, body, signature }) => {
    if (body != null) return validateRequestWithBody(given.token, signature, known, body);
    const params = {};
    for (const [name, value] of form) params[name] = name in params ? [params[name], value].flat() : value;
    return validateRequest(given.token, signature, known, params);
});
";

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Post {
    #[serde(rename = "where")]
    path: String,
    /// The whole URL, as the gateway knows it.
    known: String,
    /// What was in it, and comes as a header.
    #[serde(default)]
    login: Option<(String, String)>,
    #[serde(default)]
    form: Vec<(String, String)>,
    /// JSON in place of a form.
    body: Option<String>,
    signature: String,
    is_signed: bool,
    /// Signed, and cut elsewhere.
    #[serde(default)]
    is_cut: bool,
}

/// Posts as they are, their URL untouched; the status.
async fn status(server: &Server, post: &Post) -> Result<u16> {
    let (media, body) = match &post.body {
        Some(json) => ("application/json", json.clone()),
        None => ("application/x-www-form-urlencoded", {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&post.form).finish()
        }),
    };
    let login = post.login.as_ref().map(|(user, password)| STANDARD.encode(format!("{user}:{password}")));
    let login = login.map(|login| format!("Authorization: Basic {login}\r\n")).unwrap_or_default();
    // as it stands: the usual client leaves the mark of an empty query out
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{login}X-Twilio-Signature: {}\r\n\
         Content-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
        post.path,
        post.signature,
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Ok(answer.split(' ').nth(1).with_context(|| format!("no status: {answer}"))?.parse()?)
}

async fn agree(layout: Layout, public: &str, seed: u64) -> Result {
    let server = crate::harness::Builder::new(layout).await?.set("http.public_url", public).start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    let hosts = ["https://h.example", "https://h.example:443", "https://h.example:8443", "http://h.example:80"];
    let given = json!({"seed": seed, "count": 40, "token": TOKEN, "account": ACCOUNT, "from": PERSON, "to": OURS,
        "public": public, "hosts": hosts});
    let mut posts: Vec<Post> = serde_json::from_value(python::run(MAKE, given).await?)?;
    let judged = node::run(JUDGE, json!({"token": TOKEN, "posts": posts})).await?;
    let judged: Vec<bool> = serde_json::from_value(judged)?;
    let (mut taken, mut refused, mut divided) = (0, 0, 0);
    for (post, is_signed) in posts.iter_mut().zip(judged) {
        divided += usize::from(post.is_signed != is_signed);
        post.is_signed |= is_signed;
    }
    // what it was cut from comes before it
    posts.sort_by_key(|post| post.is_cut);
    for crowd in posts.chunks(16) {
        let statuses = futures_util::future::join_all(crowd.iter().map(|post| status(&server, post)));
        for (post, status) in crowd.iter().zip(statuses.await) {
            let is_good = post.is_signed && !post.is_cut;
            let (status, expected) = (status?, if is_good { 200 } else { 403 });
            ensure!(status == expected, "{status} at {public}, seed {seed}: {post:#?}");
            *if is_good { &mut taken } else { &mut refused } += 1;
        }
    }
    println!("at {public}: {taken} posts taken, {refused} refused; {divided} where Python and Node disagree");
    let cut = posts.iter().filter(|post| post.is_signed && post.is_cut).count();
    ensure!(
        taken > 250 && taken + cut > 300 && refused > 900 && divided > 20,
        "{taken} taken, {refused} refused, {divided} divided"
    );
    settled(&server).await?;
    let stored = "SELECT COUNT(DISTINCT provider_key), COUNT(*) FROM sb_inbound WHERE payload <> ''";
    let stored = server.rows(stored).await?;
    assert_eq!(stored, [["120", "120"]], "a message is stored once, and nothing forged");
    Ok(())
}

async fn twilios_validator_says_what_the_door_says(layout: Layout) -> Result {
    for public in ["https://h.example", "https://h.example:8443", "http://h.example"] {
        agree(layout, public, rand::random()).await.context(public)?;
    }
    Ok(())
}

on_both_engines!(twilios_validator_says_what_the_door_says);
