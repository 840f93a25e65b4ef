//! Logins of HTTP Basic: as a description writes them, and as they are sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::escape::EscapeContext;
use super::template::{FillSource, Placeholder, Template, secret, template};
use crate::model::Secret;

/// A login as a description writes it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginDescription {
    user: String,
    /// None: the user is a key, and says all.
    #[serde(default)]
    password: Option<String>,
}

/// A login of which the secrets are not known yet.
#[derive(Clone)]
pub(super) struct LoginTemplate {
    user: Template,
    password: Option<Template>,
}

impl LoginDescription {
    /// What it comes to. `field`: where it stands in its description.
    pub(super) fn compile(&self, field: &str) -> Result<LoginTemplate, String> {
        let at_user = format!("{field}.user");
        let login = match &self.password {
            Some(password) => LoginTemplate {
                user: template(&at_user, &self.user)?,
                password: Some(secret(&format!("{field}.password"), password)?),
            },
            None => LoginTemplate { user: secret(&at_user, &self.user)?, password: None },
        };
        if login.templates().flat_map(Template::placeholders).any(Placeholder::is_of_message) {
            return Err(format!("{field} must be the same for all messages"));
        }
        Ok(login)
    }
}

impl LoginTemplate {
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.user).chain(&self.password)
    }

    /// What stands behind `Basic`.
    pub(super) fn fill(&self, source: &FillSource<'_>) -> Result<Secret, String> {
        let user = self.user.fill(source, EscapeContext::Whole)?;
        let password =
            self.password.as_ref().map(|password| password.fill(source, EscapeContext::Whole)).transpose()?;
        Ok(Secret::new(STANDARD.encode([user, password.unwrap_or_default()].join(":"))))
    }
}
