//! Patterns of the numbering plans, matched from the first digit to the last: the library's own matching takes a
//! valid beginning for the whole.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use regex::{Regex, RegexBuilder};

use crate::model::lock;

/// How far a pattern must reach.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PatternAnchor {
    Beginning,
    All,
}

/// By where a pattern's text lies, and how long it is: texts are long, and stay where they are.
type PatternCache = HashMap<(usize, usize, PatternAnchor), Option<Arc<Regex>>>;

static PATTERNS: LazyLock<RwLock<PatternCache>> = LazyLock::new(RwLock::default);
/// Patterns kept at most: who asks for numbers of the whole world must not fill the memory.
const KEPT: usize = 600;

fn pattern(source: &'static str, reach: PatternAnchor) -> Option<Arc<Regex>> {
    let key = (source.as_ptr().addr(), source.len(), reach);
    if let Some(known) = lock::read(&PATTERNS).get(&key) {
        return known.clone();
    }
    let end = if reach == PatternAnchor::All { "$" } else { "" };
    // the plans are written over several lines, and of ASCII digits
    let built = RegexBuilder::new(&format!("^(?:{source}){end}")).ignore_whitespace(true).unicode(false).build();
    let built = built.ok().map(Arc::new);
    let mut patterns = lock::write(&PATTERNS);
    if patterns.len() >= KEPT {
        patterns.clear();
    }
    patterns.insert(key, built.clone());
    built
}

/// Whether a pattern takes all digits.
pub(super) fn is_whole(source: &'static str, digits: &str) -> bool {
    pattern(source, PatternAnchor::All).is_some_and(|pattern| pattern.is_match(digits))
}

/// Whether digits begin with what a pattern takes.
pub(super) fn begins(source: &'static str, digits: &str) -> bool {
    pattern(source, PatternAnchor::Beginning).is_some_and(|pattern| pattern.is_match(digits))
}

/// How many digits at the start a pattern takes, where there are some and it makes nothing else of them.
pub(super) fn prefix(source: &'static str, digits: &str) -> Option<usize> {
    let captures = pattern(source, PatternAnchor::Beginning)?.captures(digits)?;
    let makes_more = captures.iter().skip(1).any(|group| group.is_some());
    captures.get(0).map(|all| all.end()).filter(|end| *end > 0 && !makes_more)
}
