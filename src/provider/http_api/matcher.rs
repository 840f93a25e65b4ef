//! Whether a post is a text or a receipt, where a carrier posts both to one URL and says inside which it is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::answer::path;
use super::reading::{CarrierBodyFormat, ReadDocument, ValuePath};
use crate::model::charset;
use crate::provider::{PostKind, ProviderPost, UnreadableWebhook};

/// What is said in posts of one kind.
#[derive(Clone, Debug)]
pub(super) struct PostMatcher {
    what: PostKind,
    said: Vec<(ValuePath, String)>,
}

/// The text of a post.
pub(super) fn written(post: &ProviderPost) -> Cow<'_, str> {
    charset::decode(&post.body, post.header("content-type"))
}

impl PostMatcher {
    pub(super) fn compile(
        field: &str,
        format: CarrierBodyFormat,
        what: PostKind,
        when: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut said = Vec::new();
        for (text, value) in when {
            said.push((path(field, format, text)?, value.clone()));
        }
        Ok(Self { what, said })
    }

    /// Whether a post is of this kind: by what it says or, where nothing is known of that, by `what` comes to its path.
    /// `None`: that is the other kind, and nobody has looked.
    pub(super) fn takes(
        &self,
        what: PostKind,
        document: Option<&ReadDocument<'_>>,
    ) -> Option<Result<bool, UnreadableWebhook>> {
        if self.said.is_empty() {
            return (what == self.what).then_some(Ok(true));
        }
        let is_it =
            |read: &ReadDocument<'_>| self.said.iter().all(|(path, value)| read.value(path).as_ref() == Some(value));
        Some(document.map(is_it).ok_or(UnreadableWebhook("body")))
    }
}
