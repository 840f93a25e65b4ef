//! Pending verifications: more of them than could be asked for one by one.

use std::time::Instant;

use switchboard::model::{Address, ClientId, MessageId, VerificationId};
use switchboard::store::verification::{PendingKey, PendingName, person};
use switchboard::store::{self, Change, Value};

use crate::harness::{Result, Server, time};
use crate::mask;
use crate::stage::mix;

/// People whom [`phone`] knows.
const PEOPLE: u64 = 32_000_000;
/// How far the next one is from somebody; it has no divisor in common with [`PEOPLE`], so that nobody comes twice.
const STRIDE: u64 = 19_777_123;
/// Rows of one table in one commit.
const SLICE: usize = 10_000;
/// They were asked for one behind the other, as their ids are then: so many in a millisecond.
const AT_ONCE: u64 = 10;
/// They expire long after the run.
const TTL_MS: i64 = 24 * 3_600_000;
/// As long as a sealed code of six digits.
const SEALED: usize = 35;

const INTO_VERIFICATIONS: &str = "INSERT INTO sb_verification (id, client_id, service_id, address, channel, status, \
     code, code_length, tries, max_tries, sends, max_sends, door, auth_id, person, extra, created_ms, changed_ms, \
     expires_ms, ended_ms, sequence)";
const INTO_SENDS: &str = "INSERT INTO sb_verification_send (message_id, verification_id, client_id, service_id, \
     number, channel, address, country, at_ms)";
const INTO_NAMES: &str = "INSERT INTO sb_verification_pending (pending_key, verification_id, expires_ms)";

type Rows = Vec<Vec<Value>>;

/// Somebody's number: no two of so many are the same, nor are those who come one after the other neighbours, as they
/// are where somebody pumps.
pub fn phone(nth: u64) -> String {
    mask::person(nth * STRIDE % PEOPLE)
}

/// Their code.
pub fn code(nth: u64) -> String {
    format!("{:06}", mix(nth) % 1_000_000)
}

/// Writes so many straight into the store, each with the text that told its code, to the first of all people. What
/// stands in the code's place opens none.
pub async fn fill(server: &Server, count: u64) -> Result {
    let (database, begun) = (server.home().databases.store()?, Instant::now());
    let now_ms = i64::try_from(time::now()?.as_millis())?;
    let people: Vec<u64> = (0..count).collect();
    let mut names: Vec<(PendingKey, VerificationId)> = Vec::with_capacity(people.len());
    for some in people.chunks(SLICE) {
        let (mut verifications, mut sends) = (Rows::new(), Rows::new());
        for nth in some {
            let at_ms = now_ms - i64::try_from((count - nth) / AT_ONCE)?;
            let (id, to) = (VerificationId::new(at_ms), Address::stored(phone(*nth)));
            verifications.push(verification(id, &to, at_ms));
            sends.push(send(id, &to, at_ms));
            names.push((PendingKey::of(ClientId::OPERATOR, None, PendingName::Number(&to)), id));
        }
        write(&database, Change::new().insert(INTO_VERIFICATIONS, verifications).insert(INTO_SENDS, sends)).await?;
    }
    // in no order, each commit would touch as many pages as it has rows
    names.sort_unstable();
    for some in names.chunks(SLICE) {
        let row = |(key, id): &(PendingKey, VerificationId)| -> Vec<Value> {
            vec![(*key).into(), id.into(), (id.made_ms() + TTL_MS).into()]
        };
        write(&database, Change::new().insert(INTO_NAMES, some.iter().map(row).collect())).await?;
    }
    eprintln!("{count} pending verifications are there after {:.0?}", begun.elapsed());
    Ok(())
}

async fn write(database: &store::Store, change: Change) -> Result {
    database.commit(change).await?;
    Ok(())
}

fn verification(id: VerificationId, to: &Address, at_ms: i64) -> Vec<Value> {
    let mut sealed = vec![7; SEALED];
    sealed[..32].copy_from_slice(&rand::random::<[u8; 32]>());
    vec![
        id.into(),
        ClientId::OPERATOR.into(),
        Value::Null,
        to.as_str().into(),
        "sms".into(),
        "pending".into(),
        sealed.into(),
        6.into(),
        0.into(),
        5.into(),
        1.into(),
        5.into(),
        "v1".into(),
        Value::Null,
        person(ClientId::OPERATOR, to).into(),
        r#"{"is_custom":true}"#.into(),
        at_ms.into(),
        at_ms.into(),
        (at_ms + TTL_MS).into(),
        Value::Null,
        1.into(),
    ]
}

fn send(of: VerificationId, to: &Address, at_ms: i64) -> Vec<Value> {
    vec![
        MessageId::new(at_ms).into(),
        of.into(),
        ClientId::OPERATOR.into(),
        Value::Null,
        1.into(),
        "sms".into(),
        to.as_str().into(),
        "US".into(),
        at_ms.into(),
    ]
}
