//! Forms: `application/x-www-form-urlencoded` (the URL standard, 5.1), from carriers and from clients.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::FormCharset;
use super::text::{self, NotText};

/// A field of a client's form that is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTextField {
    pub name: String,
    pub reason: NotText,
}

/// Most parts are as they are written.
fn decoded(part: &[u8]) -> Cow<'_, [u8]> {
    if !part.contains(&b'+') {
        return percent_decode(part).into();
    }
    let mut spaced = part.to_vec();
    spaced.iter_mut().filter(|byte| **byte == b'+').for_each(|byte| *byte = b' ');
    match percent_decode(&spaced).into() {
        Cow::Owned(decoded) => Cow::Owned(decoded),
        Cow::Borrowed(_) => Cow::Owned(spaced),
    }
}

/// What is no UTF-8 is U+FFFD.
fn lossy(bytes: Cow<'_, [u8]>) -> String {
    String::from_utf8(bytes.into_owned()).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn raw(form: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &pair[pair.len()..]),
        }
    })
}

fn pairs(form: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    raw(form).map(|(name, value)| (decoded(name), decoded(value)))
}

/// A form as it was signed: what is no UTF-8 is U+FFFD, as those read it who check signatures. They take the form for
/// a text before they look at its escapes.
pub fn fields(form: &[u8]) -> Vec<(String, String)> {
    pairs(text::lossy(form).as_bytes()).map(|(name, value)| (lossy(name), lossy(value))).collect()
}

/// What [`fields`] has first under this name, both ASCII; no other value is read for it.
pub fn first(form: &[u8], name: &str) -> Option<String> {
    let (_, value) = raw(form).find(|(known, _)| decoded(known) == name.as_bytes())?;
    Some(lossy(decoded(value)))
}

/// A client's form, written in `charset`: each field must be a text.
pub fn texts(form: &[u8], charset: FormCharset) -> Result<Vec<(String, String)>, NotTextField> {
    let read = |(name, value): (Cow<'_, [u8]>, Cow<'_, [u8]>)| {
        let bad = |reason| NotTextField { name: text::kept(lossy(name.clone())), reason };
        let value = text::read(charset.to_utf8(value.into_owned())).map_err(bad)?;
        Ok((text::read(charset.to_utf8(name.clone().into_owned())).map_err(bad)?, value))
    };
    pairs(form).map(read).collect()
}

/// `true` or `false` in any case, as languages write them.
pub fn flag(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::TextFlaw;
    use super::*;

    fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_form_s_fields_keep_their_order_and_their_plus_signs() {
        let form = b"From=%2B237123456789&Body=a+b%20c&&Empty=&Bare&Body=%E2%9C%93";
        let expected = [("From", "+237123456789"), ("Body", "a b c"), ("Empty", ""), ("Bare", ""), ("Body", "✓")];
        assert_eq!(borrowed(&fields(form)), expected);
        assert_eq!(borrowed(&texts(form, FormCharset::Utf8).unwrap()), expected);
    }

    #[test]
    fn what_a_carrier_s_form_cannot_say_is_replaced_and_a_client_s_is_refused() {
        for (form, read, name, at, flaw) in [
            (&b"Body=caf%E9"[..], ("Body", "caf\u{fffd}"), "Body", 4, TextFlaw::NotUtf8),
            (b"Body=caf\xe9!", ("Body", "caf\u{fffd}!"), "Body", 4, TextFlaw::NotUtf8),
            (b"Body=%ED%A0%80", ("Body", "\u{fffd}\u{fffd}\u{fffd}"), "Body", 1, TextFlaw::NotUtf8),
            (b"Body=a%00b", ("Body", "a\0b"), "Body", 2, TextFlaw::Nul),
            (b"B%00=a", ("B\0", "a"), "B\u{fffd}", 2, TextFlaw::Nul),
        ] {
            assert_eq!(borrowed(&fields(form)), [read]);
            let bad = NotTextField { name: name.to_owned(), reason: NotText { at, flaw } };
            assert_eq!(texts(form, FormCharset::Utf8), Err(bad), "{form:?}");
        }
        // no escapes: they stay as they are, as browsers leave them
        assert_eq!(borrowed(&texts(b"a=100%&b=%zz", FormCharset::Utf8).unwrap()), [("a", "100%"), ("b", "%zz")]);
    }

    #[test]
    fn the_first_of_a_name_is_that_of_all_fields() {
        let form = b"a=1&&B%6fdy=a+b&Body=c&Bare&\xff=2&x=caf\xe9";
        for name in ["a", "Body", "Bare", "x", "y", "body"] {
            let read = fields(form).into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
            assert_eq!(first(form, name), read, "{name}");
        }
    }

    #[test]
    fn flags_are_read_in_any_case() {
        for (text, read) in [("true", true), ("True", true), ("TRUE", true), ("false", false), (" False ", false)] {
            assert_eq!(flag(text), Some(read), "{text}");
        }
        assert!(["", "yes", "1", "truee"].into_iter().all(|text| flag(text).is_none()));
    }

    proptest! {
        #[test]
        fn clients_and_carriers_are_read_alike(pairs in prop::collection::vec(("[^\\x00]{0,8}", "[^\\x00]{0,12}"), 0..4)) {
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let read = texts(form.as_bytes(), FormCharset::Utf8);
            prop_assert_eq!(read.as_ref(), Ok(&fields(form.as_bytes())));
            prop_assert_eq!(read, Ok(pairs));
        }

        #[test]
        fn no_form_panics(form in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (fields(&form), texts(&form, FormCharset::Utf8));
        }
    }
}
