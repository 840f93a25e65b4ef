//! What is a keyword, and what only looks like one.

use proptest::prelude::*;

use super::*;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn languages() -> BTreeMap<String, LanguageKeywords> {
    let english = LanguageKeywords {
        stop: words(&["STOP", "OPTOUT", "opt out"]),
        start: words(&["START"]),
        help: words(&["HELP"]),
        start_when_out: words(&["YES"]),
        help_when_out: words(&["INFO"]),
    };
    let french = LanguageKeywords {
        stop: words(&["ARRET", "ARRÊT", "DÉSABONNER"]),
        help: words(&["AIDE", "INFO"]),
        ..LanguageKeywords::default()
    };
    let greek = LanguageKeywords { stop: words(&["ΔΙΑΚΟΠΗ"]), ..LanguageKeywords::default() };
    [("en", english), ("fr", french), ("el", greek)].map(|(name, words)| (name.to_owned(), words)).into()
}

fn find(body: &str) -> Option<(Keyword, bool)> {
    Keywords::new(&languages()).0.find(body).map(|meaning| (meaning.keyword, meaning.when_out))
}

#[test]
fn a_whole_body_is_a_keyword_in_any_dress() {
    for stop in [
        "STOP",
        " stop\r\n",
        "Stop.",
        "stop!!!",
        "\"STOP\"",
        "“stop”",
        "«Stop»",
        "'stop'",
        "(stop)",
        "¡STOP!",
        "STOP 🛑",
        "\u{200b}stop\u{feff}",
        "\u{a0}stop\u{2003}",
        "ＳＴＯＰ",
        "ｓｔｏｐ。",
        "OptOut",
        "opt  out",
        "OPT\u{a0}OUT",
        "arrêt",
        "ARRÊT",
        "arre\u{302}t",
        "Arret.",
        "désabonner",
        "DÉSABONNER",
        "διακοπη",
        "*STOP*",
        "-stop-",
        "stop…",
    ] {
        assert_eq!(find(stop), Some((Keyword::Stop, false)), "{stop:?}");
    }
    assert_eq!(find("start "), Some((Keyword::Start, false)));
    assert_eq!(find("Aide?"), Some((Keyword::Help, false)));
    assert_eq!(find("yes!"), Some((Keyword::Start, true)));
    assert_eq!(find("info"), Some((Keyword::Help, true)), "in one language only from who is out: so in all");
    for none in [
        "",
        " ",
        "...",
        "stop it",
        "don't stop",
        "ST OP",
        "S.T.O.P",
        "ſtop",
        "stop2",
        "2 stop",
        "stopp",
        "stop stop",
        "yesterday",
        "opt-out",
        "🛑",
    ] {
        assert_eq!(find(none), None, "{none:?}");
    }
    assert_eq!(find(&"!".repeat(100_000)), None);
    assert_eq!(find(&format!("{}stop{}", "!".repeat(1_000), " ".repeat(1_000))), Some((Keyword::Stop, false)));
    assert_eq!(find(&"stop ".repeat(10_000)), None);
}

#[test]
fn a_word_that_means_two_things_is_none() {
    let mut both = languages();
    both.insert(
        "xx".into(),
        LanguageKeywords { start: words(&["stop!", "Optout"]), help: words(&["help"]), ..LanguageKeywords::default() },
    );
    let (keywords, ambiguous) = Keywords::new(&both);
    assert_eq!(ambiguous.into_iter().collect::<Vec<_>>(), ["optout", "stop"]);
    assert_eq!((keywords.find("STOP"), keywords.find("optout")), (None, None));
    assert!(keywords.find("help").is_some() && keywords.find("opt out").is_some());
    assert_eq!(Keywords::new(&BTreeMap::new()).0.find("STOP"), None);
}

#[test]
fn a_carrier_s_name_for_it_is_read_in_any_case() {
    assert_eq!(["STOP", "start", " Help "].map(Keyword::parse), {
        [Some(Keyword::Stop), Some(Keyword::Start), Some(Keyword::Help)]
    });
    assert_eq!(["", "UNSTOP", "STOPALL"].map(Keyword::parse), [None; 3]);
}

#[test]
fn what_can_be_no_word_is_known() {
    assert!(is_word("STOP") && is_word("opt out") && is_word("停止"));
    assert!(!is_word("") && !is_word("...") && !is_word(&"x".repeat(41)));
}

proptest! {
    #[test]
    fn case_and_what_stands_around_do_not_matter(
        at in 0..4_usize, upper in any::<[bool; 11]>(), before in "[\\s\\p{P}\\p{Z}]{0,5}", after in "[\\s\\p{P}\\p{Z}]{0,5}",
    ) {
        let (word, keyword) =
            [("stop", Keyword::Stop), ("start", Keyword::Start), ("help", Keyword::Help), ("désabonner", Keyword::Stop)][at];
        let mixed: String =
            word.chars().zip(upper).flat_map(|(c, up)| if up { c.to_uppercase().collect::<Vec<_>>() } else { vec![c] }).collect();
        prop_assert_eq!(find(&format!("{before}{mixed}{after}")), Some((keyword, false)));
    }

    #[test]
    fn no_body_panics(body in "\\PC{0,60}") {
        let _ = find(&body);
    }
}
