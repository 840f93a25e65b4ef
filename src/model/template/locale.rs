//! The languages in which we have words of our own, and in which of them a phone's owner is told.

use crate::model::named;

/// One of them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Locale {
    En,
    Fr,
    De,
    Es,
    Pt,
    Ar,
    Hi,
    Sw,
    It,
    Nl,
    Ru,
}

named!(Locale, En, Fr, De, Es, Pt, Ar, Hi, Sw, It, Nl, Ru);

/// Where most read which of them; everywhere else it is English.
const COUNTRIES: [(Locale, &[&str]); 10] = [
    (
        Locale::Fr,
        &[
            "FR", "MC", "LU", "SN", "CI", "ML", "BF", "NE", "TG", "BJ", "GN", "CG", "CD", "GA", "CM", "TD", "CF", "MG",
            "HT", "RE", "GP", "MQ", "GF", "YT", "PM", "NC", "PF", "WF", "BL", "MF",
        ],
    ),
    (Locale::De, &["DE", "AT", "CH", "LI"]),
    (
        Locale::Es,
        &[
            "ES", "MX", "AR", "CO", "CL", "PE", "VE", "EC", "GT", "CU", "BO", "DO", "HN", "PY", "SV", "NI", "CR", "PA",
            "UY", "GQ",
        ],
    ),
    (Locale::Pt, &["PT", "BR", "AO", "MZ", "CV", "GW", "ST"]),
    (
        Locale::Ar,
        &[
            "SA", "AE", "EG", "IQ", "JO", "KW", "LB", "LY", "MA", "OM", "QA", "SY", "TN", "DZ", "YE", "BH", "SD", "PS",
            "MR",
        ],
    ),
    (Locale::Hi, &["IN"]),
    (Locale::Sw, &["TZ", "KE"]),
    (Locale::It, &["IT", "SM", "VA"]),
    (Locale::Nl, &["NL", "BE", "SR", "AW", "CW", "SX", "BQ"]),
    (Locale::Ru, &["RU", "BY", "KZ", "KG"]),
];

impl Locale {
    /// Of a language's name, such as `pt-BR`. `None`: one in which we have no words.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::parse(language(tag))
    }

    /// Of where a phone is, where that is known.
    pub fn of_country(country: Option<&str>) -> Self {
        let is_there = |countries: &[&str]| country.is_some_and(|country| countries.contains(&country));
        let found = COUNTRIES.into_iter().find(|(_, countries)| is_there(countries));
        found.map_or(Self::En, |(locale, _)| locale)
    }
}

/// The language of such a name, without the country.
pub fn language(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(language, _)| language)
}

/// A language's name as we keep it: `pt-BR` for `pt_br` (BCP 47: language, script, country). `None`: it is none.
pub fn language_tag(text: &str) -> Option<String> {
    let mut parts = text.split(['-', '_']);
    let language = parts.next().filter(|part| (2..=3).contains(&part.len()) && is_word(part))?;
    let mut tag = language.to_ascii_lowercase();
    for (nth, part) in parts.enumerate() {
        let is_country = (part.len() == 2 && is_word(part)) || (part.len() == 3 && part.bytes().all(is_digit));
        let part = match part.len() {
            _ if is_country => part.to_ascii_uppercase(),
            4 if is_word(part) => format!("{}{}", part[..1].to_ascii_uppercase(), part[1..].to_ascii_lowercase()),
            _ => return None,
        };
        if nth > 1 {
            return None;
        }
        tag.push('-');
        tag.push_str(&part);
    }
    Some(tag)
}

fn is_word(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;
    use crate::model::address::PhonePlan;

    #[test]
    fn languages_are_named_in_one_way() {
        for (text, tag) in [
            ("en", Some("en")),
            ("EN-us", Some("en-US")),
            ("pt_BR", Some("pt-BR")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("swh", Some("swh")),
            ("", None),
            ("e", None),
            ("english", None),
            ("en-", None),
            ("en-GB-oed-x", None),
            ("é-FR", None),
            ("en US", None),
        ] {
            assert_eq!(language_tag(text).as_deref(), tag, "{text}");
        }
    }

    #[test]
    fn a_locale_is_its_language() {
        assert_eq!(Locale::of_tag("pt-BR"), Some(Locale::Pt));
        assert_eq!(Locale::of_tag("sw"), Some(Locale::Sw));
        assert_eq!(Locale::of_tag("ja-JP"), None);
        assert!(Locale::ALL.into_iter().all(|locale| Locale::of_tag(locale.name()) == Some(locale)));
    }

    #[test]
    fn a_phone_tells_the_language() {
        for (phone, locale) in [
            ("+12065550110", Locale::En),
            ("+33612345678", Locale::Fr),
            ("+491712345678", Locale::De),
            ("+5215512345678", Locale::Es),
            ("+5511961234567", Locale::Pt),
            ("+971501234567", Locale::Ar),
            ("+919812345678", Locale::Hi),
            ("+255712345678", Locale::Sw),
            ("+393331234567", Locale::It),
            ("+31612345678", Locale::Nl),
            ("+819012345678", Locale::En),
            ("+999123456789", Locale::En),
            ("40404", Locale::En),
        ] {
            let country = PhonePlan::of(&Address::stored(phone)).country;
            assert_eq!(Locale::of_country(country), locale, "{phone}");
        }
    }

    #[test]
    fn no_country_has_two() {
        let mut all: Vec<&str> = COUNTRIES.iter().flat_map(|(_, countries)| countries.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
