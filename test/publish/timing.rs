//! No clock tells why a flipped text was refused.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use switchboard::crypto::EncryptedPayload;

use super::play::{self, DELAY, REFUSAL, Scene, post};
use super::sink::Sink;
use crate::harness::{Layout, Result};

const SAMPLES: usize = 12;
const ROUNDS: u64 = 8;
/// How far medians may lie apart by the noise of a busy machine.
const NOISE: Duration = Duration::from_millis(6);

async fn scene(delay: &str) -> Result<Scene> {
    let sink = Sink::start().await?;
    let builder = play::builder(Layout::SqliteShared, &sink).await?.set("sync.sms_refusal_delay", delay);
    Scene::of(builder.start().await?, sink).await
}

/// One flipped bit each: the base64 is none any more; the IV is not ASCII; the padding does not hold; the letter is
/// another's.
fn flips(text: &str) -> Result<[(&'static str, String); 4]> {
    let flipped = |bytes: &[u8], at: usize, bit: u8| {
        let mut bent = bytes.to_vec();
        bent[at] ^= bit;
        bent
    };
    let outer = STANDARD.decode(text)?;
    let (iv, inner) = outer.split_at(16);
    let ciphertext = STANDARD.decode(inner)?;
    let last = ciphertext.len().checked_sub(17).context("one block")?;
    let padding = [iv, STANDARD.encode(flipped(&ciphertext, last, 0x40)).as_bytes()].concat();
    Ok([
        ("base64", no_base64(text).context("every flip is base64")?),
        ("IV", STANDARD.encode(flipped(&outer, 3, 0x80))),
        ("padding", STANDARD.encode(padding)),
        ("letter", STANDARD.encode(flipped(&outer, 0, 0x01))),
    ])
}

/// The first flip that leaves a character which is neither base64 nor white space.
fn no_base64(text: &str) -> Option<String> {
    let flips = text.char_indices().flat_map(|(at, char)| (0..7).map(move |bit| (at, char as u8 ^ (1 << bit))));
    let mut odd = flips.filter(|(_, byte)| byte.is_ascii_punctuation() && !b"+/=".contains(byte));
    odd.next().map(|(at, byte)| format!("{}{}{}", &text[..at], char::from(byte), &text[at + 1..]))
}

/// The median time of each refusal, the kinds taking turns.
async fn medians(scene: &Scene) -> Result<[Duration; 4]> {
    let flips = flips(&EncryptedPayload::seal(&scene.key, "t:a text of more than one block")?)?;
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..SAMPLES {
        for ((kind, bent), times) in flips.iter().zip(&mut times) {
            let begun = Instant::now();
            assert_eq!(post(&scene.server, bent).await?, (400, REFUSAL.into()), "{kind}");
            times.push(begun.elapsed());
        }
    }
    Ok(times.map(|mut times| {
        times.sort();
        times[SAMPLES / 2]
    }))
}

/// Noise comes and goes, a difference stays: one round that shows what it should is enough.
async fn quiet_round(scene: &Scene, is_as_it_should: fn([Duration; 4]) -> bool) -> Result {
    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        let medians = medians(scene).await?;
        if is_as_it_should(medians) {
            println!("base64, IV, padding, letter: {medians:?}");
            return Ok(());
        }
        seen.push(medians);
        // whatever disturbs it may be over by then
        tokio::time::sleep(Duration::from_secs(round)).await;
    }
    anyhow::bail!("base64, IV, padding and letter take {seen:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flipped_bit_is_refused_in_the_same_time() -> Result {
    // first, that this measure would see a difference: without the delay, what needs no key is quicker
    quiet_round(&scene("0ms").await?, |open| open[0].max(open[1]) < open[2].min(open[3])).await?;
    quiet_round(&scene("100ms").await?, |medians| {
        let (most, least) = (medians.iter().max().copied(), medians.iter().min().copied());
        least >= Some(DELAY) && most.unwrap_or_default().saturating_sub(least.unwrap_or_default()) <= NOISE
    })
    .await
}
