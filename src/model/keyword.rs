//! The words by which a recipient opts out, opts in again, or asks for help.

/// What a whole body means to every carrier in the United States, and to us everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

/// `YES` is not among them: people answer questions with it.
const WORDS: [(&str, Keyword); 11] = [
    ("STOP", Keyword::Stop),
    ("STOPALL", Keyword::Stop),
    ("UNSUBSCRIBE", Keyword::Stop),
    ("CANCEL", Keyword::Stop),
    ("END", Keyword::Stop),
    ("QUIT", Keyword::Stop),
    ("REVOKE", Keyword::Stop),
    ("OPTOUT", Keyword::Stop),
    ("START", Keyword::Start),
    ("UNSTOP", Keyword::Start),
    ("HELP", Keyword::Help),
];

impl Keyword {
    /// The keyword that a body is, in any case, spaces around it ignored. A word within a sentence is none.
    pub fn of(body: &str) -> Option<Self> {
        let body = body.trim();
        WORDS.iter().find(|(word, _)| body.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_whole_body_is_a_keyword() {
        assert_eq!(Keyword::of(" stop\r\n"), Some(Keyword::Stop));
        assert_eq!(Keyword::of("OptOut"), Some(Keyword::Stop));
        assert_eq!(Keyword::of("unstop"), Some(Keyword::Start));
        assert_eq!(Keyword::of("\u{a0}Help"), Some(Keyword::Help));
        for none in ["", "YES", "stop it", "STOP.", "don't stop", "ST OP", "ſtop"] {
            assert_eq!(Keyword::of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn case_and_outer_spaces_do_not_matter(
            at in 0..WORDS.len(), upper in any::<[bool; 11]>(), before in "\\s{0,3}", after in "\\s{0,3}",
        ) {
            let (word, keyword) = WORDS[at];
            let mixed: String =
                word.chars().zip(upper).map(|(c, up)| if up { c } else { c.to_ascii_lowercase() }).collect();
            prop_assert_eq!(Keyword::of(&format!("{before}{mixed}{after}")), Some(keyword));
        }
    }
}
