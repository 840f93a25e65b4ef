//! A ciphertext is a number, and is taken in one spelling: else whoever has listened could spell it anew.

use anyhow::{bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::bn::BigNum;
use openssl::pkey::PKey;
use switchboard::crypto::phone::PhonePrivateKey;
use switchboard::model::{DigestAlgorithm, OaepDigests};

use super::play::lenient;
use super::replay::{BOTH, Steps, bring_anew, refusal};
use crate::harness::{Layout, PASSWORD, Phone, Result, Server};
use crate::on_both_engines;

/// The same number in other bytes: without its zero at the front, with another one, and larger by the modulus.
fn other_spellings(server: &Server, ciphertext: &[u8]) -> Result<[Vec<u8>; 3]> {
    let modulus = PKey::public_key_from_pem(server.public_pem()?.as_bytes())?.rsa()?.n().to_owned()?;
    let (number, mut larger) = (BigNum::from_slice(ciphertext)?, BigNum::new()?);
    larger.checked_add(&number, &modulus)?;
    let larger = larger.to_vec();
    ensure!(larger.len() == ciphertext.len(), "no room for the modulus");
    Ok([ciphertext[1..].to_vec(), [&[0][..], ciphertext].concat(), larger])
}

/// One that begins with a zero, as each 256th does.
fn with_a_zero(server: &Server) -> Result<Vec<u8>> {
    let (pem, pair) =
        (server.public_pem()?, OaepDigests { oaep: DigestAlgorithm::Sha256, mgf1: DigestAlgorithm::Sha1 });
    for _ in 0..20_000 {
        let ciphertext = PhonePrivateKey::encrypt(&pem, pair, PASSWORD.as_bytes())?;
        if ciphertext[0] == 0 {
            return Ok(ciphertext);
        }
    }
    bail!("none begins with a zero")
}

async fn a_number_has_one_spelling(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    for steps in BOTH {
        let ciphertext = with_a_zero(&server)?;
        let undecryptable = match steps {
            Steps::One => (400, "error with decryption"),
            Steps::Two => refusal(steps),
        };
        let spellings = other_spellings(&server, &ciphertext)?.map(|bytes| STANDARD.encode(bytes));
        let devices = server.fingerprints().await?.len();
        for was_taken in [false, true] {
            for spelling in &spellings {
                let refused = bring_anew(&server, &phone, spelling, steps).await?;
                assert_eq!((refused.status, refused.body.as_str()), undecryptable, "{was_taken}: {spelling}");
            }
            let whole = bring_anew(&server, &phone, &STANDARD.encode(&ciphertext), steps).await?;
            assert_eq!(whole.status, if was_taken { refusal(steps).0 } else { 200 });
        }
        assert_eq!(server.fingerprints().await?.len(), devices + 1);
    }
    Ok(())
}

on_both_engines!(a_number_has_one_spelling);
