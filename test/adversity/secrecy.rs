//! A dump of the store and a log at its chattiest hold no secret in the clear.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use switchboard::store::{Query, Store, Value};

use crate::harness::phone::session;
use crate::harness::{ADMIN, Builder, Layout, PASSWORD, PHONE, Phone, Result, Server, USER};
use crate::on_every_layout;

/// The tables of the other program: what is in them is not ours to hide.
const BACKEND: [&str; 5] = ["users", "usersInfos", "wallets", "credentials", "sb_development_seed"];

/// Everything in the store, as bytes.
async fn dump(server: &Server, layout: Layout) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    if !layout.is_mariadb() {
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            all.extend(std::fs::read(server.builder().path(name)).unwrap_or_default());
        }
    }
    let store = server.home().databases.store()?;
    let list = if layout.is_mariadb() {
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    };
    for row in store.query(list, Vec::new()).await? {
        let table = row.text(0)?.to_owned();
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

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A secret in every spelling in which it might lie about.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
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

async fn no_secret_lies_about(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("log.level", "trace").set("sync.refusal_delay", "10ms");
    let server = builder.start().await?;
    let mut secrets = play(&server).await?;
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
    assert!(holds(&log, b"paired a device"));
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
