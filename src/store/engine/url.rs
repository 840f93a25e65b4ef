//! Store URLs: `sqlite:PATH` or `mysql://user:password@host:port/database`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::{Position, Url};

use crate::model::{debug_as_display, read_from_text};

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

/// The URL without its secrets.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // it has no query: what looks like one is meant for another program, and may be a key
            Self::Sqlite(path) => match path.to_string_lossy().split_once('?') {
                Some((path, _)) => write!(f, "sqlite:{path}?***"),
                None => write!(f, "sqlite:{}", path.display()),
            },
            Self::Mysql(url) => f.write_str(redact_url(url).as_deref().unwrap_or("(hidden)")),
        }
    }
}

debug_as_display!(StoreUrl);

read_from_text!(StoreUrl);

/// A URL with `***` for what is secret in it. `None`: it is none, or an `@` stands behind its host, so that a part of a
/// password may stand anywhere.
pub fn redact_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    if url[Position::AfterHost..].contains('@') {
        return None;
    }
    // its query holds options that are known; elsewhere that may be a password, and so may a name that stands alone
    let is_database = url.scheme() == "mysql";
    if url.password().is_some() {
        url.set_password(Some("***")).ok()?;
    } else if !is_database && !url.username().is_empty() {
        url.set_username("***").ok()?;
    }
    if !is_database && url.query().is_some() {
        url.set_query(Some("***"));
    }
    Some(url.into())
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
        for (url, shown) in [
            ("mysql://u:p@ss@h:1/d?require_ssl=true", "mysql://u:***@h:1/d?require_ssl=true"),
            ("mysql://root@h:1/d", "mysql://root@h:1/d"),
            ("redis://:secret@h", "redis://:***@h"),
            ("redis://h:6379", "redis://h:6379"),
            ("redis://secret@h/1", "redis://***@h/1"),
            ("redis+unix:///tmp/redis?pass=secret", "redis+unix:///tmp/redis?***"),
        ] {
            assert_eq!(redact_url(url).as_deref(), Some(shown));
        }
        for url in ["mysql://u:1/secret@h/d", "mysql://u:s@e/cret@h/d", "mysql://u:1?secret@h/d", "u:secret@h/d", "h"] {
            assert_eq!(redact_url(url), None, "{url}");
        }
        for (url, shown) in [("sqlite:a.db?key=secret", "sqlite:a.db?***"), ("mysql://u:1/d/secret@h", "(hidden)")] {
            assert_eq!(url.parse::<StoreUrl>().map(|url| url.to_string()).ok().as_deref(), Some(shown), "{url}");
        }
    }
}
