//! Secrets in what a carrier answers: some repeat a request, or a part of it, in their words for an error.

use std::cmp::Reverse;

use super::escape::EscapeContext;
use super::template::NamedSecrets;
use crate::model::Secret;
use crate::provider::outcome::HIDDEN;

/// An account's secrets in every form in which they are sent; the longest first, since one may begin like another.
pub(super) struct SecretEchoes(Vec<Secret>);

/// A secret as it is, and as it is escaped.
fn written(secret: &str) -> Vec<Secret> {
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        // without the quotes
        json.get(1..json.len() - 1).unwrap_or_default().to_owned(),
    ];
    forms.extend(
        [EscapeContext::Url, EscapeContext::Xml].into_iter().filter_map(|position| position.escape(secret).ok()),
    );
    forms.into_iter().map(Secret::new).collect()
}

impl SecretEchoes {
    /// `logins`: what is sent of them behind `Basic`.
    pub(super) fn of(secrets: &NamedSecrets, logins: Vec<Secret>) -> Self {
        let mut forms = logins;
        forms.extend(secrets.values().flat_map(|secret| written(secret.expose())));
        forms.retain(|form| !form.is_empty());
        forms.sort_by_key(|form| Reverse(form.expose().len()));
        Self(forms)
    }

    /// A carrier's words without what is secret in them.
    pub(super) fn hide(&self, words: &str) -> String {
        let (mut shown, mut rest) = (String::with_capacity(words.len()), words);
        while let Some(next) = rest.chars().next() {
            if let Some(behind) = self.0.iter().find_map(|form| rest.strip_prefix(form.expose())) {
                shown.push_str(HIDDEN);
                rest = behind;
            } else {
                shown.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echoes(secrets: &[&str]) -> SecretEchoes {
        let named = secrets.iter().enumerate().map(|(at, text)| (format!("s{at}"), Secret::new((*text).to_owned())));
        SecretEchoes::of(&named.collect(), vec![Secret::new("bWU6aHVzaA==".to_owned())])
    }

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        let echoes = echoes(&["hush", "hush&more \"é\"", "a+b c"]);
        for (said, shown) in [
            ("no such key: hush", "no such key: (hidden)"),
            ("hushhush", "(hidden)(hidden)"),
            ("[hush&more \"é\"]", "[(hidden)]"),
            ("[hush%26more%20%22%C3%A9%22]", "[(hidden)]"),
            ("[hush%26more+%22%C3%A9%22]", "[(hidden)]"),
            ("[hush&amp;more &quot;é&quot;]", "[(hidden)]"),
            (r#"[hush&more \"é\"]"#, "[(hidden)]"),
            ("a%2Bb+c, a%2Bb%20c", "(hidden), (hidden)"),
            ("Basic bWU6aHVzaA==", "Basic (hidden)"),
            ("nothing of it: hus", "nothing of it: hus"),
            ("", ""),
        ] {
            assert_eq!(echoes.hide(said), shown, "{said}");
        }
    }

    proptest! {
        #[test]
        fn none_is_left(secret in "[A-Z<&\"% é]{4,12}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let echoes = echoes(&[&secret]);
            for form in written(&secret) {
                let said = format!("{before}{}{after}", form.expose());
                prop_assert_eq!(echoes.hide(&said), format!("{before}{HIDDEN}{after}"));
            }
        }
    }
}
