//! A dump of the store and a log at its chattiest hold no secret in the clear.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use switchboard::crypto::{EncryptedPayload, SharedKey};
use switchboard::store::{Query, Store, Value};

use crate::harness::database::tables;
use crate::harness::phone::session;
use crate::harness::{ADMIN, Builder, Layout, PASSWORD, PHONE, Phone, Result, Server, USER};
use crate::on_every_layout;
use crate::publish::play::{SOON, pair, platforms, post};
use crate::publish::sink::{SECRET, Sink};

/// The tables of the other program: what is in them is not ours to hide.
const BACKEND: [&str; 5] = ["users", "usersInfos", "wallets", "credentials", "sb_development_seed"];

/// The development user's token for gmail.
const GRANT: &str = r#"{"access_token":"dummy"}"#;

/// Everything in the store, as bytes.
pub async fn dump(server: &Server, layout: Layout) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    if !layout.is_mariadb() {
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            all.extend(std::fs::read(server.builder().path(name)).unwrap_or_default());
        }
    }
    let store = server.home().databases.store()?;
    for table in tables(&store, layout).await? {
        if !BACKEND.contains(&table.as_str()) {
            all.extend(table_bytes(&store, &table).await?);
        }
    }
    Ok(all)
}

async fn table_bytes(store: &Store, table: &str) -> Result<Vec<u8>> {
    let rows = store.read(vec![Query::new(format!("SELECT * FROM {table}"), Vec::new())]).await?.concat();
    let mut all = Vec::new();
    for value in rows.into_iter().flat_map(|row| row.0) {
        match value {
            Value::Null => {}
            Value::Int(int) => all.extend(int.to_string().into_bytes()),
            Value::Text(text) => all.extend(text.into_bytes()),
            Value::Bytes(bytes) => all.extend(bytes),
        }
        all.push(b'\n');
    }
    Ok(all)
}

pub fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A secret in every spelling in which it might lie about.
pub fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex::encode(secret);
    vec![secret.to_vec(), STANDARD.encode(secret).into_bytes(), hex.to_uppercase().into_bytes(), hex.into_bytes()]
}

/// Pairs in both flavours, fails, is locked out, revokes: all that is logged and written.
async fn play(server: &Server) -> Result<Vec<Vec<u8>>> {
    let phone = Phone::new()?;
    let one = phone.pair(server, USER, &server.sid(USER).await?).await?;
    let sid = server.sid(USER).await?;
    let offer = serde_json::json!({"public_key": phone.public_pem}).to_string();
    let path = session(USER, &sid);
    server.post(&format!("{path}handshake"), offer).await?;
    let (status, answer) = server.post(path.trim_end_matches('/'), phone.two_step(server, PASSWORD)?).await?;
    anyhow::ensure!(status == 200, "{status}: {answer}");
    let two = phone.open(&answer)?;
    let revoked = phone.pair(server, USER, &server.sid(USER).await?).await?;
    let id = server.rows("SELECT id FROM sb_device ORDER BY id DESC LIMIT 1").await?.concat().concat();
    let delete = server.http.delete(server.url(&format!("/v1/devices/dev_{id}"))).bearer_auth(ADMIN);
    anyhow::ensure!(delete.send().await?.status() == 204);
    for _ in 0..4 {
        let sid = server.sid(USER).await?;
        server.post(&session(USER, &sid), phone.one_step(server, "another secret word")?).await?;
    }
    server.post(&session(USER, &sid), "{\"password\": \"another secret word\"").await?;
    let keys = [one, two, revoked].iter().map(|key| key.as_bytes().to_vec()).collect();
    Ok(keys)
}

/// Texts of a paired phone: taken by the sink, waiting for it, and refused; with the user's grant.
async fn texts(server: &Server, sink: &Sink) -> Result<Vec<Vec<u8>>> {
    let key = pair(server, USER).await?;
    let plain = ["g:someone@example.org:::a text that was taken", "t:a text that has to wait", "t:a text refused"];
    let sealed = |key: &SharedKey, plain: &str| EncryptedPayload::seal(key, plain);
    anyhow::ensure!(post(server, &sealed(&key, plain[0])?).await?.0 == 200);
    let heard = sink.await_heard(1, SOON).await?;
    anyhow::ensure!(heard[0].body["grant"]["token"] == GRANT, "the grant did go out");
    sink.answer(500);
    anyhow::ensure!(post(server, &sealed(&key, plain[1])?).await?.0 == 200);
    sink.await_heard(2, SOON).await?;
    anyhow::ensure!(post(server, &sealed(&SharedKey::generate(), plain[2])?).await?.0 == 400);
    anyhow::ensure!(post(server, plain[2]).await?.0 == 400);
    let rows = server.rows("SELECT LENGTH(sealed) > 0 FROM sb_publication ORDER BY id").await?;
    anyhow::ensure!(rows == [["0"], ["1"]], "one is erased, one lies sealed: {rows:?}");
    let mut secrets: Vec<Vec<u8>> = plain.iter().map(|plain| plain.as_bytes().to_vec()).collect();
    // the parts too, as a log might cut them
    secrets.extend([&plain[0][2..], &plain[1][2..], GRANT, "dummy_user_1@example.org"].map(Into::into));
    secrets.extend([SECRET.into(), STANDARD.decode(SECRET.trim_start_matches("whsec_"))?, key.as_bytes().to_vec()]);
    Ok(secrets)
}

async fn no_secret_lies_about(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    let builder = Builder::new(layout).await?.set("log.level", "trace").set("sync.refusal_delay", "10ms");
    let builder = builder.set("platforms", platforms(&sink)).set("publish.include_grant", true);
    let server = builder.start().await?;
    let mut secrets = texts(&server, &sink).await?;
    secrets.extend(play(&server).await?);
    let folder = server.builder().path("keys");
    let master = std::fs::read_to_string(folder.join("master.key"))?;
    secrets.push(hex::decode(master.trim())?);
    secrets.push(b"another secret word".to_vec());
    // the seed's own table of users may hold these two, but only hashed
    secrets.push(PASSWORD.as_bytes().to_vec());
    secrets.push(PHONE.as_bytes().to_vec());
    let pem = std::fs::read_to_string(folder.join("identity.pem"))?;
    let body: Vec<&str> = pem.lines().filter(|line| line.len() == 64).collect();
    secrets.push(body.get(5).context("a short key")?.as_bytes().to_vec());
    secrets.push(STANDARD.decode(body.concat().get(..64).context("a short key")?)?);

    let (dump, log) = (dump(&server, layout).await?, server.log()?.into_bytes());
    // the search finds what is there
    let fingerprint = server.fingerprints().await?.concat();
    assert!(holds(&dump, fingerprint.get(..16).context("no fingerprint")?.as_bytes()));
    assert!(holds(&log, b"paired a device") && holds(&log, b"took a text") && holds(&log, b"no sink took a text"));
    for secret in secrets {
        for spelling in spellings(&secret) {
            let shown = String::from_utf8_lossy(&spelling).into_owned();
            assert!(!holds(&dump, &spelling), "in the store: {shown}");
            assert!(!holds(&log, &spelling), "in the log: {shown}");
        }
    }
    Ok(())
}

on_every_layout!(no_secret_lies_about);
