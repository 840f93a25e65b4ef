//! Every request of the contract of the older service of one-time codes, and each way in which a code does not open.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::{act_well, customer, tamper};

/// The number that codes come from.
pub const OURS: &str = "+12065550100";
/// Two people as they are posted, and as they are reached.
pub const ANN: (&str, &str) = ("12065550110", "+12065550110");
pub const BOB: (&str, &str) = ("12065550127", "+12065550127");

/// What everybody is told behind the code.
const WELCOME: &str = "Welcome to Flowroute! Use this one-time code to complete your signup.";

/// The door, and whoever uses it: a client with a number on the loopback, and a key for codes.
pub struct CodesDoor {
    pub server: Server,
    pub client: String,
    pub key: String,
}

/// Status and answer, which may be no JSON.
pub async fn answered(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let response = request.send().await?;
    let (status, said) = (response.status().as_u16(), response.text().await?);
    Ok((status, serde_json::from_str(&said).unwrap_or(Value::String(said))))
}

/// A key of a client's with these scopes.
pub async fn key(server: &Server, client: &str, scopes: &[&str]) -> Result<String> {
    let new = json!({"name": "door", "scopes": scopes});
    text(&well(server, "POST", &format!("/v1/clients/{client}/keys"), Some(new)).await?["key"])
}

impl CodesDoor {
    /// Codes of ten digits: two of them are never the same by chance.
    pub async fn long(layout: Layout) -> Result<Self> {
        Self::of(Builder::new(layout).await?.set("compat.codes.code_length", "10"), "100").await
    }

    /// A client with so much money.
    pub async fn of(builder: Builder, balance: &str) -> Result<Self> {
        let server = builder.start().await?;
        let account = crate::relay::loopback(&server).await?;
        let client = customer(&server, balance, json!({})).await?;
        let number = json!({"number": OURS, "account_id": account});
        act_well(&server, &client, "POST", "/v1/numbers", Some(number)).await?;
        let key = key(&server, &client, &["verify"]).await?;
        Ok(Self { server, client, key })
    }

    pub async fn post(&self, body: &Value) -> Result<(u16, Value)> {
        answered(self.server.http.post(self.server.url("/")).bearer_auth(&self.key).body(body.to_string())).await
    }

    /// Asks for a code, which must go well.
    pub async fn create(&self, auth_id: &str, recipient: &str) -> Result {
        let (status, answer) = self.post(&json!({"auth_id": auth_id, "recipient": recipient})).await?;
        let wanted = json!({"message": "Success: Verification code created.", "auth_id": auth_id});
        ensure!((status, &answer) == (200, &wanted), "{status} {answer}");
        Ok(())
    }

    pub fn asks(&self, auth_id: &str, code: &str) -> reqwest::RequestBuilder {
        let query = [("auth_id", auth_id), ("code", code)];
        self.server.http.get(self.server.url("/")).query(&query).bearer_auth(&self.key)
    }

    pub async fn check(&self, auth_id: &str, code: &str) -> Result<(u16, Value)> {
        answered(self.asks(auth_id, code)).await
    }

    /// What somebody got, oldest first.
    pub async fn told(&self, whom: &str) -> Result<Vec<String>> {
        drained(&self.server).await?;
        let path = format!("/v1/loopback/messages?limit=200&to=%2B{}", &whom[1..]);
        let listed = well(&self.server, "GET", &path, None).await?;
        listed["data"].as_array().context("no data")?.iter().rev().map(|one| text(&one["body"])).collect()
    }

    /// The code that somebody got last.
    pub async fn code(&self, whom: &str) -> Result<String> {
        let told = self.told(whom).await?;
        let code = told.last().and_then(|told| told.lines().next()).context("nothing was texted")?;
        ensure!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        Ok(code.to_owned())
    }
}

/// A code of the same length that is not this one.
pub fn other(code: &str) -> String {
    let last = if code.ends_with('7') { '3' } else { '7' };
    format!("{}{last}", &code[..code.len() - 1])
}

fn opened(auth_id: &str) -> (u16, Value) {
    let message = "Success: Authorization code verified.";
    (200, json!({"authenticated": true, "auth_id": auth_id, "message": message}))
}

pub fn wrong(left: i64) -> (u16, Value) {
    (400, json!({"message": "Invalid code", "reason": "InvalidAuthCode", "attempts_left": left}))
}

pub fn unknown() -> (u16, Value) {
    (400, json!({"message": "Unknown auth id", "reason": "UnknownAuthId", "attempts_left": 0}))
}

async fn a_code_is_texted_and_opens_once(layout: Layout) -> Result {
    let door = CodesDoor::of(Builder::new(layout).await?, "100").await?;
    assert_eq!(door.check("user1", "1234").await?, unknown());
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    assert_eq!(door.told(ANN.1).await?, [format!("{code}\n{WELCOME}")]);
    assert_eq!(code.len(), 4);
    assert_eq!(door.check("user1", &code).await?, opened("user1"));
    assert_eq!(door.check("user1", &code).await?, unknown());
    assert_eq!(door.check("user1", &other(&code)).await?, unknown());
    // a number in the place of a name, and of a recipient
    let (status, answer) = door.post(&json!({"auth_id": 42, "recipient": 12_065_550_127_u64})).await?;
    ensure!(status == 200 && answer["auth_id"] == "42", "{status} {answer}");
    assert_eq!(door.check("42", &door.code(BOB.1).await?).await?, opened("42"));
    Ok(())
}

/// The older codes were integers.
async fn a_code_is_read_as_a_number(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    let shorter = |code: &str| code.trim_start_matches('0').to_owned();
    let forms: [&dyn Fn(&str) -> String; 6] = [
        &shorter,
        &|code| format!("00{code}"),
        &|code| format!(" {} {} ", &code[..3], &code[3..]),
        &|code| format!("{}-{}", &code[..3], &code[3..]),
        &|code| code.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0x660).unwrap_or(c)).collect(),
        &|code| format!("\u{200e}{code}\u{a0}"),
    ];
    for (nth, form) in forms.into_iter().enumerate() {
        let auth_id = format!("user{nth}");
        door.create(&auth_id, ANN.0).await?;
        let code = door.code(ANN.1).await?;
        assert_eq!(door.check(&auth_id, &form(&code)).await?, opened(&auth_id), "{nth}");
    }
    Ok(())
}

async fn wrong_codes_use_up_the_tries(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    for left in [2, 1, 0] {
        assert_eq!(door.check("user1", &other(&code)).await?, wrong(left));
    }
    assert_eq!(door.check("user1", &code).await?, unknown(), "it is gone with the last try");
    // one that cannot be it is wrong all the same
    door.create("user2", ANN.0).await?;
    assert_eq!(door.check("user2", "1").await?, wrong(2));
    assert_eq!(door.check("user2", "12345678901234567890").await?, wrong(1));
    assert_eq!(door.check("user2", &door.code(ANN.1).await?).await?, opened("user2"));
    Ok(())
}

async fn another_post_makes_another_code_and_begins_anew(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let first = door.code(ANN.1).await?;
    assert_eq!(door.check("user1", &other(&first)).await?, wrong(2));
    // to another phone, even
    door.create("user1", BOB.0).await?;
    let second = door.code(BOB.1).await?;
    assert_ne!(first, second);
    assert_eq!(door.check("user1", &first).await?, wrong(2), "the tries begin anew");
    assert_eq!(door.check("user1", &second).await?, opened("user1"));
    assert_eq!(door.check("user1", &first).await?, unknown());
    Ok(())
}

async fn names_stand_beside_each_other(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    // two of one client, for one phone
    door.create("user1", ANN.0).await?;
    let first = door.code(ANN.1).await?;
    door.create("user2", ANN.0).await?;
    let second = door.code(ANN.1).await?;
    assert_eq!(door.check("user1", &second).await?, wrong(2));
    assert_eq!(door.check("user1", &first).await?, opened("user1"));
    assert_eq!(door.check("user2", &second).await?, opened("user2"));
    // the same of another client
    let client = customer(&door.server, "1", json!({})).await?;
    let theirs = key(&door.server, &client, &["verify"]).await?;
    door.create("user3", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    let asked = door.server.http.get(door.server.url("/")).query(&[("auth_id", "user3"), ("code", &code)]);
    assert_eq!(answered(asked.bearer_auth(&theirs)).await?, unknown());
    assert_eq!(door.check("user3", &code).await?, opened("user3"));
    Ok(())
}

async fn what_has_expired_is_told_once(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    let expired = (400, json!({"message": "Expired code", "reason": "ExpiredAuthCode", "attempts_left": 0}));
    for (auth_id, is_right) in [("user1", true), ("user2", false)] {
        door.create(auth_id, ANN.0).await?;
        let code = door.code(ANN.1).await?;
        let asked = if is_right { code.clone() } else { other(&code) };
        tamper(&door.server, "UPDATE sb_verification SET expires_ms = created_ms WHERE status = 'pending'").await?;
        tamper(&door.server, "UPDATE sb_verification_pending SET expires_ms = 1").await?;
        assert_eq!(door.check(auth_id, &asked).await?, expired, "whatever the code is");
        assert_eq!(door.check(auth_id, &code).await?, unknown());
    }
    // one that is asked for again is as new
    door.create("user1", ANN.0).await?;
    assert_eq!(door.check("user1", &door.code(ANN.1).await?).await?, opened("user1"));
    Ok(())
}

async fn so_many_at_once_have_no_more_tries(layout: Layout) -> Result {
    const GUESSES: usize = 60;
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    let guess = other(&code);
    let answers = try_join_all((0..GUESSES).map(|_| door.check("user1", &guess))).await?;
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for (status, answer) in answers {
        ensure!(status == 400, "{status} {answer}");
        *counted.entry(text(&answer["reason"])?).or_default() += 1;
    }
    let wanted = [("InvalidAuthCode".to_owned(), 3), ("UnknownAuthId".to_owned(), GUESSES - 3)];
    assert_eq!(counted, BTreeMap::from(wanted));
    assert_eq!(door.check("user1", &code).await?, unknown());
    // the right one at once opens once
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    let answers = try_join_all((0..GUESSES).map(|_| door.check("user1", &code))).await?;
    assert_eq!(answers.iter().filter(|answer| **answer == opened("user1")).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == unknown()).count(), GUESSES - 1);
    Ok(())
}

on_both_engines!(
    a_code_is_texted_and_opens_once,
    a_code_is_read_as_a_number,
    wrong_codes_use_up_the_tries,
    another_post_makes_another_code_and_begins_anew,
    names_stand_beside_each_other,
    what_has_expired_is_told_once,
    so_many_at_once_have_no_more_tries,
);
