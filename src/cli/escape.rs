//! What others wrote (people, carriers, servers), made harmless for a terminal: nothing in it moves a cursor, begins a
//! line, or turns the text around it.

use std::fmt::Write as _;

use serde_json::Value;

/// Controls, ends of lines and paragraphs, and what says which way text runs.
fn is_harmful(c: char) -> bool {
    let is_bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_bidi
}

/// On one line: `\n`, `\u{1b}`.
pub(super) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// The same of a text of lines, tabs among them, such as CSV.
pub(super) fn lines(text: &str) -> String {
    let end = |part: &str| part.strip_suffix('\n').map_or(part.len(), |kept| kept.trim_end_matches('\r').len());
    let clean = |part: &str| {
        let (kept, end) = part.split_at(end(part));
        let cells: Vec<String> = kept.split('\t').map(line).collect();
        cells.join("\t") + end
    };
    text.split_inclusive('\n').map(clean).collect()
}

/// JSON as it stands, but for what its own rules let through: escaped, it is read as the same.
pub(super) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_harmful(c) {
            // writing into a String cannot fail
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// All texts and names in an object, each on one line.
pub(super) fn object(value: &Value) -> Value {
    match value {
        Value::String(text) => line(text).into(),
        Value::Array(items) => items.iter().map(object).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (line(name), object(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HARMFUL: &str = "a\u{1b}[2J\u{9b}2J\r\n\u{7f}\u{202e}\u{2067}\u{200f}\u{2028}z\t";

    #[test]
    fn nothing_harmful_is_left() {
        for text in [line(HARMFUL), lines(HARMFUL).replace(['\r', '\n', '\t'], ""), json(HARMFUL).replace('\n', "")] {
            assert!(!text.chars().any(is_harmful) && text.starts_with('a'), "{text:?}");
        }
        assert_eq!(line("a\u{1b}[2J\n\t"), "a\\u{1b}[2J\\n\\t");
        assert_eq!(line("Zürich \\ 👩\u{200d}👧 اهلا"), "Zürich \\ 👩\u{200d}👧 اهلا");
    }

    #[test]
    fn lines_stay_lines() {
        for text in ["", "a", "a\n", "a,b\r\nc\td\r\n\r\n", "\n\n"] {
            assert_eq!(lines(text), text);
        }
        assert_eq!(lines("a\rb\u{9b}\n"), "a\\rb\\u{9b}\n");
    }

    #[test]
    fn json_is_read_as_the_same() -> serde_json::Result<()> {
        let value = json!({ HARMFUL: [HARMFUL, {"n": 1}] });
        for text in [json(&format!("{value:#}")), json(&value.to_string())] {
            assert_eq!(serde_json::from_str::<Value>(&text)?, value);
        }
        assert_eq!(object(&value), json!({ line(HARMFUL): [line(HARMFUL), {"n": 1}] }));
        Ok(())
    }
}
