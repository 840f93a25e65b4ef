//! Settings and sections that there were, and what to write in their place.

/// What an older name has become.
enum ObsoleteSettingReplacement {
    /// The same under another name.
    Named(&'static str),
    /// Something else: what to do instead.
    Done(&'static str),
}

use ObsoleteSettingReplacement::{Done, Named};

/// The older name of a setting or of a whole section. A setting's goes before its section's.
static OLDER: [(&str, ObsoleteSettingReplacement); 7] = [
    ("keep", Named("retention")),
    ("keep.sweep_every", Named("retention.remove_every")),
    ("price", Named("tariff")),
    ("publisher", Named("publish")),
    ("webhook", Named("event")),
    ("outbox.characters", Done("outbox.sms_length and outbox.whatsapp_length replace it, in UTF-16 units")),
    (
        "outbox.segments",
        Done("leave it out: segments are counted and paid for, and a text is limited by outbox.sms_length"),
    ),
];

fn find(older: &str) -> Option<&'static ObsoleteSettingReplacement> {
    OLDER.iter().find(|(name, _)| *name == older).map(|(_, now)| now)
}

/// What to write instead of a setting that is not known, where it is an older name.
pub(super) fn hint(key: &str) -> Option<String> {
    match find(key) {
        Some(Named(name)) => return Some(format!("it is `{name}` now")),
        Some(Done(advice)) => return Some((*advice).to_owned()),
        None => {}
    }
    let (section, setting) = key.split_once('.')?;
    match find(section)? {
        Named(name) => Some(format!("it is `{name}.{setting}` now: [{section}] has become [{name}]")),
        Done(advice) => Some((*advice).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT;
    use super::*;

    fn is_known(known: &toml::Table, key: &str) -> bool {
        match key.split_once('.') {
            Some((section, name)) => known.get(section).and_then(|section| section.get(name)).is_some(),
            None => known.get(key).is_some_and(toml::Value::is_table),
        }
    }

    #[test]
    fn an_older_name_leads_to_a_setting_that_there_is() -> Result<(), toml::de::Error> {
        let known: toml::Table = DEFAULT.parse()?;
        let is_known = |key: &str| is_known(&known, key);
        for (older, now) in &OLDER {
            assert!(!is_known(older), "{older} is a setting again");
            if let Named(name) = now {
                assert!(is_known(name), "{name} is no setting");
            }
        }
        Ok(())
    }

    #[test]
    fn the_setting_s_own_name_goes_before_its_section_s() -> Result<(), toml::de::Error> {
        let known: toml::Table = DEFAULT.parse()?;
        for (older, now) in [
            ("webhook", Some("`event` now")),
            ("webhook.retries", Some("`event.retries` now: [webhook] has become [event]")),
            ("keep.messages", Some("`retention.messages` now")),
            ("keep.sweep_every", Some("`retention.remove_every` now")),
            ("outbox.segments", Some("outbox.sms_length")),
            ("outbox.held", None),
            ("inbound.keep", None),
            ("nowhere", None),
        ] {
            let hint = hint(older);
            match now {
                Some(now) => assert!(hint.as_ref().is_some_and(|hint| hint.contains(now)), "{older}: {hint:?}"),
                None => assert_eq!(hint, None, "{older}"),
            }
            // what is named there is a setting
            if let Some(name) = now.and_then(|now| now.split('`').nth(1)) {
                assert!(is_known(&known, name), "{name}");
            }
        }
        Ok(())
    }
}
