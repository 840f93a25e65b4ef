//! Patterns that keys bring, each compiled once, when it is asked first: many keys have the same, and most rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use regex::bytes::Regex;

use crate::model::lock::lock;
use crate::service::tariff;

/// What a key may send from, or to.
#[derive(Debug)]
pub struct KeyAddressPattern {
    text: Arc<str>,
    /// `None`: it does not compile, and matches nothing.
    compiled: OnceLock<Option<Regex>>,
}

impl KeyAddressPattern {
    /// Anchored at its start.
    pub fn is_match(&self, address: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            // an older build may have taken it
            let said = |error: &_| tracing::error!(%error, "a key's pattern cannot be used, and matches nothing");
            tariff::compile(&self.text).inspect_err(said).ok()
        });
        compiled.as_ref().is_some_and(|pattern| pattern.is_match(address.as_bytes()))
    }
}

/// All patterns of keys in force, by what they say; those that no key has any more go by themselves.
#[derive(Default)]
pub(super) struct KeyPatternCache(Mutex<HashMap<Arc<str>, Weak<KeyAddressPattern>>>);

impl KeyPatternCache {
    pub(super) fn share(&self, text: &str) -> Arc<KeyAddressPattern> {
        let mut known = lock(&self.0);
        if let Some(pattern) = known.get(text).and_then(Weak::upgrade) {
            return pattern;
        }
        let pattern = Arc::new(KeyAddressPattern { text: text.into(), compiled: OnceLock::new() });
        known.insert(pattern.text.clone(), Arc::downgrade(&pattern));
        pattern
    }

    /// Drops the names of those that are gone.
    pub(super) fn tidy(&self) {
        let mut known = lock(&self.0);
        known.retain(|_, pattern| pattern.strong_count() > 0);
        known.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_patterns_are_one_while_somebody_has_them() {
        let patterns = KeyPatternCache::default();
        let (one, other) = (patterns.share(r"\+237"), patterns.share(r"\+237"));
        assert!(Arc::ptr_eq(&one, &other) && one.compiled.get().is_none(), "nobody has asked it yet");
        assert!(one.is_match("+2376") && !one.is_match("1+2376"));
        assert!(other.compiled.get().is_some());
        let third = patterns.share(r"\+33");
        drop((one, other));
        patterns.tidy();
        assert_eq!(lock(&patterns.0).len(), 1);
        assert!(third.is_match("+331"));
    }

    #[test]
    fn what_does_not_compile_matches_nothing() {
        let bad = KeyPatternCache::default().share("(");
        assert!(!bad.is_match("") && !bad.is_match("("));
    }
}
