//! Every single-bit flip of a text that was taken: the one refusal, and never early; or it is the same text.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use switchboard::crypto::EncryptedPayload;

use super::play::{DELAY, REFUSAL, Scene, body, post};
use crate::harness::{Layout, Result};
use crate::on_both_engines;

/// Posts at once.
const CROWD: usize = 32;

/// Every text that differs in one bit: of a character as it is sent, of the bytes under the outer
/// base64, and of IV and ciphertext themselves.
fn flips(text: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, bit) in (0..chars.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bent = chars.clone();
        bent[at] = char::from(u8::try_from(bent[at])? ^ (1 << bit));
        all.push(bent.into_iter().collect());
    }
    let outer = STANDARD.decode(text)?;
    let bits = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let flipped = (0..bytes.len() * 8).map(|bit| {
            let mut bent = bytes.to_vec();
            bent[bit / 8] ^= 1 << (bit % 8);
            bent
        });
        flipped.collect()
    };
    all.extend(bits(&outer).into_iter().map(|bent| STANDARD.encode(bent)));
    let (iv, inner) = outer.split_at(16);
    let ciphertext = STANDARD.decode(inner)?;
    all.extend(
        bits(&ciphertext).into_iter().map(|bent| STANDARD.encode([iv, STANDARD.encode(bent).as_bytes()].concat())),
    );
    Ok(all)
}

async fn every_flipped_bit_gives_the_one_refusal(layout: Layout) -> Result {
    let scene = Arc::new(Scene::set(layout).await?);
    let plain = "t:a text of more than one block";
    let text = EncryptedPayload::seal(&scene.key, plain)?;
    assert_eq!(post(&scene.server, &text).await?.0, 200);
    let (mut refused, mut taken) = (0, 0);
    for crowd in flips(&text)?.chunks(CROWD) {
        let posts = crowd.iter().map(|bent| {
            let request = scene.server.http.post(scene.server.url(super::play::ROUTE)).body(body(bent));
            tokio::spawn(async move {
                let begun = Instant::now();
                let response = request.send().await?;
                anyhow::Ok((response.status().as_u16(), response.text().await?, begun.elapsed()))
            })
        });
        for (post, bent) in posts.collect::<Vec<_>>().into_iter().zip(crowd) {
            let (status, answer, took) = post.await??;
            match (status, answer.as_str()) {
                (200, "published!") => taken += 1,
                (400, REFUSAL) => {
                    refused += 1;
                    assert!(took >= DELAY, "{bent} was refused after {took:?}");
                }
                other => anyhow::bail!("{bent}: {other:?}"),
            }
        }
    }
    println!("{refused} flips refused, {taken} the same text");
    assert!(refused > 300, "{refused} refused, {taken} taken");
    scene.settle().await?;
    assert_eq!(scene.sink.texts()?, [plain]);
    Ok(())
}

on_both_engines!(every_flipped_bit_gives_the_one_refusal);
