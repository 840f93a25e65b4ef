//! URLs that somebody else is to fetch or post to, in the one form that goes over the wire.

use url::{ParseError, Url};

/// Longer URLs are nobody's: browsers, proxies and carriers end there.
const LONGEST: usize = 2048;

/// Why a text is no URL for the web: which part of it, and what that must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWebUrl {
    #[error("must be a whole URL, such as https://example.org/path")]
    Relative,
    #[error("must begin with https:// or http://, not with {0}:")]
    Scheme(String),
    #[error("must have a host that there can be, such as example.org: {0}")]
    Host(ParseError),
    #[error("must have a port from 0 to 65535")]
    Port,
    #[error("must be at most {LONGEST} characters long, and is {0} once it is encoded")]
    Long(usize),
}

/// Reads a URL as browsers do (<https://url.spec.whatwg.org/>): blanks and letters beyond ASCII are encoded, an
/// international host name gets its ASCII form, the usual port is left out.
pub fn normal(text: &str) -> Result<Url, NotAWebUrl> {
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::RelativeUrlWithoutBase | ParseError::RelativeUrlWithCannotBeABaseBase => NotAWebUrl::Relative,
        ParseError::InvalidPort => NotAWebUrl::Port,
        other => NotAWebUrl::Host(other),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotAWebUrl::Scheme(url.scheme().chars().take(32).collect()));
    }
    match url.as_str().len() {
        0..=LONGEST => Ok(url),
        length => Err(NotAWebUrl::Long(length)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_written_as_they_go_over_the_wire() {
        for (text, expected) in [
            ("https://example.com/a", "https://example.com/a"),
            ("https://example.com", "https://example.com/"),
            ("HTTPS://Example.COM:443/A", "https://example.com/A"),
            ("http://example.com:80/", "http://example.com/"),
            ("https://example.com/a b.png", "https://example.com/a%20b.png"),
            (" https://example.com/a\n", "https://example.com/a"),
            ("https://example.com/é?q=ü x", "https://example.com/%C3%A9?q=%C3%BC%20x"),
            ("https://example.com/%C3%a9%20", "https://example.com/%C3%a9%20"),
            ("https://example.com/😀", "https://example.com/%F0%9F%98%80"),
            ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
            ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
            ("https://user:pä ss@example.com/", "https://user:p%C3%A4%20ss@example.com/"),
            ("https://example.com/a/../b/./c", "https://example.com/b/c"),
            ("https:\\\\example.com\\a", "https://example.com/a"),
            ("https://example.com/<a>\"b\"", "https://example.com/%3Ca%3E%22b%22"),
            ("https://example.com/?a=b|c[1]&d='e'", "https://example.com/?a=b|c[1]&d=%27e%27"),
            ("http://[2001:DB8::0:1]/", "http://[2001:db8::1]/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
        ] {
            assert_eq!(normal(text).map(String::from), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_which_part_is_wrong() {
        for (text, said) in [
            ("", "a whole URL"),
            ("example.com/a.png", "a whole URL"),
            ("/a.png", "a whole URL"),
            ("//example.com/a.png", "a whole URL"),
            ("ftp://example.com/a", "not with ftp:"),
            ("example.com:443/a", "not with example.com:"),
            ("data:image/png;base64,AAAA", "not with data:"),
            ("https://", "a host"),
            ("https:///?x", "a host"),
            ("https://exa mple.com/", "a host"),
            ("https://1.2.3.400/", "a host"),
            ("https://[::1/", "a host"),
            ("https://xn--a/", "a host"),
            ("https://example.com:port/", "a port"),
            ("https://example.com:65536/", "a port"),
        ] {
            let error = normal(text).map(String::from).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(said)), "{text}: {error:?}");
        }
        // it is the encoded form that counts
        let long = |letter: &str, count| normal(&format!("https://example.com/{}", letter.repeat(count))).map(drop);
        assert_eq!(long("a", 2028), Ok(()));
        assert_eq!(long("a", 2029), Err(NotAWebUrl::Long(2049)));
        assert_eq!(long("é", 338), Ok(()));
        assert_eq!(long("é", 339), Err(NotAWebUrl::Long(2054)));
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(text in "https?://[a-zé.0-9]{1,12}(:[0-9]{1,4})?/[ -~é]{0,20}") {
            if let Ok(url) = normal(&text) {
                prop_assert!(url.as_str().is_ascii());
                prop_assert_eq!(normal(url.as_str()), Ok(url));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = normal(&text);
        }
    }
}
