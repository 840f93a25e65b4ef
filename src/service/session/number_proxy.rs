//! What the number proxy's door tells people: each text under the name of whoever runs it.

use serde::Deserialize;

use crate::model::Secret;

/// `[compat.number_proxy]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberProxySettings {
    /// Stands before each of these texts, in capitals.
    pub org_name: String,
    pub start_text: String,
    pub end_text: String,
    /// Who texts one of its numbers, and is in no session there.
    pub none_text: String,
    /// The account that new numbers are added to.
    pub flowroute_access_key: String,
    pub flowroute_secret_key: Secret,
}

impl NumberProxySettings {
    /// What people are told when their session begins; nothing where there is no text.
    pub fn start(&self) -> Option<String> {
        self.named(&self.start_text)
    }

    /// The same when it has ended.
    pub fn end(&self) -> Option<String> {
        self.named(&self.end_text)
    }

    /// The same where there is none.
    pub fn none(&self) -> Option<String> {
        self.named(&self.none_text)
    }

    fn named(&self, text: &str) -> Option<String> {
        (!text.is_empty()).then(|| format!("[{}]: {text}", self.org_name.to_uppercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_is_in_capitals() {
        let settings = NumberProxySettings {
            org_name: "Your Org Name".to_owned(),
            start_text: "It begins.".to_owned(),
            end_text: String::new(),
            none_text: "None.".to_owned(),
            flowroute_access_key: String::new(),
            flowroute_secret_key: Secret::new(String::new()),
        };
        assert_eq!(settings.start().as_deref(), Some("[YOUR ORG NAME]: It begins."));
        assert_eq!((settings.end(), settings.none().as_deref()), (None, Some("[YOUR ORG NAME]: None.")));
    }
}
