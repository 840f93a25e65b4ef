//! What can be made of a text that was seen on its way, without its key: version 2 has no MAC.

use std::time::Instant;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{join, join_all};
use switchboard::crypto::{EncryptedPayload, SharedKey};
use switchboard::store::Change;

use super::play::{self, DELAY, REFUSAL, SOON, Scene, post};
use super::sink::Sink;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Layout, PHONE, Result, Server, USER};
use crate::inbound::play::{PUBLIC, post_twilio, twilio};
use crate::{in_foreign_sessions, on_both_engines};

const BLOCK: usize = 16;
/// Texts at most that are waited for, where one in some ten thousand will do.
const MANY: usize = 1_000_000;

/// A text as it can be read on its way, and what it says, which is known or guessed.
pub struct Seen {
    pub text: String,
    pub plain: &'static str,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

fn text(iv: &[u8], ciphertext: &[u8]) -> String {
    STANDARD.encode([iv, STANDARD.encode(ciphertext).as_bytes()].concat())
}

impl Seen {
    pub fn new(key: &SharedKey, plain: &'static str) -> Result<Self> {
        let text = EncryptedPayload::seal(key, plain)?;
        let outer = STANDARD.decode(&text)?;
        let (iv, inner) = outer.split_at(BLOCK);
        Ok(Self { iv: iv.to_vec(), ciphertext: STANDARD.decode(inner)?, text, plain })
    }

    /// The IV under which the first block says this.
    fn iv_for(&self, wanted: &[u8; BLOCK]) -> Vec<u8> {
        xor(&xor(&self.iv, self.plain.as_bytes()), wanted)
    }

    pub fn saying(&self, wanted: &[u8; BLOCK]) -> String {
        text(&self.iv_for(wanted), &self.ciphertext)
    }

    fn cut_to_one_block(&self, wanted: &[u8; BLOCK]) -> String {
        text(&self.iv_for(wanted), &self.ciphertext[..BLOCK])
    }

    /// Cut to the first block, then lengthened by all of another text: in one case of ten thousand what comes of their
    /// joint is UTF-8.
    fn lengthened(&self, by: &Self) -> Option<String> {
        let joint = xor(&xor(by.plain.as_bytes(), &by.iv), &self.ciphertext);
        let rest = by.plain.as_bytes().get(BLOCK..).unwrap_or_default();
        let plain = [&self.plain.as_bytes()[..BLOCK], &joint[..BLOCK], rest].concat();
        let ciphertext = [&self.ciphertext[..BLOCK], &by.ciphertext].concat();
        std::str::from_utf8(&plain).ok().map(|_| text(&self.iv, &ciphertext))
    }

    /// The second and last block alone, under an IV by which it says something: an IV is ASCII, so in some cases there is one.
    fn cut_in_front(&self) -> Option<String> {
        let second = &self.plain.as_bytes()[BLOCK..];
        let padding = u8::try_from(BLOCK - second.len()).ok()?;
        let padded = [second, &vec![padding; padding.into()]].concat();
        let bare = xor(&padded, &self.ciphertext);
        let mut wanted = b"t:".to_vec();
        while wanted.len() < BLOCK - 1 {
            let letter = if bare[wanted.len()].is_ascii() { "e" } else { "é" };
            wanted.extend(letter.bytes());
        }
        wanted.push(1);
        let iv = xor(&bare, &wanted);
        (wanted.len() == BLOCK && iv.is_ascii()).then(|| text(&iv, &self.ciphertext[BLOCK..]))
    }
}

/// Waits for a text of which something can be made.
fn watch(key: &SharedKey, plain: &'static str, make: impl Fn(&Seen) -> Option<String>) -> Result<(Seen, String)> {
    for _ in 0..MANY {
        let seen = Seen::new(key, plain)?;
        if let Some(made) = make(&seen) {
            return Ok((seen, made));
        }
    }
    anyhow::bail!("nothing can be made of {plain}")
}

async fn what_is_made_of_a_text_without_its_key_is_refused(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    // however busy the machine is, none is refused for that
    let server = play::builder(layout, &sink).await?.set("store.timeout", "60s").start().await?;
    let scene = Scene::of(server, sink).await?;
    let longer = Seen::new(&scene.key, "t:a text of which the end is wanted")?;
    let mail = "g:friend@example.org:::Hello:see you tomorrow";
    let (mail, lengthened) = watch(&scene.key, mail, |seen| seen.lengthened(&longer))?;
    let (cut, rest) = watch(&scene.key, "t:a text of two blocks", Seen::cut_in_front)?;
    let honest = [&mail, &longer, &cut];
    for seen in honest {
        assert_eq!(post(&scene.server, &seen.text).await?, (200, "published!".into()));
    }
    let blocks = || scene.server.rows("SELECT block_hash FROM sb_text_block ORDER BY block_hash");
    let known = blocks().await?;
    assert!(known.len() >= honest.len(), "{known:?}");
    for (name, made) in [
        ("another recipient", mail.saying(b"g:thief@evil.com")),
        ("another platform", mail.saying(b"t:friend@example")),
        ("one block", mail.cut_to_one_block(b"t:send me money\x01")),
        ("cut and lengthened", lengthened),
        ("cut in front", rest),
    ] {
        let opened = EncryptedPayload::parse(&made)?.open(std::slice::from_ref(&scene.key), |plain| {
            ["g:", "t:"].iter().any(|letter| plain.starts_with(letter))
        })?;
        let (_, plain) = opened.with_context(|| format!("{name}: it is refused for something else"))?;
        let begun = Instant::now();
        assert_eq!(post(&scene.server, &made).await?, (400, REFUSAL.into()), "{name}: {}", plain.expose());
        assert!(begun.elapsed() >= DELAY, "{name}: as late as any other");
    }
    assert_eq!(blocks().await?, known, "what was refused is not remembered");
    for seen in honest {
        assert_eq!(post(&scene.server, &seen.text).await?, (200, "published!".into()), "the text itself is good");
    }
    // fresh IV, other blocks: somebody has said it twice
    assert_eq!(scene.send(mail.plain).await?.0, 200);
    scene.sink.await_heard(4, SOON).await?;
    scene.settle().await?;
    let (mut texts, mut said) = (scene.sink.texts()?, [mail.plain, mail.plain, longer.plain, cut.plain]);
    texts.sort();
    said.sort_unstable();
    assert_eq!(texts, said);
    Ok(())
}

async fn rename(scene: &Scene, sql: &'static str) -> Result {
    Ok(scene.server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?)
}

async fn a_store_that_cannot_be_asked_publishes_nothing(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let text = EncryptedPayload::seal(&scene.key, "t:when it is back")?;
    rename(&scene, "ALTER TABLE sb_text_block RENAME TO sb_away").await?;
    assert!(post(&scene.server, &text).await?.0 >= 500);
    assert!(scene.rows().await?.is_empty());
    rename(&scene, "ALTER TABLE sb_away RENAME TO sb_text_block").await?;
    for _ in 0..2 {
        assert_eq!(post(&scene.server, &text).await?, (200, "published!".into()));
    }
    scene.sink.await_heard(1, SOON).await?;
    scene.settle().await?;
    assert_eq!(scene.sink.texts()?, ["t:when it is back"]);
    Ok(())
}

on_both_engines!(what_is_made_of_a_text_without_its_key_is_refused, a_store_that_cannot_be_asked_publishes_nothing);

/// By way of the carrier, in the form that it signs.
async fn post_signed(server: &Server, text: &str) -> Result<(u16, String)> {
    let fields = [("AccountSid", ACCOUNT), ("From", PHONE), ("Body", text)];
    post_twilio(server, "/sms/platform/twilio", &fields, TOKEN).await
}

in_foreign_sessions!(what_is_made_of_a_text_without_its_key_is_refused);

#[tokio::test(flavor = "multi_thread")]
async fn of_one_text_in_two_versions_at_two_nodes_one_is_published_once() -> Result {
    const ROUNDS: usize = 20;
    let sink = Sink::start().await?;
    let set = |builder: Builder| builder.set("platforms", play::platforms(&sink)).set("http.public_url", PUBLIC);
    let first = set(Builder::new(Layout::MariadbShared).await?).start().await?;
    twilio(&first).await?;
    let second = set(Builder::at(first.home())).start_unseeded().await?;
    let key = play::pair(&first, USER).await?;
    // each way at each node
    let crowd = async |text: &str| {
        let nodes = [&first, &first, &second, &second].into_iter().cycle().take(8).enumerate();
        let posts = nodes.map(|(n, node)| async move {
            if n % 2 == 0 { post(node, text).await } else { post_signed(node, text).await }
        });
        join_all(posts).await.into_iter().collect::<Result<Vec<_>>>()
    };
    let mut taken = Vec::new();
    for round in 0..ROUNDS {
        // two routes of one text, and somebody on its way
        let mail = Seen::new(&key, "g:friend@example.org:::Hello:see you tomorrow")?;
        let made = mail.saying(b"g:thief@evil.com");
        let (honest, made) = if round % 2 == 0 {
            join(crowd(&mail.text), crowd(&made)).await
        } else {
            let (made, honest) = join(crowd(&made), crowd(&mail.text)).await;
            (honest, made)
        };
        let (honest, made) = (honest?, made?);
        let (winners, losers) = if honest[0].0 == 200 { (&honest, &made) } else { (&made, &honest) };
        assert!(winners.iter().all(|answer| *answer == (200, "published!".into())), "{honest:?} {made:?}");
        assert!(losers.iter().all(|answer| *answer == (400, REFUSAL.into())), "{honest:?} {made:?}");
        taken.push(honest[0].0);
    }
    println!("the text as it was sent: {taken:?}");
    sink.await_heard(ROUNDS, SOON).await?;
    let scene = Scene { server: first, sink, key };
    scene.settle().await?;
    assert_eq!((scene.rows().await?.len(), scene.sink.texts()?.len()), (ROUNDS, ROUNDS), "each once");
    Ok(())
}
