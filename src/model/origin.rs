//! Where clients reach us: scheme, host and port, and the URLs made of them.

use std::fmt;
use std::str::FromStr;

use super::read_from_text;

/// `http(s)://host:port`, the port always written (phones force-unwrap it), no path
/// (phones take path segment 4 as the user id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin {
    is_secure: bool,
    authority: String,
}

#[derive(Debug, thiserror::Error)]
#[error("a public URL is http://host:port or https://host:port, without a path")]
pub struct NotAnOrigin;

impl PublicOrigin {
    /// From a `Host` header.
    pub fn from_host(is_secure: bool, host: &str) -> Result<Self, NotAnOrigin> {
        let port = if is_secure { 443 } else { 80 };
        let named = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'));
        let uri: http::uri::Authority = host.parse().map_err(|_| NotAnOrigin)?;
        let is_whole = uri.port_u16().is_some() || uri.as_str() == uri.host();
        if !named || !is_whole || uri.host().is_empty() {
            return Err(NotAnOrigin);
        }
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { is_secure, authority: format!("{}:{port}", uri.host()) })
    }

    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// `ws://host:port` or `wss://host:port`.
    pub fn socket(&self) -> String {
        format!("{}://{}", if self.is_secure { "wss" } else { "ws" }, self.authority)
    }

    /// The same under the scheme that opens the mobile app.
    pub fn mobile(&self) -> String {
        format!("{}://{}", if self.is_secure { "apps" } else { "app" }, self.authority)
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_secure { "https" } else { "http" }, self.authority)
    }
}

impl FromStr for PublicOrigin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAnOrigin)?;
        let is_secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(NotAnOrigin),
        };
        Self::from_host(is_secure, rest.strip_suffix('/').unwrap_or(rest))
    }
}

read_from_text!(PublicOrigin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_always_written() -> Result<(), NotAnOrigin> {
        assert_eq!("http://sms.example.org".parse::<PublicOrigin>()?.to_string(), "http://sms.example.org:80");
        let secure: PublicOrigin = "https://sms.example.org/".parse()?;
        assert_eq!(
            (secure.to_string(), secure.socket(), secure.mobile()),
            (
                "https://sms.example.org:443".into(),
                "wss://sms.example.org:443".into(),
                "apps://sms.example.org:443".into(),
            )
        );
        assert_eq!("http://[::1]:6996".parse::<PublicOrigin>()?.socket(), "ws://[::1]:6996");
        Ok(())
    }

    #[test]
    fn nothing_may_stand_before_v2() {
        for bad in ["", "localhost:1", "ftp://h", "http://", "http://h/path", "http://u@h", "http://h:x", "http://h\"x"]
        {
            assert!(bad.parse::<PublicOrigin>().is_err(), "{bad}");
        }
    }
}
