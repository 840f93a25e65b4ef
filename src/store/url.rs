//! Store URLs: `sqlite:PATH` or `mysql://user:password@host:port/database`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    Sqlite(PathBuf),
    Mysql(String),
}

#[derive(Debug, thiserror::Error)]
#[error("a store URL is sqlite:PATH or mysql://user:password@host:port/database")]
pub struct NotAStoreUrl;

impl FromStr for StoreUrl {
    type Err = NotAStoreUrl;

    fn from_str(text: &str) -> Result<Self, NotAStoreUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            // `sqlite:///var/x` and `sqlite:/var/x` are the same file
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(NotAStoreUrl) } else { Ok(Self::Sqlite(path.into())) };
        }
        let opts = mysql_async::Opts::from_url(text).map_err(|_| NotAStoreUrl)?;
        if opts.db_name().is_some_and(|name| !name.is_empty()) {
            Ok(Self::Mysql(text.to_owned()))
        } else {
            Err(NotAStoreUrl)
        }
    }
}

/// The URL without its password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Mysql(url) => f.write_str(&redact_url(url)),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Replaces the password of a URL by `***`.
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_told_by_their_url() {
        assert_eq!("sqlite:a/b.db".parse().ok(), Some(StoreUrl::Sqlite("a/b.db".into())));
        assert_eq!("sqlite:///a.db".parse().ok(), Some(StoreUrl::Sqlite("/a.db".into())));
        assert!(matches!("mysql://u:p@h:3306/d".parse(), Ok(StoreUrl::Mysql(_))));
        for bad in ["", "sqlite:", "postgres://h/d", "mysql://h:3306", "mysql://h:3306/"] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(redact_url("mysql://u:p@ss@h:1/d"), "mysql://u:***@h:1/d");
        assert_eq!(redact_url("redis://:secret@h"), "redis://:***@h");
        assert_eq!(redact_url("redis://h:6379"), "redis://h:6379");
    }
}
