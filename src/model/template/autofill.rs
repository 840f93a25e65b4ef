//! The last line of a text, by which a browser or an Android app takes the code from it.
//!
//! The line is that of origin-bound one-time codes (<https://wicg.github.io/sms-one-time-codes/#format>); Android's SMS
//! Retriever wants the app's hash at the very end of the text, which that format leaves to others.

use url::Host;

use crate::model::verification::CODE_MARK;

/// Letters of an app's hash.
const HASH_LENGTH: usize = 11;
/// Letters of a host's name, and of each of its labels (RFC 1035, 2.3.4).
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;
/// Bytes of a text that SMS Retriever reads at most.
pub const RETRIEVER_BYTES: usize = 140;

/// For whom the last line is; perhaps for nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autofill {
    /// In lower case, in punycode.
    host: Option<String>,
    app_hash: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAutofill {
    #[error("must be the name of a host, such as login.example.com: without a scheme, a port and a path")]
    Host,
    #[error("must be the app's hash: 11 of the characters A-Z a-z 0-9 + and /")]
    AppHash,
}

impl NotAutofill {
    /// By the field's name in the API.
    pub fn field(self) -> &'static str {
        match self {
            Self::Host => "web_otp_host",
            Self::AppHash => "app_hash",
        }
    }
}

/// A host as the line names it.
fn host(text: &str) -> Option<String> {
    // the reader of URLs would decode percent signs, and drop what may be left out
    let is_of_hosts = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !text.chars().all(is_of_hosts) {
        return None;
    }
    let Ok(Host::Domain(name)) = Host::parse(text) else { return None };
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (name.len() <= LONGEST_HOST && name.split('.').all(is_label)).then_some(name)
}

fn is_app_hash(text: &str) -> bool {
    text.len() == HASH_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

impl Autofill {
    pub fn read(web_otp_host: Option<&str>, app_hash: Option<&str>) -> Result<Self, NotAutofill> {
        let host = web_otp_host.map(|text| host(text).ok_or(NotAutofill::Host)).transpose()?;
        match app_hash {
            Some(hash) if !is_app_hash(hash) => Err(NotAutofill::AppHash),
            hash => Ok(Self { host, app_hash: hash.map(str::to_owned) }),
        }
    }

    /// Whether a browser is to find the code.
    pub fn has_host(&self) -> bool {
        self.host.is_some()
    }

    /// Whether an app is to.
    pub fn has_app(&self) -> bool {
        self.app_hash.is_some()
    }

    /// The line, with [`CODE_MARK`] for the code: `@host #code HASH`, as much of it as there is to say.
    pub fn line(&self) -> Option<String> {
        let bound = self.host.as_ref().map(|host| format!("@{host} #{CODE_MARK}"));
        match (bound, &self.app_hash) {
            (Some(bound), Some(hash)) => Some(format!("{bound} {hash}")),
            (bound, hash) => bound.or_else(|| hash.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(host: Option<&str>, hash: Option<&str>) -> Result<Option<String>, NotAutofill> {
        Autofill::read(host, hash).map(|autofill| autofill.line())
    }

    #[test]
    fn the_line_says_what_there_is_to_say() {
        let (host, hash, code) = (Some("Example.com"), Some("FA+9qCX9VS/"), CODE_MARK);
        assert_eq!(line(None, None), Ok(None));
        assert_eq!(line(host, None), Ok(Some(format!("@example.com #{code}"))));
        assert_eq!(line(None, hash), Ok(Some("FA+9qCX9VS/".to_owned())));
        assert_eq!(line(host, hash), Ok(Some(format!("@example.com #{code} FA+9qCX9VS/"))));
    }

    #[test]
    fn hosts_are_names() {
        for (text, name) in [
            ("example.com", Some("example.com")),
            ("localhost", Some("localhost")),
            ("LOGIN.Example.co.uk", Some("login.example.co.uk")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("example.com:443", None),
            ("https://example.com", None),
            ("example.com/login", None),
            ("user@example.com", None),
            ("example.com.", None),
            (".example.com", None),
            ("a..b", None),
            ("-a.example", None),
            ("a_b.example", None),
            ("ex%61mple.com", None),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("exa mple.com", None),
            ("", None),
        ] {
            assert_eq!(host(text).as_deref(), name, "{text}");
        }
        assert_eq!(host(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(host(&"a.".repeat(130)), None);
    }

    #[test]
    fn hashes_are_eleven_letters() {
        for wrong in ["", "FA+9qCX9VS", "FA+9qCX9VSuu", "FA-9qCX9VSu", "FA+9qCX9VS=", "ФA+9qCX9VS"] {
            assert_eq!(line(None, Some(wrong)), Err(NotAutofill::AppHash), "{wrong}");
        }
        assert_eq!(line(Some("a b"), None).map_err(NotAutofill::field), Err("web_otp_host"));
    }
}
