//! Logins in URLs: they are for whoever is called there, and shown to nobody else.

use url::Url;

/// A URL as it may be shown. What brings no login comes back as it was written.
pub fn shown(url: String) -> String {
    match Url::parse(&url) {
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => without(parsed).into(),
        _ => url,
    }
}

/// The same URL without its login.
pub fn without(mut url: Url) -> Url {
    // what has a host, as this has, can be without a login
    let _ = (url.set_username(""), url.set_password(None));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_login_is_taken_out() {
        for (url, wanted) in [
            ("https://u:p@h.example/a?b=c", "https://h.example/a?b=c"),
            ("https://u@h.example", "https://h.example/"),
            ("https://h.example", "https://h.example"),
            ("no URL", "no URL"),
        ] {
            assert_eq!(shown(url.to_owned()), wanted);
        }
    }
}
