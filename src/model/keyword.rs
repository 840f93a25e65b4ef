//! The words by which a recipient opts out, opts in again, or asks for help: settings, by language.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

/// What a whole body means to every carrier in the United States, and to us everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

impl Keyword {
    /// Reads the name under which a carrier tells it.
    pub fn parse(name: &str) -> Option<Self> {
        let names = [("STOP", Self::Stop), ("START", Self::Start), ("HELP", Self::Help)];
        names.into_iter().find(|(known, _)| name.trim().eq_ignore_ascii_case(known)).map(|(_, keyword)| keyword)
    }
}

/// The words of one language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LanguageKeywords {
    pub stop: Vec<String>,
    pub start: Vec<String>,
    pub help: Vec<String>,
    /// People answer questions with these: they count only from who has opted out.
    pub start_when_out: Vec<String>,
    pub help_when_out: Vec<String>,
}

impl LanguageKeywords {
    /// All of them, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.all().map(|(word, _)| word)
    }

    fn all(&self) -> impl Iterator<Item = (&str, KeywordMeaning)> {
        let lists = [
            (&self.stop, Keyword::Stop, false),
            (&self.start, Keyword::Start, false),
            (&self.help, Keyword::Help, false),
            (&self.start_when_out, Keyword::Start, true),
            (&self.help_when_out, Keyword::Help, true),
        ];
        lists.into_iter().flat_map(|(words, keyword, when_out)| {
            words.iter().map(move |word| (word.as_str(), KeywordMeaning { keyword, when_out }))
        })
    }
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeywordMeaning {
    pub keyword: Keyword,
    /// Only where it comes from somebody who has opted out.
    pub when_out: bool,
}

/// The words of all languages at once.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    words: HashMap<String, KeywordMeaning>,
    /// Bytes of the longest, as it is compared.
    longest: usize,
}

impl Keywords {
    /// A word that means two things is none: such are returned too. One that some language asks to come only from who
    /// has opted out does so in all.
    pub fn new(languages: &BTreeMap<String, LanguageKeywords>) -> (Self, BTreeSet<String>) {
        let mut words: HashMap<String, KeywordMeaning> = HashMap::new();
        let mut ambiguous = BTreeSet::new();
        for (word, meaning) in languages.values().flat_map(LanguageKeywords::all) {
            let word = folded(word);
            let known = words.entry(word.clone()).or_insert(meaning);
            known.when_out |= meaning.when_out;
            if known.keyword != meaning.keyword {
                ambiguous.insert(word);
            }
        }
        words.retain(|word, _| !word.is_empty() && !ambiguous.contains(word));
        let longest = words.keys().map(String::len).max().unwrap_or_default();
        (Self { words, longest }, ambiguous)
    }

    /// What a whole body means. A word within a sentence means nothing.
    pub fn find(&self, body: &str) -> Option<KeywordMeaning> {
        // letters have forms of up to three times the bytes, and an accent may stand beside each
        let word = trimmed(body);
        if word.len() > 8 * self.longest {
            return None;
        }
        self.words.get(&folded(word)).copied()
    }
}

/// Whether this can be a keyword at all.
pub fn is_word(text: &str) -> bool {
    !folded(text).is_empty() && text.chars().count() <= 40
}

/// Without what stands around the first and the last letter or digit: quotes, full stops, blanks, pictures.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

/// As words are compared: trimmed, in lower case, in letters of ordinary width, with one blank where there are some.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in trimmed(text).chars().flat_map(char::to_lowercase) {
        match c {
            // an accent beside its letter, as some keyboards write it
            '\u{300}'..='\u{36f}' => {}
            '\u{ff01}'..='\u{ff5e}' => {
                folded.extend(char::from_u32(u32::from(c) - 0xfee0).map(|c| c.to_ascii_lowercase()));
            }
            // the one letter whose lower case depends on where it stands
            'ς' => folded.push('σ'),
            c if c.is_whitespace() && folded.ends_with(' ') => {}
            c if c.is_whitespace() => folded.push(' '),
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
#[path = "keyword_test.rs"]
mod tests;
