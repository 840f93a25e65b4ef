//! The texts that another library sealed, posted as phones post them.

use anyhow::Context as _;
use serde_json::Value;
use switchboard::crypto::{MasterKey, SharedKey};
use switchboard::store::{Change, device};

use super::play::{REFUSAL, ROUTE, SOON, body, pair, platforms, post};
use super::sink::Sink;
use crate::harness::{Builder, Layout, Result, Server, USER, stored};
use crate::on_both_engines;
use crate::operations::vectors::vectors;

/// Pairs a phone, and puts a known key in place of its own.
async fn pair_with(server: &Server, key: &SharedKey) -> Result {
    pair(server, USER).await?;
    let row = server.rows("SELECT id FROM sb_device ORDER BY id DESC LIMIT 1").await?.concat().concat();
    let master = MasterKey::parse(&std::fs::read_to_string(server.builder().path("keys/master.key"))?)?;
    let sealed = master.seal(device::key_place(&row), key.as_bytes())?;
    let change =
        Change::new().one("UPDATE sb_device SET shared_key = ? WHERE id = ?", vec![sealed.into(), stored(&row)]);
    Ok(server.home().databases.store()?.commit(change).await?)
}

/// Every letter of the vectors has a sink, but `x`, which has no colon after it either.
async fn every_text_of_others_reaches_its_sink_once(layout: Layout) -> Result {
    let vectors = vectors("sms_payload_v2.json")?;
    let sink = Sink::start().await?;
    let table = platforms(&sink).replace(
        r#"letter="T""#,
        &format!(r#"letter="T",sink_url="{}",sink_secret="{}""#, sink.url(), super::sink::SECRET),
    );
    let server = Builder::new(layout).await?.set("platforms", table).start().await?;
    let cases = vectors["cases"].as_array().context("no cases")?;
    let text = |case: &Value, name: &str| case[name].as_str().map(str::to_owned).with_context(|| name.to_owned());
    // all keys are live at once: each text finds its own
    for case in cases {
        pair_with(&server, &SharedKey::from_bytes(text(case, "shared_key_ascii")?.as_bytes())?).await?;
    }
    let mut expected = Vec::new();
    for case in cases {
        let plain = text(case, "plaintext")?;
        let is_known = ["g:", "t:", "T:"].iter().any(|letter| plain.starts_with(letter));
        for spelling in ["sms_text_b64", "sms_text_b64_wrapped_76"] {
            let answer = if is_known { (200, "published!") } else { (400, REFUSAL) };
            let (status, said) = post(&server, &text(case, spelling)?).await?;
            assert_eq!((status, said.as_str()), answer, "{case}");
            // the last of its base64 changed: the padding does not hold, whatever key is tried
            let bent = format!("{}AAAA", text(case, spelling)?.trim_end().trim_end_matches('='));
            assert_eq!(server.post(ROUTE, body(&bent)).await?, (400, REFUSAL.into()), "{case}");
        }
        expected.extend(is_known.then_some(plain));
    }
    sink.await_heard(expected.len(), SOON).await?;
    let mut texts = sink.texts()?;
    texts.sort();
    expected.sort();
    assert!(expected.len() >= 3);
    assert_eq!(texts, expected);
    let rows = server.rows("SELECT COUNT(*) FROM sb_publication").await?;
    assert_eq!(rows, [[expected.len().to_string()]], "each once, though posted in two spellings");
    Ok(())
}

on_both_engines!(every_text_of_others_reaches_its_sink_once);
