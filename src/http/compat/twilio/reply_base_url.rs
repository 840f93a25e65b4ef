//! Under which address the URLs of an answer stand: the one that its request was sent to.

use crate::http::{App, RequestParts, address};
use crate::model::PublicOrigin;

/// `https://sms.example.org`, without a slash at its end.
pub(super) struct ReplyBaseUrl(String);

impl ReplyBaseUrl {
    /// Scheme and host of the request, or as trusted proxies say; where it names no host, the server's public URL.
    pub(super) fn of(app: &App, request: &RequestParts) -> Self {
        let caller = &request.caller;
        let host = address::host(caller.is_proxied, &request.headers, &app.settings.trusted_proxies);
        let named = host.and_then(|host| Self::at(caller.is_secure, host));
        named.unwrap_or_else(|| Self(app.origin.to_string()))
    }

    /// `None`: this is no host.
    fn at(is_secure: bool, host: &str) -> Option<Self> {
        PublicOrigin::from_host(is_secure, host).ok()?;
        Some(Self(format!("{}://{host}", if is_secure { "https" } else { "http" })))
    }

    /// The URL of a path, which begins with a slash.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_stand_on_the_host_as_it_was_asked() {
        let url = |is_secure, host| ReplyBaseUrl::at(is_secure, host).map(|base| base.join("/v1/Services"));
        assert_eq!(url(true, "sms.example.org").as_deref(), Some("https://sms.example.org/v1/Services"));
        assert_eq!(url(false, "[::1]:6996").as_deref(), Some("http://[::1]:6996/v1/Services"));
        for wrong in ["", "a/b", "a b", "u@h", "h:x", "h\"x"] {
            assert_eq!(url(true, wrong), None, "{wrong}");
        }
    }
}
