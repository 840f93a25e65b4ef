//! Who a client is, beside its name.

use serde::{Deserialize, Serialize};

use crate::service::{Error, Result};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientProfile {
    pub email: Option<String>,
    pub company: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub site: Option<String>,
    pub notes: Option<String>,
}

/// What is to change of it; `Some(None)` takes a field away.
#[derive(Clone, Debug, Default)]
pub struct ClientProfileChange {
    pub email: Option<Option<String>>,
    pub company: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub address: Option<Option<String>>,
    pub site: Option<Option<String>>,
    pub notes: Option<Option<String>>,
}

impl ClientProfile {
    /// What the store has of it; what it cannot read is empty.
    pub fn parse(json: Option<&str>) -> Self {
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let fields = [
            ("email", &self.email, 255),
            ("company", &self.company, 255),
            ("phone", &self.phone, 255),
            ("address", &self.address, 1000),
            ("site", &self.site, 1000),
            ("notes", &self.notes, 4000),
        ];
        for (field, value, most) in fields {
            if value.as_ref().is_some_and(|text| text.chars().count() > most) {
                return Err(Error::invalid(field, format!("is longer than {most} characters")));
            }
        }
        Ok(())
    }

    pub(super) fn changed(self, change: ClientProfileChange) -> Self {
        Self {
            email: change.email.unwrap_or(self.email),
            company: change.company.unwrap_or(self.company),
            phone: change.phone.unwrap_or(self.phone),
            address: change.address.unwrap_or(self.address),
            site: change.site.unwrap_or(self.site),
            notes: change.notes.unwrap_or(self.notes),
        }
    }
}
