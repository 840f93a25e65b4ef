//! The payload's parser and its keys under known answers and random input.

use proptest::prelude::*;

use super::*;

const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const KNOWN: &str = "YWJjZGVmZ2hpamtsbW5vcDVjNkREbzF2TStJeXNsR3ZPVGtRbUE9PQ==";

fn key() -> SharedKey {
    SharedKey::from_bytes(KEY).unwrap()
}

fn open(text: &str, keys: &[SharedKey]) -> Option<String> {
    let opened = EncryptedPayload::parse(text).ok()?.open(keys, |_| true).unwrap()?;
    Some(opened.1.expose().to_owned())
}

#[test]
fn the_contract_s_known_answer_holds() {
    assert_eq!(EncryptedPayload::seal_with(&key(), b"abcdefghijklmnop", "t:hello").unwrap(), KNOWN);
    assert_eq!(open(KNOWN, &[key()]).as_deref(), Some("t:hello"));
    // padding cut off, and white space anywhere
    assert_eq!(open(KNOWN.trim_end_matches('='), &[key()]).as_deref(), Some("t:hello"));
    let wrapped: String = KNOWN.chars().flat_map(|c| [c, '\r', '\n', ' ']).collect();
    assert_eq!(open(&wrapped, &[key()]).as_deref(), Some("t:hello"));
}

#[test]
fn what_their_library_seals_is_ours() -> Result<(), Box<dyn std::error::Error>> {
    let vectors = crate::crypto::vectors("sms_payload_v2.json")?;
    let cases = vectors["cases"].as_array().ok_or("no cases")?;
    assert!(cases.len() >= 4);
    for case in cases {
        let text = |name: &str| case[name].as_str().ok_or(name.to_owned());
        let key = SharedKey::from_bytes(text("shared_key_ascii")?.as_bytes())?;
        let iv = text("iv_ascii")?.as_bytes().try_into()?;
        assert_eq!(EncryptedPayload::seal_with(&key, iv, text("plaintext")?)?, text("sms_text_b64")?);
        for name in ["sms_text_b64", "sms_text_b64_wrapped_76"] {
            assert_eq!(open(text(name)?, std::slice::from_ref(&key)).as_deref(), Some(text("plaintext")?), "{case}");
        }
    }
    Ok(())
}

#[test]
fn the_inner_base64_may_be_wrapped_too() {
    let text = STANDARD.encode("abcdefghijklmnop5c6DDo1vM+Iy\nslGvOTkQmA==\n");
    assert_eq!(open(&text, &[key()]).as_deref(), Some("t:hello"));
    let cut = STANDARD.encode("abcdefghijklmnop5c6DDo1vM+IyslGvOTkQmA");
    assert_eq!(open(&cut, &[key()]).as_deref(), Some("t:hello"));
}

#[test]
fn what_is_not_well_formed_is_refused_before_any_key() {
    let inner = |inner: &str| STANDARD.encode(format!("abcdefghijklmnop{inner}"));
    let long = inner(&STANDARD.encode(vec![0; LONGEST + BLOCK]));
    for bad in ["", "=", "====", "hello", &inner(""), &inner("AAAA"), &inner("5c6DDo1vM-IyslGvOTkQmA=="), &long] {
        assert!(EncryptedPayload::parse(bad).is_err(), "{bad}");
    }
    let iv = STANDARD.encode(b"\xffbcdefghijklmnop5c6DDo1vM+IyslGvOTkQmA==");
    assert!(EncryptedPayload::parse(&iv).is_err(), "the IV is not ASCII");
    assert!(EncryptedPayload::parse(&inner(&STANDARD.encode(vec![0; LONGEST]))).is_ok());
}

#[test]
fn the_first_key_that_fits_wins_and_a_text_must_be_known() {
    let other = SharedKey::generate();
    assert_eq!(open(KNOWN, &[other.clone(), key()]).as_deref(), Some("t:hello"));
    assert_eq!(open(KNOWN, std::slice::from_ref(&other)), None);
    let found = EncryptedPayload::parse(KNOWN).unwrap().open(&[other, key(), key()], |_| true).unwrap();
    assert!(found.is_some_and(|(at, _)| at == 1));
    assert_eq!(open(KNOWN, &[]), None);
    let payload = EncryptedPayload::parse(KNOWN).unwrap();
    assert!(payload.open(&[key()], |text| text.starts_with("g:")).unwrap().is_none());
}

#[test]
fn every_padding_is_checked_to_its_last_byte() {
    for length in 0..=255_u8 {
        let mut block = [length; BLOCK];
        let is_sound = (1..=16).contains(&length);
        assert_eq!(bool::from(padding(&block).1), is_sound, "{length}");
        for at in 0..BLOCK {
            block[at] ^= 1;
            let is_covered = BLOCK - at <= usize::from(length);
            // the last byte is the length itself
            if is_sound && at < BLOCK - 1 {
                assert_eq!(bool::from(padding(&block).1), !is_covered, "{length} at {at}");
            }
            block[at] ^= 1;
        }
    }
    assert!(!bool::from(padding(&[]).1));
}

#[test]
fn a_changed_bit_never_panics() {
    let bytes = KNOWN.as_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bent = bytes.to_vec();
            bent[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bent) {
                let _ = open(&text, &[key()]);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_sealed_text_opens_again(plain in "\\PC{0,200}") {
        let text = EncryptedPayload::seal(&key(), &plain).unwrap();
        prop_assert_eq!(open(&text, &[SharedKey::generate(), key()]), Some(plain));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = open(&text, &[key()]);
    }

    #[test]
    fn no_base64_panics(outer in prop::collection::vec(any::<u8>(), 0..120), text in "[A-Za-z0-9+/=\\s]{0,200}") {
        let _ = open(&text, &[key()]);
        let _ = open(&STANDARD.encode(outer), &[key()]);
    }

    #[test]
    fn whole_blocks_of_anything_never_panic(blocks in prop::collection::vec(any::<[u8; BLOCK]>(), 1..8)) {
        let inner = STANDARD.encode(blocks.concat());
        let text = STANDARD.encode(format!("abcdefghijklmnop{inner}"));
        prop_assert!(EncryptedPayload::parse(&text).is_ok());
        let _ = open(&text, &[key()]);
    }
}

/// Blocks of which an IV makes UTF-8, at least as far as they go, are more than can be had by chance.
#[test]
fn what_an_iv_makes_text_of_can_begin_one() {
    let spoken = [
        "t:hello, you all",
        "t:é, à, ü, ô, ✓.",
        "g:a@example.org:",
        "T:+237123456789:",
        "t:\u{1f600}\u{1f600}\u{1f600}..",
        "t:cut here .é.",
    ];
    for text in spoken {
        let block = &text.as_bytes()[..text.len().min(BLOCK)];
        for mask in 0..=127_u8 {
            let bare: Vec<u8> = block.iter().map(|byte| byte ^ mask).collect();
            assert!(can_begin(&bare), "{text} under {mask}");
        }
    }
    assert!(!can_begin(b"t:\xc3, and so on.."), "a single byte above");
    assert!(can_begin(b"t:and so it went\xc3"), "it may go on in the next block");
}

proptest! {
    #[test]
    fn a_text_is_known_by_its_first_block_and_few_others(plain in "t:[ -~]{0,300}") {
        let key = SharedKey::generate();
        let payload = EncryptedPayload::parse(&EncryptedPayload::seal(&key, &plain).unwrap()).unwrap();
        let beginnings = payload.beginnings(&key).unwrap();
        prop_assert_eq!(beginnings[0], &payload.ciphertext[..BLOCK]);
        let (bare, iv) = (payload.decrypt_blocks(Cipher::aes_256_ecb(), &key, None).unwrap(), b"abcdefghijklmnop");
        for (block, bare) in payload.ciphertext.chunks(BLOCK).zip(bare.chunks(BLOCK)) {
            let text: Vec<u8> = bare.iter().zip(iv).map(|(bare, iv)| bare ^ iv).collect();
            let is_text = std::str::from_utf8(&text).map_or_else(|error| error.error_len().is_none(), |_| true);
            prop_assert!(!is_text || beginnings.contains(&block));
        }
    }
}
