//! How a value is written where it stands, so that it ends there and nowhere else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a path and a query (RFC 3986, 2.3); all else is escaped.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EscapeContext {
    /// In a path, or in the name or value of a query.
    Url,
    Header,
    /// In a text or an attribute.
    Xml,
    /// Where somebody else escapes it whole: a field of a form, a text of JSON, a login.
    Whole,
}

impl EscapeContext {
    /// The value as it is written there; or what is wrong with it, behind its name.
    pub(super) fn escape(self, value: &str) -> Result<String, &'static str> {
        match self {
            Self::Url => Ok(utf8_percent_encode(value, URL).to_string()),
            Self::Header if value.contains(|c: char| c.is_control() && c != '\t') => {
                Err("holds a line end or a control character, which no header may")
            }
            Self::Header | Self::Whole => Ok(value.to_owned()),
            Self::Xml => xml(value).ok_or("holds a character that XML cannot carry"),
        }
    }
}

/// Good in a text and between either kind of quotes. Blanks that a parser would change are written as references.
fn xml(value: &str) -> Option<String> {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            // XML 1.0, 2.2
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => return None,
            other => escaped.push(other),
        }
    }
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_place_has_its_own_escapes() {
        for (position, value, written) in [
            (EscapeContext::Url, "a b&c=d/e?f#g%h+i..", "a%20b%26c%3Dd%2Fe%3Ff%23g%25h%2Bi.."),
            (EscapeContext::Url, "é\r\n", "%C3%A9%0D%0A"),
            (EscapeContext::Header, "a: b\t\"c\" é", "a: b\t\"c\" é"),
            (EscapeContext::Xml, "<a b='c'>&\"\r\n\t", "&lt;a b=&apos;c&apos;&gt;&amp;&quot;&#13;&#10;&#9;"),
            (EscapeContext::Whole, "<&\"\r\n", "<&\"\r\n"),
        ] {
            assert_eq!(position.escape(value).as_deref(), Ok(written), "{position:?}");
        }
        for split in ["a\r\nX-Admin: yes", "a\nb", "a\rb", "\0", "\u{7f}", "\u{85}"] {
            assert!(EscapeContext::Header.escape(split).is_err(), "{split:?}");
        }
        for odd in ["\0", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(EscapeContext::Xml.escape(odd).is_err(), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn a_url_gives_it_back(value in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
            let escaped = EscapeContext::Url.escape(&value).unwrap();
            prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let url = reqwest::Url::parse(&format!("https://h/x{escaped}x?a={escaped}&b=1")).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(&pairs, &[("a".to_owned(), value.clone()), ("b".to_owned(), "1".to_owned())]);
            let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(path, format!("/x{value}x"));
        }

        #[test]
        fn xml_gives_it_back(value in "\\PC{0,40}|[\\t\\n\\r -\\x7f]{0,40}") {
            prop_assume!(!value.contains(['\u{fffe}', '\u{ffff}']));
            let escaped = EscapeContext::Xml.escape(&value).unwrap();
            let written = format!("<a b=\"{escaped}\" c='{escaped}'>{escaped}</a>");
            let document = roxmltree::Document::parse(&written).unwrap();
            let root = document.root_element();
            prop_assert_eq!(root.attribute("b"), Some(value.as_str()));
            prop_assert_eq!(root.attribute("c"), Some(value.as_str()));
            prop_assert_eq!(root.text().unwrap_or_default(), value.as_str());
            prop_assert_eq!(root.children().filter(roxmltree::Node::is_element).count(), 0);
        }

        #[test]
        fn a_header_holds_it_or_it_is_refused(value in "\\PC{0,40}|[\\x00-\\x7f]{0,40}|[a:\\t\\r\\n]{0,6}") {
            let is_split = value.chars().any(|c| c.is_control() && c != '\t');
            match EscapeContext::Header.escape(&value) {
                Ok(written) => {
                    prop_assert!(!is_split && http::HeaderValue::from_bytes(written.as_bytes()).is_ok());
                    prop_assert_eq!(written, value);
                }
                Err(_) => prop_assert!(is_split),
            }
        }
    }
}
