//! The texts that are there from the start, one a language: each with ten digits and a name of thirty letters is one
//! segment, so is its shorter form with the line for a host of twenty letters.
//!
//! Spanish and Portuguese leave out the accents that the GSM alphabet lacks: with them a text would take two.

use super::Locale;

/// How a code is told in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippedText {
    /// With the name of who asks for the code.
    pub body: &'static str,
    /// Where that is too long, or has no name.
    pub short: &'static str,
    /// What a text may end with, without its full stop.
    pub warning: &'static str,
}

const ENGLISH: ShippedText = ShippedText {
    body: "Your {name} verification code is: {code}",
    short: "Your verification code is: {code}",
    warning: "Don't share this code with anyone; our employees will never ask for the code",
};

const FRENCH: ShippedText = ShippedText {
    body: "Votre code de vérification {name} est : {code}",
    short: "Votre code de vérification est : {code}",
    warning: "Ne partagez ce code avec personne ; nos employés ne vous le demanderont jamais",
};

const GERMAN: ShippedText = ShippedText {
    body: "Ihr Bestätigungscode für {name} lautet: {code}",
    short: "Ihr Bestätigungscode lautet: {code}",
    warning: "Geben Sie diesen Code niemandem; unsere Mitarbeiter fragen nie danach",
};

const SPANISH: ShippedText = ShippedText {
    body: "Tu codigo de verificacion de {name} es: {code}",
    short: "Tu codigo de verificacion es: {code}",
    warning: "No compartas este codigo con nadie; nuestros empleados nunca te lo van a pedir",
};

const PORTUGUESE: ShippedText = ShippedText {
    body: "Seu codigo de verificacao de {name} é: {code}",
    short: "Seu codigo de verificacao é: {code}",
    warning: "Nunca compartilhe este codigo; nossos colaboradores jamais perguntam por ele",
};

const ARABIC: ShippedText = ShippedText {
    body: "رمز التحقق الخاص بك في {name}: {code}",
    short: "رمز التحقق: {code}",
    warning: "لا تشارك هذا الرمز مع أي شخص؛ لن يطلبه منك موظفونا أبدا",
};

const HINDI: ShippedText = ShippedText {
    body: "आपका {name} सत्यापन कोड {code} है",
    short: "सत्यापन कोड: {code}",
    warning: "यह कोड किसी को न बताएँ; हमारे कर्मचारी इसे कभी नहीं पूछेंगे",
};

const SWAHILI: ShippedText = ShippedText {
    body: "Msimbo wako wa uthibitishaji wa {name} ni: {code}",
    short: "Msimbo wako wa uthibitishaji ni: {code}",
    warning: "Usimpe mtu yeyote msimbo huu; wafanyakazi wetu hawatauomba kamwe",
};

const ITALIAN: ShippedText = ShippedText {
    body: "Il tuo codice di verifica {name} è: {code}",
    short: "Il tuo codice di verifica è: {code}",
    warning: "Non condividere questo codice con nessuno; i nostri dipendenti non lo chiederanno mai",
};

const DUTCH: ShippedText = ShippedText {
    body: "Je verificatiecode voor {name} is: {code}",
    short: "Je verificatiecode is: {code}",
    warning: "Deel deze code met niemand; onze medewerkers zullen er nooit om vragen",
};

const RUSSIAN: ShippedText = ShippedText {
    body: "Ваш код подтверждения {name}: {code}",
    short: "Ваш код: {code}",
    warning: "Никому не сообщайте этот код; наши сотрудники никогда его не спросят",
};

impl ShippedText {
    pub fn of(locale: Locale) -> Self {
        match locale {
            Locale::En => ENGLISH,
            Locale::Fr => FRENCH,
            Locale::De => GERMAN,
            Locale::Es => SPANISH,
            Locale::Pt => PORTUGUESE,
            Locale::Ar => ARABIC,
            Locale::Hi => HINDI,
            Locale::Sw => SWAHILI,
            Locale::It => ITALIAN,
            Locale::Nl => DUTCH,
            Locale::Ru => RUSSIAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Autofill, TextValues, fill, has_code};
    use super::*;
    use crate::model::Segments;
    use crate::model::segment::TextEncoding;
    use crate::model::verification::CODE_MARK;

    fn told(text: &str, name: &str, line: Option<String>) -> String {
        let filled = fill(text, TextValues { name, minutes: 10 }, |_| None).unwrap();
        let line = line.map(|line| format!("\n{line}")).unwrap_or_default();
        (filled + &line).replace(CODE_MARK, "0123456789")
    }

    fn is_written_in_gsm(locale: Locale) -> bool {
        ![Locale::Ar, Locale::Hi, Locale::Ru].contains(&locale)
    }

    #[test]
    fn every_text_has_a_place_for_the_code_and_speaks_of_no_time() {
        for locale in Locale::ALL {
            let text = ShippedText::of(locale);
            assert!(has_code(text.body) && text.body.contains("{name}"), "{locale:?}");
            assert!(has_code(text.short) && !text.short.contains("{name}"), "{locale:?}");
            let all = [text.body, text.short, text.warning];
            assert!(all.iter().all(|text| !text.contains(|c: char| c.is_numeric())), "{locale:?}");
            assert!(!text.warning.ends_with(['.', '।', '!']) && !text.warning.contains('{'), "{locale:?}");
            let gsm = all.iter().all(|text| Segments::of(&told(text, "Acme", None)).encoding == TextEncoding::Gsm7);
            assert_eq!(gsm, is_written_in_gsm(locale), "{locale:?}");
        }
    }

    #[test]
    fn english_is_what_programs_of_twilio_expect() {
        assert_eq!(told(ENGLISH.body, "Acme", None), "Your Acme verification code is: 0123456789");
    }

    proptest! {
        #[test]
        fn each_is_one_segment(name in "[A-Za-z0-9 .&'-]{1,30}", host in "[a-z]{1,16}\\.[a-z]{2,3}") {
            for locale in Locale::ALL {
                let text = ShippedText::of(locale);
                let plain = told(text.body, &name, None);
                prop_assert_eq!(Segments::of(&plain).count, 1, "{}", plain);
                for hash in [None, Some("FA+9qCX9VSu")] {
                    let line = Autofill::read(Some(&host), hash).unwrap().line();
                    // where letters take two bytes each there is no room for a name as well
                    let form = if is_written_in_gsm(locale) { text.body } else { text.short };
                    let bound = told(form, &name, line);
                    prop_assert_eq!(Segments::of(&bound).count, 1, "{}", bound);
                }
            }
        }
    }
}
