//! Public keys: RSA of 2048 to 4096 bits in SPKI PEM is taken, everything else is refused
//! before it costs anything.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use serde_json::json;

use super::play::{Written, edited, handshake, lenient};
use crate::harness::phone::session;
use crate::harness::{Layout, PASSWORD, Phone, Result, USER};
use crate::on_both_engines;

/// A public key of so many bits whose modulus is any odd number: who looks at size and form
/// alone cannot tell, and making a true one of 16384 bits would take minutes.
fn public_pem(bits: i32, exponent: u32) -> Result<String> {
    let mut modulus = BigNum::new()?;
    modulus.rand(bits, MsbOption::ONE, true)?;
    let key = Rsa::from_public_components(modulus, BigNum::from_u32(exponent)?)?;
    Ok(String::from_utf8(key.public_key_to_pem()?)?)
}

fn certificate() -> Result<String> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut cert = X509::builder()?;
    cert.set_pubkey(&key)?;
    let (from, until) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
    cert.set_not_before(&from)?;
    cert.set_not_after(&until)?;
    cert.sign(&key, MessageDigest::sha256())?;
    Ok(String::from_utf8(cert.build().to_pem()?)?)
}

fn refused() -> Result<Vec<(&'static str, String)>> {
    let curve = EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?;
    let edwards = PKey::generate_ed25519()?;
    let private = Rsa::generate(2048)?;
    let text = |pem: Vec<u8>| String::from_utf8(pem);
    let sound = Phone::new()?.public_pem;
    let half: String = sound.lines().take(4).collect::<Vec<_>>().join("\n");
    Ok(vec![
        ("an elliptic curve", text(PKey::from_ec_key(curve)?.public_key_to_pem()?)?),
        ("Ed25519", text(edwards.public_key_to_pem()?)?),
        ("a private key", text(private.private_key_to_pem()?)?),
        ("a private key in PKCS#8", text(PKey::from_rsa(private)?.private_key_to_pem_pkcs8()?)?),
        ("a certificate", certificate()?),
        ("1024 bits", public_pem(1024, 65_537)?),
        ("2047 bits", public_pem(2047, 65_537)?),
        ("4097 bits", public_pem(4097, 65_537)?),
        ("16384 bits", public_pem(16_384, 65_537)?),
        ("an exponent of one", public_pem(2048, 1)?),
        ("an even exponent", public_pem(2048, 65_536)?),
        ("half a key", half),
        ("base64 without its frame", sound.lines().filter(|line| !line.starts_with('-')).collect()),
        ("another frame", sound.replace("PUBLIC KEY", "PRIVATE KEY")),
        ("an empty frame", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n".into()),
        ("not DER", "-----BEGIN PUBLIC KEY-----\nAAAAAAAA\n-----END PUBLIC KEY-----\n".into()),
        ("garbage", "hunter2".into()),
        ("white space", " \n".into()),
        ("a NUL", "\u{0}".into()),
    ])
}

async fn what_is_not_rsa_of_a_fair_size_is_refused(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    let before = Written::by(&server).await?;
    for (name, pem) in refused()? {
        let bad = (400, "invalid public key".to_owned());
        let offer = json!({"public_key": pem}).to_string();
        assert_eq!(server.post(&handshake(USER, &sid), offer).await?, bad, "T1 with {name}");
        for password in [PASSWORD, "wrong"] {
            let body = edited(&phone.one_step(&server, password)?, &json!({"public_key": pem}))?;
            assert_eq!(server.post(&session(USER, &sid), body).await?, bad, "O with {name}");
        }
    }
    assert_eq!(Written::by(&server).await?, before, "no device, no failure, no session");
    phone.pair(&server, USER, &sid).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_of_2048_to_4096_bits_is_taken_however_its_lines_end() -> Result {
    let server = lenient(Layout::SqliteShared).await?.start().await?;
    let phone = Phone::new()?;
    let sound = &phone.public_pem;
    let taken = [
        ("2048 bits", public_pem(2048, 65_537)?),
        ("an exponent of three", public_pem(2048, 3)?),
        ("3072 bits", public_pem(3072, 65_537)?),
        ("4096 bits", public_pem(4096, 65_537)?),
        ("lines that end as on Windows", sound.replace('\n', "\r\n")),
        ("no newline at the end", sound.trim().to_owned()),
        ("space around it", format!("\n {sound}\n\n")),
    ];
    for (name, pem) in taken {
        let offer = json!({"public_key": pem}).to_string();
        let (status, answer) = server.post(&handshake(USER, &server.sid(USER).await?), offer).await?;
        assert_eq!(status, 200, "T1 with {name}: {answer}");
        let body = edited(&phone.one_step(&server, PASSWORD)?, &json!({"public_key": pem}))?;
        let (status, answer) = server.post(&session(USER, &server.sid(USER).await?), body).await?;
        assert_eq!(status, 200, "O with {name}: {answer}");
    }
    Ok(())
}

on_both_engines!(what_is_not_rsa_of_a_fair_size_is_refused);
