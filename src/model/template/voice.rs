//! What a call says in each language: asked for a key first, then the digits, one by one.

use super::Locale;

/// The words of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceWords {
    /// As carriers name the language of what is said.
    pub language: &'static str,
    /// Said before any digit: who has not pressed a key hears none.
    pub press_key: &'static str,
    pub your_code: &'static str,
    /// Said before the digits are said a second time.
    pub again: &'static str,
    pub goodbye: &'static str,
    pub digits: [&'static str; 10],
}

const ENGLISH: VoiceWords = VoiceWords {
    language: "en-US",
    press_key: "Hello. To hear your verification code, please press any key.",
    your_code: "Your verification code is:",
    again: "Once more, your code is:",
    goodbye: "Goodbye.",
    digits: ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
};

const FRENCH: VoiceWords = VoiceWords {
    language: "fr-FR",
    press_key: "Bonjour. Pour entendre votre code de vérification, appuyez sur une touche.",
    your_code: "Votre code de vérification est :",
    again: "Je répète, votre code est :",
    goodbye: "Au revoir.",
    digits: ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
};

const GERMAN: VoiceWords = VoiceWords {
    language: "de-DE",
    press_key: "Guten Tag. Um Ihren Bestätigungscode zu hören, drücken Sie bitte eine beliebige Taste.",
    your_code: "Ihr Bestätigungscode lautet:",
    again: "Ich wiederhole, Ihr Code lautet:",
    goodbye: "Auf Wiederhören.",
    digits: ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
};

const SPANISH: VoiceWords = VoiceWords {
    language: "es-ES",
    press_key: "Hola. Para escuchar su código de verificación, pulse cualquier tecla.",
    your_code: "Su código de verificación es:",
    again: "Repito, su código es:",
    goodbye: "Adiós.",
    digits: ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
};

const PORTUGUESE: VoiceWords = VoiceWords {
    language: "pt-BR",
    press_key: "Olá. Para ouvir o seu código de verificação, pressione qualquer tecla.",
    your_code: "O seu código de verificação é:",
    again: "Repito, o seu código é:",
    goodbye: "Até logo.",
    digits: ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
};

const ARABIC: VoiceWords = VoiceWords {
    language: "arb",
    press_key: "مرحبا. لسماع رمز التحقق الخاص بك، اضغط على أي مفتاح.",
    your_code: "رمز التحقق الخاص بك هو:",
    again: "أكرر، رمزك هو:",
    goodbye: "مع السلامة.",
    digits: ["صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة"],
};

const HINDI: VoiceWords = VoiceWords {
    language: "hi-IN",
    press_key: "नमस्ते। अपना सत्यापन कोड सुनने के लिए कोई भी बटन दबाएँ।",
    your_code: "आपका सत्यापन कोड है:",
    again: "फिर से, आपका कोड है:",
    goodbye: "धन्यवाद।",
    digits: ["शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"],
};

const ITALIAN: VoiceWords = VoiceWords {
    language: "it-IT",
    press_key: "Buongiorno. Per ascoltare il suo codice di verifica, prema un tasto qualsiasi.",
    your_code: "Il suo codice di verifica è:",
    again: "Ripeto, il suo codice è:",
    goodbye: "Arrivederci.",
    digits: ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"],
};

const DUTCH: VoiceWords = VoiceWords {
    language: "nl-NL",
    press_key: "Hallo. Druk op een willekeurige toets om uw verificatiecode te horen.",
    your_code: "Uw verificatiecode is:",
    again: "Nogmaals, uw code is:",
    goodbye: "Tot ziens.",
    digits: ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"],
};

const RUSSIAN: VoiceWords = VoiceWords {
    language: "ru-RU",
    press_key: "Здравствуйте. Чтобы услышать код подтверждения, нажмите любую клавишу.",
    your_code: "Ваш код подтверждения:",
    again: "Повторяю, ваш код:",
    goodbye: "До свидания.",
    digits: ["ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"],
};

impl VoiceWords {
    /// Swahili is spoken in English: carriers have no voice for it.
    pub fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En | Locale::Sw => &ENGLISH,
            Locale::Fr => &FRENCH,
            Locale::De => &GERMAN,
            Locale::Es => &SPANISH,
            Locale::Pt => &PORTUGUESE,
            Locale::Ar => &ARABIC,
            Locale::Hi => &HINDI,
            Locale::It => &ITALIAN,
            Locale::Nl => &DUTCH,
            Locale::Ru => &RUSSIAN,
        }
    }

    /// A code's digits as they are said: a word each, with a pause behind it.
    pub fn spoken(&self, code: &str) -> String {
        let digits = code.chars().filter_map(|c| c.to_digit(10).and_then(|digit| usize::try_from(digit).ok()));
        digits.filter_map(|digit| self.digits.get(digit)).map(|word| format!("{word}.")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_ten_words_and_no_digit_before_a_key() {
        for locale in Locale::ALL {
            let words = VoiceWords::of(locale);
            let mut digits = words.digits.to_vec();
            digits.sort_unstable();
            digits.dedup();
            assert_eq!(digits.len(), 10, "{locale:?}");
            for said in [words.press_key, words.your_code, words.again, words.goodbye, words.language] {
                assert!(!said.is_empty() && !said.contains(|c: char| c.is_numeric()), "{said}");
            }
        }
        assert_eq!(VoiceWords::of(Locale::Sw).language, "en-US");
    }

    #[test]
    fn digits_are_said_one_by_one() {
        assert_eq!(VoiceWords::of(Locale::En).spoken("0429"), "zero. four. two. nine.");
        assert_eq!(VoiceWords::of(Locale::De).spoken("11"), "eins. eins.");
        assert_eq!(VoiceWords::of(Locale::Fr).spoken(""), "");
    }
}
