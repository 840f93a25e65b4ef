//! JSON before it is parsed: strings that hold what no text can (lone surrogates, NUL, bytes that are no UTF-8).
//!
//! A parser only says that something is wrong with an escape; a client is told of which field and where, and what a
//! carrier posts is read all the same.

mod twice;

use std::borrow::Cow;
use std::ops::Range;

use super::text::{NotText, TextFlaw};

pub use self::twice::twice;

/// A string that is no text. `path`: `metadata.note`, `media_urls[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTextString {
    pub path: String,
    pub reason: NotText,
}

/// Nothing here needs a closer look: neither a surrogate's escape nor what no string may hold.
fn is_plain(json: &[u8]) -> bool {
    let is_odd = |escape: &[u8]| matches!(escape, [b'\\', b'u', b'd' | b'D', ..] | b"\\u000");
    !json.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
        && !json.windows(5).any(is_odd)
        && std::str::from_utf8(json).is_ok()
}

enum JsonToken {
    /// `{`, `}`, `[`, `]`, `,` or `:`.
    Mark(u8),
    /// What stands between two quotes.
    String(Range<usize>),
}

/// Whatever is neither is passed over: the parser will judge it.
fn tokens(json: &[u8]) -> impl Iterator<Item = JsonToken> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let byte = *json.get(at)?;
            at += 1;
            match byte {
                b'{' | b'}' | b'[' | b']' | b',' | b':' => return Some(JsonToken::Mark(byte)),
                b'"' => {
                    let start = at;
                    while *json.get(at)? != b'"' {
                        at += if json.get(at) == Some(&b'\\') { 2 } else { 1 };
                    }
                    at += 1;
                    return Some(JsonToken::String(start..at - 1));
                }
                _ => {}
            }
        }
    })
}

fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The first character of what stands in a string, and in how many bytes.
fn character(rest: &[u8]) -> (usize, Result<char, TextFlaw>) {
    match rest {
        [0, ..] => (1, Err(TextFlaw::Nul)),
        [b'\\', b'u', ..] => match unit(rest) {
            Some(0) => (6, Err(TextFlaw::Nul)),
            Some(first) => {
                let second = rest.get(6..).and_then(unit);
                match char::decode_utf16([first].into_iter().chain(second)).next() {
                    Some(Ok(c)) => (6 * c.len_utf16(), Ok(c)),
                    _ => (6, Err(TextFlaw::Surrogate(first))),
                }
            }
            // no escape at all: the parser will say so
            None => (2, Ok('u')),
        },
        [b'\\', escaped, ..] if escaped.is_ascii() => (
            2,
            Ok(match escaped {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                other => char::from(*other),
            }),
        ),
        _ => {
            let chunk = rest.get(..rest.len().min(4)).and_then(|some| some.utf8_chunks().next());
            match chunk.map(|chunk| (chunk.valid().chars().next(), chunk.invalid().len())) {
                Some((Some(c), _)) => (c.len_utf8(), Ok(c)),
                Some((None, bad)) => (bad.max(1), Err(TextFlaw::NotUtf8)),
                None => (1, Err(TextFlaw::NotUtf8)),
            }
        }
    }
}

/// The characters of a string, each with the bytes that it came as.
fn characters(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], Result<char, TextFlaw>)> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (length, read) = character(rest);
        let (raw, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        Some((raw, read))
    })
}

enum JsonStep {
    Name(String),
    Item(usize),
}

fn shown(path: &[JsonStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            JsonStep::Name(name) if text.is_empty() => text.push_str(name),
            JsonStep::Name(name) => text.extend([".", name]),
            JsonStep::Item(place) => text.extend(["[", &place.to_string(), "]"]),
        }
    }
    text
}

/// Refuses JSON in which a string is no text: the first of them is named.
pub fn check(json: &[u8]) -> Result<(), NotTextString> {
    if is_plain(json) {
        return Ok(());
    }
    let (mut path, mut is_name) = (Vec::new(), false);
    for token in tokens(json) {
        match token {
            JsonToken::Mark(b'{') => {
                path.push(JsonStep::Name(String::new()));
                is_name = true;
            }
            JsonToken::Mark(b'[') => path.push(JsonStep::Item(0)),
            JsonToken::Mark(b'}' | b']') => drop(path.pop()),
            JsonToken::Mark(b',') => match path.last_mut() {
                Some(JsonStep::Item(place)) => *place += 1,
                _ => is_name = true,
            },
            JsonToken::Mark(_) => is_name = false,
            JsonToken::String(range) => {
                let string = json.get(range).unwrap_or_default();
                if let Some(JsonStep::Name(name)) = path.last_mut()
                    && is_name
                {
                    *name = characters(string).map(|(_, read)| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
                }
                let flaw = characters(string).enumerate().find_map(|(before, (_, read))| Some((before, read.err()?)));
                if let Some((before, flaw)) = flaw {
                    return Err(NotTextString { path: shown(&path), reason: NotText { at: before + 1, flaw } });
                }
            }
        }
    }
    Ok(())
}

/// The same JSON with U+FFFD wherever a string held no character, and raw control characters escaped.
pub fn repaired(json: &[u8]) -> Cow<'_, [u8]> {
    if is_plain(json) && !json.iter().any(|byte| *byte < b' ') {
        return Cow::Borrowed(json);
    }
    let (mut out, mut copied) = (Vec::with_capacity(json.len()), 0);
    for token in tokens(json) {
        let JsonToken::String(range) = token else { continue };
        out.extend_from_slice(json.get(copied..range.start).unwrap_or_default());
        copied = range.end;
        for (raw, read) in characters(json.get(range).unwrap_or_default()) {
            match (raw, read) {
                (_, Err(_)) => out.extend_from_slice("\u{fffd}".as_bytes()),
                ([control @ 0..b' '], Ok(_)) => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
                (raw, Ok(_)) => out.extend_from_slice(raw),
            }
        }
    }
    out.extend_from_slice(json.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "json_test.rs"]
mod tests;
