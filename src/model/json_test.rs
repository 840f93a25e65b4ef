use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn the_first_string_that_is_no_text_is_named() {
    for (json, path, at, flaw) in [
        (&br#"{"body": "ab\ud800"}"#[..], "body", 3, TextFlaw::Surrogate(0xd800)),
        (br#"{"body": "\uDC00\uD800"}"#, "body", 1, TextFlaw::Surrogate(0xdc00)),
        (br#"{"body": "\ud83d\ude00\ud83d!"}"#, "body", 2, TextFlaw::Surrogate(0xd83d)),
        (br#"{"body": "\ud83d\u0041"}"#, "body", 1, TextFlaw::Surrogate(0xd83d)),
        (br#"{"to": "x", "body": "a\n\u0000"}"#, "body", 3, TextFlaw::Nul),
        (b"{\"body\": \"a\0\"}", "body", 2, TextFlaw::Nul),
        (b"{\"body\": \"\xe9\"}", "body", 1, TextFlaw::NotUtf8),
        (b"{\"body\": \"\xf0\x9f\x98\"}", "body", 1, TextFlaw::NotUtf8),
        (br#"{"metadata": {"a": [1, {"b": "x", "c": "y"}, "\u0000"]}}"#, "metadata.a[2]", 1, TextFlaw::Nul),
        (br#"{"metadata": {"a": {"b": "x"}, "c\u0000": 1}}"#, "metadata.c\u{fffd}", 2, TextFlaw::Nul),
        (br#"{"media_urls": ["a", ",\"[", "\ud800"]}"#, "media_urls[2]", 1, TextFlaw::Surrogate(0xd800)),
        (br#"{"a": "x", "b": {"c": []}, "d": "\ud800"}"#, "d", 1, TextFlaw::Surrogate(0xd800)),
    ] {
        let bad = NotTextString { path: path.to_owned(), reason: NotText { at, flaw } };
        assert_eq!(check(json), Err(bad), "{}", String::from_utf8_lossy(json));
    }
    for good in [r#"{"body": "\\ud800 \\u0000 \ud83d\ude00 \u00e9 \u000a"}"#, "{", "[\"", "\"\\", "7", ""] {
        assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
    }
}

#[test]
fn what_a_carrier_posts_is_read_with_what_can_be_kept() {
    for (json, expected) in [
        (&br#"["a\ud800b"]"#[..], "a\u{fffd}b"),
        (br#"["\udc00\ud800"]"#, "\u{fffd}\u{fffd}"),
        (br#"["\ud83d\ude00"]"#, "😀"),
        (br#"["\u0000\\u0000"]"#, "\u{fffd}\\u0000"),
        (b"[\"\0\x01\n\"]", "\u{fffd}\u{1}\n"),
        (b"[\n\"caf\xe9\"\n]", "caf\u{fffd}"),
        (b"[\"\xf0\x9f\x98\xf0\x9f\x98\x80\"]", "\u{fffd}😀"),
    ] {
        let read: Value = serde_json::from_slice(&repaired(json)).unwrap();
        assert_eq!(read, serde_json::json!([expected]), "{}", String::from_utf8_lossy(json));
    }
}

proptest! {
    /// What the parser takes is what is no text's business, NUL aside.
    #[test]
    fn only_what_cannot_be_read_is_refused(units in prop::collection::vec(prop_oneof![0xd7fe_u16..0xe002, 1..0x80_u16], 0..6)) {
        let escaped: String = units.iter().flat_map(|unit| ["\\u".to_owned(), format!("{unit:04x}")]).collect();
        let json = format!("{{\"a\": [\"{escaped}\"]}}");
        let parsed = serde_json::from_str::<Value>(&json);
        prop_assert_eq!(check(json.as_bytes()).is_ok(), parsed.is_ok());
        let read: Value = serde_json::from_slice(&repaired(json.as_bytes()))?;
        prop_assert_eq!(&read["a"][0], &String::from_utf16_lossy(&units));
        if let Ok(parsed) = parsed {
            prop_assert_eq!(read, parsed);
        }
    }

    #[test]
    fn texts_are_left_alone(text in "\\PC{0,30}", name in "\\PC{0,8}") {
        let json = serde_json::json!({ name: text, "b": [text] }).to_string();
        prop_assert_eq!(check(json.as_bytes()), Ok(()));
        let repaired = repaired(json.as_bytes());
        prop_assert_eq!(repaired.as_ref(), json.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'u')], 0..60)) {
        let _ = (check(&bytes), repaired(&bytes));
    }
}
