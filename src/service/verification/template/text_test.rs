//! Unit tests of the text of a code.

use proptest::prelude::*;

use super::*;
use crate::model::address::PhonePlan;
use crate::model::template::VoiceWords;
use crate::model::{Address, TextEncoding};
use crate::service::verification::template::{shipped, shipped_id};

const HASH: &str = "FA+9qCX9VSu";

/// What is wanted of a text, a piece of it each.
struct Asked {
    name: &'static str,
    to: &'static str,
    locale: Option<&'static str>,
    host: Option<&'static str>,
    hash: Option<&'static str>,
    warning: bool,
    ttl_ms: Millis,
    substitutions: Vec<(&'static str, &'static str)>,
}

const ASKED: Asked = Asked {
    name: "Acme",
    to: "+12065550110",
    locale: None,
    host: None,
    hash: None,
    warning: false,
    ttl_ms: 600_000,
    substitutions: Vec::new(),
};

impl Asked {
    fn told(&self, words: &ChosenWords<'_>) -> Result<CodeText> {
        let given = self.substitutions.iter().map(|(place, value)| ((*place).to_owned(), (*value).to_owned()));
        let substitutions: BTreeMap<String, String> = given.collect();
        let wanted = TextWanted {
            client: ClientId::OPERATOR,
            name: self.name,
            country: PhonePlan::of(&Address::stored(self.to)).country,
            locale: self.locale,
            template: None,
            message: None,
            substitutions: &substitutions,
            warning: self.warning,
            app_hash: self.hash,
            web_otp_host: self.host,
            ttl_ms: self.ttl_ms,
            code_length: 6,
        };
        CheckedText::read(&wanted)?.told(words)
    }

    /// The text as it is read, of one whose words may be told.
    fn read(&self, words: &ChosenWords<'_>) -> String {
        self.told(words).unwrap().body.replace(CODE_MARK, "012345")
    }

    /// The field that is wrong, and why.
    fn wrong(&self, words: &ChosenWords<'_>) -> (&'static str, String) {
        let error = self.told(words).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        (error.field.unwrap(), error.detail.into_owned())
    }
}

#[test]
fn a_code_is_told_in_the_language_of_the_phone_or_in_the_one_that_is_wanted() {
    let shipped = ChosenWords::Shipped;
    for (asked, text, locale) in [
        (ASKED, "Your Acme verification code is: 012345", Locale::En),
        (Asked { to: "+33612345678", ..ASKED }, "Votre code de vérification Acme est : 012345", Locale::Fr),
        (Asked { locale: Some("PT-br"), ..ASKED }, "Seu codigo de verificacao de Acme é: 012345", Locale::Pt),
        (Asked { to: "+919812345678", ..ASKED }, "आपका Acme सत्यापन कोड 012345 है", Locale::Hi),
        (Asked { name: " ", ..ASKED }, "Your verification code is: 012345", Locale::En),
    ] {
        assert_eq!(asked.read(&shipped), text);
        let told = asked.told(&shipped).unwrap();
        assert_eq!((told.locale, told.warnings), (locale, Vec::new()), "{text}");
    }
    let told = Asked { locale: Some("ja"), ..ASKED }.told(&shipped).unwrap();
    assert_eq!(told.locale, Locale::En);
    assert_eq!(told.warnings, ["there are no words in ja: the text is in English"]);
    let (field, why) = Asked { locale: Some("English"), ..ASKED }.wrong(&shipped);
    assert_eq!((field, &*why), ("locale", "must be a language, such as en, pt-BR or zh-Hant-TW"));
}

#[test]
fn machines_read_the_last_line() {
    let both = Asked { host: Some("shop.example"), hash: Some(HASH), ..ASKED };
    let text = "Your Acme verification code is: 012345\n@shop.example #012345 FA+9qCX9VSu";
    assert_eq!(both.read(&ChosenWords::Shipped), text);
    let app = Asked { hash: Some(HASH), ..ASKED };
    assert_eq!(app.read(&ChosenWords::Given("Code: {code}\n\n")), "Code: 012345\nFA+9qCX9VSu");
    let (field, _) = Asked { host: Some("shop.example:443"), ..ASKED }.wrong(&ChosenWords::Shipped);
    assert_eq!(field, "web_otp_host");
    let (field, _) = Asked { hash: Some("short"), ..ASKED }.wrong(&ChosenWords::Shipped);
    assert_eq!(field, "app_hash");
    // what is too long for an app is told
    let long = "x".repeat(110) + "{code}";
    assert!(app.told(&ChosenWords::Given(&long)).unwrap().warnings.is_empty());
    let longer = "x".repeat(123) + "{code}";
    let told = app.told(&ChosenWords::Given(&longer)).unwrap();
    assert_eq!(told.warnings, ["the text is 141 bytes long, and Android apps read 140 at most"]);
}

#[test]
fn a_name_is_left_out_where_the_line_for_browsers_leaves_no_room() {
    let arabic = Asked { to: "+971501234567", name: "A name of some thirty letters.", ..ASKED };
    assert!(arabic.read(&ChosenWords::Shipped).contains(arabic.name));
    let bound = Asked { host: Some("login.shop.example"), ..arabic };
    let told = bound.told(&ChosenWords::Shipped).unwrap();
    assert!(!told.body.contains(bound.name), "{}", told.body);
    assert_eq!(told.warnings, ["the name is left out: with it the text takes more segments"]);
    let segments = Segments::of(&bound.read(&ChosenWords::Shipped));
    assert_eq!((segments.count, segments.encoding), (1, TextEncoding::Ucs2));
}

#[test]
fn a_warning_ends_the_words() {
    let warned = Asked { warning: true, host: Some("shop.example"), ..ASKED };
    let text = "Your Acme verification code is: 012345. Don't share this code with anyone; our employees will never \
                ask for the code\n@shop.example #012345";
    assert_eq!(warned.read(&ChosenWords::Shipped), text);
    let french = Asked { warning: true, to: "+33612345678", ..ASKED };
    let text = "C'est {code}!";
    assert!(french.read(&ChosenWords::Given(text)).starts_with("C'est 012345! Ne partagez ce code avec personne"));
}

#[test]
fn whole_minutes_are_told_and_never_a_time() {
    let words = ChosenWords::Given("{code}, {minutes} min, {{friendly_name}}");
    for (ttl_ms, minutes) in [(45_000, "1"), (90_000, "1"), (600_000, "10")] {
        let text = format!("012345, {minutes} min, Acme");
        assert_eq!(Asked { ttl_ms, ..ASKED }.read(&words), text);
    }
}

#[test]
fn substitutions_are_values_of_places_and_nothing_else() {
    let words = ChosenWords::Given("{code} for {Order_1}");
    let with = |place, value| Asked { substitutions: vec![(place, value)], ..ASKED };
    assert_eq!(with("Order_1", "{code} 42").read(&words), "012345 for {code} 42");
    assert_eq!(with("other", "x").wrong(&words).1, "must have a value for Order_1");
    for (place, value, why) in [
        ("code", "1", "must leave code, name, friendly_name, minutes to us"),
        ("a b", "1", "must be named by letters, digits and _, the first no digit"),
        ("a", "1\n2", "must each be one line of at most 100 UTF-16 units: a is not"),
        ("a", "\u{E0C0}", "must each be one line of at most 100 UTF-16 units: a is not"),
    ] {
        assert_eq!(with(place, value).wrong(&words), ("substitutions", why.to_owned()), "{place}");
    }
}

fn template(nth: usize, locale: &str) -> VerificationTemplate {
    let client = Some(ClientId::OPERATOR);
    let body = format!("{locale} {{code}}");
    VerificationTemplate { id: shipped_id(nth), client, locale: locale.to_owned(), body, ..shipped(Locale::En) }
}

#[test]
fn of_several_languages_the_nearest_is_chosen() {
    let family = ["ja", "pt", "pt-BR", "fr-CA", "en"].into_iter().enumerate();
    let family: Vec<_> = family.map(|(nth, locale)| template(nth + 100, locale)).collect();
    for (tag, chosen) in [
        ("ja", "ja"),
        ("pt-BR", "pt-BR"),
        ("pt-PT", "pt"),
        ("pt", "pt"),
        ("fr", "fr-CA"),
        ("en-GB", "en"),
        ("de", "pt"),
    ] {
        // that which was named, where there is none of the language
        let found = in_language(family.clone(), shipped_id(101), tag);
        assert_eq!(found.map(|one| one.locale).as_deref(), Some(chosen), "{tag}");
    }
    assert!(in_language(Vec::new(), shipped_id(101), "en").is_none());
    // where we have no words the rest is English
    let told = ASKED.told(&ChosenWords::Template(template(100, "ja"))).unwrap();
    assert_eq!((told.locale, told.body), (Locale::En, format!("ja {CODE_MARK}")));
    assert_eq!(VoiceWords::of(told.locale).language, "en-US");
}

proptest! {
    #[test]
    fn whatever_is_put_in_the_code_stands_where_it_should(
        name in "\\PC{0,40}",
        value in "\\PC{0,40}",
        words in "[a-z {}]{0,20}\\{code\\}[a-z {}]{0,20}|\\{code\\} \\{own\\} \\{name\\}",
    ) {
        let substitutions = BTreeMap::from([("own".to_owned(), value.replace(CODE_MARK, ""))]);
        let wanted = TextWanted {
            client: ClientId::OPERATOR,
            name: &name,
            country: Some("US"),
            locale: None,
            template: None,
            message: None,
            substitutions: &substitutions,
            warning: false,
            app_hash: None,
            web_otp_host: Some("shop.example"),
            ttl_ms: 600_000,
            code_length: 6,
        };
        if let Ok(told) = CheckedText::read(&wanted).and_then(|checked| checked.told(&ChosenWords::Given(&words))) {
            let places = crate::model::template::parts(&words);
            let codes = places.iter().filter(|part| **part == crate::model::template::TextPart::Place("code")).count();
            prop_assert_eq!(told.body.matches(CODE_MARK).count(), codes + 1);
            let line = format!("@shop.example #{CODE_MARK}");
            prop_assert_eq!(told.body.lines().last(), Some(line.as_str()));
        }
    }
}
