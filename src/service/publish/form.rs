//! A provider's signed form on its way to whoever can tell whether the signature holds.

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// A form post as it came.
#[derive(Clone)]
pub struct SignedForm {
    /// The public URL, with its query, that the provider has posted to.
    pub url: String,
    /// `X-Twilio-Signature`.
    pub signature: Option<String>,
    /// In the order of the body.
    pub fields: Vec<(String, String)>,
}

impl SignedForm {
    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Tells whether an account of ours has signed a form. Knows accounts, which this service does not.
pub type FormCheck = Arc<dyn Fn(SignedForm) -> BoxFuture<'static, bool> + Send + Sync>;
